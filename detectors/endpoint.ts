/**
 * Catches a key that explores: many routes or methods new for it at once, from its first minute on; and
 * attempts on routes that the configuration calls restricted.
 *
 * Idea: n routes new for the key in about ten minutes against the rate ν at which it meets new ones (Good–Turing
 * over active hours), G(n; ν, 5), calibrated by hourly maxima. In its first minute: D distinct routes against
 * what its peers begin with, G(D; m, 2). Algorithms.md §5.9, §9. A restricted route scores 5, until the key used
 * such routes by habit or the registry gives them to it; a refused attempt always does.
 * In its first week a key of 500 events or more is judged by its rate per request, and `low` at most.
 * Fails: who explores slowly, or only where the key has been before; a release that adds many routes at once
 * (the key's risk is at most 6.9 by that alone).
 * Cost: a comparison for the route of the event before, else six bit tests; 87 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { routeCode as codeOf } from '../core/use-codes.ts';
import { onesIn } from './baselines/bits.ts';
import { gumbelScore, learnMaximum } from './baselines/gumbel.ts';
import { DECAYS } from './baselines/rate.ts';
import { patternOf, ROUTE_PATTERN } from './baselines/route-patterns.ts';
import { hasSeen, SEEN_CODES_LAYOUT, see } from './baselines/seen-codes.ts';
import { negativeBinomialTail, softened } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded, span } from './words.ts';

const BURST_BYTES = 6;

const LAYOUT = {
  ...SEEN_CODES_LAYOUT,
  /** Method and route of the last event, when there was nothing to say about them. */
  last: 'u32',
  /** Distinct routes of the first minute. */
  firstMinute: 'u8',
  /** New routes in about ten minutes, which of them by a bit each, and when the burst began and went on. */
  recent: 'f16',
  burst: ['u8', BURST_BYTES],
  burstFrom: 'u32',
  burstSecond: 'u32',
  /** New routes before the key was settled, and since, half-life 2000 active hours. */
  early: 'u16',
  novel: 'f32',
  mu: ['f16', 1],
  beta: ['f16', 1],
  worst: 'f16',
  /** Hours in which restricted routes were used, not refused: how many, the first and the last (modulo 2^16). */
  habitHours: 'u8',
  habitFrom: 'u16',
  habitHour: 'u16',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  newRoutesMin: z
    .int()
    .min(2)
    .default(4)
    .describe('Least routes new for the key in about ten minutes.'),
  restricted: z
    .array(z.string().regex(ROUTE_PATTERN, 'must be [METHOD[,METHOD] ]TEMPLATE or …PREFIX*'))
    .max(1000)
    .default([])
    .describe('Restricted routes, e.g. /admin/*, DELETE /v1/orders/{id}, iam.amazonaws.com:*.'),
});
type Config = z.infer<typeof config>;

const RECENT_SECONDS = 600;
const FIRST_SECONDS = 60;
const SETTLED_MS = 7 * 86_400_000;
/** A younger key with as many events is judged too, of bursts that begin this late, and not above EARLY_MAX. */
const EARLY_EVENTS = 500;
const EARLY_SECONDS = 1800;
const EARLY_MAX = 5.5;
/** Scale of the rate baseline that comes closest to ten minutes, and what makes its count one of ten minutes. */
const REQUESTS_SCALE = 2;
const REQUESTS_FACTOR = RECENT_SECONDS / DECAYS[REQUESTS_SCALE]!.tau;
const DAY_MS = 86_400_000;
/** Cluster sizes of new routes: a release brings several. */
const EXPLORING_SIZE = 5;
/** Fewer are never expected in ten minutes: ν says how often something is new, not how much then is. */
const EXPECTED_MIN = 0.1;
/** The tail is a guess that far out; what explores is `high` at most, with whatever beside it. */
const EXPLORING_MAX = 8;
const FIRST_SIZE = 2;
/** Peers that are used for one thing each must not make every other key remarkable. */
const FIRST_EXPECTED_MIN = 3;
/** From here on a first minute is weighed less and less: any key looks new at the beginning of a log. */
const FIRST_SOFT = 6;
const FIRST_MAX = 6.9;
const FIRST_DECADES = 4;
const RESTRICTED_SCORE = 5;
const HABIT_HOURS = 3;
const HABIT_SPAN_HOURS = 24;
const KEEP_HOUR = 2 ** (-1 / 2000);

/** What the last score was about. */
const last = { kind: 'exploring', pattern: '', expected: 0, routes: 0 };

/** A route whose segment was found variable is known when the route as it came is. */
function isKnown(state: State, code: number, event: ApiEvent, subject: Subject): boolean {
  if (hasSeen(state, code)) return true;
  return subject.route !== event.route && hasSeen(state, codeOf(event.method, event.route));
}

