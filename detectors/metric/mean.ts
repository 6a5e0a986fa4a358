/** A mean that forgets: over all values while there are few, exponential over about `points` of them later. */
export interface Mean {
  value: number;
  /** Values learned so far. */
  seen: number;
}

export function createMean(): Mean {
  return { value: 0, seen: 0 };
}

export function learnMean(mean: Mean, x: number, points: number): void {
  mean.seen++;
  mean.value += Math.max(1 / mean.seen, 1 / points) * (x - mean.value);
}
