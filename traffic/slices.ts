/**
 * When the requests of one key in one hour happen. An hour is made alone, from the seed, the key and the
 * hour: so the merged stream, one key's stream and a stream that starts in the middle agree.
 *
 * Times are an inhomogeneous Poisson process: the hazard is constant within a minute, and an exponential
 * draw is used up along it. Bursty keys draw batches that way, and each batch its requests.
 */
import type { Burst, KeyProfile, Shift } from './contract.ts';
import { nextExponential, nextGeometric, STATE_WORDS, seedState } from './random.ts';
import {
  BATCH_MEAN,
  baseRate,
  CRON_FACTOR,
  CRON_MS,
  DAY_MS,
  HOUR_MS,
  isBatched,
  isNoisy,
  minuteNoise,
  officeRate,
  slowFactor,
  slowRate,
  smoothRate,
  stepFactor,
} from './rhythm.ts';

const MINUTE_MS = 60_000;
/** Mean gap between the requests of a batch. */
const BATCH_GAP_MS = 250;
/** A request's time in its hour times this, plus its number, orders requests by time and then number. */
const ORDER = 2 ** 26;

/** Requests of an hour: `source` 0 is normal life, i + 1 the key's burst i. */
export interface Slice {
  count: number;
  /** Packed time and number; sorted by `sortSlice`. */
  order: Float64Array;
  keyOf: Int32Array;
  sourceOf: Uint8Array;
  /** How many requests of the same burst came before; undefined for normal life. */
  ordinalOf: Uint32Array;
}

export function createSlice(): Slice {
  return {
    count: 0,
    order: new Float64Array(1024),
    keyOf: new Int32Array(1024),
    sourceOf: new Uint8Array(1024),
    ordinalOf: new Uint32Array(1024),
  };
}

/** Time within the hour, ms. */
export function timeOf(slice: Slice, i: number): number {
  return Math.floor(slice.order[i]! / ORDER);
}
/** Number of the request, an index of keyOf and sourceOf. */
export function numberOf(slice: Slice, i: number): number {
  return slice.order[i]! % ORDER;
}

export function sortSlice(slice: Slice): void {
  slice.order.subarray(0, slice.count).sort();
}

const state = new Uint32Array(STATE_WORDS);

/** Adds the requests of one key between hourAt and hourAt + 1 h. */
export function fillSlice(
  slice: Slice,
  key: KeyProfile,
  shifts: readonly Shift[],
  bursts: readonly Burst[],
  seed: number,
  hourAt: number,
): void {
  const hour = Math.floor(hourAt / HOUR_MS);
  seedState(state, 0, seed, key.index, hour, 0x74696d65);
  const begin = slice.count;
  const batch = isBatched(key.class) ? BATCH_MEAN : 1;
  if (key.class === 'office') fillOffice(slice, key, shifts, hourAt);
  else fillNormal(slice, key, shifts, hourAt, batch);
  if (key.class === 'cron') {
    const from = key.rhythm.cronMinute * MINUTE_MS;
    const factor = slowFactor(key, shifts, hourAt) * stepFactor(shifts, hourAt + from);
    const rate = CRON_FACTOR * baseRate(key) * factor;
    walk(slice, key.index, 0, from, from + CRON_MS, rate, batch, nextExponential(state, 0));
  }
  for (const shift of shifts) if (isGap(shift)) silence(slice, begin, hourAt, shift);
  for (let i = 0; i < bursts.length; i++) {
    const first = slice.count;
    fillBurst(slice, key, shifts, bursts[i]!, i, seed, hourAt);
    number(slice, first, bursts[i]!, hourAt);
  }
}

function fillNormal(
  slice: Slice,
  key: KeyProfile,
  shifts: readonly Shift[],
  hourAt: number,
  batch: number,
): void {
  const first = smoothRate(key, shifts, hourAt);
  const slope = (smoothRate(key, shifts, hourAt + HOUR_MS) - first) / 60;
  const noisy = isNoisy(key.class);
  const salt = key.rhythm.salt;
  let left = nextExponential(state, 0);
  for (let minute = 0; minute < 60; minute++) {
    const from = minute * MINUTE_MS;
    let rate = (first + slope * (minute + 0.5)) * stepFactor(shifts, hourAt + from);
    if (noisy) rate *= minuteNoise(salt, hourAt + from);
    left = walk(slice, key.index, 0, from, from + MINUTE_MS, rate, batch, left);
  }
}

/** Office hours begin and end sharply, at any minute of the UTC hour: zones of half hours exist. */
function fillOffice(slice: Slice, key: KeyProfile, shifts: readonly Shift[], hourAt: number): void {
  const slow = slowFactor(key, shifts, hourAt + HOUR_MS / 2);
  let left = nextExponential(state, 0);
  for (let minute = 0; minute < 60; minute++) {
    const from = minute * MINUTE_MS;
    const noise =
      slow * stepFactor(shifts, hourAt + from) * minuteNoise(key.rhythm.salt, hourAt + from);
    const rate = officeRate(key, hourAt + from) * noise;
    left = walk(slice, key.index, 0, from, from + MINUTE_MS, rate, 1, left);
  }
}

