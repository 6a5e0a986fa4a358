import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeAt, outcomeWithin, tally } from '../../../../bench/eval/microsoft/episodes.ts';

/** Two days; episodes at 2–3, 6 and 9. */
const STRETCH = {
  //       0  1  2  3  4  5  6  7  8  9
  scores: [0, 4, 5, 9, 4, 3, 2, 1, 8, 0],
  labels: [0, 0, 1, 1, 0, 0, 1, 0, 0, 1],
  days: 2,
};

test('a run of labels is one episode with its highest score; alarms side by side count each', () => {
  const sums = tally([STRETCH, { ...STRETCH, labels: Array(10).fill(0) }]);
  assert.deepEqual(sums.episodes, [9, 2, 0]);
  assert.deepEqual(sums.outside, [9, 8, 8, 5, 4, 4, 4, 4, 3, 3, 2, 1, 1]);
  assert.equal(sums.days, 4);
});

test('episodes of two series that meet at their ends are two', () => {
  const one = { scores: [1, 5], labels: [0, 1], days: 1 };
  const two = { scores: [6, 1], labels: [1, 0], days: 1 };
  assert.deepEqual(tally([one, two]).episodes, [5, 6]);
});

test('recall, precision and false alarms a day at a threshold', () => {
  const { recall, precision, falsePerDay, found } = outcomeAt(tally([STRETCH]), 4);
  assert.equal(found, 1);
  assert.equal(recall, 1 / 3);
  assert.equal(precision, 1 / 4);
  assert.equal(falsePerDay, 1.5);
});

test('at so many false alarms a day the lowest threshold that keeps them is taken, ties left out', () => {
  const sums = tally([STRETCH]);
  // Of 8, 4, 4, 3, 1 two are allowed in two days; the second and third are alike.
  const one = outcomeWithin(sums, 1);
  assert.deepEqual([one.falseAlarms, one.threshold], [1, 8]);
  const two = outcomeWithin(sums, 1.5);
  assert.deepEqual([two.falseAlarms, two.found, two.threshold], [3, 1, 4]);
  const all = outcomeWithin(sums, 100);
  // A score of 0 is never an alarm: the last episode cannot be found.
  assert.deepEqual([all.falseAlarms, all.found], [5, 2]);
  assert.equal(outcomeWithin(tally([{ scores: [], labels: [], days: 0 }]), 1).threshold, Infinity);
});
