/**
 * The response with its roles apart: what detect finds, one of two respond processes decides and carries out, decide
 * enforces, detect verifies; the other one goes on when the first is killed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from '../../core/action.ts';
import type { Decision } from '../../core/decision.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { finish } from './keyhound.ts';
import { type Member, readTopic, type Servers, Stack, startServers } from './stack.ts';

const TOKEN = 'token-of-the-intake-of-this-test';
const KEY = 'keyhound:app';
const POLICY = `
version: 1
ladder: { suspend: automatic }
rules:
  - { name: all, when: { severityMin: low }, rung: suspend }
brakes: { stale: { coldFor: 0s } }
`;
let servers: Servers;
let stack: Stack;

before(async () => {
  servers = await startServers({ elasticsearch: true });
  const sources = [{ name: 'web', kind: 'http', format: 'keyhound', token: TOKEN, trust: 'act' }];
  const settings = {
    policy: 'policy.yaml',
    gateways: [{ name: 'edge', kind: 'decide', keys: ['keyhound:'] }],
    decide: { keyId: { header: 'X-Credential', gateway: 'keyhound' } },
  };
  stack = new Stack(servers, { prefix: 'responds', partitions: 2, sources, settings });
  await stack.createTopics();
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

async function startRespond(folder?: string): Promise<Member> {
  const own = folder ?? path.join(stack.folder, `respond-${Math.trunc(performance.now())}`);
  mkdirSync(own, { recursive: true });
  writeFileSync(path.join(own, 'policy.yaml'), POLICY);
  return stack.start('respond', own);
}

async function push(ingest: Member, fromAt: number, statuses: readonly number[]): Promise<void> {
  const lines = statuses.map((status, i) =>
    JSON.stringify({ at: fromAt + i * 1000, keyId: 'app', status, clientIp: '198.51.100.7' }),
  );
  const answer = await fetch(`${ingest.intake}/intake/keyhound`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: `${lines.join('\n')}\n`,
  });
  assert.equal(answer.status, 200);
}

async function until<T>(look: () => Promise<T>, is: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (is(found)) return found;
    await sleep(200);
  }
}

const actionsOf = async (member: Member): Promise<Action[]> =>
  (JSON.parse(await member.get('/api/v1/actions')) as { actions?: Action[] }).actions ?? [];
const decisionsOf = async (member: Member): Promise<Decision[]> =>
  (JSON.parse(await member.get('/api/v1/decisions')) as { decisions?: Decision[] }).decisions ?? [];

async function decided(decide: Member): Promise<string> {
  const answer = await fetch(`${decide.decide}/decide/nginx`, {
    headers: { 'x-credential': 'app', 'x-original-uri': '/v1/orders' },
  });
  return answer.headers.get('x-keyhound-decision') ?? `status ${answer.status}`;
}

/** A key that is used from where it never was, as detect tells it. */
function found(): readonly [Finding, Incident] {
  const at = new Date().toISOString();
  const subject = { kind: 'key', id: KEY } as const;
  const finding: Finding = {
    ...{ type: 'finding', id: 'fnd_1', revision: 1, detector: 'scope', family: 'credential' },
    ...{ subject, openedAt: at, fromAt: at, toAt: at, score: 12, severity: 'critical' },
    ...{ observed: {}, expected: {}, why: 'made up', closedAt: null, trust: 'act' },
    ...{ parts: [], versions: {} },
  };
  const incident: Incident = {
    ...{ type: 'incident', id: 'inc_1', revision: 1, subject, openedAt: at, updatedAt: at },
    ...{ closedAt: null, severity: 'critical', risk: 12, families: ['credential'] },
    ...{ findings: ['fnd_1'], why: 'made up' },
  };
  return [finding, incident];
}

async function tell(lines: readonly (Finding | Incident)[]): Promise<void> {
  const producer = new KafkaProducer(stack.kafkaConfig);
  const messages = lines.map((line) => ({
    key: Buffer.from(line.id),
    value: Buffer.from(JSON.stringify(line)),
  }));
  await producer.send(topicNames(stack.prefix).incidents, 0, messages);
  await producer.close();
}

