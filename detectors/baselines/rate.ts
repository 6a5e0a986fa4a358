/**
 * The volume baseline of a key: its rate by hour of week, counters at five time scales, and how much they
 * usually vary. Shared by volume-spike, volume-drop and off-hours (algorithms.md §4, corrected in §9).
 *
 * Counters y (what came) and m (what was expected) decay exponentially and are folded once per second in
 * which the key has events, always at the key's own events: a decay taken in two steps differs in bits from
 * one step, so nothing else may move them. With half-life H, n = 2y varies like a Poisson count of mean 2m.
 */
import { createDecay } from './decay.ts';
import { sampleDispersion } from './dispersion.ts';
import { type Exception, type Exceptions, isExceptional, NO_EXCEPTIONS } from './exceptions.ts';
import { clocksDisagree, leastMultiplierAt, readHours } from './near-hours.ts';
import {
  HOURS_OF_WEEK,
  learnHour,
  multiplier,
  ownMultiplier,
  ratioOf,
  visitsOf,
  visitWeight,
} from './profile.ts';
import { type HourListener, type RateState, SCALES, SPIKE_SCALES } from './rate-state.ts';
import { PRIOR_EVENTS, type RateStart, startFrom } from './start.ts';
import type { ZoneShift } from './zone-shift.ts';

const HOUR = 3600;
const QUARTER = 900;
/** Silence longer than this empties the counters: 12 half-lives of the longest scale. */
const MEMORY_SECONDS = 72 * HOUR;
/**
 * A key silent for longer is asleep: the whole weeks of a sleep are cut out of its life, or its own rate would
 * alarm when it wakes.
 */
const SLEEP_SECONDS = 8 * 24 * HOUR;

const BASE_KEEP_PER_HOUR = 2 ** (-1 / HOURS_OF_WEEK);
const LEVEL_MIN = 0.4;
const LEVEL_MAX = 2.5;
const LEVEL_PRIOR = 20;
/** No rate is known to better than ±10 %. */
const WOBBLE_MIN = 0.01;
/** The same while an hour of the week was lived through less than twice: no weekend is known yet (§7.5). */
const WOBBLE_UNVISITED = 0.45;
/** What an hour under suspicion is worth. */
const SUSPICIOUS_SHARE = 0.1;
/** A minute teaches at most 4 × expected + 8 events; under suspicion the whole hour no more than that. */
const CAP_FACTOR = 4;
const CAP_EVENTS = 8;
/** Under suspicion the dispersion is sampled in one quarter hour of so many. */
const DAMPED_QUARTERS = 10;

export const DECAYS = SCALES.map((seconds) => createDecay(seconds));
const LEVEL_DECAY = createDecay(3 * HOUR);
export class RateBaseline {
  readonly state: RateState;
  /** Expected rates at the second last asked for, events a second. */
  lambda = 0;
  lambdaMin = 0;
  lambdaMax = 0;
  /** Posterior variance of the rate at the second at hand; negative until it is asked for. */
  private unknown = -1;
  /** Set with it. */
  private wobbleMin = WOBBLE_MIN;
  /** Under suspicion what comes teaches a tenth. */
  isDamped = false;
  /** How far the mean was found to have drifted on the way to the event at hand, as a ratio; else 0. */
  drift = 0;
  /** While the hours up to an event are ended: the day of the event before it is not over yet. */
  private isDayOpen = false;
  private readonly listeners: readonly HourListener[];
  readonly exceptions: Exceptions;

  constructor(state: RateState, listeners: readonly HourListener[], exceptions = NO_EXCEPTIONS) {
    this.state = state;
    this.listeners = listeners;
    this.exceptions = exceptions;
  }

  init(second: number, start?: RateStart): void {
    const s = this.state;
    s.firstSecond = second;
    s.second = second;
    s.hour = Math.floor(second / HOUR);
    s.minute = Math.floor(second / 60) & 0xff;
    s.hourWeight = 1;
    s.shift = 1;
    s.shiftNext = 1;
    startFrom(s, start);
    this.enterHour();
  }

  /** Another record, or another instant: what was derived from the last one is forgotten. */
  turn(): void {
    this.unknown = -1;
  }

