/**
 * How much more a key's counts vary than Poisson: variance = m + A·m + B·m², learned per key and scale.
 * A is batchiness, B the wobble of the rate itself (algorithms.md §4).
 *
 * Samples of u = ((n − m)² − m) / m are regressed on (1, m) by decayed weighted least squares, with a ridge
 * towards a prior. Sums live in `sums` at 5·scale: Sw, Swm, Swmm, Swu, Swmu.
 *
 * Two departures from the reference, both for slow keys, whose samples are nearly all empty: a sample weighs
 * what it tells (for small m about m, or thousands of empty samples would wash the prior out and call the
 * first batch impossible), and the clip leaves room for a batch.
 */
import type { ArrayField } from '../engine/layout.ts';
import type { Decay } from './decay.ts';

/** Periods of the samples, seconds: coprime with minutes and hours, or cron would never be seen. */
const SAMPLE_PERIODS = [11, 67, 607, 7207] as const;
const HALF_LIFE = 7 * 86_400;
const FORGET = SAMPLE_PERIODS.map((period) => 2 ** (-period / HALF_LIFE));

/**
 * Weight of the prior in samples that tell everything at the count they were taken at. A fixed weight would be
 * thousands of samples where the count is large: a busy key would never learn how little it varies over an hour.
 */
const RIDGE_SAMPLES = 40;
const PRIOR_A = 1;
const PRIOR_B = 0.3;
const B_MAX = 20;
/** The squared residual is clipped at 16 variances + this, so that an attack cannot widen the band for long. */
const CLIP = 40;

export interface DispersionState {
  readonly sums: ArrayField;
  /** A at 2·scale, B at 2·scale + 1. */
  readonly ab: ArrayField;
}

export function initDispersion(state: DispersionState, scales: number): void {
  state.sums.fill(0);
  for (let k = 0; k < scales; k++) {
    state.ab.set(2 * k, PRIOR_A);
    state.ab.set(2 * k + 1, PRIOR_B);
  }
}

/**
 * Starts a scale with what peers vary: A and B out of `peers`, worth as many samples as the ridge at a count of `m`,
 * and forgotten like them.
 */
export function seedDispersion(
  state: DispersionState,
  scale: number,
  peers: readonly number[],
  m: number,
): void {
  const { sums, ab } = state;
  const a = peers[2 * scale]!;
  const b = peers[2 * scale + 1]!;
  ab.set(2 * scale, a);
  ab.set(2 * scale + 1, b);
  const at = 5 * scale;
  // Two counts, as one alone cannot tell A from B.
  for (const count of [m / 2, 2 * m]) {
    const factor = 1 + a + b * count;
    const w = RIDGE_SAMPLES / (2 * factor * factor);
    const u = a + b * count;
    sums.set(at, sums.get(at) + w);
    sums.set(at + 1, sums.get(at + 1) + w * count);
    sums.set(at + 2, sums.get(at + 2) + w * count * count);
    sums.set(at + 3, sums.get(at + 3) + w * u);
    sums.set(at + 4, sums.get(at + 4) + w * count * u);
  }
}

/**
 * Adds `repeats` equal samples (n, m), each decaying the sums by `forget` first. Call solveDispersion after
 * the last one.
 */
export function addDispersion(
  state: DispersionState,
  scale: number,
  n: number,
  m: number,
  forget: number,
  repeats: number,
): void {
  if (!(m > 1e-6)) return;
  const { sums, ab } = state;
  const a = ab.get(2 * scale);
  const b = ab.get(2 * scale + 1);
  const factor = 1 + a + b * m;
  const residual = Math.min((n - m) * (n - m), 16 * m * factor + CLIP);
  const u = (residual - m) / m;
  const w = m / (m * factor * factor + 1 + a);
  const keep = repeats === 1 ? forget : forget ** repeats;
  const add = repeats === 1 ? w : (w * (1 - keep)) / (1 - forget);
  const at = 5 * scale;
  sums.set(at, sums.get(at) * keep + add);
  sums.set(at + 1, sums.get(at + 1) * keep + add * m);
  sums.set(at + 2, sums.get(at + 2) * keep + add * m * m);
  sums.set(at + 3, sums.get(at + 3) * keep + add * u);
  sums.set(at + 4, sums.get(at + 4) * keep + add * m * u);
}

/** Solves for A and B of a scale; the ridge stands at the count `m` of the last sample. */
export function solveDispersion(state: DispersionState, scale: number, m: number): void {
  const { sums, ab } = state;
  const at = 5 * scale;
  const swm = sums.get(at + 1);
  const factor = 1 + PRIOR_A + PRIOR_B * m;
  const ridge = RIDGE_SAMPLES / (factor * factor);
  const a11 = sums.get(at) + ridge;
  const a22 = sums.get(at + 2) + ridge * m * m;
  const b1 = sums.get(at + 3) + ridge * PRIOR_A;
  const b2 = sums.get(at + 4) + ridge * m * m * PRIOR_B;
  const determinant = a11 * a22 - swm * swm;
  let a = 0;
  let b = 0;
  if (determinant > 1e-12 * a11 * a22) {
    a = (b1 * a22 - swm * b2) / determinant;
    b = (a11 * b2 - swm * b1) / determinant;
  }
  if (!(a >= 0)) {
    a = 0;
    b = b2 / a22;
  } else if (!(b >= 0)) {
    b = 0;
    a = Math.max(0, b1 / a11);
  }
  ab.set(2 * scale, a);
  ab.set(2 * scale + 1, Math.min(B_MAX, Math.max(0, b)));
}

/**
 * Takes the samples of a scale whose instants lie in (from, to], where nothing came after `from`: `y` and `m` are
 * the counters at `from`, `lambda` the expected rate since.
 */
export function sampleDispersion(
  state: DispersionState,
  k: number,
  from: number,
  to: number,
  y: number,
  m: number,
  lambda: number,
  decay: Decay,
): void {
  const period = SAMPLE_PERIODS[k]!;
  const first = Math.floor(from / period) + 1;
  const last = Math.floor(to / period);
  if (last < first) return;
  let d = decay.over(first * period - from);
  let expected = m * d + lambda * decay.tau * (1 - d);
  addDispersion(state, k, 2 * y * d, 2 * expected, FORGET[k]!, 1);
  if (last > first) {
    // What is left of the last event is little by now: the silent rest is one sample, many times.
    d = decay.over(last * period - from);
    expected = m * d + lambda * decay.tau * (1 - d);
    addDispersion(state, k, 2 * y * d, 2 * expected, FORGET[k]!, last - first);
  }
  solveDispersion(state, k, 2 * expected);
}
