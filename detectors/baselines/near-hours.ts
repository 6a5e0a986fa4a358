/** The hours around the one at hand, by the clock of today and, after a change, by the one they were learned by. */
import { multiplier, ownMultiplier } from './profile.ts';
import type { RateState } from './rate-state.ts';

const HOURS_OF_DAY = 24;
/** Hours before and after a change of the clocks that expect more different rates are not alike. */
const CLOCKS_DISAGREE = 1.5;

/** Reads the multipliers of the hour at hand and its neighbours into the state. */
export function readHours(s: RateState, firstHour: number, meanPerHour: number): void {
  s.before = multiplier(s.profile, s.hour - 1, s.hour, firstHour, meanPerHour);
  s.current = multiplier(s.profile, s.hour, s.hour, firstHour, meanPerHour);
  s.next = multiplier(s.profile, s.hour + 1, s.hour, firstHour, meanPerHour);
  if (s.shift === 1) return;
  const hour = s.hour + s.shift - 1;
  s.shiftedBefore = multiplier(s.profile, hour - 1, s.hour, firstHour, meanPerHour);
  s.shiftedCurrent = multiplier(s.profile, hour, s.hour, firstHour, meanPerHour);
  s.shiftedNext = multiplier(s.profile, hour + 1, s.hour, firstHour, meanPerHour);
}

/** Least multiplier that an hour to come may have. */
export function leastMultiplierAt(
  s: RateState,
  hour: number,
  firstHour: number,
  meanPerHour: number,
): number {
  const least = Math.min(
    multiplier(s.profile, hour, s.hour, firstHour, meanPerHour),
    ownMultiplier(s.profile, hour, s.hour, firstHour, meanPerHour),
  );
  const shift = shiftAt(s, hour);
  if (shift === 0) return least;
  return Math.min(least, multiplier(s.profile, hour + shift, s.hour, firstHour, meanPerHour));
}

/** Nobody speaks while a silence lasts, but the clocks may be changed. */
function shiftAt(s: RateState, hour: number): number {
  const isNext = s.shiftDay !== 0 && hour >= s.shiftDay * HOURS_OF_DAY;
  return (isNext ? s.shiftNext : s.shift) - 1;
}

/** An hour that is a working hour by one clock only says nothing about how busy the day is. */
export function clocksDisagree({ shift, current, shiftedCurrent }: RateState): boolean {
  if (shift === 1) return false;
  return Math.max(current, shiftedCurrent) > CLOCKS_DISAGREE * Math.min(current, shiftedCurrent);
}
