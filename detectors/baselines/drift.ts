/**
 * What keeps a volume baseline from being taught: the base of the day's start, to which a bad interval is rolled
 * back, and the anchor, the mean of months against which slow growth stands out (algorithms.md §9, Anchor).
 *
 * Twelve bytes a key. Both move at the end of a day in which the key was used, never on an event.
 */
import { HOURS_OF_WEEK } from './profile.ts';
import { DECAYS, type RateBaseline } from './rate.ts';
import { SCALES, SPIKE_SCALES } from './rate-state.ts';

const HOUR = 3600;
/** The anchor's time constant is 60 days of use. */
const ANCHOR_STEP = 1 - Math.exp(-1 / 60);
/** A mean that grew by so much within those months, and by more events than a slow key's batches bring. */
const DRIFT_RATIO = 2.2;
const DRIFT_EXCESS = 40;
/** A new level is told by the counters of five minutes, from so many events and so far above the usual. */
const LEVEL_SCALE = 2;
const LEVEL_EVENTS = 3;
const LEVEL_RATIO = 2;

/** The base as it stands is what a bad interval would be rolled back to. */
export function keepBase({ state }: RateBaseline): void {
  state.keptEvents = state.baseEvents;
  state.keptSeconds = state.baseSeconds;
}

/**
 * Takes back what was learned since the base was kept. The hours of the week are left alone: an hour under
 * suspicion moves its own by at most a tenth of a visit.
 */
export function rollBack(rate: RateBaseline): void {
  const { state } = rate;
  if (state.keptSeconds === 0) return;
  state.baseEvents = state.keptEvents;
  state.baseSeconds = state.keptSeconds;
  state.levelSeen = 0;
  state.levelExpected = 0;
  // Only the rollback of a drift goes so far below.
  if (state.anchor > 2 * rate.base()) state.anchor = rate.base();
  rate.enterHour();
}

/**
 * What the windows hold above the expected was told, and is over: the longest of them remembers for hours, and the
 * next request alone is not to tell it again.
 */
export function forgetExcess({ state }: RateBaseline): void {
  for (let k = 0; k < SPIKE_SCALES; k++) state.y.set(k, Math.min(state.y.get(k), state.m.get(k)));
}

/**
 * How many times its usual rate a key makes at a second at or after its last event, an incident being over; 0 when
 * that is not clearly a new level. The window is short, so that an attack an hour ago is not in it any more.
 */
export function newLevel(rate: RateBaseline, second: number): number {
  const { state } = rate;
  const { tau, over } = DECAYS[LEVEL_SCALE]!;
  const d = over(Math.max(0, second - state.second));
  const seen = (state.y.get(LEVEL_SCALE) + state.count) * d;
  const expected = state.m.get(LEVEL_SCALE) * d + rate.lambda * tau * (1 - d);
  const ratio = (seen / expected) * rate.level();
  return seen >= LEVEL_EVENTS && ratio >= LEVEL_RATIO ? ratio : 0;
}

/** A new level that has alarmed: the anchor follows, or the same change would alarm again as a drift. */
export function acceptLevel(rate: RateBaseline, ratio: number): void {
  const { state } = rate;
  if (state.anchor > 0) state.anchor = Math.max(state.anchor, rate.base() * ratio);
}

/**
 * Holds the mean of the last week against that of the last months, at the end of a day. Answers the ratio when it
 * has drifted away, else 0. A drift is told once: with that it is accepted and the anchor follows, unless rollBack
 * takes it back.
 */
export function drifted(rate: RateBaseline): number {
  const { state } = rate;
  if (rate.ageHours < HOURS_OF_WEEK) return 0;
  const base = rate.base();
  if (state.anchor === 0) {
    state.anchor = base;
    return 0;
  }
  state.anchor += ANCHOR_STEP * (base - state.anchor);
  const expected = state.anchor * state.baseSeconds;
  if (base <= DRIFT_RATIO * state.anchor || state.baseEvents - expected < DRIFT_EXCESS) return 0;
  const ratio = base / state.anchor;
  state.keptEvents = expected;
  state.keptSeconds = state.baseSeconds;
  state.anchor = base;
  return ratio;
}

/**
 * A request that a limit refused, at the second the baseline stands on. It makes no rise and teaches none, but
 * neither is the key silent or slow: it fills up what is missing of what was expected, and no more.
 */
export function standIn(rate: RateBaseline): void {
  const { state } = rate;
  for (let k = 0; k < SCALES.length; k++) {
    const seen = state.y.get(k) + 1;
    if (seen + state.count <= state.m.get(k)) state.y.set(k, seen);
  }
  const expected = rate.expectedThisHour() * (state.second / HOUR - state.hour);
  if (state.hourLearned + 1 <= expected) state.hourLearned += 1;
}