/** Uses up `left` of hazard along [from, to) at a constant rate per ms; answers what is left of it. */
function walk(
  slice: Slice,
  key: number,
  source: number,
  from: number,
  to: number,
  rate: number,
  batch: number,
  left: number,
): number {
  const hazard = rate / batch;
  let at = from;
  let rest = left;
  while (rest <= hazard * (to - at)) {
    at += rest / hazard;
    if (batch === 1) push(slice, key, source, at);
    else pushBatch(slice, key, source, at);
    rest = nextExponential(state, 0);
  }
  return rest - hazard * (to - at);
}

/** A batch that would run into the next hour is folded back: hours stay independent. */
function pushBatch(slice: Slice, key: number, source: number, at: number): void {
  const size = nextGeometric(state, 0, BATCH_MEAN);
  let time = at;
  for (let i = 0; i < size; i++) {
    push(slice, key, source, time < HOUR_MS ? time : Math.max(0, 2 * HOUR_MS - 1 - time));
    time += nextExponential(state, 0) * BATCH_GAP_MS;
  }
}

function push(slice: Slice, key: number, source: number, at: number): void {
  const i = slice.count;
  if (i === slice.keyOf.length) grow(slice);
  slice.order[i] = Math.floor(at) * ORDER + i;
  slice.keyOf[i] = key;
  slice.sourceOf[i] = source;
  slice.count = i + 1;
}

function grow(slice: Slice): void {
  const size = slice.keyOf.length * 2;
  if (size > ORDER) throw new RangeError('more than 67 million requests in one hour');
  const order = new Float64Array(size);
  order.set(slice.order);
  slice.order = order;
  const keyOf = new Int32Array(size);
  keyOf.set(slice.keyOf);
  slice.keyOf = keyOf;
  const sourceOf = new Uint8Array(size);
  sourceOf.set(slice.sourceOf);
  slice.sourceOf = sourceOf;
  const ordinalOf = new Uint32Array(size);
  ordinalOf.set(slice.ordinalOf);
  slice.ordinalOf = ordinalOf;
}

/** What was lost on its way to us looks as if the key had been silent. */
function isGap(shift: Shift): boolean {
  return shift.kind === 'silence' || shift.kind === 'lag';
}

/** Takes out what the key made in [fromAt, toAt). */
function silence(slice: Slice, begin: number, hourAt: number, shift: Shift): void {
  if (shift.fromAt >= hourAt + HOUR_MS || shift.toAt <= hourAt) return;
  let kept = begin;
  for (let i = begin; i < slice.count; i++) {
    const at = hourAt + timeOf(slice, i);
    if (at >= shift.fromAt && at < shift.toAt) continue;
    slice.order[kept] = timeOf(slice, i) * ORDER + kept;
    kept++;
  }
  slice.count = kept;
}

function fillBurst(
  slice: Slice,
  key: KeyProfile,
  shifts: readonly Shift[],
  burst: Burst,
  index: number,
  seed: number,
  hourAt: number,
): void {
  const from = Math.max(0, burst.fromAt - hourAt);
  const to = Math.min(HOUR_MS, burst.toAt - hourAt);
  if (from >= to) return;
  if (burst.once) {
    if (burst.fromAt >= hourAt) push(slice, key.index, index + 1, from);
    return;
  }
  seedState(state, 0, seed, key.index, Math.floor(hourAt / HOUR_MS), 0x62757273 + index);
  const rate =
    burst.growthPerDay === undefined ? burst.rate / 1000 : grown(key, shifts, burst, hourAt);
  walk(slice, key.index, index + 1, from, to, rate, 1, nextExponential(state, 0));
}

/** Requests per ms on top of the key's own, so that together they grow by a share a day. */
function grown(key: KeyProfile, shifts: readonly Shift[], burst: Burst, hourAt: number): number {
  const at = hourAt + HOUR_MS / 2;
  const days = Math.max(0, at - burst.fromAt) / DAY_MS;
  return ((1 + burst.growthPerDay!) ** days - 1) * slowRate(key, shifts, at);
}

/** Hours are made alone, so those before count with as many as hardly any of them makes. */
function number(slice: Slice, first: number, burst: Burst, hourAt: number): void {
  const hours = Math.max(0, Math.ceil((hourAt - burst.fromAt) / HOUR_MS));
  const mean = burst.rate * 3600;
  const before = hours * Math.ceil(mean + 6 * Math.sqrt(mean));
  for (let i = first; i < slice.count; i++) slice.ordinalOf[i] = before + i - first;
}
