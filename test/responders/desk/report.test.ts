/** Proofs of a leak. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPolicy } from '../../../app/policy-file.ts';
import type { LeakReport } from '../../../core/report.ts';
import { DEFAULT_AUTOMATIC, DEFAULT_POLICY } from '../../../responders/policy.ts';
import { createPolicyHolder } from '../../../responders/policy-holder.ts';
import { createWorld, HOUR, MINUTE, T0 } from '../scene.ts';

function leak(change: Partial<LeakReport> = {}): LeakReport {
  return {
    sender: 'scanner',
    subjectId: 'kong:1',
    url: 'https://git.example/repo/blob/main/.env',
    rungMax: 'revoke',
    at: T0,
    deliveryId: 'msg_1',
    ...change,
  };
}

test('a proof of a leak revokes, at once and until somebody lifts it', () => {
  const world = createWorld();
  const decision = world.desk.report(leak(), T0);
  assert.deepEqual(
    [decision.rung, decision.state, decision.untilAt, decision.actor],
    ['revoke', 'standing', null, 'report:scanner'],
  );
  assert.deepEqual(world.standing(T0 + 1000 * HOUR), ['kong:1 revoke']);
});

test('a report that comes again does nothing, also after it was lifted, and after a restart', () => {
  const world = createWorld();
  const { id } = world.desk.report(leak(), T0);
  world.desk.report(leak(), T0 + MINUTE);
  assert.equal(world.told.length, 1);
  world.desk.restore(
    { subjectId: 'kong:1', by: 'ann', reason: 'canary', decisions: [id] },
    T0 + MINUTE,
  );
  world.desk.report(leak(), T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), []);
  const after = createWorld();
  after.desk.takeOver(world.decisions(), T0 + HOUR);
  after.desk.report(leak(), T0 + HOUR);
  assert.deepEqual(after.told, []);
});

test('a sender leads no further than it may', () => {
  const world = createWorld();
  assert.equal(world.desk.report(leak({ rungMax: 'suspend' }), T0).rung, 'suspend');
  assert.equal(world.desk.report(leak({ rungMax: 'alert', deliveryId: '2' }), T0).state, 'noted');
  const held = world.desk.report(leak({ heldBy: 'hourly-cap', deliveryId: '3' }), T0);
  assert.deepEqual([held.rung, held.state], ['alert', 'noted']);
});

test('a key that is meant to be seen is not revoked for being seen', () => {
  const world = createWorld({ entries: [{ id: 'kong:1', exposure: 'public' }] });
  assert.equal(world.desk.report(leak(), T0).rung, 'alert');
});

test('a protected key waits for two people, one on the allowlist for one', () => {
  const world = createWorld({ entries: [{ id: 'kong:1', protected: true }] });
  const { id, approvalsNeeded } = world.desk.report(leak(), T0);
  assert.equal(approvalsNeeded, 2);
  world.desk.approve(id, 'ann', T0);
  assert.deepEqual(world.standing(T0), []);
  world.desk.approve(id, 'bob', T0);
  assert.deepEqual(world.standing(T0), ['kong:1 revoke']);
  const allowed = createWorld({ env: { isAllowed: () => true } });
  const asked = allowed.desk.report(leak(), T0);
  assert.deepEqual([asked.state, asked.approvalsNeeded, asked.heldBy], ['waiting', 1, 'allow']);
});

test('reports are outside the budget, and lag does not hold them', () => {
  const world = createWorld({ health: { lagMs: HOUR, storesAway: ['elasticsearch'] } });
  for (let i = 0; i < 30; i++) world.desk.report(leak({ subjectId: `kong:${i}` }), T0);
  assert.equal(world.standing(T0).length, 30);
});

test('the kill switch holds them, and what it held is done when it is off', () => {
  const world = createWorld();
  world.desk.kill(true, false, 'ann', T0);
  assert.equal(world.desk.report(leak(), T0).heldBy, 'kill');
  world.until(T0 + MINUTE);
  assert.deepEqual(world.standing(T0 + MINUTE), []);
  world.desk.kill(false, false, 'ann', T0 + MINUTE);
  world.until(T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), ['kong:1 revoke']);
  assert.equal(world.decisions()[0]?.heldBy, undefined);
});

test('with revoke switched off the next best that is on is taken, with all off it is shown', () => {
  const text = 'version: 1\nladder: { suspend: automatic, revoke: off }';
  const world = createWorld({ policy: readPolicy(text).policy! });
  const decision = world.desk.report(leak(), T0);
  assert.deepEqual([decision.rung, decision.wanted], ['suspend', 'revoke']);
  const off = createWorld({ policy: DEFAULT_POLICY });
  const shown = off.desk.report(leak(), T0);
  assert.deepEqual([shown.rung, shown.mode, shown.state], ['revoke', 'observe', 'noted']);
});

test('a key that no gateway has is told', () => {
  const world = createWorld({ env: { rungsOf: () => new Set() } });
  const { rung, wanted, heldBy } = world.desk.report(leak(), T0);
  assert.deepEqual([rung, wanted, heldBy], ['alert', 'revoke', 'gateway']);
});

test('what was reported before revoke was switched on is not acted upon', () => {
  const holder = createPolicyHolder(DEFAULT_AUTOMATIC, T0 + HOUR);
  const world = createWorld({ holder });
  assert.equal(world.desk.report(leak(), T0 + 2 * HOUR).state, 'noted');
  assert.equal(
    world.desk.report(leak({ at: T0 + 2 * HOUR, deliveryId: '2' }), T0 + 2 * HOUR).state,
    'standing',
  );
});

test('the finding of a report does not get around the bounds of its sender', () => {
  const world = createWorld();
  world.tell('kong:1', [['leak', 10]], T0);
  assert.deepEqual(world.standing(T0), []);
});
