/**
 * What a decision needs to know of a key: how old and how busy it is, how far detection may be trusted with it. Read
 * from its own record alone, so that it is the same in every run and however the key groups are shared out.
 */
import { toIso } from '../../core/clock.ts';
import type { KeyFacts } from '../../core/finding.ts';
import { HOURS_OF_WEEK } from '../baselines/profile.ts';
import type { Judge } from './judge.ts';
import { profileAtHand } from './key-profile.ts';
import { readinessOf } from './readiness.ts';

const HOUR_SECONDS = 3600;
const HOUR_SCALE = 3;
const BUSY_SHARE = 0.01;
const STEPS = 24;
/** Deviations within which the p99 of one hour lies for certain. */
const DEVIATIONS_MAX = 6;
const MEAN_MIN = 0.01;

/**
 * Of the record that the judge stands on and faces, at a second. `before`: what was told of it in the same incident;
 * the profile stays as it was then. What is at hand may have been judged, but not learned yet.
 */
export function keyFacts(
  judge: Judge,
  second: number,
  detectors: readonly string[],
  before: KeyFacts | undefined,
  consumer = '',
): KeyFacts {
  const { header, rate } = judge;
  const hour = Math.floor(second / HOUR_SECONDS);
  const usual = rate.meanOf(hour);
  const readiness: Record<string, string> = {};
  for (const seat of judge.seats) {
    const { id } = seat.detector;
    if (detectors.includes(id)) readiness[id] = readinessOf(judge, seat, {}, undefined).state;
  }
  return {
    ...(consumer === '' ? {} : { consumer }),
    firstAt: toIso(header.firstAt),
    events: header.events,
    usualPerHour: told(usual),
    busyPerHour: told(Math.max(usual, busyHour(judge, hour))),
    readiness,
    profile: before?.profile ?? profileAtHand(judge),
  };
}

/**
 * The p99 of a week of hours: n such that one hour in a hundred makes more, each of the 168 varying around its mean as
 * the baseline knows it. Never more than the busiest hour that there was, once there were a hundred.
 */
function busyHour({ rate }: Judge, hour: number): number {
  const means: number[] = [];
  const deviations: number[] = [];
  for (let i = 0; i < HOURS_OF_WEEK; i++) {
    const mean = Math.max(MEAN_MIN, rate.meanOf(hour - i));
    means.push(mean);
    deviations.push(Math.sqrt(mean + mean * mean * rate.inverseSize(HOUR_SCALE, mean)));
  }
  let low = 0;
  let high = Math.max(...means) + DEVIATIONS_MAX * Math.max(...deviations);
  for (let step = 0; step < STEPS; step++) {
    const n = (low + high) / 2;
    let above = 0;
    for (let i = 0; i < HOURS_OF_WEEK; i++) above += upperTail((n - means[i]!) / deviations[i]!);
    if (above > BUSY_SHARE * HOURS_OF_WEEK) low = n;
    else high = n;
  }
  const { worstHour } = rate.state;
  return rate.ageHours >= 1 / BUSY_SHARE && worstHour > 0 ? Math.min(high, worstHour) : high;
}

/** Of the normal law, by the logistic one: within 0.01, which is enough for a busy hour. */
function upperTail(deviations: number): number {
  return 1 / (1 + Math.exp(1.5976 * deviations + 0.070566 * deviations ** 3));
}

function told(perHour: number): number {
  return Number(perHour.toPrecision(4));
}
