/** What becomes of what was learned under suspicion, once that is over (docs/decisions/0012). */
import { acceptLevel, forgetExcess, newLevel, rollBack } from '../baselines/drift.ts';
import type { Judge } from './judge.ts';

/**
 * How an incident has ended: a person called it `bad` or `innocent`, or it ended by itself, having been `high` or
 * `lower`. What left the key at a new level was a change of its life, unless somebody knows better; else what was
 * high was bad.
 */
export type SuspicionEnd = 'bad' | 'innocent' | 'high' | 'lower';

/**
 * The incident of the subject at hand has closed at an instant: what it taught stays, or is taken back, and what
 * was told of it is not told again.
 */
export function endSuspicion(judge: Judge, at: number, end: SuspicionEnd): void {
  const { header, places, rate, seats } = judge;
  rate.rates(rate.state.second);
  const level = newLevel(rate, Math.floor(at / 1000));
  forgetExcess(rate);
  for (const { detector, state } of seats) detector.closed?.(state);
  if (header.suspectSecond === 0) return;
  if (level > 0 && end !== 'bad') acceptLevel(rate, level);
  else if (end === 'bad' || end === 'high') {
    rollBack(rate);
    places.forgetCandidates();
  }
  header.suspectSecond = 0;
  rate.isDamped = false;
}
