/**
 * How rare is a deviation of this size? A histogram of the past sizes, four bins an octave, one for each
 * sign, forgets with a half-life of 2,000 points; a deviation's rank is the number of past ones at least as
 * large. A rank carries over from one series to another where a probability from few points would not.
 */

export interface Rarity {
  /** Weights relative to `unit`; above and below zero. */
  readonly above: Float64Array;
  readonly below: Float64Array;
  /** What a new point weighs: it grows instead of all the others fading. */
  unit: number;
}

const PER_OCTAVE = 4;
/** 2^±25 around 1: beyond it all sizes are alike. */
const BINS = 200;
const MIDDLE = BINS / 2;
const GROWTH = 2 ** (1 / 2000);
const UNIT_MAX = 1e100;
/** A bin of less weight is empty: its points are ten half-lives old. */
const WEIGHT_LEAST = 1e-3;
const RECORD_BONUS_MAX = 4;
/** Half a point: the rank of a record. */
const RECORD_RANK = 0.5;

export function createRarity(): Rarity {
  return { above: new Float64Array(BINS), below: new Float64Array(BINS), unit: 1 };
}

function binOf(size: number): number {
  const bin = MIDDLE + Math.floor(PER_OCTAVE * Math.log2(size));
  return Math.min(BINS - 1, Math.max(0, bin));
}

/** 3 − log10 of the rank; a record gets up to 4 more, by how far it exceeds the last one. Any sign of size 0. */
export function rarityOf(rarity: Rarity, deviation: number): number {
  const side = deviation < 0 ? rarity.below : rarity.above;
  const size = Math.abs(deviation);
  const bin = binOf(size);
  let rank = 0;
  let top = -1;
  for (let i = BINS - 1; i >= 0; i--) {
    const weight = side[i]! / rarity.unit;
    if (top < 0 && weight > WEIGHT_LEAST) top = i;
    if (i >= bin) rank += weight;
    else if (top >= 0) break;
  }
  const rare = 3 - Math.log10(rank + RECORD_RANK);
  if (rank >= RECORD_RANK || top < 0) return rare;
  const edge = 2 ** ((top + 1 - MIDDLE) / PER_OCTAVE);
  return rare + Math.min(RECORD_BONUS_MAX, Math.max(0, 2 * Math.log10(size / edge)));
}

export function learnRarity(rarity: Rarity, deviation: number): void {
  const side = deviation < 0 ? rarity.below : rarity.above;
  const bin = binOf(Math.abs(deviation));
  side[bin] = side[bin]! + rarity.unit;
  rarity.unit *= GROWTH;
  if (rarity.unit < UNIT_MAX) return;
  for (const all of [rarity.above, rarity.below]) {
    for (let i = 0; i < BINS; i++) all[i] = all[i]! / rarity.unit;
  }
  rarity.unit = 1;
}
