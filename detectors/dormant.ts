/**
 * Catches a key that slept for weeks and wakes: keys nobody uses any more are those nobody misses.
 *
 * Idea: a gap of at least 14 days, and of at least five times the longest that this key usually makes. The
 * longest gap fades by half in 90 days, so that one holiday does not excuse every later sleep. A fixed score at
 * the first event after the gap; the gap is then usual for this key. Algorithms.md §9, Fixed scores.
 * Fails: a thief who uses the key before it slept two weeks, or once it is awake; keys used now and then only.
 * Cost: one comparison an event; 4 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import type { Facts } from '../core/finding.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded, span } from './words.ts';

const LAYOUT = {
  /** Longest gap between two uses, hours, half-life 90 days; as it was when the key was last used. */
  longest: 'f32',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  gapDaysMin: z.number().min(1).max(365).default(14).describe('Least sleep, days.'),
  ratioMin: z
    .number()
    .min(1)
    .default(5)
    .describe('Least ratio of the sleep to the longest usual gap.'),
  eventsMin: z.int().min(1).default(50).describe('Least requests before the sleep.'),
  ageDaysMin: z.number().min(1).default(7).describe('Least days in use before the sleep.'),
});
type Config = z.infer<typeof config>;

const SCORE = 4.5;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEEP_PER_DAY = 2 ** (-1 / 90);

/** An event that comes late closes no gap. */
function gapHours(event: ApiEvent, subject: Subject): number {
  return Math.max(0, event.at - subject.lastAt) / HOUR_MS;
}

export const dormant = defineDetector<typeof LAYOUT, Config>({
  id: 'dormant',
  version: 1,
  family: 'time',
  summary: 'a key that slept for weeks wakes',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,

  init(): void {},

  readyAt(subject: Subject, config: Config): number {
    const agedAt = subject.firstAt + config.ageDaysMin * DAY_MS;
    const missing = config.eventsMin - subject.events;
    if (missing <= 0) return agedAt;
    // At the pace so far; a key hardly used at all may never get there.
    const paceMs = (subject.lastAt - subject.firstAt) / Math.max(1, subject.events);
    return Math.max(agedAt, subject.lastAt + missing * Math.max(paceMs, 1000));
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const gap = gapHours(event, subject);
    if (gap < config.gapDaysMin * 24 || gap < config.ratioMin * state.longest) return 0;
    if (subject.events < config.eventsMin) return 0;
    return subject.lastAt - subject.firstAt < config.ageDaysMin * DAY_MS ? 0 : SCORE;
  },

  describe(state: State, event: ApiEvent, subject: Subject): Evidence {
    const gap = gapHours(event, subject);
    const life = (subject.lastAt - subject.firstAt) / 1000;
    return {
      fromAt: event.at,
      observed: { gapHours: rounded(gap) },
      expected: { longestGapHours: rounded(state.longest), events: subject.events },
      why:
        `first use after ${span(gap * 3600)} without any; in the ${span(life)} before, ` +
        `with ${plural(subject.events, 'request')}, this key's longest pause was ` +
        (state.longest < 1 ? 'less than 1 hour' : `${count(state.longest)} hours`),
      parts: [{ name: 'length of the sleep', score: 1 }],
    };
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    const days = Math.floor(event.at / DAY_MS) - Math.floor(subject.lastAt / DAY_MS);
    if (days > 0) state.longest *= KEEP_PER_DAY ** days;
    if (event.at - subject.lastAt < HOUR_MS || subject.weight < 1) return;
    state.longest = Math.max(state.longest, gapHours(event, subject));
  },

  learned(state: State): Facts {
    return { longestGapHours: rounded(state.longest) };
  },
});
