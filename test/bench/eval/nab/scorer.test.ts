/** By hand; beside it the scorer gave the published finals of 15 detectors (docs/detection.md). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bestThreshold,
  judge,
  normalised,
  type Profile,
  probation,
  type ScoredFile,
  scaledSigmoid,
  scoreAt,
} from '../../../../bench/eval/nab/scorer.ts';

const STANDARD: Profile = { name: 'standard', tpWeight: 1, fnWeight: 1, fpWeight: 0.11 };
const LOW_MISSES: Profile = { ...STANDARD, name: 'reward_low_FN_rate', fnWeight: 2 };

/** 100 rows a second apart; rows 0..14 are probation; a window from 50 to 59. */
function file(alarms: Readonly<Record<number, number>>, windows = [[50, 59]]): ScoredFile {
  return {
    name: 'a/b.csv',
    times: Array.from({ length: 100 }, (_, i) => i * 1000),
    scores: Array.from({ length: 100 }, (_, i) => alarms[i] ?? 0),
    windows: windows.map(([from, to]) => [from! * 1000, to! * 1000] as const),
  };
}
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual}, expected ${expected}`);
}

test('the sigmoid has the values of the paper', () => {
  near(scaledSigmoid(-1), 0.9866142981514305);
  near(scaledSigmoid(-0.5), 0.8482836399575129);
  near(scaledSigmoid(0), 0);
  near(scaledSigmoid(1), -0.9866142981514305);
  assert.equal(scaledSigmoid(3.001), -1);
});

test('15 % are not judged, at most 750 rows', () => {
  assert.deepEqual([100, 5000, 22_695].map(probation), [15, 750, 750]);
  const judged = judge(file({ 3: 9 }));
  assert.equal(judged.scores.length, 85);
  near(scoreAt([judged], STANDARD, 1), -1);
});

test('the first row of a window earns 1, later ones less, and only the best alarm counts', () => {
  near(scoreAt([judge(file({ 50: 5 }))], STANDARD, 5), 1);
  const middle = scaledSigmoid(-0.5) / scaledSigmoid(-1);
  near(scoreAt([judge(file({ 55: 5 }))], STANDARD, 5), middle);
  near(scoreAt([judge(file({ 55: 5, 57: 5, 59: 5 }))], STANDARD, 5), middle);
});

test('a false alarm costs all before any window and far behind one, little right behind it', () => {
  near(scoreAt([judge(file({ 20: 5, 50: 5 }))], STANDARD, 5), 1 - 0.11);
  // One row behind a window of ten: position 1/9.
  near(scoreAt([judge(file({ 50: 5, 60: 5 }))], STANDARD, 5), 1 + 0.11 * scaledSigmoid(1 / 9));
  near(scoreAt([judge(file({ 50: 5, 90: 5 }))], STANDARD, 5), 1 - 0.11);
});

test('a missed window costs what its profile says', () => {
  near(scoreAt([judge(file({}))], STANDARD, 1), -1);
  near(scoreAt([judge(file({}))], LOW_MISSES, 1), -2);
});

test('the sweep finds the threshold that is best over all files', () => {
  const files = [
    judge(file({ 50: 7, 20: 3 })),
    judge(file({ 50: 5, 30: 4 })),
    judge(
      file({ 16: 6, 50: 1, 80: 2 }, [
        [50, 59],
        [80, 89],
      ]),
    ),
  ];
  // At 5: two windows found, one false alarm, two missed. At 2 one more of each.
  const best = bestThreshold(files, STANDARD);
  assert.equal(best.threshold, 1);
  near(best.score, 4 - 3 * 0.11);
  near(best.score, scoreAt(files, STANDARD, 1));
  for (const threshold of [7, 6, 5, 4, 3, 2]) {
    assert.ok(scoreAt(files, STANDARD, threshold) < best.score);
  }
  const silent = bestThreshold([judge(file({ 20: 3 }))], STANDARD);
  assert.equal(silent.threshold, Number.POSITIVE_INFINITY);
});

test('nothing has 0, a perfect detector 100', () => {
  const perfect = [judge(file({ 50: 5 }))];
  near(normalised(scoreAt(perfect, LOW_MISSES, 5), 1, LOW_MISSES), 100);
  near(normalised(scoreAt(perfect, LOW_MISSES, 6), 1, LOW_MISSES), 0);
});

test('a window that ends at a time which the file lacks is an error, not a silent miss', () => {
  assert.throws(() => judge(file({}, [[50, 200]])), /a\/b\.csv: a window ends/);
});