export const endpoint = defineDetector<typeof LAYOUT, Config>({
  id: 'endpoint',
  version: 3,
  family: 'content',
  summary: 'many routes new for the key at once; attempts on restricted routes',
  aloneMax: 6.9,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['path'],
  usesPrior: true,
  fromPeers: ['mu', 'beta'],
  seesFailures: false,

  routesInFirstMinute(state: State): number {
    return state.firstMinute;
  },

  init(state: State): void {
    state.mu.fill(1);
    state.beta.fill(0.6);
  },

  readyAt(subject: Subject): number {
    return subject.firstAt + SETTLED_MS;
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    if (event.route.code === 0) return 0;
    const code = codeOf(event.method, subject.route);
    if (code === state.last) return 0;
    const restricted = attempted(state, event, subject, config);
    if (isKnown(state, code, event, subject)) return restricted;
    noteNew(state, code, subject.second);
    const first = firstMinute(state, subject);
    const score = Math.max(first, exploring(state, subject, config));
    if (restricted > score) {
      last.kind = 'restricted';
      return restricted;
    }
    last.kind = first === score ? 'first' : 'exploring';
    return score;
  },

  describe(state: State, event: ApiEvent, subject: Subject): Evidence {
    if (last.kind === 'restricted') return describeRestricted(event);
    return last.kind === 'first'
      ? describeFirst(event, subject)
      : describeExploring(state, event, subject);
  },

  learn(state: State, event: ApiEvent, subject: Subject, config: Config): void {
    if (event.route.code === 0 || subject.weight < 1) return;
    const code = codeOf(event.method, subject.route);
    if (code === state.last) return;
    const isRestricted = patternOf(config.restricted, event.route, event.method) !== '';
    if (isRestricted && event.status < 400) learnHabit(state, Math.floor(subject.second / 3600));
    if (!isKnown(state, code, event, subject)) {
      if (isInFirstMinute(subject) && state.firstMinute < 255) state.firstMinute += 1;
      if (isSettled(subject)) state.novel += 1;
      else if (state.early < 65_535) state.early += 1;
    }
    see(state, code);
    // A restricted route is looked at again every time.
    if (!isRestricted) state.last = code;
  },

  hourEnded(
    state: State,
    subject: Subject,
    hour: { readonly count: number; readonly weight: number },
  ): void {
    if (hour.count > 0) state.novel *= KEEP_HOUR;
    learnMaximum(state.mu, state.beta, 0, state.worst, subject.rate.ageHours, hour.weight);
    state.worst = 0;
  },
});

function isSettled(subject: Subject): boolean {
  return subject.second * 1000 - subject.firstAt >= SETTLED_MS;
}

/** A key that the registry dates to before its first event is not new, but the log is. */
function isInFirstMinute(subject: Subject): boolean {
  if (subject.second - subject.firstAt / 1000 >= FIRST_SECONDS) return false;
  const createdAt = subject.entry?.createdAt;
  return createdAt === undefined || Date.parse(createdAt) > subject.firstAt - DAY_MS;
}

/** Counts a new route once a burst: under suspicion it stays new, however often it is used. */
function noteNew(state: State, code: number, second: number): void {
  let recent = state.recent * Math.exp(-(second - state.burstSecond) / RECENT_SECONDS);
  if (recent < 0.5) {
    recent = 0;
    state.burst.fill(0);
    state.burstFrom = second;
  }
  const bit = ((code >>> 16) * 8 * BURST_BYTES) >>> 16;
  const known = state.burst.get(bit >> 3);
  if ((known & (1 << (bit & 7))) === 0) {
    state.burst.set(bit >> 3, known | (1 << (bit & 7)));
    recent += 1;
  }
  state.recent = recent;
  state.burstSecond = second;
}

function exploring(state: State, subject: Subject, config: Config): number {
  const settled = isSettled(subject);
  const expected = Math.max(EXPECTED_MIN, expectedNew(state, subject, settled));
  const s =
    state.recent > expected ? negativeBinomialTail(state.recent, expected, EXPLORING_SIZE) : 0;
  if (s > state.worst) state.worst = s;
  // Decay since the first of four must not make them fewer than four.
  if (state.recent < config.newRoutesMin - 0.5) return 0;
  if (!settled && !mayJudgeEarly(state, subject)) return 0;
  last.expected = expected;
  last.routes = state.recent;
  const score = gumbelScore(s, state.mu.get(0), state.beta.get(0));
  return Math.min(settled ? EXPLORING_MAX : EARLY_MAX, score);
}

/** What a busy key begins with is not news: it meets all its routes in its first minutes. */
function mayJudgeEarly(state: State, subject: Subject): boolean {
  const waited = state.burstFrom - subject.firstAt / 1000;
  return subject.events >= EARLY_EVENTS && waited >= EARLY_SECONDS;
}

