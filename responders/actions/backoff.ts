/** When to try again. */

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Doubles with each failure; between half and all of it, so that what failed together does not come together. */
export function backoffMs(
  { baseMs, maxMs }: Backoff,
  failures: number,
  random: () => number,
): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random();
}
