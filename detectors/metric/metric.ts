/**
 * The metric baseline behind `score`: how unusual is a value after all those before it?
 *
 * For any series of (time, value): irregular, with gaps, negative, constant. Causal: nothing of a file's
 * future, length or range. Two detectors are joined: jumps (away from the recent level) and records (what
 * never was). A record weighs more: it is rarer, and a person who looks at it once will not have to again.
 *
 *   0 … 3   less than an alarm; proportional to the jump
 *   3 … 4   a jump
 *   4 …     a record: one more for each factor of ten by which it leaves the known range
 *
 * How large a jump must be hangs on how often the series is measured: in an hourly one each point is an hour
 * of somebody's day, in a faster one nobody looks at each. The limits are those that gave about one false
 * alarm a series in two days on the open halves of the series in docs/detection.md, NAB's five minutes fewer.
 *
 * When it fails: slow drifts never are jumps and become records late; what recurs at an odd hour stays one;
 * the first week is judged mildly; a series that only ever grows makes records all the time.
 * Cost: about 2 µs a point and 20 KiB a series, whatever its length.
 */
import { createInterval, learnInterval } from './interval.ts';
import { createJump, scoreJump } from './jump.ts';
import { createRecords, HOURS_OF_WEEK, scoreRecord } from './records.ts';

/** A score of at least this is an alarm. */
export const ALARM_AT = 3;
export const SCORE_MAX = 300;

export interface Metric {
  /** 0..300; undefined when time or value is NaN: such a point is neither judged nor learned. */
  score(atMs: number, value: number): number | undefined;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Differences of larger values would not be finite. */
const VALUE_MAX = 1e300;

/** [interval in minutes, −log10 of the chance of a jump from which it is an alarm]. */
const JUMP_LIMITS: readonly (readonly [number, number])[] = [
  [1, 1.6],
  [5, 3],
  [60, 1.25],
];
/** Below 3, a record's score falls this much faster: small records are nothing. */
const RECORD_SLOPE = 3;
const RECORD_BAND = 1;

export function createMetric(): Metric {
  const interval = createInterval();
  const jump = createJump();
  const records = createRecords();
  return {
    score: (atMs, value) => {
      if (Number.isNaN(atMs) || Number.isNaN(value)) return undefined;
      const bounded = Math.min(VALUE_MAX, Math.max(-VALUE_MAX, value));
      const passedMs = Number.isNaN(interval.lastAt) ? 0 : atMs - interval.lastAt;
      learnInterval(interval, atMs);
      const hour = Math.floor(atMs / HOUR_MS);
      const limit = jumpLimit(interval.ms / MINUTE_MS);
      const leap = scoreJump(jump, bounded, modulo(hour, 24), passedMs, interval.ms, limit);
      const ofWeek = modulo(hour, HOURS_OF_WEEK);
      const record = scoreRecord(records, atMs, bounded, ofWeek, interval.ms);
      const joined = Math.max(jumpBand(leap, limit), recordBand(record), 0);
      return Math.min(SCORE_MAX, joined);
    },
  };
}

function jumpBand(leap: number, limit: number): number {
  if (leap < limit) return (ALARM_AT * leap) / limit;
  const beyond = leap - limit;
  return ALARM_AT + beyond / (1 + beyond);
}

function recordBand(record: number): number {
  if (record < ALARM_AT) return ALARM_AT - RECORD_SLOPE * (ALARM_AT - record);
  return record + RECORD_BAND;
}

/** Between two intervals of the table by the logarithm; outside as at its ends. */
function jumpLimit(minutes: number): number {
  let [fromMinutes, fromLimit] = JUMP_LIMITS[0]!;
  if (minutes <= fromMinutes) return fromLimit;
  for (const [toMinutes, toLimit] of JUMP_LIMITS) {
    if (minutes <= toMinutes) {
      const share = Math.log(minutes / fromMinutes) / Math.log(toMinutes / fromMinutes);
      return fromLimit + share * (toLimit - fromLimit);
    }
    [fromMinutes, fromLimit] = [toMinutes, toLimit];
  }
  return fromLimit;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
