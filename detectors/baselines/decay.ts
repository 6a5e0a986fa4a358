/** Exponential decay by half-life over whole seconds; the first 512 steps come from a table. */
export interface Decay {
  readonly halfLifeSeconds: number;
  /** Half-life / ln 2: the weight of an endless stretch, in seconds. */
  readonly tau: number;
  /** 2^(−seconds / halfLife); seconds ≥ 0. */
  over(seconds: number): number;
}

const TABLE_LENGTH = 512;

export function createDecay(halfLifeSeconds: number): Decay {
  const table = new Float64Array(TABLE_LENGTH);
  for (let i = 0; i < TABLE_LENGTH; i++) table[i] = 2 ** (-i / halfLifeSeconds);
  return Object.freeze({
    halfLifeSeconds,
    tau: halfLifeSeconds / Math.LN2,
    over: (seconds: number): number =>
      seconds < TABLE_LENGTH ? table[seconds]! : 2 ** (-seconds / halfLifeSeconds),
  });
}
