/**
 * Catches a key that falls silent, or to a fraction of its rate.
 *
 * Idea: the lower tail of the same negative binomial, on half-lives of 30 s to 6 h, against the least rate
 * that the hour or its near neighbour makes (office keys stop sharply). Raw exponent, no Gumbel. Silence
 * sends no event: the engine looks for the crossing when the watermark passes. Algorithms.md §5.2, §9.
 * Fails: keys that make less than about 14 requests in six hours; a key's first two weeks.
 * Cost: up to five comparisons an event; a look-ahead when a crossing is due. 4 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { DECAYS } from './baselines/rate.ts';
import { findSilence, type Shortfall, shortfallNow } from './baselines/silence.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, rate, rounded, span } from './words.ts';

const LAYOUT = {
  /** Lower-tail exponent at the last event: silence before the next one starts from it. */
  score: 'f32',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  scoreMin: z.number().min(4).max(30).default(6).describe('Least lower-tail exponent, −log10 p.'),
  ageHoursMin: z
    .number()
    .min(24)
    .default(168)
    .describe('Age from which silence is judged, hours of event time.'),
});
type Config = z.infer<typeof config>;

/** A silence is no theft: with whatever other finding, it must not make a medium one critical. */
const SCORE_MAX = 6.9;

/** A gap that hides this many expected events, or a fall already half-way, is searched. */
const GAP_EVENTS = 10;
const HALF_WAY = 3;

const last: Shortfall = { score: 0, scale: 1, seen: 0, expected: 0 };

function describe(subject: Subject, second: number): Evidence {
  const { scale, seen, expected } = last;
  const baseline = subject.rate;
  const tau = DECAYS[scale]!.tau;
  const quiet = second - baseline.state.second;
  const deviation =
    Math.sqrt(expected + expected * expected * baseline.inverseSize(scale, expected)) / 2;
  const fell =
    quiet >= tau / 2
      ? `no request for ${span(quiet)}`
      : `${rate(seen / 2 / tau)} over about ${span(tau)}`;
  return {
    fromAt: quiet >= tau / 2 ? baseline.state.second * 1000 : Math.round((second - tau) * 1000),
    observed: {
      requestsPerSecond: rounded(seen / 2 / tau),
      windowSeconds: rounded(tau),
      quietSeconds: quiet,
    },
    expected: {
      requestsPerSecond: rounded(expected / 2 / tau),
      deviation: rounded(deviation / tau),
    },
    why:
      `${fell}; at this hour this key makes ${rate(expected / 2 / tau)} ± ${rate(deviation / tau)} ` +
      `(${count(expected / 2)} requests were expected in that time)`,
    parts: [{ name: `fall over ${span(tau)}`, score: 1 }],
  };
}

export const volumeDrop = defineDetector<typeof LAYOUT, Config>({
  id: 'volume-drop',
  version: 1,
  family: 'volume',
  summary: 'sudden silence or fall of the request rate',
  aloneMax: SCORE_MAX,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,

  init(state: State): void {
    state.score = 0;
  },

  readyAt(subject: Subject, config: Config): number {
    // A sleep is no part of the age.
    return (subject.rate.state.firstSecond + config.ageHoursMin * 3600) * 1000;
  },

  observe(state: State, _event: ApiEvent, subject: Subject, config: Config): number {
    if (subject.rate.ageHours < config.ageHoursMin) return 0;
    const score = shortfallNow(subject.rate, last);
    state.score = score;
    return score >= config.scoreMin ? Math.min(score, SCORE_MAX) : Math.min(score, 3.99);
  },

  describe(_state: State, _event: ApiEvent, subject: Subject): Evidence {
    return describe(subject, subject.second);
  },

  absence: {
    ready(subject: Subject, config: Config): boolean {
      return subject.rate.ageHours >= config.ageHoursMin && subject.rate.base() > 0;
    },
    find(subject: Subject, _state: State, until: number, config: Config): number {
      return findSilence(subject.rate, until, config.scoreMin, last);
    },
    scoreAt(): number {
      return Math.min(last.score, SCORE_MAX);
    },
    describeAt(subject: Subject, _state: State, second: number): Evidence {
      return describe(subject, second);
    },
    suspects(subject: Subject, state: State, second: number): boolean {
      const s = subject.rate.state;
      const most =
        Math.max(s.before, s.current, s.next) * subject.rate.base() * subject.rate.level();
      return state.score >= HALF_WAY || (second - s.second) * most >= GAP_EVENTS;
    },
  },
});
