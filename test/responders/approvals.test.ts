/** What a person says yes to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPolicy } from '../../app/policy-file.ts';
import type { Decision } from '../../core/decision.ts';
import { bindingOf, refusalOf } from '../../responders/approvals.ts';
import { DEFAULT_POLICY, type Policy } from '../../responders/policy.ts';
import { createPolicyHolder } from '../../responders/policy-holder.ts';
import { createWorld, HOUR, MINUTE, type Said, SECOND, T0, type World } from './scene.ts';

const CRITICAL: readonly Said[] = [
  ['scope', 11],
  ['new-place', 6],
];
const ASKS: Policy = readPolicy('version: 1\nladder: { suspend: approval }').policy!;

function waiting(world: World): Decision {
  return world.desk.open().find(({ state }) => state === 'waiting')!;
}

test('nothing is done until a person agrees, and then for its whole time', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  assert.deepEqual(world.standing(T0), []);
  const { decision } = world.desk.approve(id, 'ann', T0 + HOUR);
  assert.equal(decision?.state, 'standing');
  assert.equal(decision?.untilAt, new Date(T0 + HOUR + 15 * MINUTE).toISOString());
  assert.deepEqual(decision?.approvals, [{ by: 'ann', at: new Date(T0 + HOUR).toISOString() }]);
});

test('an approval is used once: after the end of the decision it does nothing', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  world.desk.approve(id, 'ann', T0);
  assert.equal(world.desk.approve(id, 'ann', T0).refused, 'not-waiting');
  world.desk.restore({ subjectId: 'kong:1', by: 'bob', reason: 'ours' }, T0 + MINUTE);
  assert.equal(world.desk.approve(id, 'ann', T0 + MINUTE).refused, 'unknown');
  assert.deepEqual(world.standing(T0 + MINUTE), []);
});

test('an approval comes in time or not at all', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  assert.equal(world.desk.approve(id, 'ann', T0 + 4 * HOUR).refused, 'expired');
  world.until(T0 + 4 * HOUR);
  assert.equal(world.decisions()[0]?.endedAs, 'expired');
});

test('nobody approves what they asked for, and nobody counts twice', () => {
  const world = createWorld({ entries: [{ id: 'kong:1', protected: true }] });
  const subject = { kind: 'key', id: 'kong:1' } as const;
  const asked = world.desk.command(
    { rung: 'suspend', subject, by: 'ann', reason: 'stolen', requestId: 'r1' },
    T0,
  );
  assert.equal(asked.outcome, 'waiting');
  assert.equal(world.desk.approve(asked.decision.id, 'ann', T0).refused, 'own-request');
  assert.equal(world.desk.approve(asked.decision.id, 'bob', T0).decision?.state, 'standing');
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  world.desk.approve(id, 'ann', T0);
  assert.equal(world.desk.approve(id, 'ann', T0).refused, 'approved-already');
  assert.equal(world.desk.approve(id, 'bob', T0).decision?.state, 'standing');
});

test('an approval is for exactly what was asked: what was changed is refused', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const asked = waiting(world);
  const { version } = world.holder.policy;
  assert.equal(refusalOf(asked, 'ann', version, T0), undefined);
  const others: Partial<Decision>[] = [
    { rung: 'revoke' },
    { subject: { kind: 'key', id: 'kong:2' } },
    { forMs: null },
    { limit: { requests: 1, windowMs: 1000 } },
    { id: 'dec_other' },
  ];
  for (const other of others) {
    assert.equal(refusalOf({ ...asked, ...other }, 'ann', version, T0), 'changed');
  }
  const newer = { ...asked, policyVersion: 'other' };
  assert.equal(refusalOf({ ...newer, binding: bindingOf(newer) }, 'ann', version, T0), 'changed');
});

test('with a new policy people are asked again, and what was approved before counts no more', () => {
  const holder = createPolicyHolder(ASKS, 0);
  const world = createWorld({ holder, entries: [{ id: 'kong:1', protected: true }] });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  world.desk.approve(id, 'ann', T0);
  holder.replace(
    readPolicy('version: 1\nladder: { suspend: approval }\ndurations: { suspend: 30d }').policy!,
    T0 + SECOND,
  );
  assert.equal(world.desk.approve(id, 'bob', T0 + SECOND).refused, 'changed');
  world.until(T0 + 2 * SECOND);
  assert.deepEqual(waiting(world).approvals, []);
  assert.equal(waiting(world).forMs, 30 * 24 * HOUR);
  world.desk.approve(id, 'bob', T0 + 2 * SECOND);
  assert.equal(world.desk.approve(id, 'cid', T0 + 2 * SECOND).decision?.state, 'standing');
});

test('what was denied is not asked again until there is more evidence', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  assert.equal(world.desk.deny(id, 'ann', T0).decision?.endedAs, 'denied');
  assert.equal(world.desk.approve(id, 'bob', T0).refused, 'unknown');
  world.tell(
    'kong:1',
    [
      ['scope', 11.5],
      ['new-place', 6],
    ],
    T0 + MINUTE,
  );
  assert.deepEqual(world.desk.open(), []);
  world.tell(
    'kong:1',
    [
      ['scope', 11],
      ['new-place', 6],
      ['enumeration', 8],
    ],
    T0 + 2 * MINUTE,
  );
  assert.equal(waiting(world).rung, 'suspend');
});

test('with the kill switch on nothing is approved', () => {
  const world = createWorld({ policy: ASKS });
  world.tell('kong:1', CRITICAL, T0);
  const { id } = waiting(world);
  world.desk.kill(true, false, 'ann', T0);
  assert.equal(world.desk.approve(id, 'bob', T0).refused, 'killed');
});

test('a milder rung that is automatic holds while people are asked, and ends when they agree', () => {
  const text = 'version: 1\nladder: { throttle-hard: automatic, suspend: approval }';
  const world = createWorld({ policy: readPolicy(text).policy! });
  world.tell('kong:1', CRITICAL, T0);
  assert.deepEqual(world.standing(T0), ['kong:1 throttle-hard']);
  world.desk.approve(waiting(world).id, 'ann', T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:1 suspend']);
  assert.equal(world.desk.open().length, 1);
});

test('a new install asks nobody', () => {
  const world = createWorld({
    policy: DEFAULT_POLICY,
    entries: [{ id: 'kong:1', protected: true }],
  });
  world.tell('kong:1', CRITICAL, T0);
  assert.deepEqual(world.desk.open(), []);
});
