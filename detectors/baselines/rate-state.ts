/** What the volume baseline keeps of a key: see rate.ts. */
import type { StateOf } from '../engine/layout.ts';
import { HOURS_OF_WEEK } from './profile.ts';

/** Half-lives, seconds. The first four are judged for spikes, all but the first for drops. */
export const SCALES = [5, 30, 300, 3600, 21_600] as const;
export const SPIKE_SCALES = 4;
export const RATE_LAYOUT = {
  firstSecond: 'u32',
  /** Last second folded into the counters, and the events counted in it. */
  second: 'u32',
  count: 'u32',
  hour: 'u32',
  hourCount: 'u32',
  worstHour: 'u32',
  hourLearned: 'f32',
  /** Modulo 256: one that comes round unused has nothing to add up with. */
  minute: 'u8',
  minuteLearned: 'f32',
  /** Learning weight of the current hour, the least seen in it. */
  hourWeight: 'f16',
  /** Events and seconds of exposure, half-life 7 days, without the current hour. */
  baseEvents: 'f32',
  baseSeconds: 'f32',
  /** What the prior's one event is worth of time: 1 / the rate of the key's peers. */
  priorSeconds: 'f32',
  /** Both as they stood at the start of the day, or of the day in which the present suspicion began. */
  keptEvents: 'f32',
  keptSeconds: 'f32',
  /** Mean rate over the last months, events a second; 0 in the first week. */
  anchor: 'f32',
  levelSeen: 'f32',
  levelExpected: 'f32',
  /** Multiplier of the hour before, the current and the next hour. */
  before: 'f16',
  current: 'f16',
  next: 'f16',
  /** The same three, read where the clocks stood before they were changed; equal when they were not. */
  shiftedBefore: 'f16',
  shiftedCurrent: 'f16',
  shiftedNext: 'f16',
  /** Zone shift in hours, plus one. */
  shift: 'u8',
  /** The next one, and the day from which it holds, days since 1970; 0 while none is in sight. */
  shiftNext: 'u8',
  shiftDay: 'u16',
  y: ['f32', 5],
  m: ['f32', 5],
  /** Of the scales judged for spikes, and of those judged for drops: the second scale is the first of these. */
  mMax: ['f32', SPIKE_SCALES],
  mMin: ['f32', 4],
  sums: ['f32', 20],
  ab: ['f16', 8],
  profile: ['u8', HOURS_OF_WEEK],
} as const;

export type RateState = StateOf<typeof RATE_LAYOUT>;

/** Told once for every hour that ends, in order, before the next event is judged. */
export interface HourListener {
  /** `count` events came in absolute hour `hour`; `expected` by the flat rate of that hour. */
  hourEnded(hour: number, count: number, expected: number, weight: number): void;
  /** A UTC day in which the key was used is over. */
  dayEnded(): void;
}
