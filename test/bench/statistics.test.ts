import assert from 'node:assert/strict';
import { test } from 'node:test';
import { line, median, pairs, spread } from '../../bench/statistics.ts';

test('the middle of an odd and of an even number of values, in any order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('ratios are taken round by round, so a slow round of both cancels out', () => {
  assert.deepEqual(pairs([100, 50, 100], [50, 25, 50]), [2, 2, 2]);
  assert.deepEqual(spread([2, 1, 3]), { least: 1, most: 3 });
});

test('a line through points knows its slope, and how sure that is', () => {
  const straight = [0, 1, 2, 3].map((x) => [x, 10 + 2 * x] as const);
  assert.deepEqual(line(straight), { slope: 2, error: 0, mean: 13, residual: 0 });
  // By hand: the slope is 0.4, what is left (−0.4, 1.2, −1.2, 0.4).
  const points = [2, 4, 2, 4].map((y, x) => [x, y] as const);
  const { slope, error, mean, residual } = line(points);
  assert.deepEqual([slope, mean], [0.4, 3]);
  assert.ok(Math.abs(residual - Math.sqrt(3.2 / 2)) < 1e-12);
  assert.ok(Math.abs(error - residual / Math.sqrt(5)) < 1e-12);
  assert.throws(() => line(points.slice(2)), RangeError);
});
