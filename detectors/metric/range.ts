/**
 * What a feature has been between so far: a value beyond it is a record. Both ends move to the mean so
 * slowly (half-life 20,000 points) that a record of long ago can become one again.
 */
import { createMean, learnMean, type Mean } from './mean.ts';

export interface Range {
  low: number;
  high: number;
  readonly mean: Mean;
}

const HALF_LIFE = 20_000;
const KEEP = 2 ** (-1 / HALF_LIFE);
const MEAN_POINTS = 2000;

export function createRange(): Range {
  return {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
    mean: createMean(MEAN_POINTS),
  };
}

/** How far x lies outside, in widths of the range; 0 inside. A range without a width counts as one wide. */
export function beyond(range: Range, x: number): number {
  if (range.mean.seen === 0) return 0;
  const outside = Math.max(x - range.high, range.low - x, 0);
  const width = range.high - range.low;
  return outside === 0 || width === 0 ? Math.sign(outside) : outside / width;
}

export function learnRange(range: Range, x: number): void {
  learnMean(range.mean, x);
  const { value } = range.mean;
  range.low = Math.min(x, value + KEEP * (range.low - value));
  range.high = Math.max(x, value + KEEP * (range.high - value));
}
