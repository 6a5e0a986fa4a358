/** What people say to a console holds in every partition, in one order, also when processes are killed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyLine } from '../../app/contract.ts';
import type { RuleLine } from '../../core/control.ts';
import type { Incident } from '../../core/finding.ts';
import { ITEM } from '../../core/wire/layout.ts';
import { EventBatchReader } from '../../core/wire/reader.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { until } from '../support/until.ts';
import { finish } from './keyhound.ts';
import { type Member, readTopic, type Servers, Stack, startServers } from './stack.ts';

const FROM_AT = Date.parse('2026-03-01T00:00:00Z');
const TOKEN = 'token-of-the-intake-of-this-test';
const PARTITIONS = 2;
let servers: Servers;
let stack: Stack;
let sent = 0;
/** Any of them may have the partition. */
const consoles: Member[] = [];

before(async () => {
  servers = await startServers({ elasticsearch: true });
  const sources = [{ name: 'web', kind: 'http', format: 'keyhound', token: TOKEN }];
  stack = new Stack(servers, { prefix: 'steered', partitions: PARTITIONS, sources });
  await stack.createTopics();
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

/** One use a second from where the last ended. */
async function push(ingest: Member, count: number, status: (i: number) => number): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => {
    const at = FROM_AT + (sent + i) * 1000;
    return JSON.stringify({ at, keyId: 'app', status: status(i), clientIp: '198.51.100.7' });
  });
  sent += count;
  const answer = await fetch(`${ingest.intake}/intake/keyhound`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: `${lines.join('\n')}\n`,
  });
  assert.equal(answer.status, 200);
}

async function command(member: Member, ...words: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await finish([...words, '--json'], { cwd: member.folder });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').slice(0, -1);
}

async function incidents(member: Member): Promise<Incident[]> {
  const { incidents = [] } = JSON.parse(await member.get('/api/v1/incidents'));
  return incidents as Incident[];
}

async function rules(member: Member): Promise<RuleLine[]> {
  return (JSON.parse(await member.get('/api/v1/silences')) as { rules: RuleLine[] }).rules;
}

async function held(member: Member): Promise<number> {
  const summary = JSON.parse(await member.get('/api/v1/summary'));
  return summary.heldBack.remembered as number;
}

/** Numbers of the control records in each partition. */
async function numbers(): Promise<number[][]> {
  const reader = new EventBatchReader();
  const found = Array.from({ length: PARTITIONS }, (): number[] => []);
  for (const { partition, value } of await readTopic(
    stack.kafkaConfig,
    topicNames(stack.prefix).events,
  )) {
    reader.open(value);
    for (let kind = reader.next(); kind !== ITEM.none; kind = reader.next()) {
      if (kind === ITEM.control) found[partition]!.push(reader.control.sequence);
    }
  }
  return found;
}

/** Of the key itself: what the state knows, as one process would tell it. */
async function tellsKeys([console1, console2]: [Member, Member], incidentId: string) {
  const summary = JSON.parse(await console1.get('/api/v1/summary'));
  assert.deepEqual([summary.subjects, summary.firstAt], [1, '2026-03-01T00:00:00.000Z']);
  await until(
    async () => JSON.parse(await console1.get('/api/v1/keys')).keys as KeyLine[],
    // As of the last checkpoint.
    ([one]) => one?.events === sent,
  );
  const [key] = (await command(console1, 'keys')).map((line) => JSON.parse(line) as KeyLine);
  assert.deepEqual([key?.id, key?.events], ['keyhound:app', sent]);
  const since = `/api/v1/keys?since=${Date.parse('2026-05-01')}&limit=5`;
  assert.deepEqual(JSON.parse(await console1.get(since)), { keys: [] });
  const [shown] = (await command(console2, 'keys', 'show', 'keyhound:app')).map(
    (line) => JSON.parse(line) as KeyLine,
  );
  assert.equal(shown?.readiness['error-rate']?.state, key?.readiness['error-rate']?.state);
  const explained = await console1.get(`/api/v1/explain/${incidentId}`);
  assert.match(explained, /"identical":true/);
  assert.match(explained, /403|errors/);
}