  /** Hours lived whole so far. */
  get ageHours(): number {
    return this.state.hour - this.firstHour();
  }

  /** Mean rate, events a second. */
  base(): number {
    const s = this.state;
    const hourBegin = Math.max(s.hour * HOUR, s.firstSecond);
    const elapsed = Math.max(0, s.second - hourBegin);
    const share = this.share();
    return (
      (PRIOR_EVENTS + s.baseEvents + share * s.hourLearned) /
      (s.priorSeconds + s.baseSeconds + share * elapsed)
    );
  }

  /** Today's level relative to the profile: absorbs a busy day, but never more than 2.5×. */
  level(): number {
    const s = this.state;
    const level = (s.levelSeen + LEVEL_PRIOR) / (s.levelExpected + LEVEL_PRIOR);
    return Math.min(LEVEL_MAX, Math.max(LEVEL_MIN, level));
  }

  /** Expected events in the current hour by its flat rate, without the day's level. */
  expectedThisHour(): number {
    const s = this.state;
    const most = s.shift === 1 ? s.current : Math.max(s.current, s.shiftedCurrent);
    return this.base() * most * HOUR;
  }

  /** Whole visits of the current hour of the week so far. */
  visits(): number {
    return visitsOf(this.state.hour % HOURS_OF_WEEK, this.state.hour, this.firstHour());
  }

  /** Events this hour of the week was seen with, decayed: how well it is known. */
  eventsOfHour(): number {
    const s = this.state;
    const weight = visitWeight(this.visits());
    return ratioOf(s.profile, s.hour % HOURS_OF_WEEK) * this.base() * HOUR * weight;
  }

  /**
   * Brings counters, hours and samples up to `second`, on the key's own event. Earlier seconds change
   * nothing. After it lambda, lambdaMin and lambdaMax hold for `second`.
   */
  advance(second: number): void {
    const s = this.state;
    let at = s.second;
    if (second > at) {
      this.isDayOpen = true;
      if (second - at > SLEEP_SECONDS) at = this.wake(second);
      else if (second - at > MEMORY_SECONDS) at = this.forget(second);
      while (at < second) {
        const hourEnd = (s.hour + 1) * HOUR;
        const quarterEnd = (Math.floor(at / QUARTER) + 1) * QUARTER;
        const exception = this.exceptions.at(at);
        const end = Math.min(second, quarterEnd, hourEnd, exception.until);
        this.integrate(at, end, exception);
        at = end;
        s.second = at;
        if (at === hourEnd) this.endHour();
      }
    }
    this.rates(second);
  }

  /** Sets lambda, lambdaMin and lambdaMax for a second of the current hour. */
  rates(second: number): void {
    const s = this.state;
    const f = Math.min(1, Math.max(0, second / HOUR - s.hour));
    const level = this.level();
    this.spread(f, this.base(), level, this.exceptions.at(second));
  }

  /** Counts an event in the current second: seen, not yet learned. */
  tally(): void {
    const s = this.state;
    s.count++;
    s.hourCount++;
  }

  /** A late event, `age` seconds old: counts at once with the weight its age gives it. */
  tallyLate(age: number): void {
    const s = this.state;
    for (let k = 0; k < SCALES.length; k++) s.y.set(k, s.y.get(k) + DECAYS[k]!.over(age));
    s.levelSeen += LEVEL_DECAY.over(age);
    s.hourCount++;
  }

  /** Learns one event, at most as fast as the minute allows. */
  learn(weight: number): void {
    const s = this.state;
    const minute = Math.floor(s.second / 60) & 0xff;
    if (minute !== s.minute) {
      s.minute = minute;
      s.minuteLearned = 0;
    }
    if (weight < s.hourWeight) s.hourWeight = weight;
    if (s.minuteLearned >= CAP_FACTOR * this.lambda * 60 + CAP_EVENTS) return;
    const hourCap = CAP_FACTOR * this.lambda * HOUR + CAP_EVENTS;
    if (s.hourWeight < 1 && s.hourLearned >= hourCap) return;
    s.minuteLearned += 1;
    s.hourLearned += 1;
  }

