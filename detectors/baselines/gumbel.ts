/**
 * Block-maxima calibration: how bad is this key's usual worst hour? (algorithms.md §4, Gumbel calibration.)
 *
 * A statistic's hourly maxima follow a Gumbel law with location μ and scale β, learned per key. A score is
 * then −log10 of the probability that an hour of this key's normal life reaches the statistic. Two
 * floats of 16 bits, rounded by chance: an hour moves them by a 720th, less than half a step.
 */
import { finish, mix32 } from '../../core/hash.ts';
import type { ArrayField } from '../engine/layout.ts';

/** A narrower law would call ordinary wobble remarkable. */
const BETA_MIN = Math.LOG10E;

/** −log10 P(an hour reaches s) under Gumbel(μ, β); may be negative for ordinary values. */
export function gumbelScore(s: number, mu: number, beta: number): number {
  return (Math.LOG10E * (s - mu)) / Math.max(BETA_MIN, beta);
}

/**
 * Learns the maximum `x` of one finished hour at index i. `age` is the number of hours lived before it.
 * The hour is capped at μ + 6β so that an attack cannot teach; `weight` damps it further (0..1).
 */
export function learnMaximum(
  mu: ArrayField,
  beta: ArrayField,
  i: number,
  x: number,
  age: number,
  weight: number,
): void {
  const m = mu.get(i);
  const b = beta.get(i);
  const capped = Math.min(x, m + 6 * b);
  const w = Math.max(1 / (age + 48), 1 / 720) * weight;
  const learned = m + w * (capped - m);
  const chance = finish(mix32(i, age)) | 0;
  mu.dither(i, learned, chance);
  beta.dither(i, Math.max(0, b + w * (Math.abs(capped - learned) - b)), chance);
}

/** Learns the maximum of every index from `worst`, and empties that for the next hour. */
export function learnMaxima(
  mu: ArrayField,
  beta: ArrayField,
  worst: ArrayField,
  age: number,
  weight: number,
): void {
  for (let i = 0; i < worst.length; i++) {
    learnMaximum(mu, beta, i, worst.get(i), age, weight);
    worst.set(i, 0);
  }
}