test('closed, silenced: for every partition in one order, and after kill -9', async () => {
  const [detect, console1, console2, ingest] = await Promise.all(
    ['detect', 'console', 'console', 'ingest'].map((role) => stack.start(role)),
  );
  assert.ok(detect && console1 && console2 && ingest);
  consoles.push(console1, console2);
  await push(ingest, 4000, (i) => (i % 400 === 0 ? 403 : 200));
  await push(ingest, 60, (i) => (i % 2 === 0 ? 403 : 200));
  const [opened] = await until(
    () => incidents(console1),
    (found) => found.length > 0,
  );
  assert.deepEqual([opened?.subject.id, opened?.closedAt], ['keyhound:app', null]);

  const close = ['incidents', 'close', opened!.id, '--as', 'false-alarm', '--reason', 'ours'];
  const [closed] = (await command(console1, ...close)).map((line) => JSON.parse(line) as Incident);
  assert.equal(closed?.closedAs, 'false-alarm');
  const silence = ['silence', 'add', '--subject', 'keyhound:app', '--detector', 'volume-spike'];
  const [silenced] = await command(console1, ...silence, '--for', '1h', '--reason', 'load test');
  assert.deepEqual(await rules(console1), [JSON.parse(silenced!)]);
  const { id } = JSON.parse(silenced!) as RuleLine;
  await until(
    () => rules(console2),
    (found) => found.some((rule) => rule.id === id),
  );

  detect.child.kill('SIGKILL');
  await detect.child.ended;
  const second = await stack.start('detect', detect.folder);
  await push(ingest, 2000, () => 200);
  await push(ingest, 40, (i) => (i % 2 === 0 ? 403 : 200));
  await until(
    () => held(second),
    (count) => count > 0,
  );
  const again = await incidents(console2);
  assert.deepEqual(
    again.map((one) => [one.id, one.closedAs]),
    [[opened!.id, 'false-alarm']],
  );

  await tellsKeys([console1, console2], opened!.id);
  assert.match(await second.get('/api/v1/keys'), /the console role/);

  // Both at once, some of it twice.
  const body = JSON.stringify({ detector: 'volume-drop', by: 'ann', reason: 'both' });
  const adds = Array.from({ length: 8 }, (_, i) =>
    (i % 2 === 0 ? console1 : console2).post('/api/v1/silences', body),
  );
  for (const answer of await Promise.all(adds)) assert.match(answer, /"id":"sil_/);
  await until(
    () => rules(console1),
    (found) => found.length === 9,
  );
  const [first, other] = await numbers();
  assert.deepEqual(first, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(other, first);
});

test('a document that Elasticsearch refuses is named in the dead letters, without its text', async () => {
  const index = await stack.start('console');
  const { kafkaConfig, prefix } = stack;
  const topics = topicNames(prefix);
  const producer = new KafkaProducer(kafkaConfig);
  const bad = {
    type: 'incident',
    id: 'inc_refused',
    revision: 1,
    subject: { kind: 'key', id: 'keyhound:app' },
    openedAt: '2026-03-01T00:00:00.000Z',
    updatedAt: 'a text that may be a secret',
  };
  await producer.send(topics.incidents, 0, [
    { key: null, value: Buffer.from(JSON.stringify(bad)) },
  ]);
  await producer.close();
  const [letter] = await until(
    () => readTopic(kafkaConfig, topics.deadLetters),
    (found) => found.length > 0,
  );
  const text = letter!.value.toString('utf8');
  assert.match(text, /"of":"document","kind":"incident","id":"inc_refused","reason":"400 /);
  assert.doesNotMatch(text, /secret/);
  const metrics = await Promise.all([...consoles, index].map((one) => one.get('/metrics')));
  assert.match(metrics.join('\n'), /^keyhound_rejected_documents_total 1$/m);
});
