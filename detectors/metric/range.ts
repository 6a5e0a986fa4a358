/**
 * What a feature has been between so far: a value beyond it is a record. Both ends move to the mean so
 * slowly that a record of long ago can become one again.
 */
import { createMean, learnMean, type Mean } from './mean.ts';

export interface Range {
  low: number;
  high: number;
  readonly mean: Mean;
}

const MEAN_POINTS = 2000;

export function createRange(): Range {
  return {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
    mean: createMean(),
  };
}

/** How far x lies outside, in widths of the range; 0 inside. A range without a width counts as one wide. */
export function beyond(range: Range, x: number): number {
  if (range.mean.seen === 0) return 0;
  const outside = Math.max(x - range.high, range.low - x, 0);
  if (outside === 0) return 0;
  const width = range.high - range.low;
  return width === 0 ? 1 : outside / width;
}

/** `keep`: what is left of the distance to the mean after a point. */
export function learnRange(range: Range, x: number, keep: number): void {
  learnMean(range.mean, x, MEAN_POINTS);
  const { value } = range.mean;
  const first = range.mean.seen === 1;
  range.low = first ? x : Math.min(x, value + keep * (range.low - value));
  range.high = first ? x : Math.max(x, value + keep * (range.high - value));
}