/** New routes before this burst, which must not excuse itself. */
function metBefore(state: State, settled: boolean): number {
  let learned = -1;
  for (let i = 0; i < BURST_BYTES; i++) learned += onesIn(state.burst.get(i));
  return Math.max(0, (settled ? state.novel : state.early) - learned);
}

/** In ten minutes: by the key's active hours when it is settled, else by its requests. */
function expectedNew(state: State, subject: Subject, settled: boolean): number {
  const met = 0.5 + metBefore(state, settled);
  if (settled) return met / (10 + subject.places.state.active) / 6;
  const { y, count: now } = subject.rate.state;
  const requests = (y.get(REQUESTS_SCALE) + now) * REQUESTS_FACTOR;
  return (met / (10 + subject.events)) * requests;
}

function firstMinute(state: State, subject: Subject): number {
  if (!isInFirstMinute(subject)) return 0;
  const expected = Math.max(FIRST_EXPECTED_MIN, subject.prior.routesPerMinute);
  const routes = state.firstMinute + 1;
  if (routes <= expected) return 0;
  const s = negativeBinomialTail(routes, expected, FIRST_SIZE);
  last.expected = expected;
  last.routes = routes;
  return softened(s, FIRST_SOFT, FIRST_MAX, FIRST_DECADES);
}

function attempted(state: State, event: ApiEvent, subject: Subject, config: Config): number {
  const pattern = patternOf(config.restricted, event.route, event.method);
  if (pattern === '') return 0;
  if (event.status < 400 && (hasHabit(state) || isDeclared(event, subject))) return 0;
  last.kind = 'restricted';
  last.pattern = pattern;
  return RESTRICTED_SCORE;
}

/** The registry gives this key the route by name. */
function isDeclared(event: ApiEvent, subject: Subject): boolean {
  const routes = subject.entry?.scope?.routes;
  return routes !== undefined && patternOf(routes, event.route, event.method) !== '';
}

function hasHabit(state: State): boolean {
  return (
    state.habitHours >= HABIT_HOURS &&
    ((state.habitHour - state.habitFrom) & 0xffff) >= HABIT_SPAN_HOURS
  );
}

function learnHabit(state: State, hour: number): void {
  // The key's own hours never go back.
  if ((hour & 0xffff) === state.habitHour) return;
  if (state.habitHours === 0) state.habitFrom = hour;
  if (state.habitHours < 255) state.habitHours += 1;
  state.habitHour = hour;
}

function nameOf({ method, route }: ApiEvent): string {
  return method === '' ? route.template : `${method} ${route.template}`;
}

function describeRestricted(event: ApiEvent): Evidence {
  const answer = event.status === 0 ? '' : `, answered with ${event.status}`;
  return {
    fromAt: event.at,
    observed: { route: nameOf(event), status: event.status },
    expected: { restricted: last.pattern },
    why:
      `${nameOf(event)}${answer}: a restricted route (${last.pattern}), which this key does not use ` +
      'by habit',
    parts: [{ name: 'restricted route', score: 1 }],
  };
}

function describeFirst(event: ApiEvent, subject: Subject): Evidence {
  const { routes, expected } = last;
  const seconds = Math.max(1, subject.second - Math.floor(subject.firstAt / 1000));
  return {
    fromAt: subject.firstAt,
    observed: { routes, seconds, requests: subject.events + 1, latest: nameOf(event) },
    expected: { routesPerMinute: rounded(expected) },
    why:
      `${plural(routes, 'different route')} in the first ${span(seconds)} of this key's life, the ` +
      `latest ${nameOf(event)}; new keys begin with about ${count(expected)} in a minute`,
    parts: [{ name: 'different routes in the first minute', score: 1 }],
  };
}

function describeExploring(state: State, event: ApiEvent, subject: Subject): Evidence {
  const routes = plural(Math.round(last.routes), 'route');
  const settled = isSettled(subject);
  const active = Math.round(subject.places.state.active);
  const met = metBefore(state, settled);
  const past = settled
    ? `after its first week it met ${count(met)} more in ${plural(active, 'active hour')}`
    : `it had met ${plural(met, 'route')}, and made ${plural(subject.events, 'request')} so far`;
  return {
    fromAt: state.burstFrom * 1000,
    observed: { newRoutesIn10Minutes: rounded(last.routes), latest: nameOf(event) },
    expected: {
      newRoutesIn10Minutes: rounded(last.expected),
      newRoutes: rounded(met),
      activeHours: active,
      requests: subject.events,
    },
    why:
      `about ${routes} new for this key in ten minutes, the latest ${nameOf(event)}; ` +
      `${past}, so ${count(last.expected)} would be usual`,
    parts: [
      { name: 'routes new for this key', score: last.routes },
      { name: 'how seldom it meets a new one', score: Math.max(0, -Math.log10(last.expected)) },
    ],
  };
}
