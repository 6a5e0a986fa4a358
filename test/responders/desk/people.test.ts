/** Actions by hand, and giving back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManualRequest } from '../../../responders/desk/contract.ts';
import { DEFAULT_POLICY } from '../../../responders/policy.ts';
import { sampleProfile } from '../../support/response-samples.ts';
import { createWorld, HOUR, KEY, MINUTE, type Said, SECOND, T0 } from '../scene.ts';

const HIGH: readonly Said[] = [['scope', 9]];
const CRITICAL: readonly Said[] = [
  ['scope', 11],
  ['new-place', 6],
];

let turn = 0;
function request(change: Partial<ManualRequest> = {}): ManualRequest {
  const subject = { kind: 'key', id: 'kong:1' } as const;
  return {
    rung: 'suspend',
    subject,
    by: 'ann',
    reason: 'stolen',
    requestId: `r${turn++}`,
    ...change,
  };
}

test('a person acts whatever the policy has switched on, and beyond the budget', () => {
  const world = createWorld({ policy: DEFAULT_POLICY, health: { lagMs: HOUR } });
  for (let i = 0; i < 30; i++) {
    const subject = { kind: 'key', id: `kong:${i}` } as const;
    assert.equal(world.desk.command(request({ subject }), T0).outcome, 'standing');
  }
  const [decision] = world.decisions();
  assert.deepEqual(
    [decision?.mode, decision?.actor, decision?.incident, decision?.why],
    ['manual', 'person:ann', null, 'stolen'],
  );
});

test('a dry run says what it would hit, and changes nothing', () => {
  const world = createWorld({ entries: [{ id: 'kong:1', protected: true }] });
  world.tell('kong:1', HIGH, T0);
  const before = world.told.length;
  const answer = world.desk.command(request({ dryRun: true, rung: 'throttle-hard' }), T0);
  assert.equal(answer.outcome, 'dry-run');
  assert.deepEqual(
    answer.doubts.map(({ brake }) => brake),
    ['protected'],
  );
  assert.deepEqual(answer.decision.limit, { requests: 24, windowMs: MINUTE });
  assert.equal(world.told.length, before);
});

test('what no gateway of the key can is not done, and the next best is said', () => {
  const world = createWorld({ env: { rungsOf: () => new Set(['throttle-hard'] as const) } });
  const answer = world.desk.command(request(), T0);
  assert.deepEqual(
    [answer.outcome, answer.rung, answer.decision.wanted],
    ['standing', 'throttle-hard', 'suspend'],
  );
  const none = createWorld({ env: { rungsOf: () => new Set() } });
  assert.equal(none.desk.command(request(), T0).outcome, 'held');
  assert.deepEqual(none.told, []);
});

test('contain by hand needs a gateway that asks, and a profile', () => {
  const env = {
    asksPerRequest: () => true,
    factsNow: () => ({ ...KEY, profile: sampleProfile() }),
  };
  const world = createWorld({ env });
  assert.equal(world.desk.command(request({ rung: 'contain' }), T0).rung, 'contain');
  assert.equal(createWorld().desk.command(request({ rung: 'contain' }), T0).rung, 'throttle-hard');
});

test('the kill switch holds people too, and does not do it later by itself', () => {
  const world = createWorld();
  world.desk.kill(true, false, 'bob', T0);
  assert.equal(world.desk.command(request(), T0).outcome, 'held');
  world.desk.kill(false, false, 'bob', T0);
  world.until(T0 + MINUTE);
  assert.deepEqual(world.told, []);
});

test('the same request twice is one', () => {
  const world = createWorld();
  const once = request();
  world.desk.command(once, T0);
  world.desk.command(once, T0 + SECOND);
  assert.equal(world.told.length, 1);
  world.desk.restore({ subjectId: 'kong:1', by: 'bob', reason: 'ours' }, T0 + 2 * SECOND);
  assert.equal(world.desk.command(once, T0 + 3 * SECOND).outcome, 'held');
  assert.deepEqual(world.standing(T0 + 3 * SECOND), []);
});

test('a throttle by hand takes the place of the one before', () => {
  const world = createWorld();
  world.desk.command(
    request({ rung: 'throttle-hard', limit: { requests: 1, windowMs: SECOND } }),
    T0,
  );
  world.desk.command(
    request({ rung: 'throttle-hard', limit: { requests: 9, windowMs: SECOND } }),
    T0,
  );
  const standing = world.desk.standing('kong:1', T0);
  assert.deepEqual(
    standing.map(({ limit }) => limit?.requests),
    [9],
  );
});

test('restore ends what policy and people did, and tells detection when told so', () => {
  const world = createWorld();
  const incident = world.tell('kong:1', CRITICAL, T0);
  world.desk.command(request({ rung: 'suspend' }), T0);
  const asked = {
    subjectId: 'kong:1',
    by: 'bob',
    reason: 'a test of ours',
    as: 'false-alarm',
  } as const;
  const dry = world.desk.restore({ ...asked, dryRun: true }, T0);
  assert.equal(dry.ended.length, 2);
  assert.equal(world.desk.open().length, 2);
  const answer = world.desk.restore(asked, T0);
  assert.deepEqual(
    answer.ended.map(({ endedAs, endedBy }) => [endedAs, endedBy]),
    [
      ['false-alarm', 'person:bob'],
      ['false-alarm', 'person:bob'],
    ],
  );
  assert.deepEqual(answer.standing, []);
  assert.deepEqual(answer.closings, [
    { incident: incident.id, as: 'false-alarm', by: 'bob', reason: 'a test of ours' },
  ]);
});

test('restore gives nothing back that somebody revoked, unless it is named', () => {
  const world = createWorld();
  world.tell('kong:1', HIGH, T0);
  const revoked = world.desk.command(request({ rung: 'revoke' }), T0).decision;
  const asked = { subjectId: 'kong:1', by: 'bob', reason: 'ours' };
  const answer = world.desk.restore(asked, T0);
  assert.deepEqual(
    answer.standing.map(({ id }) => id),
    [revoked.id],
  );
  assert.deepEqual(world.desk.restore({ ...asked, decisions: [revoked.id] }, T0).standing, []);
});

test('one decision that ends leaves what another wants', () => {
  const world = createWorld();
  world.tell('kong:1', HIGH, T0);
  const suspended = world.desk.command(request(), T0).decision;
  const answer = world.desk.restore(
    { subjectId: 'kong:1', by: 'bob', reason: 'ours', decisions: [suspended.id] },
    T0,
  );
  assert.deepEqual(
    answer.standing.map(({ rung }) => rung),
    ['throttle-hard'],
  );
});

test('what a person gave back is not taken again on the same evidence, also after a restart', () => {
  const world = createWorld();
  world.tell('kong:1', HIGH, T0);
  world.desk.restore({ subjectId: 'kong:1', by: 'bob', reason: 'ours' }, T0);
  world.tell('kong:1', [['scope', 10]], T0 + MINUTE);
  assert.deepEqual(world.standing(T0 + MINUTE), []);
  assert.equal(world.decisions().at(-1)?.heldBy, 'person');
  const after = createWorld();
  after.desk.takeOver(world.decisions(), T0 + 2 * MINUTE);
  after.tell('kong:1', [['scope', 10]], T0 + 2 * MINUTE, { revision: 3 });
  assert.deepEqual(after.standing(T0 + 2 * MINUTE), []);
  after.tell('kong:1', [['scope', 12]], T0 + 3 * MINUTE);
  assert.deepEqual(after.standing(T0 + 3 * MINUTE), ['kong:1 throttle-hard']);
});

test('an incident that a person closed as a false alarm ends what stands for it', () => {
  const world = createWorld();
  world.tell('kong:1', CRITICAL, T0);
  world.close('kong:1', T0 + MINUTE, { closedAs: 'false-alarm', closedBy: 'bob' });
  assert.deepEqual(world.standing(T0 + MINUTE), []);
  const [decision] = world.decisions();
  assert.deepEqual([decision?.endedAs, decision?.endedBy], ['false-alarm', 'person:bob']);
});

test('after a restart what stands still stands, and is not done twice', () => {
  const world = createWorld();
  const incident = world.tell('kong:1', CRITICAL, T0);
  const after = createWorld();
  after.desk.takeOver(world.decisions(), T0 + MINUTE);
  after.desk.incident(incident, T0 + MINUTE);
  assert.deepEqual(after.told, []);
  assert.deepEqual(
    after.desk.standing('kong:1', T0 + MINUTE).map(({ rung }) => rung),
    ['suspend'],
  );
  after.desk.tick(T0 + 4 * HOUR);
  assert.deepEqual(
    after.told.map(({ endedAs }) => endedAs),
    ['expired'],
  );
});
