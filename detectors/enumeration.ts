/**
 * Catches a key that walks through resources: many more different ids in an hour than it ever asks for, or ids
 * one after the other.
 *
 * Idea: ln D of the hour's different ids against the mean and deviation of the key's own hours (half-life 7 days),
 * calibrated by hourly maxima, where D has also grown against the requests, or by far; and the length of the
 * longest walk, calibrated likewise, where a key that follows the newest id is expected to walk at the pace at which
 * resources are made (baselines/newest.ts). Either is capped by how seldom such days are: 3 × −log10 ν (Good–Turing),
 * so a key that crawls by habit has told so within days. Algorithms.md §5.10; a walk is followed through what lies
 * in between instead of comparing neighbours, or a walk beside busy traffic would be lost.
 * Fails: random ids on a key that asks for nearly as many anyway; keys whose every request is about a new id;
 * ids that are not in the path; less than about a hundred an hour.
 * Cost: one read of a register, four comparisons for a number; 84 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { addDistinct, clearDistinct, DISTINCT_LAYOUT, distinct } from './baselines/distinct.ts';
import { gumbelScore, learnMaximum } from './baselines/gumbel.ts';
import {
  endNewestHour,
  moveNewest,
  NEWEST_LAYOUT,
  paceOf,
  unexplained,
} from './baselines/newest.ts';
import { step, WALKS_LAYOUT } from './baselines/walks.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded } from './words.ts';

const NUMBER = 0;
const WALK = 1;

const LAYOUT = {
  ...DISTINCT_LAYOUT,
  ...WALKS_LAYOUT,
  ...NEWEST_LAYOUT,
  /** Mean and variance of ln D, and mean of D a request, over hours with ids; and how many those are, to 255. */
  mean: 'f32',
  variance: 'f32',
  ratio: 'f32',
  hours: 'u8',
  /** Law of the hourly maxima of D's exponent and of the longest walk. */
  mu: ['f16', 2],
  beta: ['f16', 2],
  longest: 'u8',
  /** Days that were remarkable, halved every 2000 hours, and the last of them (modulo 2^8). */
  days: 'u8',
  day: 'u8',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  distinctMin: z.number().min(10).default(100).describe('Least different ids in an hour.'),
  ratioMin: z
    .number()
    .min(1)
    .default(5)
    .describe('Least ratio of different ids in an hour to the usual number.'),
  walkMin: z.int().min(10).default(50).describe('Least ids one after the other.'),
});
type Config = z.infer<typeof config>;

const SETTLED_HOURS = 7 * 24;
const SETTLED_MS = SETTLED_HOURS * 3_600_000;
const HOURS_MIN = 12;
const HALF_LIFE_HOURS = 168;
const ALPHA_MIN = 1 - 2 ** (-1 / HALF_LIFE_HOURS);
const SIGMA_MIN = 0.25;
const START_SIGMA = 1;
/** An hour is taken for no more than this many deviations from the mean. */
const LEARNED_MAX = 4;
/** D must also have grown against the requests, or by far: five times the customers are no enumeration. */
const PER_REQUEST_MIN = 1.5;
const BY_FAR = 4;
/** A walk of this length counts as one decade before calibration. */
const DECADE_STEPS = 14;
const LONGEST_MAX = 255;
const HABIT_FACTOR = 3;
const REMARKABLE = 3;
const FORGET_HOURS = 2000;

/** What the last score was about. */
const last = { kind: NUMBER, distinct: 0, walk: 0, moved: 0 };

