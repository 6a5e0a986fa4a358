/**
 * Follows a key that asks for the newest resource whenever there is one: its numbers climb one by one all day, as
 * those of somebody who walks ids do, but no faster than resources are made.
 *
 * The newest is the highest number so far. The pace is how far it moves in an hour at most, by leaps of up to 128:
 * learned at once in the first week, then raised by 9 % an hour at most, and lowered by as much a week. Any higher
 * number becomes the newest at once, and an hour in which it moves by no leap lowers it by an eighth, so that one odd
 * number is outlived. 7 bytes.
 */
import type { StateOf } from '../engine/layout.ts';

const LEAP_MAX = 128;
const NUMBER_MAX = 0xffff_ffff;
const MOVED_MAX = 0xffff;
/** Units of the pace: eighths of an octave. */
const PER_OCTAVE = 8;
const HOURS_OF_WEEK = 168;
/** From hour to hour a pace differs: so much of it explains itself. */
const ALLOWED = 1.5;

export const NEWEST_LAYOUT = {
  /** Highest number so far, below 2^32. */
  newest: 'u32',
  /** How far it has moved in the current hour. */
  newestMoved: 'u16',
  /** How far it moves in an hour at most, as eighths of log2(1 + ids). */
  newestPace: 'u8',
} as const;
type State = StateOf<typeof NEWEST_LAYOUT>;

/** Takes a whole number and answers how far the newest has moved this hour if it moved by it now, else 0. */
export function moveNewest(state: State, number: number): number {
  const { newest } = state;
  if (number <= newest || number > NUMBER_MAX) return 0;
  state.newest = number;
  const leap = number - newest;
  if (leap > LEAP_MAX) return 0;
  state.newestMoved = Math.min(MOVED_MAX, state.newestMoved + leap);
  return state.newestMoved;
}

/** How far the newest usually moves in an hour at most. */
export function paceOf(state: State): number {
  return 2 ** (state.newestPace / PER_OCTAVE) - 1;
}

/** What is left of a walk along the newest, which has moved so far this hour, when its pace has explained its part. */
export function unexplained(state: State, moved: number): number {
  return Math.max(0, moved - ALLOWED * paceOf(state));
}

/** `hour` (absolute) has ended, in which numbers may have come (`isActive`); `isTrusted`: it may be learned. */
export function endNewestHour(
  state: State,
  hour: number,
  { isActive, isYoung, isTrusted }: { isActive: boolean; isYoung: boolean; isTrusted: boolean },
): void {
  if (hour % HOURS_OF_WEEK === 0 && state.newestPace > 0) state.newestPace -= 1;
  if (!isActive) return;
  if (state.newestMoved === 0) state.newest -= state.newest >>> 3;
  const pace = Math.min(255, Math.ceil(PER_OCTAVE * Math.log2(1 + state.newestMoved)));
  if (isTrusted && pace > state.newestPace) {
    state.newestPace = isYoung ? pace : state.newestPace + 1;
  }
  state.newestMoved = 0;
}
