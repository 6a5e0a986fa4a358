/** A mean that forgets: over all points while there are few, exponential over about `points` of them later. */
export interface Mean {
  value: number;
  seen: number;
  readonly points: number;
}

export function createMean(points: number): Mean {
  return { value: 0, seen: 0, points };
}

export function learnMean(mean: Mean, x: number): void {
  mean.seen = Math.min(mean.seen + 1, mean.points);
  mean.value += (x - mean.value) / mean.seen;
}
