/**
 * What Kafka deleted before it was read, and what Redis had confirmed and does not have any more: neither is passed
 * over in silence (promise 7).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KafkaConfig } from '../../core/config.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import { createClient } from '../../store/kafka/connection.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { connectRedis } from '../../store/redis/connection.ts';
import { until } from '../support/until.ts';
import { drained, type Member, type Servers, Stack, startServers } from './stack.ts';

const TOKEN = 'token-of-the-intake-of-this-test';
const PREFIX = 'lost-data';
const NAMES = topicNames(PREFIX);

let servers: Servers;
let stack: Stack;
let kafka: KafkaConfig;

before(async () => {
  servers = await startServers({ elasticsearch: false });
  stack = new Stack(servers, {
    prefix: PREFIX,
    partitions: 1,
    sources: [{ name: 'web', kind: 'http', format: 'keyhound', token: TOKEN }],
  });
  kafka = stack.kafkaConfig;
  await stack.createTopics();
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

async function end({ child }: Member): Promise<void> {
  child.kill('SIGTERM');
  await child.ended;
}

async function sayResults(count: number): Promise<void> {
  const producer = new KafkaProducer(kafka);
  const value = Buffer.from(JSON.stringify({ type: 'usage', hourAt: 0, rows: [] }));
  for (let i = 0; i < count; i++) await producer.send(NAMES.incidents, 0, [{ key: null, value }]);
  await producer.close();
}

async function deleteTo(topic: string, offset: number): Promise<void> {
  const admin = createClient(kafka, { role: 'test' }).admin();
  await admin.connect();
  // It looks for leaders only in what it was asked before.
  await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
  await admin.disconnect();
}

const committed = async (group: string, topic: string) =>
  (await committedOffsets(kafka, `${PREFIX}-${group}`, topic)).get(0);

async function push({ intake }: Member): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const body = JSON.stringify({ at: Date.now(), keyId: 'key-1', status: 200, path: '/' });
  const answer = await fetch(`${intake}/intake/keyhound`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
}

const readyz = (member: Member, says: RegExp) =>
  until(
    () => member.get('/readyz'),
    (text) => says.test(text),
  );

test('results that were deleted before respond read them are told, and counted', async () => {
  const before = await stack.start('respond');
  await sayResults(3);
  await until(
    () => committed('respond', NAMES.incidents),
    (offset) => offset === 3,
  );
  await end(before);
  await sayResults(5);
  await deleteTo(NAMES.incidents, 7);
  const next = await stack.start('respond', before.folder);
  await next.child.told(/"level":50[^\n]*4 results were deleted before they were read/);
  await readyz(next, /respond: results.*4 results were deleted/);
  assert.match(
    await next.get('/metrics'),
    /^keyhound_deleted_messages_total\{topic="incidents"\} 4$/m,
  );
  await end(next);
});

test('a Redis that was restored to an older state is noticed, by whoever runs and by whoever starts', async () => {
  const [detect, ingest] = [await stack.start('detect'), await stack.start('ingest')];
  await push(ingest);
  await until(
    () => committed('detect', NAMES.events),
    (offset) => (offset ?? 0) > 0,
  );
  const { redis, close } = await connectRedis(stack.redisConfig);
  const names = await redis.keys(`${PREFIX}:{*`);
  const copy = await Promise.all(
    names.map(async (name) => [name, await redis.dumpBuffer(name)] as const),
  );
  const restore = async () => {
    const now = await redis.keys(`${PREFIX}:{*`);
    if (now.length > 0) await redis.del(now);
    for (const [name, bytes] of copy) await redis.restore(name, 0, bytes);
  };
  const told = (await committed('detect', NAMES.events))!;
  await push(ingest);
  await until(
    () => committed('detect', NAMES.events),
    (offset) => (offset ?? 0) > told + 1,
  );
  await restore();
  await push(ingest);
  await detect.child.told(/"level":50[^\n]*Redis has lost confirmed state of partition 0/);
  await readyz(detect, /detect: lost state.*Redis has lost confirmed state/);

  await drained(() => [detect], 'events', 1);
  await end(detect);
  await restore();
  const next = await stack.start('detect', detect.folder);
  await next.child.told(/"level":50[^\n]*Redis has an older state of partition 0 than was saved/);
  await readyz(next, /detect: lost state.*older state of partition 0/);
  close();
});
