/**
 * Values that the series has never had: the M2 detector of the NAB experiment (algorithms.md §2), with
 * levels beside single values, in place of its rank branch, which added nothing to them.
 *
 * Five features are kept between a low and a high: the value; the value against the level of the last
 * twenty points; the value against what is usual at this hour of the week; that level against the
 * long-run one; and the level of what deviates from the usual of the hour. The feature that lies farthest
 * beyond its range, in widths of it, makes the score: 3 at 5 % beyond, one more for each factor of ten.
 * After a record only a larger one is told, until that fades (half-life 100 points).
 *
 * A young series has records all the time: the score is lower by the logarithm of what is missing of a
 * week, or of 300 points. Lengths are in points of five minutes or slower; a faster series has more of them.
 */
import { density } from './interval.ts';
import { createMean, learnMean, type Mean } from './mean.ts';
import { beyond, createRange, learnRange, type Range } from './range.ts';

export interface Records {
  seen: number;
  firstAt: number;
  readonly level: Mean;
  readonly long: Mean;
  readonly unusual: Mean;
  /** Offset from the long-run level, by hour of the week (UTC). */
  readonly hours: readonly Mean[];
  readonly ranges: readonly Range[];
  told: number;
}

const FEATURES = 5;
export const HOURS_OF_WEEK = 168;
const LEVEL_POINTS = 20;
const LONG_POINTS = 2000;
const HOUR_POINTS = 300;
/** An hour of the week counts half after so many points. */
const HOUR_HALF = 5;
const RANGE_HALF_LIFE = 10_000;
const TOLD_HALF_LIFE = 100;
const YOUNG = 100;
const WEEK_MS = 7 * 86_400_000;
const MATURE_POINTS = 300;
const TOLERANCE = 0.05;
/** A record is larger than the one told when it lies about a quarter farther. */
const FARTHER = 0.1;

export function createRecords(): Records {
  return {
    seen: 0,
    firstAt: Number.NaN,
    level: createMean(),
    long: createMean(),
    unusual: createMean(),
    hours: Array.from({ length: HOURS_OF_WEEK }, createMean),
    ranges: Array.from({ length: FEATURES }, createRange),
    told: 0,
  };
}

/** Scores, then learns. `hour` of the week 0..167. Negative infinity: no record, or a lesser one than before. */
export function scoreRecord(
  records: Records,
  atMs: number,
  value: number,
  hour: number,
  intervalMs: number,
): number {
  if (records.seen === 0) records.firstAt = atMs;
  const more = density(intervalMs);
  const offset = records.hours[hour]!;
  const usual = records.long.value + (offset.seen / (offset.seen + HOUR_HALF)) * offset.value;
  const features = [
    value,
    value - records.level.value,
    value - usual,
    records.level.value - records.long.value,
    records.unusual.value,
  ];
  const farthest = Math.max(...features.map((x, i) => beyond(records.ranges[i]!, x)));
  const score = records.seen >= YOUNG ? 3 + Math.log10(farthest / TOLERANCE) : 0;
  const keep = 2 ** (-1 / (RANGE_HALF_LIFE * more));
  features.forEach((x, i) => {
    // Until there are levels, only the value itself is a feature.
    if (records.seen > 1 || (records.seen === 0 && i === 0))
      learnRange(records.ranges[i]!, x, keep);
  });
  if (records.seen > 0) learnMean(records.unusual, value - usual, LEVEL_POINTS * more);
  learnMean(records.level, value, LEVEL_POINTS * more);
  learnMean(records.long, value, LONG_POINTS * more);
  // After the level: before its first value it is 0, and the offset would be all of the value.
  learnMean(offset, value - records.long.value, HOUR_POINTS);
  records.seen++;
  return told(records, score, more) - immaturity(records, atMs);
}

function told(records: Records, score: number, more: number): number {
  records.told *= 2 ** (-1 / (TOLD_HALF_LIFE * more));
  if (score <= records.told + FARTHER) return Number.NEGATIVE_INFINITY;
  records.told = score;
  return score;
}

function immaturity(records: Records, atMs: number): number {
  const ageMs = Math.max(1, atMs - records.firstAt);
  return Math.log10(Math.max(1, WEEK_MS / ageMs, MATURE_POINTS / records.seen));
}