export const enumeration = defineDetector<typeof LAYOUT, Config>({
  id: 'enumeration',
  version: 3,
  family: 'content',
  summary: 'resources walked: many more different ids than usual, or one after the other',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['path'],
  fromPeers: ['mu', 'beta'],
  seesFailures: false,

  init(state: State, config: Config): void {
    clearDistinct(state);
    state.mean = Math.log(config.distinctMin / config.ratioMin);
    state.variance = START_SIGMA * START_SIGMA;
    state.ratio = 0;
    state.mu.fill(1);
    state.beta.fill(0.6);
  },

  readyAt(subject: Subject): number {
    return subject.firstAt + SETTLED_MS;
  },

  migrate(state: State, version: number): boolean {
    state.newest = 0;
    state.newestMoved = 0;
    state.newestPace = 0;
    state.longest = 0;
    state.day = 0;
    return version === 2;
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    if (event.resource === 0) return 0;
    const isMore = addDistinct(state, event.resource);
    let score = 0;
    if (event.resourceNumber >= 0) {
      const length = walked(state, event.resourceNumber, subject.second);
      if (length > state.longest) state.longest = Math.min(LONGEST_MAX, length);
      if (length >= config.walkMin) {
        score = gumbelScore(length / DECADE_STEPS, state.mu.get(WALK), state.beta.get(WALK));
        last.walk = length;
        last.kind = WALK;
      }
    }
    if (isMore) score = Math.max(score, scoreNumber(state, subject, config, score));
    if (score < REMARKABLE) return 0;
    noteDay(state, subject.second);
    if (subject.second * 1000 - subject.firstAt < SETTLED_MS) return 0;
    return Math.min(score, HABIT_FACTOR * seldom(state, subject));
  },

  describe(state: State, event: ApiEvent, subject: Subject): Evidence {
    return last.kind === WALK
      ? describeWalk(state, event, subject)
      : describeNumber(state, event, subject);
  },

  hourEnded(
    state: State,
    subject: Subject,
    hour: { readonly count: number; readonly weight: number },
  ): void {
    if (Math.floor(subject.rate.state.hour) % FORGET_HOURS === 0) state.days >>= 1;
    const n = Math.min(distinct(state), hour.count);
    const age = subject.rate.ageHours;
    endNewestHour(state, subject.rate.state.hour, {
      isActive: n > 0,
      isYoung: age < SETTLED_HOURS,
      isTrusted: hour.weight >= 1,
    });
    if (n > 0) {
      learnMaximum(state.mu, state.beta, NUMBER, exponent(state, n), age, hour.weight);
      const walk = state.longest / DECADE_STEPS;
      learnMaximum(state.mu, state.beta, WALK, walk, age, hour.weight);
      learnNumber(state, n, n / hour.count, hour.weight);
      clearDistinct(state);
      state.longest = 0;
    }
  },
});

/** Length of the walk that a number is a step of, less what a key that follows the newest is expected to walk. */
function walked(state: State, number: number, second: number): number {
  const length = step(state, number, second);
  last.moved = moveNewest(state, number);
  return last.moved === 0 ? length : Math.min(length, unexplained(state, last.moved));
}

/** Tail exponent of ln n under the key's own hours, with uncertainty while few are known. */
function exponent(state: State, n: number): number {
  const sigma = Math.max(SIGMA_MIN, Math.sqrt(state.variance));
  return normalTail((Math.log(n) - state.mean) / (sigma * (1 + 2 / (1 + state.hours))));
}

/** −log10 Q(z), z ≥ 0, by its continued fraction; good to 1 % from z = 1 on. */
function normalTail(z: number): number {
  if (z <= 0) return 0;
  const fraction = z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 2))));
  return (z * z) / 2 / Math.LN10 + Math.log10(Math.sqrt(2 * Math.PI) * fraction);
}

/** Score of the number of different ids where it beats `least`, else 0. */
function scoreNumber(state: State, subject: Subject, config: Config, least: number): number {
  const requests = Math.max(1, subject.rate.state.hourCount);
  const n = Math.min(distinct(state), requests);
  if (n < config.distinctMin || state.hours < HOURS_MIN) return 0;
  const alarmAt = Math.max(config.distinctMin, config.ratioMin * Math.exp(state.mean));
  if (n < alarmAt) return 0;
  if (n < BY_FAR * alarmAt && n / requests < PER_REQUEST_MIN * state.ratio) return 0;
  const score = gumbelScore(exponent(state, n), state.mu.get(NUMBER), state.beta.get(NUMBER));
  if (score <= least) return 0;
  last.distinct = n;
  last.kind = NUMBER;
  return score;
}

