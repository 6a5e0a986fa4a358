/** `doctor` of the distributed form, against a real cluster of brokers and a real Redis. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../app/config.ts';
import type { Check } from '../../app/contract.ts';
import { doctor } from '../../app/doctor.ts';
import { initTopics } from '../../app/kafka-topics.ts';
import { kafkaSchema } from '../../core/config.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { createClient } from '../../store/kafka/connection.ts';
import { openRedisState } from '../../store/redis/state.ts';
import { type KafkaServer, startKafka } from '../servers/kafka.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

const OURS = 'a-pepper-of-more-than-sixteen-bytes';
const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-doctor-'));
let kafka: KafkaServer;
let redis: RedisServer;

before(async () => {
  [kafka, redis] = await Promise.all([startKafka({ nodes: 3 }), startRedis()]);
});
after(async () => {
  await Promise.all([kafka?.stop(), redis?.stop()]);
  rmSync(folder, { recursive: true });
});

function configured(settings: object = {}) {
  const file = path.join(folder, 'keyhound.yaml');
  const section = { brokers: kafka.brokers, partitions: 4, prefix: 'doc', ...settings };
  const document = {
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    kafka: section,
    redis: { url: redis.url, prefix: 'doc' },
    elasticsearch: { nodes: ['http://127.0.0.1:1'] },
  };
  writeFileSync(file, JSON.stringify(document));
  return loadConfig({ file, env: {}, cwd: folder });
}

async function examine(
  pepper: string | undefined = OURS,
  settings?: object,
): Promise<ReadonlyMap<string, Check>> {
  const checks = new Map<string, Check>();
  const env = { HOME: folder, KEYHOUND_PEPPER: pepper };
  const clock = { now: () => Date.now() };
  for await (const check of doctor({ config: configured(settings), env, clock })) {
    checks.set(check.name, check);
  }
  for (const { name, ok, hint } of checks.values()) {
    assert.equal(ok, hint === undefined, `${name}: a failure, and only a failure, has a hint`);
  }
  return checks;
}

test('before the first start: topics to be made, a pepper to be given, nothing in Redis', async () => {
  const checks = await examine('');
  assert.match(checks.get('kafka')!.detail, /^3 brokers \(.*\), plaintext, no login, controller/);
  assert.equal(checks.get('kafka')!.ok, true);
  assert.equal(checks.get('kafka topic doc.events')!.ok, false);
  assert.match(checks.get('kafka topic doc.events')!.hint!, /keyhound kafka init/);
  assert.ok(!checks.has('kafka group doc-detect'));
  assert.equal(checks.get('pepper')!.ok, false);
  assert.match(checks.get('pepper')!.hint!, /same secret everywhere/);
  assert.equal(checks.get('redis')!.ok, true);
  assert.match((await examine()).get('redis state')!.detail, /^none yet/);
});

test('topics that are right, and events that nobody reads', async () => {
  await initTopics(configured(), { create: true });
  const quiet = await examine();
  assert.match(
    quiet.get('kafka topic doc.events')!.detail,
    /^4 partitions, 3 copies \(2 must agree\), kept 7 days$/,
  );
  assert.match(quiet.get('kafka topic doc.audit')!.detail, /kept for ever/);
  assert.equal(quiet.get('kafka group doc-detect')!.detail, '0 members, 0 messages behind');
  assert.equal(quiet.get('kafka group doc-detect')!.ok, true);

  const section = kafkaSchema.parse({ brokers: kafka.brokers });
  const producer = createClient(section, { role: 'test' }).producer();
  await producer.connect();
  await producer.send({ topic: 'doc.events', messages: [{ value: 'a' }, { value: 'b' }] });
  await producer.disconnect();
  const waiting = (await examine()).get('kafka group doc-detect')!;
  assert.equal(waiting.ok, false);
  assert.match(waiting.detail, /^0 members, 2 messages behind; nobody reads$/);
  assert.match(waiting.hint!, /run --role detect/);
});

test('other partitions than the topics have', async () => {
  const checks = await examine(OURS, { partitions: 8 });
  assert.match(checks.get('kafka topic doc.events')!.detail, /partitions 4, not 8/);
  assert.match(checks.get('kafka topic doc.events')!.hint!, /kafka\.partitions/);
});

test('the state in Redis is of another pepper, or of other partitions', async () => {
  const state = await openRedisState({
    config: redis.config('doc'),
    partitions: 4,
    pepperFingerprint: pepperKey(OURS).fingerprint,
  });
  await state.close();
  assert.equal((await examine()).get('redis state')!.detail, 'of 4 partitions and our pepper');
  const strange = (await examine('another-pepper-of-sixteen-bytes')).get('redis state')!;
  assert.match(strange.detail, /another pepper \(fingerprint [0-9a-f]{16}/);
  assert.match(strange.hint!, /KEYHOUND_PEPPER/);
  const fewer = (await examine(OURS, { partitions: 2 })).get('redis state')!;
  assert.match(fewer.hint!, /kafka\.partitions/);
});

test('a broker that is away leaves copies behind; none left is an address to check', async () => {
  await kafka.kill(3);
  let behind: Check;
  // The others notice it after its session.
  do behind = (await examine()).get('kafka topic doc.events')!;
  while (behind.ok);
  assert.match(behind.detail, /with a copy that is behind|without a leader/);
  assert.match((await examine()).get('kafka')!.detail, /2 brokers .*fewer than the 3 copies/);
  await Promise.all([kafka.kill(1), kafka.kill(2)]);
  const checks = await examine();
  assert.equal(checks.get('kafka')!.ok, false);
  assert.match(checks.get('kafka')!.hint!, /kafka\.brokers/);
  assert.equal(checks.get('redis')!.ok, true, 'what comes after is checked all the same');
});
