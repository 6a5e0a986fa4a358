/** Exponential decay by half-life over whole seconds. */
export interface Decay {
  readonly halfLifeSeconds: number;
  /** Half-life / ln 2: the weight of an endless stretch, in seconds. */
  readonly tau: number;
  /** 2^(−seconds / halfLife); seconds ≥ 0. */
  over(seconds: number): number;
}

const LOW_BITS = 9;
const LOW_MASK = (1 << LOW_BITS) - 1;
/** Longer spans are computed; at the half-lives used here they are rare. */
const SPAN_MAX = 1 << (2 * LOW_BITS);

/** Two tables of 512, for the low and the high bits of the span: a product instead of a power. */
export function createDecay(halfLifeSeconds: number): Decay {
  const low = new Float64Array(1 << LOW_BITS);
  const high = new Float64Array(1 << LOW_BITS);
  for (let i = 0; i < low.length; i++) {
    low[i] = 2 ** (-i / halfLifeSeconds);
    high[i] = 2 ** (-(i << LOW_BITS) / halfLifeSeconds);
  }
  return Object.freeze({
    halfLifeSeconds,
    tau: halfLifeSeconds / Math.LN2,
    over: (seconds: number): number =>
      seconds < SPAN_MAX
        ? low[seconds & LOW_MASK]! * high[seconds >> LOW_BITS]!
        : 2 ** (-seconds / halfLifeSeconds),
  });
}
