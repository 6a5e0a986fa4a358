/**
 * Catches responses that take longer than this key's usually do: a struggling service, or queries made to be heavy.
 *
 * Idea: on ln(duration), means over the last 16 and 256 requests against mean and variance with a half-life of 500:
 * z = (ȳ − μ) / (σ·√(1/n + 0.003)), s = −log10 Q(z), calibrated by hourly maxima, at least twice as slow. A spell
 * is told once (baselines/spells.ts), or a nightly report would alarm every night. Failed requests say little about
 * the work done and are left out. Routes share one μ: a set of numbers for reads and one for writes would cost 20
 * bytes more, and what the mix of routes does to ȳ is in σ and in the hourly maxima. Algorithms.md §5.7. It is a
 * signal about the service, weak alone.
 * So is a slow route that is new for the key, so from 5 on a score counts less and less, 7.9 at most.
 * Fails: a slowdown that creeps in over more than a thousand requests; records without a duration.
 * Cost: a logarithm an event, a few more while it is slow; 32 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import type { Facts } from '../core/finding.ts';
import { gumbelScore, learnMaximum } from './baselines/gumbel.ts';
import {
  endSpellHour,
  newsFrom,
  noteSpell,
  SPELLS_LAYOUT,
  TOLD_SCORE,
} from './baselines/spells.ts';
import { normalTail, softened } from './baselines/tails.ts';
import { agedAt, defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded } from './words.ts';

/** Time constants of the recent means, requests. */
const WINDOWS = [16, 256] as const;

const LAYOUT = {
  /** Mean and variance of ln(ms), half-life 500 requests. */
  mean: 'f32',
  variance: 'f32',
  /** Requests with a duration so far; more than REQUESTS_MAX are not counted. */
  requests: 'u16',
  recent: ['f32', WINDOWS.length],
  mu: ['f16', WINDOWS.length],
  beta: ['f16', WINDOWS.length],
  ...SPELLS_LAYOUT,
  /** Largest ln of the ratio in the current hour, thousandths. */
  worst: ['u16', WINDOWS.length],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  ratioMin: z.number().min(1).default(2).describe('Least ratio to the usual duration.'),
  requestsMin: z
    .int()
    .min(20)
    .max(5000)
    .default(200)
    .describe('Requests with a duration that the key must have made.'),
});
type Config = z.infer<typeof config>;

const REQUESTS_MAX = 65_535;
const FORGET = 1 - 2 ** (-1 / 500);
/** Requests of a key are not independent: however many there are, their mean is no better known than this. */
const DEPENDENCE = 0.003;
const SIGMA_MIN = 0.15;
/** One request that hangs must not look like sixteen; and it must teach even less. */
const CLIP_SIGMAS = 8;
const CLIP_LEARNED_SIGMAS = 4;
const DAY_MS = 86_400_000;
/** A slow route that is new for the key is as unlikely by those before, and innocent: beyond SOFT it counts less. */
const SOFT = 5;
const SCORE_MAX = 7.9;
const SOFT_DECADES = 12;

const last = { window: 0, recent: 0 };

/** Learned as soon as it was judged: one logarithm does for both. */
const measured = { durationMs: 1, log: 0 };

function logOf(durationMs: number): number {
  if (durationMs !== measured.durationMs) {
    measured.durationMs = durationMs;
    measured.log = Math.log(Math.max(0.5, durationMs));
  }
  return measured.log;
}

/** ln of the duration, clipped to what this key may show; NaN when the record says nothing of use. */
function measure(state: State, event: ApiEvent, clipSigmas: number): number {
  if (event.durationMs < 0 || event.status >= 400) return Number.NaN;
  const x = logOf(event.durationMs);
  if (state.requests < WINDOWS[0]) return x;
  const room = clipSigmas * sigma(state);
  return Math.min(state.mean + room, Math.max(state.mean - room, x));
}