  /** 1/r at a scale for an expected count m: batchiness, wobble, and how little is known yet. */
  inverseSize(k: number, m: number): number {
    const s = this.state;
    const scale = Math.min(k, SPIKE_SCALES - 1);
    const a = s.ab.get(2 * scale);
    const b = s.ab.get(2 * scale + 1);
    if (this.unknown < 0) this.unknown = this.uncertainty();
    return a / m + Math.max(this.wobbleMin, b) + (1 + a) * this.unknown;
  }

  private uncertainty(): number {
    const s = this.state;
    this.wobbleMin = this.visits() < 2 ? WOBBLE_UNVISITED : WOBBLE_MIN;
    return 1 / (this.eventsOfHour() + 20) + 1 / (s.baseEvents + s.hourLearned + 1);
  }

  /** Least multiplier of any hour near the current one, for looking ahead. */
  leastMultiplierAt(hour: number): number {
    return leastMultiplierAt(this.state, hour, this.firstHour(), this.base() * HOUR);
  }

  /** Events expected in an absolute hour, past or to come, by what is known now. */
  meanOf(hour: number): number {
    const s = this.state;
    const mean = this.base() * HOUR;
    return mean * multiplier(s.profile, hour, s.hour, this.firstHour(), mean);
  }

  private ownMultiplierAt(hour: number): number {
    const s = this.state;
    return ownMultiplier(s.profile, hour, s.hour, this.firstHour(), this.base() * HOUR);
  }

  /** An hour under suspicion counts little, but it counts: nothing may stay unlearned for ever. */
  private share(): number {
    return this.state.hourWeight < 1 ? SUSPICIOUS_SHARE : 1;
  }

  private firstHour(): number {
    return Math.ceil(this.state.firstSecond / HOUR);
  }

  /** The zone of the key's users changed its offset (see zoneShift); the hours are read anew. */
  setShift({ hours, nextDay, next }: ZoneShift): void {
    const s = this.state;
    s.shiftDay = nextDay;
    s.shiftNext = next + 1;
    if (s.shift === hours + 1) return;
    s.shift = hours + 1;
    this.enterHour();
  }

  /** Interpolates between hour centres; max also looks at the neighbour within 15 minutes, min within 30. */
  private spread(f: number, base: number, level: number, { factor, isQuiet }: Exception): void {
    const rate = base * level;
    const s = this.state;
    const current = s.current;
    const near = f < 0.5 ? s.before : s.next;
    const w = f < 0.5 ? 0.5 - f : f - 0.5;
    const between = current + (near - current) * w;
    const edge = f < 0.25 || f > 0.75 ? near : current;
    this.lambda = rate * between;
    // Zones of half hours: office hours there begin in the middle of an hour, so the least looks half an hour far.
    let least = Math.min(current, near, this.ownMultiplierAt(s.hour));
    if (edge !== current) {
      least = Math.min(least, this.ownMultiplierAt(f < 0.5 ? s.hour - 1 : s.hour + 1));
    }
    let most = Math.max(between, current, edge);
    if (s.shift !== 1) {
      const shiftedNear = f < 0.5 ? s.shiftedBefore : s.shiftedNext;
      const shiftedEdge = f < 0.25 || f > 0.75 ? shiftedNear : s.shiftedCurrent;
      least = Math.min(least, s.shiftedCurrent, shiftedNear);
      most = Math.max(most, s.shiftedCurrent, shiftedEdge);
    }
    // When a busy day ends, what comes is no less than usual.
    this.lambdaMin = isQuiet ? 0 : base * Math.min(1, level) * least;
    // What is planned may come when there is nothing usually: a part of the mean is meant then.
    this.lambdaMax = factor > 1 ? rate * Math.max(1, most) * factor : rate * most;
  }

