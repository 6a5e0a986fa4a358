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
