import { after, before } from 'node:test';
import { KILLS, testKills } from '../../../responders/actions/kills/kills.ts';
import { type RedisServer, startRedis } from '../../../servers/redis.ts';
import { newPrefix } from '../driver.ts';
import { driver } from './kill-driver.ts';

/** Each so many kills of the worker Redis is killed too. */
const REDIS_EVERY = 10;

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

testKills({
  driver,
  url: new URL('./kill-driver.ts', import.meta.url).href,
  createPlace: async () => `${server.url} ${newPrefix()}`,
  kills: KILLS,
  async disturb(kill) {
    if (kill % REDIS_EVERY !== 0) return;
    await server.kill();
    await server.restart();
  },
});
