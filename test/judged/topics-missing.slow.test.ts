/**
 * Without their topics all roles say at once which are missing and how to make them, in few words; what was pushed
 * meanwhile is judged when they are there.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { topicNames } from '../../store/kafka/topics.ts';
import { until } from '../support/until.ts';
import { drained, type Member, type Servers, Stack, startServers } from './stack.ts';

const TOKEN = 'token-of-the-intake-of-this-test';
const ROLES = ['ingest', 'detect', 'console', 'respond'] as const;
const PARTITIONS = 2;

let servers: Servers;
let stack: Stack;
const members = new Map<string, Member>();

before(async () => {
  servers = await startServers({ elasticsearch: true });
  stack = new Stack(servers, {
    prefix: 'no-topics',
    partitions: PARTITIONS,
    sources: [{ name: 'web', kind: 'http', format: 'keyhound', token: TOKEN }],
  });
  const started = await Promise.all(ROLES.map((role) => stack.start(role)));
  for (const [i, role] of ROLES.entries()) members.set(role, started[i]!);
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

interface Missing {
  readonly name: string;
  readonly detail: string;
}

async function missingOf(role: string): Promise<readonly Missing[]> {
  const { missing } = JSON.parse(await members.get(role)!.get('/readyz')) as { missing: Missing[] };
  return missing;
}

async function push(keys: number): Promise<number> {
  const lines = Array.from({ length: keys }, (_, i) => {
    return JSON.stringify({ at: Date.now(), keyId: `key-${i}`, status: 200, path: '/v1/orders' });
  });
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { intake } = members.get('ingest')!;
  const body = lines.join('\n');
  return (await fetch(`${intake}/intake/keyhound`, { method: 'POST', headers, body })).status;
}

const NAMES = topicNames('no-topics');
const NEEDS: Readonly<Record<(typeof ROLES)[number], readonly string[]>> = {
  ingest: [NAMES.events],
  detect: [NAMES.events, NAMES.exchange, NAMES.incidents],
  console: [NAMES.incidents, NAMES.actions, NAMES.audit, NAMES.deadLetters, NAMES.control],
  respond: [NAMES.incidents, NAMES.actions, NAMES.audit, NAMES.events, NAMES.control],
};

for (const role of ROLES) {
  test(`${role} says which topics are missing, and how they are made`, async () => {
    const found = await until(
      async () => (await missingOf(role)).find(({ name }) => name === 'kafka topics'),
      (told) => /missing: keyhound kafka init --yes makes/.test(told?.detail ?? ''),
    );
    for (const name of NEEDS[role]) assert.ok(found!.detail.includes(name), found!.detail);
    await members.get(role)!.child.told(/"level":50[^\n]*keyhound kafka init --yes makes/);
  });
}

test('what is pushed meanwhile is taken, and no broker is blamed', async () => {
  assert.equal(await push(20), 200);
  const told = await until(
    () => missingOf('ingest'),
    (missing) => missing.some(({ name }) => name === 'ingest: kafka'),
  );
  const { detail } = told.find(({ name }) => name === 'ingest: kafka')!;
  assert.match(detail, /nothing that was sent was confirmed.*does not host this topic/);
});

test('what is tried again many times a second is one line in ten seconds, with how often', async () => {
  for (const [role, { child }] of members) {
    await child.told(/does not host this topic[^\n]*more in 10 s/);
    const lastAt = new Map<string, number>();
    for (const line of child.stderr.split('\n').filter((text) => text.startsWith('{'))) {
      const { level, msg, time } = JSON.parse(line) as { level: number; msg: string; time: string };
      if (level !== 40) continue;
      const cause = msg.replace(/ \(\d+ more in 10 s\)$/, '');
      const at = Date.parse(time);
      const before = lastAt.get(cause) ?? 0;
      assert.ok(at - before >= 9000, `${role} says twice within ${at - before} ms: ${cause}`);
      lastAt.set(cause, at);
    }
  }
});

test('once they are made, all are ready, and what had waited is judged', async () => {
  await stack.createTopics();
  for (const role of ROLES) {
    await until(
      () => missingOf(role),
      (missing) => missing.length === 0,
    );
  }
  await drained(() => [members.get('detect')!], 'events', PARTITIONS);
  const subjects = async () =>
    (JSON.parse(await members.get('console')!.get('/api/v1/summary')) as { subjects: number })
      .subjects;
  await until(subjects, (count) => count === 20);
});
