/**
 * −log10 of the chance of a deviation at least this large, in a series that is known only by its past.
 *
 * The chance is a rank among the past deviations, mixed with a law that holds for nearly any series (a
 * heavy tail), which counts as some days of points: a young series is judged by the law, an old one more
 * and more by its own habits, so that a series which leaps every day stops being news.
 */
export interface Surprise {
  /** Past deviations by size, eight bins an octave, relative to `unit`. */
  readonly bins: Float64Array;
  total: number;
  /** What a new point weighs: it grows instead of all the others fading. */
  unit: number;
}

const PER_OCTAVE = 8;
/** 2^±12.5 around 1; deviations are in units of the usual one. */
const BINS = 200;
const MIDDLE = BINS / 2;
const HALF_LIFE = 20_000;
const GROWTH = 2 ** (1 / HALF_LIFE);
const UNIT_MAX = 1e100;
/** Of the law: (1 + 1.3 z / 3)^−4 for a deviation of z times the usual one. */
const TAIL = 3;

export function createSurprise(): Surprise {
  return { bins: new Float64Array(BINS), total: 0, unit: 1 };
}

/** `lawPoints`: as how many points the law counts. 0 for no deviation. */
export function surpriseOf(surprise: Surprise, size: number, lawPoints: number): number {
  if (size === 0) return 0;
  const { bins, total, unit } = surprise;
  const bin = binOf(size);
  // The points of the same bin: half of them are larger.
  let larger = bins[bin]! / 2;
  for (let i = bin + 1; i < BINS; i++) larger += bins[i]!;
  const law = (1 + (1.3 / TAIL) * size) ** (-TAIL - 1);
  return -Math.log10((larger / unit + lawPoints * law) / (total / unit + lawPoints));
}

/** Points without a deviation count too: they are what makes the others rare. */
export function learnSurprise(surprise: Surprise, size: number): void {
  surprise.unit *= GROWTH;
  surprise.total += surprise.unit;
  if (size > 0) {
    const bin = binOf(size);
    surprise.bins[bin] = surprise.bins[bin]! + surprise.unit;
  }
  if (surprise.unit < UNIT_MAX) return;
  for (let i = 0; i < BINS; i++) surprise.bins[i] = surprise.bins[i]! / surprise.unit;
  surprise.total /= surprise.unit;
  surprise.unit = 1;
}

function binOf(size: number): number {
  return Math.min(BINS - 1, Math.max(0, MIDDLE + Math.floor(PER_OCTAVE * Math.log2(size))));
}
