/**
 * Whether a time zone changed its offset within the last two weeks, and by how many hours.
 *
 * The profile is kept in UTC. People keep local time, so after a change of the clocks a key's habits stand
 * beside the hours in which they were learned: for two weeks both hours are read (design.md §5).
 */
import type { Place } from '../../core/event.ts';

const DAY_MS = 86_400_000;
const LOOK_BACK_DAYS = 14;
/** A silence is looked at this far ahead, and a change of the clocks may come first. */
const LOOK_AHEAD_DAYS = 9;
/** Zones remembered; there are about 600. */
const ZONES_MAX = 1024;

export interface ZoneShift {
  /**
   * Hours to add to a UTC hour to find the one in which the same local hour was learned: 1 for two weeks after
   * the clocks went forward, −1 after they went back, else 0.
   */
  readonly hours: number;
  /** From this day on, counted from 1970, it will be `next`; 0 when it stays for the next nine days. */
  readonly nextDay: number;
  readonly next: number;
}

interface Zone {
  readonly format: Intl.DateTimeFormat | undefined;
  day: number;
  shift: ZoneShift;
}

/** Answers of places, by the low bits of their region's code: at every event, a look-up by text costs more. */
const MEMO_SLOTS = 256;
const memoZones = new Array<string>(MEMO_SLOTS).fill('');
const memoDays = new Int32Array(MEMO_SLOTS).fill(-1);

export const NO_SHIFT: ZoneShift = Object.freeze({ hours: 0, nextDay: 0, next: 0 });
const zones = new Map<string, Zone>();

const memoShifts = new Array<ZoneShift>(MEMO_SLOTS).fill(NO_SHIFT);

/** The same as `zoneShift` of the place's zone. */
export function zoneShiftAt({ regionCode, timeZone }: Place, at: number): ZoneShift {
  const slot = regionCode & (MEMO_SLOTS - 1);
  const day = Math.floor(at / DAY_MS);
  if (memoZones[slot] === timeZone && memoDays[slot] === day) return memoShifts[slot]!;
  memoZones[slot] = timeZone;
  memoDays[slot] = day;
  const shift = zoneShift(timeZone, at);
  memoShifts[slot] = shift;
  return shift;
}

/** Unknown zones never shift. Judged once a UTC day. */
export function zoneShift(zone: string, at: number): ZoneShift {
  if (zone === '') return NO_SHIFT;
  let known = zones.get(zone);
  if (known === undefined) {
    if (zones.size >= ZONES_MAX) zones.clear();
    known = { format: formatOf(zone), day: Number.NaN, shift: NO_SHIFT };
    zones.set(zone, known);
  }
  const day = Math.floor(at / DAY_MS);
  if (day !== known.day) {
    known.day = day;
    known.shift = known.format === undefined ? NO_SHIFT : shiftFrom(known.format, day);
  }
  return known.shift;
}

function shiftFrom(format: Intl.DateTimeFormat, day: number): ZoneShift {
  const hours = shiftOn(format, day);
  for (let ahead = 1; ahead <= LOOK_AHEAD_DAYS; ahead++) {
    const next = shiftOn(format, day + ahead);
    if (next !== hours) return { hours, nextDay: day + ahead, next };
  }
  return hours === 0 ? NO_SHIFT : { hours, nextDay: 0, next: 0 };
}

function shiftOn(format: Intl.DateTimeFormat, day: number): number {
  // Noon: the clocks have been changed by then.
  const noon = day * DAY_MS + DAY_MS / 2;
  const change = offsetHours(format, noon) - offsetHours(format, noon - LOOK_BACK_DAYS * DAY_MS);
  return Math.abs(change) > 2 ? 0 : Math.round(change);
}

function offsetHours(format: Intl.DateTimeFormat, at: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
  const local = Date.UTC(
    part['year']!,
    part['month']! - 1,
    part['day']!,
    part['hour']! % 24,
    part['minute']!,
  );
  return (local - Math.floor(at / 60_000) * 60_000) / 3_600_000;
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch {
    return undefined;
  }
}
