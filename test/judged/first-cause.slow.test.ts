/** A process that fails says why, although it then cannot close in time either. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connectRedis } from '../../store/redis/connection.ts';
import { responseKey } from '../../store/redis/response/keys.ts';
import { type Servers, Stack, startServers } from './stack.ts';

let servers: Servers;
let stack: Stack;

before(async () => {
  servers = await startServers({ elasticsearch: false });
  const sources = [{ name: 'log', kind: 'file', format: 'keyhound', path: '../log.ndjson' }];
  stack = new Stack(servers, { prefix: 'first-cause', partitions: 1, sources });
  const record = { at: Date.now(), keyId: 'key-1', status: 200, path: '/' };
  writeFileSync(path.join(stack.folder, 'log.ndjson'), `${JSON.stringify(record)}\n`);
  await stack.createTopics();
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

test('what ended it is told, and behind it that not all could be sent in time', async () => {
  const { redisConfig } = stack;
  const link = await connectRedis(redisConfig);
  const lease = `${redisConfig.prefix}:lease:respond`;
  await link.redis.hset(lease, 'holder', 'somebody', 'until', String(Date.now() + 600_000));
  const both = await stack.start('respond,ingest');
  servers.kafka.freeze();
  await both.read(1);
  // Its turn comes, and another program uses our names.
  await link.redis.set(responseKey(redisConfig.prefix, 'decisions:changed'), 'of another program');
  await link.redis.del(lease);
  link.close();
  const { status } = await both.child.ended;
  servers.kafka.thaw();
  assert.equal(status, 1);
  const { stderr } = both.child;
  assert.match(stderr, /^keyhound: .*\[redis-foreign\]/m);
  assert.match(stderr, /"code":"closed-late".*"this failed too, after what ended the process"/);
});
