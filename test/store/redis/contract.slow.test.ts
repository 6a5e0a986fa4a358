import { after, before } from 'node:test';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { testCrashes } from '../crashes.ts';
import { type StateDriver, testStateStore } from '../state-contract.ts';
import { driver, newPrefix } from './driver.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

const placed: StateDriver = {
  ...driver,
  createPlace: async () => `${server.url} ${newPrefix()}`,
};

testStateStore(placed);
testCrashes(placed, new URL('./driver.ts', import.meta.url).href);
