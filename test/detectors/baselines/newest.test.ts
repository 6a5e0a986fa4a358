import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endNewestHour,
  moveNewest,
  NEWEST_LAYOUT,
  paceOf,
  unexplained,
} from '../../../detectors/baselines/newest.ts';
import { stateOf } from './chance.ts';

const LEARNING = { isActive: true, isYoung: true, isTrusted: true };
const GROWN = { ...LEARNING, isYoung: false };

/** A state whose newest is 1000 and has risen by `pace` in the first hour. */
function following(pace: number) {
  const state = stateOf(NEWEST_LAYOUT);
  moveNewest(state, 1000 - pace);
  for (let i = 1; i <= pace; i++) moveNewest(state, 1000 - pace + i);
  endNewestHour(state, 1, LEARNING);
  return state;
}

test('a rise of the highest number is counted by the hour, an old number and a far one are none', () => {
  const state = stateOf(NEWEST_LAYOUT);
  const numbers = [5000, 5001, 5001, 4000, 5004, 5100, 9000, 9001, 2 ** 32];
  assert.deepEqual(
    numbers.map((number) => moveNewest(state, number)),
    [0, 1, 0, 0, 4, 100, 0, 101, 0],
  );
});

test('the pace explains one and a half times itself', () => {
  const state = following(40);
  assert.ok(Math.abs(paceOf(state) - 40) < 4, String(paceOf(state)));
  assert.equal(unexplained(state, 40), 0);
  assert.ok(unexplained(state, 200) > 120);
});

test('after the first week the pace rises by a tenth an hour at most, and not while in doubt', () => {
  const state = following(40);
  const before = paceOf(state);
  for (let i = 1; i <= 400; i++) moveNewest(state, 1000 + i);
  endNewestHour(state, 2, { ...GROWN, isTrusted: false });
  assert.equal(paceOf(state), before);
  for (let i = 1; i <= 400; i++) moveNewest(state, 1400 + i);
  endNewestHour(state, 3, GROWN);
  assert.ok(paceOf(state) > before && paceOf(state) < 1.1 * before + 1, String(paceOf(state)));
});

test('it falls by the week, and one odd number is outlived', () => {
  const state = following(40);
  const before = paceOf(state);
  endNewestHour(state, 168, { ...GROWN, isActive: false });
  assert.ok(paceOf(state) < before);
  moveNewest(state, 4_000_000_000);
  assert.equal(moveNewest(state, 1001), 0);
  for (let hour = 2; hour < 160; hour++) endNewestHour(state, hour, GROWN);
  moveNewest(state, 1002);
  assert.equal(moveNewest(state, 1003), 1);
});
