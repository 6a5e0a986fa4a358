/**
 * Tail exponents: −log10 of the probability of a count or share at least as extreme, by Chernoff bounds.
 * Closed forms, no tables, no allocation. All answers are ≥ 0 and finite for finite input.
 */

const LN10 = Math.LN10;

/**
 * Negative binomial with mean `m` and size `r` (variance m + m²/r): exponent of seeing `n`.
 * Upper tail for n > m, lower tail for n < m, 0 at n = m. Poisson is the limit r → ∞.
 * G(n; m, r) = n·ln(n/m) − (n+r)·ln((n+r)/(m+r)); Chernoff, so a bound from above on the probability.
 */
export function negativeBinomialTail(n: number, m: number, r: number): number {
  if (!(m > 0) || !(r > 0)) return 0;
  if (n <= 0) return (r * Math.log(1 + m / r)) / LN10;
  const g = n * Math.log(n / m) - (n + r) * Math.log((n + r) / (m + r));
  return g > 0 ? g / LN10 : 0;
}

/** Kullback–Leibler divergence of Bernoulli(observed) from Bernoulli(expected), in nats. */
export function bernoulliDivergence(observed: number, expected: number): number {
  let d = 0;
  if (observed > 0) d += observed * Math.log(observed / expected);
  if (observed < 1) d += (1 - observed) * Math.log((1 - observed) / (1 - expected));
  return Math.max(d, 0);
}

const LOG10_ROOT_TWO_PI = 0.5 * Math.log10(2 * Math.PI);

/**
 * −log10 of the upper tail of the standard normal, by Sampford's bound (2 % too much at z = 1, less beyond);
 * 0 for z ≤ 0.
 */
export function normalTail(z: number): number {
  if (!(z > 0)) return 0;
  const mills = 4 / (3 * z + Math.sqrt(z * z + 8));
  return (z * z) / (2 * LN10) + LOG10_ROOT_TWO_PI - Math.log10(mills);
}

const SHAPE_MAX = 0.4;

/**
 * −log10 of the tail of a generalised Pareto law at `x` > 0, given its mean and its shape ξ (fitted by moments:
 * ½(1 − mean²/variance)), which is clipped to 0..0.4; 0 is the exponential law.
 */
export function paretoTail(x: number, mean: number, shape: number): number {
  const xi = Math.min(SHAPE_MAX, Math.max(0, shape));
  const scaled = x / (mean * (1 - xi));
  return xi < 1e-3 ? scaled / LN10 : Math.log10(1 + xi * scaled) / xi;
}

/**
 * A score that counts in full up to `from`, beyond it less and less, and never more than `most`: where a tail is a
 * guess so far out, or something else explains it as well. `decades`: beyond `from`, for two thirds of the way.
 */
export function softened(score: number, from: number, most: number, decades: number): number {
  if (score <= from) return score;
  return from + (most - from) * (1 - Math.exp((from - score) / decades));
}
