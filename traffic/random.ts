/**
 * Random numbers of the traffic model: sfc32, so that equal seeds give equal bytes on every machine.
 *
 * A state is four words of a Uint32Array at an offset, so that a million streams are one array. Streams are
 * seeded by hashing what they are for (seed, key, hour), which makes any hour of any key reachable at once.
 */
import { finish, mix32 } from '../core/hash.ts';

export const STATE_WORDS = 4;
const ROUNDS_TO_MIX = 8;
const TWO_32 = 2 ** 32;

/** Seeds the four words at `o` from up to four numbers. */
export function seedState(s: Uint32Array, o: number, a: number, b = 0, c = 0, d = 0): void {
  const h = mix32(mix32(mix32(mix32(0x6b657968, a), b), c), d);
  s[o] = finish(h);
  s[o + 1] = finish(mix32(h, 0x6f756e64));
  s[o + 2] = finish(mix32(h, 0x74726166));
  s[o + 3] = 1;
  for (let i = 0; i < ROUNDS_TO_MIX; i++) nextWord(s, o);
}

/** The next unsigned 32-bit word. */
export function nextWord(s: Uint32Array, o: number): number {
  const b = s[o + 1]!;
  const c = s[o + 2]!;
  const d = s[o + 3]!;
  const word = (s[o]! + b + d) | 0;
  s[o + 3] = d + 1;
  s[o] = b ^ (b >>> 9);
  s[o + 1] = c + (c << 3);
  s[o + 2] = ((c << 21) | (c >>> 11)) + word;
  return word >>> 0;
}

/** Uniform in (0, 1): never 0, never 1. */
export function nextUnit(s: Uint32Array, o: number): number {
  return (nextWord(s, o) + 0.5) / TWO_32;
}

/** Exponential with mean 1. */
export function nextExponential(s: Uint32Array, o: number): number {
  return -Math.log(nextUnit(s, o));
}

/** Geometric on 1, 2, 3 … with the given mean, at least 1. */
export function nextGeometric(s: Uint32Array, o: number, mean: number): number {
  return 1 + Math.floor(Math.log(nextUnit(s, o)) / Math.log(1 - 1 / mean));
}

const NORMAL_BITS = 12;
const NORMAL = normalQuantiles(1 << NORMAL_BITS);

/** Standard normal out of a table of 4,096 quantiles, so within ±3.7. */
export function normalOf(word: number): number {
  return NORMAL[word >>> (32 - NORMAL_BITS)]!;
}

export function nextNormal(s: Uint32Array, o: number): number {
  return normalOf(nextWord(s, o));
}

/** Table of a lognormal with mean 1 and the given sigma, one entry for each quantile. */
export function lognormalTable(sigma: number, entries: number): Float64Array {
  const table = normalQuantiles(entries);
  let sum = 0;
  for (let i = 0; i < entries; i++) {
    table[i] = Math.exp(sigma * table[i]!);
    sum += table[i]!;
  }
  for (let i = 0; i < entries; i++) table[i] = (table[i]! * entries) / sum;
  return table;
}

function normalQuantiles(entries: number): Float64Array {
  const table = new Float64Array(entries);
  let z = -6;
  for (let i = 0; i < entries; i++) {
    const p = (i + 0.5) / entries;
    z = normalQuantile(p, z);
    table[i] = z;
  }
  return table;
}

/** Bisection on the distribution function from a known lower bound; the tables are made once. */
function normalQuantile(p: number, lower: number): number {
  let low = lower;
  let high = 6;
  for (let i = 0; i < 48; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Abramowitz and Stegun 26.2.17, error below 7.5e-8. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const upper = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return z >= 0 ? 1 - upper : upper;
}

/** A stream of its own, for planning: not for the hot path. */
export interface Random {
  word(): number;
  unit(): number;
  normal(): number;
  exponential(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Whole number in [0, count). */
  below(count: number): number;
  pick<T>(items: readonly T[]): T;
  /** Index of an item drawn by weight. */
  weighted(weights: readonly number[]): number;
  chance(probability: number): boolean;
}

export function createRandom(a: number, b = 0, c = 0, d = 0): Random {
  const s = new Uint32Array(STATE_WORDS);
  seedState(s, 0, a, b, c, d);
  const unit = () => nextUnit(s, 0);
  const below = (count: number) => Math.floor(unit() * count);
  return {
    word: () => nextWord(s, 0),
    unit,
    normal: () => nextNormal(s, 0),
    exponential: () => nextExponential(s, 0),
    between: (low, high) => low + (high - low) * unit(),
    below,
    pick: (items) => items[below(items.length)]!,
    weighted: (weights) => drawWeighted(weights, unit()),
    chance: (probability) => unit() < probability,
  };
}

function drawWeighted(weights: readonly number[], unit: number): number {
  let total = 0;
  for (const weight of weights) total += weight;
  let left = unit * total;
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i]!;
    if (left < 0) return i;
  }
  return weights.length - 1;
}