function learnNumber(state: State, n: number, ratio: number, weight: number): void {
  const alpha = Math.max(1 / (state.hours + 2), ALPHA_MIN) * weight;
  const sigma = Math.max(SIGMA_MIN, Math.sqrt(state.variance));
  const by = Math.log(n) - state.mean;
  const learned = Math.max(-LEARNED_MAX * sigma, Math.min(LEARNED_MAX * sigma, by));
  state.mean += alpha * learned;
  state.variance += alpha * (learned * learned - state.variance);
  state.ratio += alpha * (ratio - state.ratio);
  if (state.hours < 255 && weight >= 1) state.hours += 1;
}

/** One a day, also under suspicion: who walks for days is told for days, and then it is a habit. */
function noteDay(state: State, second: number): void {
  const day = Math.floor(second / 86_400) & 0xff;
  if (state.day === day) return;
  state.day = day;
  if (state.days < 255) state.days += 1;
}

/** −log10 of the rate of remarkable days before this one, over active hours. */
function seldom(state: State, subject: Subject): number {
  const before = state.days - 1;
  return -Math.log10(Math.min(1, (0.5 + before) / (10 + subject.places.state.active)));
}

function nameOf({ method, route }: ApiEvent): string {
  return method === '' ? route.template : `${method} ${route.template}`;
}

function describeNumber(state: State, event: ApiEvent, subject: Subject): Evidence {
  const usual = Math.exp(state.mean);
  const requests = subject.rate.state.hourCount;
  return {
    fromAt: Math.floor(event.at / 3_600_000) * 3_600_000,
    observed: {
      distinctThisHour: rounded(last.distinct),
      requestsThisHour: requests,
      latest: nameOf(event),
    },
    expected: {
      distinctPerHour: rounded(usual),
      distinctPerRequest: rounded(state.ratio),
      deviation: rounded(Math.sqrt(state.variance)),
      remarkableDays: state.days - 1,
    },
    why:
      `about ${count(last.distinct)} different ids in ${plural(requests, 'request')} this hour, ` +
      `${count(last.distinct / usual)} times what this key asks for in an hour (${count(usual)}), the ` +
      `latest by ${nameOf(event)}`,
    parts: [{ name: 'different ids this hour', score: 1 }],
  };
}

function describeWalk(state: State, event: ApiEvent, subject: Subject): Evidence {
  const { walk, moved } = last;
  const before = state.days < 2 ? 'no day' : plural(state.days - 1, 'day');
  const after = `${before} before this one had anything like it`;
  const usual = state.mu.get(WALK) * DECADE_STEPS;
  const expected = {
    idsInOrderPerHour: rounded(usual),
    remarkableDays: state.days - 1,
    activeHours: Math.round(subject.places.state.active),
  };
  const parts = [{ name: 'ids one after the other', score: 1 }];
  const latest = nameOf(event);
  if (moved > 0) {
    const most = paceOf(state);
    return {
      fromAt: event.at,
      observed: { idsInOrder: rounded(walk), newestRoseBy: moved, latest },
      expected: { ...expected, newestRisesPerHour: rounded(most) },
      why:
        `the highest id rose by ${count(moved)} this hour, one after the other, the latest by ${latest}; ` +
        `it usually rises by up to ${count(most)} an hour, and ${after}`,
      parts,
    };
  }
  return {
    fromAt: event.at,
    observed: { idsInOrder: walk, latest },
    expected,
    why:
      `${plural(walk, 'id')} one after the other, the latest by ${latest}; the longest such walk of ` +
      `an hour is usually about ${count(usual)}, and ${after}`,
    parts,
  };
}
