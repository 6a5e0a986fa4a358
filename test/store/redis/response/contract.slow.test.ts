/** The shared contract, also where commands are carried out twice, and long after their time. */
import { after, before } from 'node:test';
import { type RedisServer, startRedis } from '../../../servers/redis.ts';
import { echoing, repeating, testFencedStores, testResponseStores } from './driver.ts';

let running: RedisServer;
before(async () => {
  running = await startRedis();
});
after(() => running.stop());

const server = () => running;
testResponseStores({ name: 'redis', server });
testResponseStores({ name: 'redis, each command twice', server, around: repeating });
testFencedStores({ name: 'redis, commands come again late', server, around: echoing });