/** The one that responds, of several. */
async function responding(members: readonly Member[]): Promise<Member> {
  for (;;) {
    for (const member of members) {
      if ((await member.get('/api/v1/response')).includes('"policyVersion"')) return member;
    }
    await sleep(100);
  }
}

const RESTORE = { verb: 'restore', key: KEY, by: 'ann', reason: 'a test' };

async function actsByHand(first: Member, other: Member, decide: Member): Promise<void> {
  // By hand: the same path as everything else.
  const command = { verb: 'suspend', key: KEY, by: 'ann', reason: 'a test' };
  await first.post('/api/v1/commands', JSON.stringify(command));
  await until(
    () => decided(decide),
    (word) => word === 'refuse',
  );
  const [byHand] = await until(
    () => actionsOf(other),
    ([one]) => one?.state === 'done',
  );
  assert.deepEqual([byHand?.gateway, byHand?.rung], ['edge', 'suspend']);
  await first.post('/api/v1/commands', JSON.stringify(RESTORE));
  await until(
    () => decided(decide),
    (word) => word === 'allow',
  );
}

async function toldOthers(second: Member): Promise<void> {
  // Told to others too: the topic has the last revision, and the audit log is whole.
  const { actions } = topicNames(stack.prefix);
  const last = new Map(
    (await readTopic(stack.kafkaConfig, actions)).map(({ value }) => {
      const action = JSON.parse(value.toString('utf8')) as Action;
      return [action.id, action] as const;
    }),
  );
  assert.deepEqual(
    [...last.values()].map(({ state }) => state),
    ['undone', 'undone'],
  );
  const verified = await finish(['audit', 'verify', '--json'], { cwd: second.folder });
  assert.equal(verified.status, 0, verified.stderr + verified.stdout);
  assert.match(verified.stdout, /"ok":true/);
}

test('found by one, decided by another, enforced by a third; and so on after kill -9', async () => {
  const [, console1, ingest, decide] = (await Promise.all(
    ['detect', 'console', 'ingest', 'decide'].map((role) => stack.start(role)),
  )) as [Member, Member, Member, Member];
  const responds = [await startRespond(), await startRespond()];
  const first = await responding(responds);
  const other = responds.find((one) => one !== first)!;
  assert.equal(await decided(decide), 'allow');

  await actsByHand(first, other, decide);

  // By itself: detect knows the key from its use, and finds something about it.
  await push(ingest, Date.now() - 60_000, Array(60).fill(200));
  await until(
    async () => JSON.parse(await console1.get('/api/v1/summary')).subjects as number,
    (subjects) => subjects === 1,
  );
  await tell(found());
  await until(
    () => decided(decide),
    (word) => word === 'refuse',
  );
  const automatic = (found: readonly Decision[]) =>
    found.find(({ mode, state }) => mode === 'automatic' && state === 'standing');
  const decision = automatic(
    await until(
      () => decisionsOf(console1),
      (found) => automatic(found) !== undefined,
    ),
  );
  assert.deepEqual([decision?.subject.id, decision?.rung], [KEY, 'suspend']);

  first.child.kill('SIGKILL');
  await first.child.ended;
  const second = await responding([other]);
  // It refuses, so the stream tells that it holds: through the process that took over.
  const ours = (found: readonly Action[]) =>
    found.find((action) => action.decision === decision?.id);
  await push(ingest, Date.now(), Array(30).fill(403));
  await until(
    () => actionsOf(second),
    (found) => ours(found)?.verdict != null,
  );
  await second.post('/api/v1/commands', JSON.stringify({ ...RESTORE, falseAlarm: true }));
  await until(
    () => decided(decide),
    (word) => word === 'allow',
  );
  const undone = await until(
    () => actionsOf(console1),
    (found) => ours(found)?.state === 'undone',
  );
  assert.equal(ours(undone)?.endedBy, 'person:ann');

  await toldOthers(second);
});
