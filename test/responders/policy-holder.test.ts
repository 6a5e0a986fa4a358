/** The policy in force: reloads, switches, shares of the keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPolicy, readPolicy } from '../../app/policy-file.ts';
import { DEFAULT_AUTOMATIC, DEFAULT_POLICY, type Policy } from '../../responders/policy.ts';
import { createPolicyHolder, type HolderFacts, shareOf } from '../../responders/policy-holder.ts';
import { createWorld, HOUR, MINUTE, SECOND, T0 } from './scene.ts';

function policy(text: string): Policy {
  return readPolicy(`version: 1\n${text}`).policy!;
}

function kept(facts: HolderFacts): HolderFacts {
  return JSON.parse(JSON.stringify(facts)) as HolderFacts;
}

test('a broken file keeps the policy in force whole, and a right one takes its place whole', () => {
  const holder = createPolicyHolder(DEFAULT_AUTOMATIC, T0);
  const read = (text: string) => (): Policy => {
    const { policy: next, faults } = readPolicy(text);
    if (next === undefined) throw new Error(faults.map(({ message }) => message).join());
    return next;
  };
  const facts = holder.facts();
  assert.equal(
    holder.reload(read('version: 1\nladder: { contain: off, suspend: aproval }'), T0 + 1),
    false,
  );
  assert.equal(holder.policy, DEFAULT_AUTOMATIC);
  assert.equal(holder.facts(), facts);
  assert.match(holder.fault!, /must be one of off, approval, automatic/);
  assert.equal(
    holder.reload(() => loadPolicy('/nowhere.yaml'), T0 + 1),
    false,
  );
  assert.equal(holder.reload(read('version: 1\nladder: { contain: approval }'), T0 + 2), true);
  assert.equal(holder.fault, undefined);
  assert.equal(holder.setting('contain', 'kong:1').mode, 'approval');
  assert.equal(holder.setting('suspend', 'kong:1').mode, 'off');
});

test('a rung that was just switched on acts on newer evidence only', () => {
  const holder = createPolicyHolder(DEFAULT_POLICY, 0);
  const world = createWorld({ holder });
  world.tell('kong:1', [['scope', 9]], T0);
  holder.replace(DEFAULT_AUTOMATIC, T0 + MINUTE);
  world.until(T0 + 2 * MINUTE);
  world.tell('kong:1', [['scope', 12]], T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), []);
  assert.equal(world.decisions().at(-1)?.heldBy, 'switch');
  world.tell(
    'kong:1',
    [
      ['scope', 12],
      ['enumeration', 9],
    ],
    T0 + 3 * MINUTE,
  );
  assert.deepEqual(world.standing(T0 + 3 * MINUTE), ['kong:1 throttle-hard']);
  world.tell('kong:2', [['scope', 9]], T0 + 3 * MINUTE);
  assert.equal(world.standing(T0 + 3 * MINUTE).length, 2);
});

test('since when a rung is on outlives a restart, and other changes of the policy', () => {
  const first = createPolicyHolder(DEFAULT_AUTOMATIC, T0);
  const second = createPolicyHolder(DEFAULT_AUTOMATIC, T0 + HOUR, kept(first.facts()));
  assert.equal(second.setting('suspend', 'kong:1').sinceAt, T0);
  second.replace(
    { ...DEFAULT_AUTOMATIC, durations: { ...DEFAULT_AUTOMATIC.durations, suspend: 1 } },
    T0 + 2 * HOUR,
  );
  assert.equal(second.setting('suspend', 'kong:1').sinceAt, T0);
  second.replace(DEFAULT_POLICY, T0 + 3 * HOUR);
  second.replace(DEFAULT_AUTOMATIC, T0 + 4 * HOUR);
  assert.equal(second.setting('suspend', 'kong:1').sinceAt, T0 + 4 * HOUR);
});

test('from approval to automatic is a switch, the other way is none', () => {
  const holder = createPolicyHolder(policy('ladder: { suspend: approval }'), T0);
  holder.replace(policy('ladder: { suspend: automatic }'), T0 + HOUR);
  assert.equal(holder.setting('suspend', 'kong:1').sinceAt, T0 + HOUR);
  holder.replace(policy('ladder: { suspend: approval }'), T0 + 2 * HOUR);
  assert.equal(holder.setting('suspend', 'kong:1').sinceAt, T0 + HOUR);
});

test('a changed rule acts on evidence that is newer than the change', () => {
  const holder = createPolicyHolder(policy('ladder: { throttle-hard: automatic }'), 0);
  const world = createWorld({ holder });
  world.tell('kong:1', [['new-place', 5.5]], T0);
  const rules =
    'ladder: { throttle-hard: automatic }\nrules:\n' +
    '  - { name: place, when: { severityMin: low, families: [place] }, rung: throttle-hard }\n';
  holder.replace(policy(rules), T0 + MINUTE);
  world.tell('kong:1', [['new-place', 5.5]], T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), []);
  world.tell('kong:2', [['new-place', 5.5]], T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), ['kong:2 throttle-hard']);
});

test('a share of the keys is always the same ones, and a larger share adds to them', () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `kong:${i}`);
  const holder = createPolicyHolder(
    policy('ladder: { suspend: { mode: automatic, percent: 10 } }'),
    T0,
  );
  const on = (): string[] => ids.filter((id) => holder.setting('suspend', id).mode === 'automatic');
  const tenth = on();
  assert.ok(Math.abs(tenth.length - 1000) < 100, `${tenth.length}`);
  holder.replace(policy('ladder: { suspend: { mode: automatic, percent: 50 } }'), T0 + HOUR);
  const half = new Set(on());
  assert.ok(tenth.every((id) => half.has(id)));
  assert.equal(holder.setting('suspend', tenth[0]!).sinceAt, T0);
  const added = [...half].find((id) => !tenth.includes(id))!;
  assert.equal(holder.setting('suspend', added).sinceAt, T0 + HOUR);
  holder.replace(policy('ladder: { suspend: { mode: automatic, percent: 10 } }'), T0 + 2 * HOUR);
  assert.deepEqual(on(), tenth);
  holder.replace(policy('ladder: { suspend: automatic }'), T0 + 3 * HOUR);
  assert.equal(holder.setting('suspend', added).sinceAt, T0 + 3 * HOUR);
  assert.ok(ids.every((id) => shareOf(id) < 100));
});

test('keys outside of the share are shown what would have been done', () => {
  const ids = Array.from({ length: 40 }, (_, i) => `kong:${i}`);
  const world = createWorld({
    policy: policy('ladder: { throttle-hard: { mode: automatic, percent: 50 } }'),
  });
  for (const id of ids) world.tell(id, [['scope', 9]], T0);
  const standing = world.decisions().filter(({ state }) => state === 'standing');
  const noted = world.decisions().filter(({ mode }) => mode === 'observe');
  assert.equal(standing.length + noted.length, 40);
  assert.ok(standing.length > 0 && noted.length > 0);
});

test('a rung that is switched off does nothing new; what stands goes on, what waits is given up', () => {
  const holder = createPolicyHolder(
    policy('ladder: { throttle-hard: automatic, suspend: approval }'),
    0,
  );
  const world = createWorld({ holder });
  world.tell(
    'kong:1',
    [
      ['scope', 11],
      ['new-place', 6],
    ],
    T0,
  );
  assert.deepEqual(
    world.desk.open().map(({ rung, state }) => `${rung} ${state}`),
    ['throttle-hard standing', 'suspend waiting'],
  );
  holder.replace(DEFAULT_POLICY, T0 + SECOND);
  world.until(T0 + 2 * SECOND);
  assert.deepEqual(
    world.desk.open().map(({ rung, state }) => `${rung} ${state}`),
    ['throttle-hard standing'],
  );
});
