/**
 * Catches a sudden rise of a key's request rate over what it makes at this hour of the week.
 *
 * Idea: a negative-binomial tail on decayed counters with half-lives of 5 s, 30 s, 5 min and 1 h, each
 * calibrated by the Gumbel law of this key's own hourly maxima. The size r says how much the key's counts
 * vary and how little is known yet, so a new or wild key needs more. Algorithms.md §4, §5.1, §9.
 * Growth that no window sees is found once a day, against the mean of months (baselines/drift.ts).
 * Fails: ×2 on a key whose rate wobbles by 38 % cannot be seen in one window, however long one waits.
 * Cost: four comparisons an event, two logarithms per scale that is above expectation; 24 bytes a subject
 * beside the shared volume baseline.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { gumbelScore, learnMaxima } from './baselines/gumbel.ts';
import { DECAYS } from './baselines/rate.ts';
import { SPIKE_SCALES } from './baselines/rate-state.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, rate, rounded, span } from './words.ts';

const LAYOUT = {
  mu: ['f16', SPIKE_SCALES],
  beta: ['f16', SPIKE_SCALES],
  /** Largest tail exponent of the current hour, per scale. */
  worst: ['f16', SPIKE_SCALES],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  ratioMin: z.number().min(1).default(3).describe('Least ratio of observed to expected.'),
  excessMin: z.number().min(1).default(20).describe('Least excess of requests, in doubled counts.'),
});
type Config = z.infer<typeof config>;

/** Below this ratio the upper tail is not worth two logarithms. */
const RATIO_WORTH_TESTING = 1.2;
/** Nor one or two requests, whatever was expected: a slow key's every event would cost eight logarithms. */
const COUNT_WORTH_TESTING = 5;

const WEEK_MS = 7 * 86_400_000;

/** What is below the least ratio or excess makes no finding; many keys at once are told by it (detectors/fleet.ts). */
const VOTE_MAX = 2.99;

/** On its first two days a key has no week to compare with: its rise stays low. */
const YOUNG_HOURS = 48;
const YOUNG_MAX = 6.9;

/** Growth too slow for any window: the mean of the last week against that of the last months. */
const DRIFT_SCORE = 7;

/** The scale that decided the score last computed, and its numbers; `drift` is the ratio when that decided. */
const last = { scale: 0, n: 0, m: 0, tail: 0, drift: 0 };

function describeDrift({ rate: baseline }: Subject, event: ApiEvent): Evidence {
  const base = baseline.base();
  const before = base / last.drift;
  return {
    fromAt: event.at - WEEK_MS,
    observed: { requestsPerSecond: rounded(base), ratio: rounded(last.drift) },
    expected: { requestsPerSecond: rounded(before) },
    why:
      `baseline drift: it grew day by day to ${rate(base)}, ${count(last.drift)} times its mean of the last ` +
      `months (${rate(before)}); no single day stood out`,
    about: 'growth over months',
    parts: [{ name: 'growth over months', score: 1 }],
  };
}

export const volumeSpike = defineDetector<typeof LAYOUT, Config>({
  id: 'volume-spike',
  version: 2,
  family: 'volume',
  summary: 'sudden rise of the request rate',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,
  fromPeers: ['mu', 'beta'],
  usesPlaces: false,
  seesFailures: false,

  init(state: State): void {
    state.mu.fill(3);
    state.beta.fill(1);
  },

  readyAt(subject: Subject): number {
    return subject.firstAt + 2 * 86_400_000;
  },

  observe(state: State, _event: ApiEvent, subject: Subject, config: Config): number {
    const baseline = subject.rate;
    const s = baseline.state;
    const ratio = baseline.lambda > 0 ? baseline.lambdaMax / baseline.lambda : 1;
    let best = 0;
    last.drift = 0;
    for (let k = 0; k < SPIKE_SCALES; k++) {
      const n = 2 * (s.y.get(k) + s.count);
      // The running second counts in full on both sides.
      const m = 2 * (s.mMax.get(k) + baseline.lambda * ratio);
      if (n <= RATIO_WORTH_TESTING * m || n < COUNT_WORTH_TESTING) continue;
      const tail = negativeBinomialTail(n, m, 1 / baseline.inverseSize(k, m));
      if (tail > state.worst.get(k)) state.worst.set(k, tail);
      const score = gumbelScore(tail, state.mu.get(k), state.beta.get(k));
      if (score <= best) continue;
      if (n < config.ratioMin * m || n - m < config.excessMin) {
        best = Math.min(score, VOTE_MAX);
        continue;
      }
      best = score;
      last.scale = k;
      last.n = n;
      last.m = m;
      last.tail = tail;
    }
    if (baseline.drift > 0 && best < DRIFT_SCORE) {
      last.drift = baseline.drift;
      return DRIFT_SCORE;
    }
    return baseline.ageHours < YOUNG_HOURS ? Math.min(best, YOUNG_MAX) : best;
  },

  describe(_state: State, event: ApiEvent, subject: Subject): Evidence {
    if (last.drift > 0) return describeDrift(subject, event);
    const { scale, n, m } = last;
    const baseline = subject.rate;
    const tau = DECAYS[scale]!.tau;
    const deviation = Math.sqrt(m + m * m * baseline.inverseSize(scale, m)) / 2;
    const seconds = Math.min(tau, (event.at - subject.firstAt) / 1000 + 1);
    const worst = baseline.state.worstHour;
    const history = worst > 0 ? `; its worst hour ever was ${count(worst)}` : '';
    const why =
      `${rate(n / 2 / tau)} over about ${span(tau)}, ${count(n / m)} times what this key makes at this ` +
      `hour (${rate(m / 2 / tau)} ± ${rate(deviation / tau)}); ` +
      `${count(baseline.state.hourCount)} requests so far this hour${history}`;
    return {
      fromAt: event.at - Math.round(Math.min(seconds, tau) * 1000),
      observed: {
        requestsPerSecond: rounded(n / 2 / tau),
        windowSeconds: rounded(tau),
        requestsThisHour: baseline.state.hourCount,
        ratio: rounded(n / m),
      },
      expected: {
        requestsPerSecond: rounded(m / 2 / tau),
        deviation: rounded(deviation / tau),
        worstHour: worst,
      },
      why,
      parts: [{ name: `rise over ${span(tau)}`, score: 1 }],
    };
  },

  hourEnded(state: State, subject: Subject, hour: { readonly weight: number }): void {
    learnMaxima(state.mu, state.beta, state.worst, subject.rate.ageHours, hour.weight);
  },
});