  private integrate(from: number, to: number, exception: Exception): void {
    const s = this.state;
    const span = to - from;
    const level = this.level();
    this.spread((from + span / 2) / HOUR - s.hour, this.base(), level, exception);
    const isUsual = !isExceptional(exception);
    if (!isUsual) s.hourWeight = 0;
    const counted = s.count;
    // On the first day the mean itself is too uncertain for a residual to mean anything.
    const isOld = isUsual && s.hour - this.firstHour() >= 24;
    const samples = isOld && (!this.isDamped || Math.floor(from / QUARTER) % DAMPED_QUARTERS === 0);
    for (let k = 0; k < SCALES.length; k++) {
      const decay = DECAYS[k]!;
      const d = decay.over(span);
      const y = s.y.get(k) + counted;
      const m = s.m.get(k);
      if (samples && k < SPIKE_SCALES) sampleDispersion(s, k, from, to, y, m, this.lambda, decay);
      const fill = decay.tau * (1 - d);
      s.y.set(k, y * d);
      s.m.set(k, m * d + this.lambda * fill);
      if (k < SPIKE_SCALES) s.mMax.set(k, s.mMax.get(k) * d + this.lambdaMax * fill);
      if (k > 0) s.mMin.set(k - 1, s.mMin.get(k - 1) * d + this.lambdaMin * fill);
    }
    const d = LEVEL_DECAY.over(span);
    const judges = isUsual && !clocksDisagree(s);
    const usual = judges ? this.lambda / level : 0;
    s.levelSeen = (s.levelSeen + (judges ? counted : 0)) * d;
    s.levelExpected = s.levelExpected * d + usual * LEVEL_DECAY.tau * (1 - d);
    s.count = 0;
  }

  private endHour(): void {
    const s = this.state;
    const meanPerHour = this.base() * HOUR;
    const expected = this.expectedThisHour();
    const share = this.share();
    if (s.hourCount > s.worstHour) s.worstHour = s.hourCount;
    for (let i = 0; i < this.listeners.length; i++) {
      this.listeners[i]!.hourEnded(s.hour, s.hourCount, expected, share);
    }
    const whole = s.hour >= this.firstHour();
    const exposure = whole ? HOUR : (s.hour + 1) * HOUR - s.firstSecond;
    s.baseEvents = s.baseEvents * BASE_KEEP_PER_HOUR + share * s.hourLearned;
    s.baseSeconds = s.baseSeconds * BASE_KEEP_PER_HOUR + share * exposure;
    s.keptEvents *= BASE_KEEP_PER_HOUR;
    s.keptSeconds *= BASE_KEEP_PER_HOUR;
    if (whole) {
      learnHour(
        s.profile,
        s.hour,
        this.firstHour(),
        s.hourLearned,
        meanPerHour,
        share,
        s.firstSecond,
      );
    }
    s.hour += 1;
    s.hourCount = 0;
    s.hourLearned = 0;
    s.hourWeight = 1;
    if (s.hour % 24 === 0 && this.isDayOpen) {
      this.isDayOpen = false;
      for (const listener of this.listeners) listener.dayEnded();
    }
    this.enterHour();
  }

  /** Reads the multipliers of the hour at hand out of the profile. */
  enterHour(): void {
    readHours(this.state, this.firstHour(), this.base() * HOUR);
  }

  /** A long silence: closes its hours, empties the counters, answers the second to integrate from. */
  private forget(second: number): number {
    const s = this.state;
    this.empty();
    const resume = second - MEMORY_SECONDS;
    this.endHours(Math.floor(resume / HOUR));
    s.second = resume;
    return resume;
  }

  /**
   * A sleep: what it had of whole weeks is cut out, so that every hour of the week keeps its visits, and the rest
   * is lived as silence. The counters begin anew, as those of a new key do.
   */
  private wake(second: number): number {
    const s = this.state;
    this.empty();
    const target = Math.floor(second / HOUR);
    const weeks = Math.max(0, Math.floor((target - s.hour) / HOURS_OF_WEEK));
    // What was lived is moved up to the wake, hour of the week on hour of the week.
    s.hour += weeks * HOURS_OF_WEEK;
    s.firstSecond += weeks * HOURS_OF_WEEK * HOUR;
    this.enterHour();
    this.endHours(target);
    s.second = second;
    return second;
  }

  private empty(): void {
    const s = this.state;
    s.count = 0;
    for (const field of [s.y, s.m, s.mMax, s.mMin]) field.fill(0);
    s.levelSeen = 0;
    s.levelExpected = 0;
  }

  private endHours(target: number): void {
    const s = this.state;
    while (s.hour < target) {
      s.second = (s.hour + 1) * HOUR;
      this.endHour();
    }
  }
}
