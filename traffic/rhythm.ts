/**
 * How often a key is used at an instant: rhythm of day and week, times noise.
 *
 * Everything is a function of the key and the time, nothing is carried along, so that any hour can be made
 * alone. Noise as in reference experiments: lognormal, sigma 0.25 from minute to minute, 0.25 over 2 hours,
 * 0.15 from day to day (together 38 %). Slow noise is interpolated between knots with unit variance, so a
 * rate has no steps.
 */
import { finish, mix32 } from '../core/hash.ts';
import type { KeyClass, KeyProfile, Shift } from './contract.ts';
import { lognormalTable, normalOf } from './random.ts';
import { zoneOffsetMs } from './zones.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;

export const NOISE_SIGMA = { minute: 0.25, twoHours: 0.25, day: 0.15 } as const;
/** Mean number of requests in a batch of a bursty key. */
export const BATCH_MEAN = 4;
/** A cron job adds this many times the mean rate for this long, once an hour. */
export const CRON_FACTOR = 5;
export const CRON_MS = 30_000;
/** Local hours of an office key, from and until. */
export const OFFICE = { from: 8, to: 18 } as const;
/** Requests an hour outside of office hours, over all keys the same: almost nothing. */
const OFFICE_QUIET_PER_HOUR = 0.05;

const WORKING_HOURS = 5 * (OFFICE.to - OFFICE.from);
const WEEK_HOURS = 168;
const MINUTE_BITS = 10;
const MINUTE_NOISE = lognormalTable(NOISE_SIGMA.minute, 1 << MINUTE_BITS);
/** Keeps the mean of e^(sigma z) at 1. */
const SLOW_MEAN = (NOISE_SIGMA.twoHours ** 2 + NOISE_SIGMA.day ** 2) / 2;
const CRON_SHARE = (CRON_FACTOR * CRON_MS) / HOUR_MS;

export function isNoisy(kind: KeyClass): boolean {
  return kind !== 'steady';
}
export function isBatched(kind: KeyClass): boolean {
  return kind === 'bursty' || kind === 'cron';
}

/** Requests per ms of the key's mean, without what a cron job adds. */
export function baseRate(key: KeyProfile): number {
  return key.rate / (key.class === 'cron' ? 1 + CRON_SHARE : 1) / 1000;
}

/** Day and week, with a mean of 1 over a week. Not for office keys. */
function shape(key: KeyProfile, at: number): number {
  const { amplitude, peakHour, weekend } = key.rhythm;
  const local = at + zoneOffsetMs(key.home.zone, at);
  const hour = (local % DAY_MS) / HOUR_MS;
  const daily = Math.exp(amplitude * Math.cos(((hour - peakHour) * Math.PI) / 12));
  const weekly = isWeekend(local) ? weekend : 1;
  return (daily / besselI0(amplitude)) * (weekly / ((5 + 2 * weekend) / 7));
}

/** Office hours as requests per ms at a minute. */
export function officeRate(key: KeyProfile, at: number): number {
  const local = at + zoneOffsetMs(key.home.zone, at);
  const hour = (local % DAY_MS) / HOUR_MS;
  if (isWeekend(local) || hour < OFFICE.from || hour >= OFFICE.to) {
    return Math.min(key.rate / 1000, OFFICE_QUIET_PER_HOUR / HOUR_MS);
  }
  return ((key.rate / 1000) * WEEK_HOURS) / WORKING_HOURS;
}

/** Epoch day 0 was a Thursday. */
function isWeekend(local: number): boolean {
  const day = (Math.floor(local / DAY_MS) + 4) % 7;
  return day === 0 || day === 6;
}

/** Rate in requests per ms at an instant, without minute noise, cron and office hours' edges smoothed. */
export function slowRate(key: KeyProfile, shifts: readonly Shift[], at: number): number {
  return smoothRate(key, shifts, at) * stepFactor(shifts, at);
}

/** The same without steps: what may be interpolated over an hour. */
export function smoothRate(key: KeyProfile, shifts: readonly Shift[], at: number): number {
  const base = key.class === 'office' ? officeRate(key, at) : baseRate(key) * shape(key, at);
  return base * slowFactor(key, shifts, at);
}

/** What multiplies the rhythm and sets in over an hour: slow noise and novelty. */
export function slowFactor(key: KeyProfile, shifts: readonly Shift[], at: number): number {
  const noise = isNoisy(key.class) ? slowNoise(key.rhythm.salt, at) : 1;
  return factorOf(shifts, at, false, noise);
}

/** What multiplies it from one minute to the next. */
export function stepFactor(shifts: readonly Shift[], at: number): number {
  return factorOf(shifts, at, true, 1);
}

const STEPS: ReadonlySet<Shift['kind']> = new Set(['drop', 'launch', 'step-growth']);

function factorOf(shifts: readonly Shift[], at: number, steps: boolean, start: number): number {
  let factor = start;
  for (const shift of shifts) {
    if (shift.rateFactor === 1 || shift.kind === 'silence') continue;
    if (at < shift.fromAt || at >= shift.toAt || STEPS.has(shift.kind) !== steps) continue;
    factor *= shift.rateFactor;
  }
  return factor;
}

function slowNoise(salt: number, at: number): number {
  const hours = smooth(salt ^ 0x2b0f5, at / (2 * HOUR_MS));
  const days = smooth(salt ^ 0xda75, at / DAY_MS);
  return Math.exp(NOISE_SIGMA.twoHours * hours + NOISE_SIGMA.day * days - SLOW_MEAN);
}

/** Normal noise between whole knots, of variance 1 everywhere. */
function smooth(salt: number, position: number): number {
  const knot = Math.floor(position);
  const part = position - knot;
  const left = normalOf(finish(mix32(salt, knot)));
  const right = normalOf(finish(mix32(salt, knot + 1)));
  return (left * (1 - part) + right * part) / Math.sqrt(part * part + (1 - part) * (1 - part));
}

/** Noise of one minute, mean 1. */
export function minuteNoise(salt: number, at: number): number {
  const word = finish(mix32(salt, Math.floor(at / MINUTE_MS)));
  return MINUTE_NOISE[word >>> (32 - MINUTE_BITS)]!;
}

/** Modified Bessel function: the mean of e^(a cos x). */
function besselI0(a: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; k < 16; k++) {
    term *= (a / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}
