import assert from 'node:assert/strict';
import { test } from 'node:test';
import { step, WALKS_LAYOUT } from '../../../detectors/baselines/walks.ts';
import { stateOf, uniform } from './chance.ts';

/** Longest walk in these numbers, one a second. */
function longest(numbers: readonly number[], seconds = 1): number {
  const state = stateOf(WALKS_LAYOUT);
  return Math.max(...numbers.map((number, i) => step(state, number, 1_000_000 + i * seconds)));
}

const range = (n: number): number[] => [...Array(n).keys()];

test('up, down, with gaps of up to two, with repeats, and across 2^32', () => {
  assert.equal(longest(range(50)), 50);
  assert.equal(longest(range(50).map((i) => 900 - i)), 50);
  assert.equal(longest(range(50).map((i) => 3 * i)), 50);
  assert.equal(longest(range(50).map((i) => 4 * i)), 1);
  assert.equal(longest(range(50).flatMap((i) => (i < 2 ? [i] : [i, i, i - 1]))), 50);
  assert.equal(longest(range(50).map((i) => 2 ** 32 - 20 + i)), 50);
  assert.equal(longest(range(50).map((i) => 2 ** 32 * 7 + i)), 50);
});

test('two numbers in turn, the same one, and chance are no walk', () => {
  assert.ok(longest(range(50).map((i) => i % 2)) <= 2);
  assert.equal(longest(range(50).map(() => 17)), 1);
  const chance = uniform(7);
  assert.ok(longest(range(5000).map(() => Math.floor(chance() * 50_000))) < 8);
});

test('a walk is followed through four times as much of other traffic, and beside another walk', () => {
  const chance = uniform(11);
  const numbers = range(1000).flatMap((i) => [
    70_000 + i,
    ...range(4).map(() => Math.floor(chance() * 50_000)),
  ]);
  assert.ok(longest(numbers) > 900, String(longest(numbers)));
  assert.equal(longest(range(100).flatMap((i) => [500 + i, 9000 - i])), 100);
});

test('a walk that rests for longer than ten minutes is over', () => {
  assert.equal(longest(range(30), 600), 30);
  assert.equal(longest(range(30), 720), 1);
});
