import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInEffect } from '../../core/decision.ts';
import {
  compareRungs,
  isActing,
  milder,
  nextBest,
  RUNGS,
  type Rung,
  stricter,
} from '../../core/ladder.ts';
import {
  sampleAction,
  sampleAlert,
  sampleDecision,
  sampleNote,
  sampleState,
  sampleVerdict,
} from '../support/response-samples.ts';

test('a gateway that cannot do a rung gets the next best below it, never a stricter one', () => {
  const can = new Set<Rung>(['throttle-hard', 'revoke']);
  const taken = RUNGS.map((rung) => nextBest(rung, can));
  assert.deepEqual(taken, [
    'observe',
    'alert',
    'warn',
    'warn',
    'throttle-hard',
    'throttle-hard',
    'throttle-hard',
    'revoke',
  ]);
  for (const [i, rung] of RUNGS.entries()) assert.ok(compareRungs(taken[i]!, rung) <= 0);
});

test('only throttles and what is stricter act at a gateway', () => {
  assert.deepEqual(RUNGS.filter(isActing), RUNGS.slice(3));
  assert.equal(stricter('warn', 'contain'), 'contain');
  assert.equal(milder('warn', 'contain'), 'warn');
});

test('the expiry of a decision is data, judged when it is read', () => {
  const decision = sampleDecision({ untilAt: '2026-03-01T11:00:00.000Z' });
  const until = Date.parse('2026-03-01T11:00:00.000Z');
  assert.equal(isInEffect(decision, until - 1), true);
  assert.equal(isInEffect(decision, until), false);
  assert.equal(isInEffect({ ...decision, untilAt: null }, until + 1e9), true);
  assert.equal(isInEffect({ ...decision, state: 'held' }, until - 1), false);
});

test('each contract line has the fields of contracts.md', () => {
  const fields = (line: object): string[] => Object.keys(line);
  const within = (line: object, names: string): boolean =>
    names.split(' ').every((name) => fields(line).includes(name));
  assert.ok(
    within(
      sampleDecision(),
      'type id revision incident subject rung mode untilAt actor policyVersion why',
    ),
  );
  assert.ok(
    within(
      sampleAction(),
      'type id revision decision subject gateway rung state requestedAt doneAt verifiedAt verdict undoneAt undo',
    ),
  );
  for (const tag of [sampleAction().id, sampleVerdict().tag])
    assert.match(tag, /^[a-z0-9_]{1,40}$/);
  assert.ok(within(sampleNote(), 'who what subject why at evidence'));
  assert.ok(within(sampleAlert(), 'id revision kind state severity title text done'));
  assert.ok(within(sampleState(), 'exists fingerprint facts'));
});