function sigma(state: State): number {
  return Math.max(SIGMA_MIN, Math.sqrt(state.variance));
}

/** Standard deviation of the mean of a window. */
function deviation(state: State, w: number): number {
  const n = Math.min(2 * WINDOWS[w]! - 1, state.requests);
  return sigma(state) * Math.sqrt(1 / n + DEPENDENCE);
}

export const latency = defineDetector<typeof LAYOUT, Config>({
  id: 'latency',
  version: 1,
  family: 'content',
  summary: 'responses take longer than usual',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['duration'],
  seesFailures: false,

  init(state: State): void {
    state.mu.fill(1);
    state.beta.fill(0.6);
  },

  readyAt(subject: Subject, config: Config): number {
    return agedAt(subject, DAY_MS, config.requestsMin);
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const x = measure(state, event, CLIP_SIGMAS);
    if (Number.isNaN(x)) return 0;
    if (state.requests < REQUESTS_MAX) state.requests++;
    const least = Math.log(config.ratioMin);
    const news = newsFrom(state, least);
    let best = 0;
    for (let w = 0; w < WINDOWS.length; w++) {
      const before = state.recent.get(w);
      const recent = before + (x - before) / Math.min(WINDOWS[w]!, state.requests);
      state.recent.set(w, recent);
      const excess = recent - state.mean;
      if (state.requests < config.requestsMin) continue;
      const thousandths = Math.min(65_535, Math.floor(1000 * excess));
      if (thousandths > state.worst.get(w)) state.worst.set(w, thousandths);
      if (excess < least) continue;
      if (excess < news) {
        noteSpell(state, excess);
        continue;
      }
      const tail = normalTail(excess / deviation(state, w));
      const score = gumbelScore(tail, state.mu.get(w), state.beta.get(w));
      if (score >= TOLD_SCORE) noteSpell(state, excess);
      if (score <= best) continue;
      best = score;
      last.window = w;
      last.recent = recent;
    }
    if (event.at - subject.firstAt < DAY_MS) return 0;
    return softened(best, SOFT, SCORE_MAX, SOFT_DECADES);
  },

  describe(state: State, event: ApiEvent): Evidence {
    const usual = Math.exp(state.mean);
    const recent = Math.exp(last.recent);
    const requests = WINDOWS[last.window]!;
    const factor = Math.exp(sigma(state));
    return {
      fromAt: event.at,
      observed: {
        milliseconds: rounded(recent),
        windowRequests: requests,
        ratio: rounded(recent / usual),
      },
      expected: { milliseconds: rounded(usual), deviationFactor: rounded(factor) },
      why:
        `the last ${plural(requests, 'request')} or so took ${count(recent)} ms, ${count(recent / usual)} ` +
        `times the usual ${count(usual)} ms (a single one of this key's takes ${count(usual / factor)} to ` +
        `${count(usual * factor)} ms)`,
      parts: [{ name: `mean of ${requests} requests`, score: 1 }],
    };
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    const x = measure(state, event, CLIP_LEARNED_SIGMAS);
    if (Number.isNaN(x)) return;
    const weight = Math.max(FORGET, 1 / state.requests) * subject.weight;
    const step = x - state.mean;
    state.mean += weight * step;
    state.variance += weight * (step * step * (1 - weight) - state.variance);
  },

  learned(state: State): Facts {
    return state.requests === 0 ? {} : { milliseconds: rounded(Math.exp(state.mean)) };
  },

  hourEnded(state: State, subject: Subject, hour: { readonly weight: number }): void {
    const age = subject.rate.ageHours;
    for (let w = 0; w < WINDOWS.length; w++) {
      const tail = normalTail(state.worst.get(w) / 1000 / deviation(state, w));
      learnMaximum(state.mu, state.beta, w, tail, age, hour.weight);
      state.worst.set(w, 0);
    }
    endSpellHour(state, subject.rate.state.hour);
  },
});
