/**
 * Times as logs write them → epoch ms, NaN when they are none. The last day read is kept, so a time of the
 * same day costs a few digit reads; an hour of a log has one day, so nearly every record hits it.
 */

const DAY_MS = 86_400_000;
/** End of the year 9999: later is a unit mistaken for another, not a time. */
const AT_MAX = 253_402_300_800_000;

export class TimeReader {
  private clfDate0 = 0;
  private clfDate1 = 0;
  private clfDate2 = 0;
  private clfDayAt = Number.NaN;
  private clfSign = 0;
  private clfZone = 0;
  private clfZoneMs = Number.NaN;
  private isoYear = 0;
  private isoMonth = 0;
  private isoDay = 0;
  private isoDayAt = Number.NaN;

  /** `17/May/2015:10:05:03 +0000`, exactly 26 bytes. */
  clf(bytes: Uint8Array, from: number, to: number): number {
    if (to - from !== 26 || to > bytes.length) return Number.NaN;
    this.readClfDay(bytes, from);
    if (bytes[from + 11] !== 0x3a || bytes[from + 20] !== 0x20) return Number.NaN;
    const sign = bytes[from + 21]!;
    const zone = word(bytes, from + 22);
    if (zone !== this.clfZone || sign !== this.clfSign) {
      this.clfZoneMs = zoneOffset(bytes, from + 21, to);
      this.clfSign = sign;
      this.clfZone = zone;
    }
    return this.clfDayAt + timeOfDay(bytes, from + 12) - this.clfZoneMs;
  }

  /** `17/May/2015:10:05:03.753`, exactly 24 bytes, as UTC: HAProxy writes no zone. */
  clfMillis(bytes: Uint8Array, from: number, to: number): number {
    if (to - from !== 24 || to > bytes.length) return Number.NaN;
    this.readClfDay(bytes, from);
    if (bytes[from + 11] !== 0x3a || bytes[from + 20] !== 0x2e) return Number.NaN;
    const millis = digits2(bytes, from + 21) * 10 + bytes[from + 23]! - 0x30;
    if (!isDigit(bytes[from + 23]!)) return Number.NaN;
    return this.clfDayAt + timeOfDay(bytes, from + 12) + millis;
  }

  private readClfDay(bytes: Uint8Array, from: number): void {
    const date0 = word(bytes, from);
    const date1 = word(bytes, from + 4);
    const date2 = word(bytes, from + 7);
    if (date0 === this.clfDate0 && date1 === this.clfDate1 && date2 === this.clfDate2) return;
    this.clfDayAt = clfDay(bytes, from);
    this.clfDate0 = date0;
    this.clfDate1 = date1;
    this.clfDate2 = date2;
  }

  /** RFC 3339, also with a space for the `T`, without a zone (UTC), or with one written `+0100` or `+01`. */
  iso(bytes: Uint8Array, from: number, to: number): number {
    if (to - from < 19 || to > bytes.length) return Number.NaN;
    const year = word(bytes, from);
    const month = word(bytes, from + 4);
    const day = (bytes[from + 8]! << 8) | bytes[from + 9]!;
    if (year !== this.isoYear || month !== this.isoMonth || day !== this.isoDay) {
      this.isoDayAt = isoDay(bytes, from);
      this.isoYear = year;
      this.isoMonth = month;
      this.isoDay = day;
    }
    return this.isoTime(bytes, from, to);
  }

  private isoTime(bytes: Uint8Array, from: number, to: number): number {
    const separator = bytes[from + 10]!;
    if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return Number.NaN;
    let i = from + 19;
    let fraction = 0;
    if (i < to && (bytes[i] === 0x2e || bytes[i] === 0x2c)) {
      const first = ++i;
      for (let scale = 100; i < to && isDigit(bytes[i]!); i++, scale /= 10) {
        if (scale >= 1) fraction += (bytes[i]! - 0x30) * scale;
      }
      if (i === first) return Number.NaN;
    }
    const zoneMs = i === to ? 0 : zoneOffset(bytes, i, to);
    return this.isoDayAt + timeOfDay(bytes, from + 11) + fraction - zoneMs;
  }
}

