/**
 * Calls of all detectors at an event, each at a place of its own in the code: V8 then knows what is called there, and
 * calls it directly or puts it in place. One loop calls what it has to look up each time, twenty-five times an event.
 */
import type { ApiEvent } from '../../core/event.ts';
import type { Detector, DetectorSettings, Subject } from '../detector.ts';
import type { Layout, StateOf } from './layout.ts';

/** Places in the code. Beyond them a loop does. */
const SITES = 16;

export interface Observer {
  readonly observe: Detector['observe'];
  readonly settings: DetectorSettings;
  readonly state: StateOf<Layout>;
}
export interface Learner {
  readonly learn: NonNullable<Detector['learn']>;
  readonly settings: DetectorSettings;
  readonly state: StateOf<Layout>;
}

/** Has no score, and learns nothing. */
export const NOBODY: Observer & Learner = {
  observe: () => 0,
  learn: () => {},
  settings: { enabled: false },
  state: {},
};

/** At least SITES, the last ones being nobody. */
export function seated<S>(seats: readonly S[]): (S | typeof NOBODY)[] {
  const missing = Math.max(0, SITES - seats.length);
  return [...seats, ...Array.from({ length: missing }, () => NOBODY)];
}

/** Scores of `seated` observers, each at its index. */
export function observeAll(
  seats: readonly Observer[],
  event: ApiEvent,
  subject: Subject,
  scores: Float64Array,
): void {
  let seat = seats[0]!;
  scores[0] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[1]!;
  scores[1] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[2]!;
  scores[2] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[3]!;
  scores[3] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[4]!;
  scores[4] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[5]!;
  scores[5] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[6]!;
  scores[6] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[7]!;
  scores[7] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[8]!;
  scores[8] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[9]!;
  scores[9] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[10]!;
  scores[10] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[11]!;
  scores[11] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[12]!;
  scores[12] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[13]!;
  scores[13] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[14]!;
  scores[14] = seat.observe(seat.state, event, subject, seat.settings);
  seat = seats[15]!;
  scores[15] = seat.observe(seat.state, event, subject, seat.settings);
  for (let i = SITES; i < seats.length; i++) {
    seat = seats[i]!;
    scores[i] = seat.observe(seat.state, event, subject, seat.settings);
  }
}

/** The same of `seated` learners. */
export function learnAll(seats: readonly Learner[], event: ApiEvent, subject: Subject): void {
  let seat = seats[0]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[1]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[2]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[3]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[4]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[5]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[6]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[7]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[8]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[9]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[10]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[11]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[12]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[13]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[14]!;
  seat.learn(seat.state, event, subject, seat.settings);
  seat = seats[15]!;
  seat.learn(seat.state, event, subject, seat.settings);
  for (let i = SITES; i < seats.length; i++) {
    seat = seats[i]!;
    seat.learn(seat.state, event, subject, seat.settings);
  }
}
