/** How often a series is measured: the median of its last gaps, so that a hole or a doubled row means little. */
export interface Interval {
  /** Ms, within bounds; 5 minutes until there are two different times. */
  ms: number;
  lastAt: number;
  readonly gaps: number[];
  /** Gaps seen. */
  count: number;
}

const UNKNOWN_MS = 300_000;
const LEAST_MS = 1000;
const MOST_MS = 86_400_000;
const GAPS = 15;

/** Lengths in points hold for this and for anything slower. */
const FAST_MS = UNKNOWN_MS;

export function createInterval(): Interval {
  return { ms: UNKNOWN_MS, lastAt: Number.NaN, gaps: [], count: 0 };
}

/** Gaps of 0 or less (repeated or out of order) say nothing. */
export function learnInterval(interval: Interval, atMs: number): void {
  const gap = atMs - interval.lastAt;
  interval.lastAt = atMs;
  if (!(gap > 0)) return;
  interval.gaps[interval.count % GAPS] = gap;
  interval.count++;
  // Later a change of pace is noticed within some points; sorting at each would cost more than the rest.
  if (interval.count > GAPS && interval.count % GAPS !== 0) return;
  const sorted = [...interval.gaps].sort((a, b) => a - b);
  interval.ms = Math.min(MOST_MS, Math.max(LEAST_MS, sorted[sorted.length >> 1]!));
}

/** How many times as many points a faster series has in the same time; 1 at five minutes or slower. */
export function density(intervalMs: number): number {
  return Math.max(1, FAST_MS / intervalMs);
}
