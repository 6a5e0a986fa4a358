/**
 * Catches activity in hours of the week in which the key is never used.
 *
 * Idea: a quiet hour is one that expects less than half an event. How often such hours were used after all
 * gives a Good–Turing rate ν; the number of requests adds the tail over what used quiet hours usually bring.
 * s = −log10 ν + G(n; max(2, n̄), 2). Algorithms.md §9, Off-hours.
 * Fails: keys without quiet hours, and keys younger than three weeks.
 * Cost: one comparison an event outside quiet hours; 16 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, localTime, plural, rounded } from './words.ts';

const LAYOUT = {
  /** Quiet hours lived through, and those used after all, half-life 2000. */
  seen: 'f32',
  used: 'f32',
  /** Usual number of requests in a used quiet hour. */
  usual: 'f32',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  expectedMax: z
    .number()
    .min(0.01)
    .max(10)
    .default(0.5)
    .describe('A quiet hour expects less, requests.'),
  visitsMin: z
    .int()
    .min(1)
    .default(3)
    .describe('Times this hour of the week must have been lived through.'),
  requestsMin: z.int().min(1).default(5).describe('Least requests in the hour.'),
});
type Config = z.infer<typeof config>;

const KEEP = 2 ** (-1 / 2000);
const START_USUAL = 5;

function novelty(state: State): number {
  return -Math.log10((0.5 + state.used) / (10 + state.seen));
}
function excess(state: State, n: number): number {
  const mean = Math.max(2, state.usual);
  return n > mean ? negativeBinomialTail(n, mean, 2) : 0;
}

export const offHours = defineDetector<typeof LAYOUT, Config>({
  id: 'off-hours',
  version: 1,
  family: 'time',
  summary: 'activity in hours of the week the key never uses',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,

  init(state: State): void {
    state.usual = START_USUAL;
  },

  readyAt(subject: Subject, config: Config): number {
    return subject.firstAt + config.visitsMin * 7 * 86_400_000;
  },

  observe(state: State, _event: ApiEvent, subject: Subject, config: Config): number {
    const baseline = subject.rate;
    const n = baseline.state.hourCount;
    if (n < config.requestsMin) return 0;
    if (baseline.expectedThisHour() >= config.expectedMax + learned(subject)) return 0;
    if (baseline.visits() < config.visitsMin) return 0;
    return novelty(state) + excess(state, n);
  },

  describe(state: State, _event: ApiEvent, subject: Subject, config: Config): Evidence {
    const n = subject.rate.state.hourCount;
    const visits = subject.rate.visits();
    const expected = Math.max(0, subject.rate.expectedThisHour() - learned(subject));
    const seen = Math.round(state.seen);
    // A late event counts in the hour of the latest one.
    const fromAt = Math.floor(subject.second / 3600) * 3_600_000;
    const hour = localTime(subject.timeZone, fromAt);
    return {
      fromAt,
      observed: { requestsThisHour: n, hourFrom: hour },
      // Whoever works one night may work the next.
      about: '',
      expected: {
        requestsThisHour: rounded(expected),
        usedQuietHours: rounded(state.used),
        quietHours: seen,
      },
      why:
        `${plural(n, 'request')} in the hour from ${hour}, in which this key makes ${count(expected)} ` +
        `(less than ${count(config.expectedMax)}), as it was seen on ${plural(visits, 'week')}; of its ` +
        `${plural(seen, 'quiet hour')} it used ${count(state.used)}`,
      parts: [
        { name: 'quiet hours are not used', score: novelty(state) },
        { name: 'number of requests', score: excess(state, n) },
      ],
    };
  },

  hourEnded(
    state: State,
    _subject: Subject,
    hour: { readonly count: number; readonly expected: number; readonly weight: number },
    config: Config,
  ): void {
    if (hour.expected >= config.expectedMax) return;
    state.seen = state.seen * KEEP + 1;
    state.used *= KEEP;
    if (hour.count === 0 || hour.weight < 1) return;
    state.used += 1;
    state.usual += 0.1 * (Math.min(hour.count, 4 * state.usual + 8) - state.usual);
  },
});

/** Events of this very hour already raise the mean a little; they must not hide the hour. */
function learned(subject: Subject): number {
  return (subject.rate.state.hourLearned * subject.rate.state.current * 3600) / (86_400 * 7);
}