/** A time in s, ms, µs or ns since 1970, told apart by magnitude; whole ms. */
export function epochByMagnitude(value: number): number {
  if (!(value > 0)) return Number.NaN;
  // 1e11 s is the year 5138, 1e11 ms is March 1973: no unit's useful range meets another's.
  if (value < 1e11) return usable(value * 1000);
  if (value < 1e14) return usable(value);
  if (value < 1e17) return usable(value / 1000);
  return usable(value / 1e6);
}

/** Epoch ms as a whole number, NaN when it is before 1970 or after the year 9999. */
export function usable(at: number): number {
  return at > 0 && at < AT_MAX ? Math.round(at) : Number.NaN;
}

function clfDay(bytes: Uint8Array, from: number): number {
  if (bytes[from + 2] !== 0x2f || bytes[from + 6] !== 0x2f) return Number.NaN;
  const month = MONTHS.get((bytes[from + 3]! << 16) | (bytes[from + 4]! << 8) | bytes[from + 5]!);
  if (month === undefined) return Number.NaN;
  return dayAt(digits4(bytes, from + 7), month, digits2(bytes, from));
}

function isoDay(bytes: Uint8Array, from: number): number {
  if (bytes[from + 4] !== 0x2d || bytes[from + 7] !== 0x2d) return Number.NaN;
  return dayAt(digits4(bytes, from), digits2(bytes, from + 5), digits2(bytes, from + 8));
}

function dayAt(year: number, month: number, day: number): number {
  if (!(year >= 1970) || !(month >= 1 && month <= 12) || !(day >= 1)) return Number.NaN;
  const at = Date.UTC(year, month - 1, day);
  // A day that its month does not have rolls over into the next one.
  return monthOf(at) === month ? at : Number.NaN;
}

function monthOf(at: number): number {
  return new Date(at).getUTCMonth() + 1;
}

/** hh:mm:ss in ms; a leap second counts as the second after. */
function timeOfDay(bytes: Uint8Array, from: number): number {
  if (bytes[from + 2] !== 0x3a || bytes[from + 5] !== 0x3a) return Number.NaN;
  const hour = digits2(bytes, from);
  const minute = digits2(bytes, from + 3);
  const second = digits2(bytes, from + 6);
  if (!(hour < 24 && minute < 60 && second <= 60)) return Number.NaN;
  const ms = (hour * 3600 + minute * 60 + second) * 1000;
  return ms <= DAY_MS ? ms : Number.NaN;
}

/** `Z`, `+hh:mm`, `+hhmm` or `+hh` in ms east of UTC. */
function zoneOffset(bytes: Uint8Array, from: number, to: number): number {
  const sign = bytes[from]!;
  if ((sign === 0x5a || sign === 0x7a) && to - from === 1) return 0;
  if (sign !== 0x2b && sign !== 0x2d) return Number.NaN;
  const length = to - from;
  const colon = length === 6 && bytes[from + 3] === 0x3a;
  if (!colon && length !== 5 && length !== 3) return Number.NaN;
  const hour = digits2(bytes, from + 1);
  const minute = length === 3 ? 0 : digits2(bytes, from + (colon ? 4 : 3));
  if (!(hour < 24 && minute < 60)) return Number.NaN;
  const ms = (hour * 60 + minute) * 60_000;
  return sign === 0x2d ? -ms : ms;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function digits2(bytes: Uint8Array, at: number): number {
  const a = bytes[at]! - 0x30;
  const b = bytes[at + 1]! - 0x30;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : Number.NaN;
}

function digits4(bytes: Uint8Array, at: number): number {
  return digits2(bytes, at) * 100 + digits2(bytes, at + 2);
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

const MONTHS: ReadonlyMap<number, number> = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
    (name, index) => [
      (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2),
      index + 1,
    ],
  ),
);
