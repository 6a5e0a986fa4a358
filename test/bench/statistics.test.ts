import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, pairs, spread } from '../../bench/statistics.ts';

test('the middle of an odd and of an even number of values, in any order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('ratios are taken round by round, so a slow round of both cancels out', () => {
  assert.deepEqual(pairs([100, 50, 100], [50, 25, 50]), [2, 2, 2]);
  assert.deepEqual(spread([2, 1, 3]), { least: 1, most: 3 });
});
