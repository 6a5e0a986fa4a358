/**
 * Tells a move from a theft: the owner of a stolen key goes on using it, while a deployment that moved falls
 * quiet where it was as it begins where it is.
 *
 * Kept per open incident: what the key should have made since the new network came (by its learned rate), and
 * what came from there and from elsewhere. All three fade with a half-life of an hour, folded at the key's own
 * events only, so an hour in which both ran side by side is forgotten in four.
 */
import type { ApiEvent } from '../../core/event.ts';
import { isFrom } from '../baselines/networks.ts';

const HALF_LIFE_SECONDS = 3600;
/** Of a longer gap only this much is expected to have been filled: the rate may have changed meanwhile. */
const GAP_SECONDS = 900;
/** Fewer expected requests tell nothing about a silence. */
const EXPECTED_MIN = 20;
const LASTED_SECONDS = 600;
/** Shares of what was expected: quiet at the old place; as busy as usual at the new one. */
const STAYED_MAX = 0.05;
const STAYED_AGAIN = 0.1;
const MOVED_MIN = 0.3;
const MOVED_MAX = 3;

export interface Move {
  /** See NetworksBaseline. */
  readonly origin: number;
  readonly fromSecond: number;
  second: number;
  expected: number;
  moved: number;
  stayed: number;
}

export function beginMove(origin: number, second: number): Move {
  return { origin, fromSecond: second, second, expected: 0, moved: 0, stayed: 0 };
}

/** Counts a use. `rate` is what the key makes a second at this hour. */
export function countUse(move: Move, event: ApiEvent, second: number, rate: number): void {
  const gap = Math.max(0, second - move.second);
  const keep = 2 ** (-gap / HALF_LIFE_SECONDS);
  move.expected = (move.expected + rate * Math.min(gap, GAP_SECONDS)) * keep;
  move.moved *= keep;
  move.stayed *= keep;
  if (isFrom(event, move.origin)) move.moved += 1;
  else move.stayed += 1;
  move.second = Math.max(move.second, second);
}

/** Whether it looks like a move by now; once it does, it takes more to look like none. */
export function looksMoved(move: Move, before: boolean): boolean {
  const { expected, moved, stayed } = move;
  if (before) return stayed <= STAYED_AGAIN * expected + 1 && moved <= (MOVED_MAX + 1) * expected;
  if (expected < EXPECTED_MIN || move.second - move.fromSecond < LASTED_SECONDS) return false;
  return (
    stayed <= STAYED_MAX * expected &&
    moved >= MOVED_MIN * expected &&
    moved <= MOVED_MAX * expected
  );
}
