/**
 * How much more a key's counts vary than Poisson: variance = m + A·m + B·m², learned per key and scale.
 * A is batchiness, B the wobble of the rate itself (algorithms.md §4).
 *
 * Samples of u = ((n − m)² − m) / m are regressed on (1, m) by decayed weighted least squares, with a ridge
 * towards (0.5, 0.3) worth 30 samples. Sums live in `sums` at 5·scale: Sw, Swm, Swmm, Swu, Swmu.
 */
import type { ArrayField } from '../engine/layout.ts';

const RIDGE_SAMPLES = 30;
const PRIOR_A = 0.5;
const PRIOR_B = 0.3;
const B_MAX = 20;

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
 * Adds `repeats` equal samples (n, m), each decaying the sums by `forget` first, and solves again.
 * The squared residual is clipped at 16 variances + 4 so that one attack cannot widen the band for long.
 */
export function learnDispersion(
  state: DispersionState,
  scale: number,
  n: number,
  m: number,
  forget: number,
  repeats: number,
): void {
  if (!(m > 1e-6)) return;
  const { sums, ab } = state;
  const variance = m * (1 + ab.get(2 * scale) + ab.get(2 * scale + 1) * m);
  const residual = Math.min((n - m) * (n - m), 16 * variance + 4);
  const u = (residual - m) / m;
  const w = (m / variance) ** 2;
  const keep = repeats === 1 ? forget : forget ** repeats;
  const add = repeats === 1 ? w : (w * (1 - keep)) / (1 - forget);
  const at = 5 * scale;
  const sw = sums.get(at) * keep + add;
  const swm = sums.get(at + 1) * keep + add * m;
  const swmm = sums.get(at + 2) * keep + add * m * m;
  const swu = sums.get(at + 3) * keep + add * u;
  const swmu = sums.get(at + 4) * keep + add * m * u;
  sums.set(at, sw);
  sums.set(at + 1, swm);
  sums.set(at + 2, swmm);
  sums.set(at + 3, swu);
  sums.set(at + 4, swmu);
  solve(ab, scale, sw, swm, swmm, swu, swmu, RIDGE_SAMPLES * w, m);
}

function solve(
  ab: ArrayField,
  scale: number,
  sw: number,
  swm: number,
  swmm: number,
  swu: number,
  swmu: number,
  ridge: number,
  m: number,
): void {
  const a11 = sw + ridge;
  const a22 = swmm + ridge * m * m;
  const b1 = swu + ridge * PRIOR_A;
  const b2 = swmu + ridge * m * m * PRIOR_B;
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
