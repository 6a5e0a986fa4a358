/** Several processes that share a topic's partitions: what one has made safe the next does not read again. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { checkTopics } from '../../app/doctor/kafka-source.ts';
import { KafkaInput } from '../../app/kafka-input.ts';
import { systemClock } from '../../core/clock.ts';
import { configSchema, type SourceConfig, sourceSchema } from '../../core/config.ts';
import type { RecordBatch } from '../../core/source.ts';
import { Topic } from '../judged/kafka-topic.ts';
import { type KafkaServer, startKafka } from '../servers/kafka.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka({ secure: {} });
});
after(() => server.stop());

const logger = { debug() {}, info() {}, warn() {}, error() {} };

function inputOf(topic: Topic, shared: boolean): KafkaInput {
  const source: SourceConfig = sourceSchema.parse({
    name: 'edge',
    kind: 'kafka',
    format: 'combined',
    topic: topic.name,
    brokers: [...server.brokers],
  });
  const config = {
    config: configSchema.parse({ sources: [source] }),
    folder: '/',
    path: undefined,
  };
  const base = { source, config, logger, clock: systemClock, saved: [] };
  return new KafkaInput({ ...base, framing: 'lines', shared });
}

/** Reads until the record, as a reader does: asking for the next says that the one before is applied. */
async function readTo(input: KafkaInput, last: string, save: boolean): Promise<string[]> {
  const source = input.open();
  const abort = new AbortController();
  const seen: string[] = [];
  while (seen.at(-1) !== last) seen.push(...textsOf(await source.read(abort.signal)));
  const further = source.read(abort.signal);
  abort.abort();
  await assert.rejects(further);
  if (save) input.beginSave()();
  await source.close();
  return seen;
}

function textsOf({ bytes, count, starts, ends }: RecordBatch): string[] {
  return Array.from({ length: count }, (_, i) =>
    Buffer.from(bytes.subarray(starts[i], ends[i])).toString(),
  );
}

async function add(topic: Topic, ...values: string[]): Promise<void> {
  await topic.send(values.map((value) => ({ partition: 0, value })));
}

test('the next owner begins behind what was safe, and reads again what was not', async () => {
  const topic = await Topic.create(server, 'shared', 1);
  await add(topic, 'a', 'b');
  assert.deepEqual(await readTo(inputOf(topic, true), 'b', true), ['a', 'b']);
  await add(topic, 'c');
  assert.deepEqual(await readTo(inputOf(topic, true), 'c', false), ['c']);
  assert.deepEqual(await readTo(inputOf(topic, true), 'c', true), ['c']);
  await add(topic, 'd');
  assert.deepEqual(await readTo(inputOf(topic, true), 'd', true), ['d']);
});

test('alone, a state that has read nothing begins at the beginning, whatever the group was told', async () => {
  const topic = await Topic.create(server, 'alone', 1);
  await add(topic, 'a');
  assert.deepEqual(await readTo(inputOf(topic, false), 'a', true), ['a']);
  assert.deepEqual(await readTo(inputOf(topic, false), 'a', true), ['a']);
});

test('over TLS and with a login, files named relative to the configuration; doctor sees what is there', async () => {
  const topic = await Topic.create(server, 'secure', 2);
  await add(topic, 'a');
  const { login, files, username, password } = server.secure!;
  const source: SourceConfig = sourceSchema.parse({
    name: 'edge',
    kind: 'kafka',
    format: 'combined',
    topic: topic.name,
    brokers: [...login],
    tls: { ca: path.basename(files.ca) },
    sasl: { mechanism: 'scram-sha-512', username, password },
  });
  const folder = path.dirname(files.ca);
  const config = { config: configSchema.parse({ sources: [source] }), folder, path: undefined };
  const base = { source, config, logger, clock: systemClock, saved: [] };
  const input = new KafkaInput({ ...base, framing: 'lines', shared: false });
  assert.deepEqual(await readTo(input, 'a', true), ['a']);
  const good = await checkTopics('source edge', source, config);
  assert.deepEqual([good.ok, good.detail.includes('2 partitions, about 1 messages')], [true, true]);
  const missing = await checkTopics('source edge', { ...source, topic: 'nowhere' }, config);
  assert.deepEqual([missing.ok, missing.detail], [false, 'no topic nowhere']);
  const wrong = { ...source, sasl: { ...source.sasl!, password: 'wrong-password' } };
  const refused = await checkTopics('source edge', wrong, config);
  assert.equal(refused.ok, false);
  assert.ok(!JSON.stringify(refused).includes('wrong-password'));
});
