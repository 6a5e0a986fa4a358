/**
 * Finds the fields of a line of HAProxy's `option httplog` (and httpslog, which goes on after the request):
 *
 *   line     = [ syslog header " " ] address ":" port " [" date "] " frontend " " backend "/" server " " timers
 *              " " status " " bytes " " cookie " " cookie " " state " " n "/" n "/" n "/" n "/" n " " n "/" n
 *              [ " {" captured "}" ] [ " {" captured "}" ] ' "' request '"' [ " " anything ]
 *   timers   = TR "/" Tw "/" Tc "/" Tr "/" Ta
 *   captured = header values with "|" between them
 *
 * In what is captured and in the request HAProxy writes `#HH` for quotes, and for braces and bars in the first. A
 * captured cookie is written as the client sent it, spaces and quotes included. So all up to `bytes` is read from
 * the left, and the rest from the right, beginning at the last quote that can open the request: no cookie can move
 * a field. A line that was cut (`len 1024` by default) ends within the request.
 */

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const DASH = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const DATE_LENGTH = 24;
/** Far longer than any syslog header. */
const HEADER_MAX = 512;
const TIMERS = 5;
const COUNTERS = 5;
const QUEUES = 2;
const GROUPS_MAX = 2;
const STATE_LENGTH = 4;

export const LINE = { malformed: 0, ok: 1, ignored: 2 } as const;
export type LineResult = (typeof LINE)[keyof typeof LINE];

/** Indexes into the line's bytes; reused from line to line. */
export class HaproxyLine {
  addressFrom = 0;
  addressTo = 0;
  /** The date is 24 bytes long. */
  dateFrom = 0;
  /** Ta, without its sign. */
  durationFrom = 0;
  durationTo = 0;
  statusFrom = 0;
  statusTo = 0;
  bytesFrom = 0;
  bytesTo = 0;
  /** Four letters: how the session ended. */
  state = 0;
  /** What the first braces hold; -1 without any. */
  capturedFrom = -1;
  capturedTo = -1;
  requestFrom = 0;
  requestTo = 0;
  /** The line ends within the request. */
  cut = false;

  scan(bytes: Uint8Array, start: number, end: number): LineResult {
    const date = dateAt(bytes, start, end);
    if (date < 0) return LINE.malformed;
    this.dateFrom = date;
    // Before " [": address and port, an IPv6 address without brackets.
    const port = date - 2;
    let from = port;
    while (from > start && bytes[from - 1] !== SPACE) from--;
    let colon = port;
    while (colon > from && bytes[colon] !== COLON) colon--;
    if (colon === from) return LINE.malformed;
    this.addressFrom = from;
    this.addressTo = colon;
    const frontend = date + DATE_LENGTH + 2;
    const frontendEnd = wordEnd(bytes, frontend, end);
    // `… fe/1: SSL handshake failure`: a connection that brought no request.
    if (bytes[frontendEnd - 1] === COLON) return LINE.ignored;
    return this.#fields(bytes, frontendEnd + 1, end) ? LINE.ok : LINE.malformed;
  }

  #fields(bytes: Uint8Array, backend: number, end: number): boolean {
    const timers = wordEnd(bytes, backend, end) + 1;
    const timersEnd = wordEnd(bytes, timers, end);
    let at = timers;
    for (let k = 1; k < TIMERS; k++) {
      at = numberEnd(bytes, at, timersEnd);
      if (at < 0 || bytes[at] !== SLASH) return false;
      at++;
    }
    if (numberEnd(bytes, at, timersEnd) !== timersEnd) return false;
    this.durationFrom = bytes[at] === PLUS ? at + 1 : at;
    this.durationTo = timersEnd;
    this.statusFrom = timersEnd + 1;
    this.statusTo = wordEnd(bytes, this.statusFrom, end);
    const size = this.statusTo + 1;
    this.bytesFrom = bytes[size] === PLUS ? size + 1 : size;
    this.bytesTo = wordEnd(bytes, size, end);
    if (numberEnd(bytes, this.statusFrom, this.statusTo) !== this.statusTo) return false;
    if (numberEnd(bytes, size, this.bytesTo) !== this.bytesTo) return false;
    return this.#request(bytes, this.bytesTo, end);
  }

  #request(bytes: Uint8Array, from: number, end: number): boolean {
    const last = quoteBefore(bytes, from, end);
    if (last < 0) return false;
    // A request that is whole does not end in counters and a space.
    this.cut = this.#before(bytes, from, last);
    if (this.cut) {
      this.requestFrom = last + 1;
      this.requestTo = end;
      return true;
    }
    const opening = quoteBefore(bytes, from, last);
    if (opening < 0 || !this.#before(bytes, from, opening)) return false;
    this.requestFrom = opening + 1;
    this.requestTo = last;
    return last + 1 === end || bytes[last + 1] === SPACE;
  }

  /** State, counters and captured headers, read backwards from the opening quote. */
  #before(bytes: Uint8Array, from: number, quote: number): boolean {
    let at = quote - 1;
    this.capturedFrom = -1;
    if (at <= from || bytes[at] !== SPACE) return false;
    for (let group = 0; group < GROUPS_MAX && bytes[at - 1] === CLOSE; group++) {
      this.capturedTo = at - 1;
      at -= 2;
      while (at > from && bytes[at] !== OPEN) at--;
      this.capturedFrom = at + 1;
      at--;
      if (at <= from || bytes[at] !== SPACE) return false;
    }
    at = numbersBefore(bytes, from, at, QUEUES);
    if (at >= 0) at = numbersBefore(bytes, from, at, COUNTERS);
    if (at < 0) return false;
    this.state = at - STATE_LENGTH;
    // Two cookies, a letter at least, stand before the state.
    return this.state - 4 >= from && bytes[this.state - 1] === SPACE && isState(bytes, this.state);
  }
}

/** Begin of ` n/n/…` that ends at `to`: the index of the space before it, -1 when it is something else. */
function numbersBefore(bytes: Uint8Array, from: number, to: number, count: number): number {
  let at = to;
  for (let k = 0; k < count; k++) {
    const last = at;
    while (at > from && isDigit(bytes[at - 1]!)) at--;
    if (at === last) return -1;
    // Retries are signed when the request was sent to another server.
    if (bytes[at - 1] === PLUS) at--;
    if (k < count - 1 && bytes[--at] !== SLASH) return -1;
  }
  return at - 1 > from && bytes[at - 1] === SPACE ? at - 1 : -1;
}

function isState(bytes: Uint8Array, at: number): boolean {
  for (let k = at; k < at + STATE_LENGTH; k++) {
    const c = bytes[k]!;
    const letter = c | 0x20;
    if (c !== DASH && !(letter >= 0x61 && letter <= 0x7a)) return false;
  }
  return true;
}

/** Where ` [dd/Mon/yyyy:hh:mm:ss.mmm] ` has its first digit; -1 when the line has none near its beginning. */
function dateAt(bytes: Uint8Array, start: number, end: number): number {
  const stop = Math.min(end - DATE_LENGTH - 2, start + HEADER_MAX);
  for (let i = start + 1; i < stop; i++) {
    if (bytes[i] !== OPEN_BRACKET || bytes[i - 1] !== SPACE) continue;
    const close = i + 1 + DATE_LENGTH;
    if (bytes[close] === CLOSE_BRACKET && bytes[close + 1] === SPACE && bytes[i + 3] === SLASH) {
      return i + 1;
    }
  }
  return -1;
}

function quoteBefore(bytes: Uint8Array, from: number, to: number): number {
  let i = to - 1;
  while (i >= from && bytes[i] !== QUOTE) i--;
  return i < from ? -1 : i;
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE) i++;
  return i;
}

/** After the digits and the sign before them; -1 when there is no digit. */
function numberEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  if (i < to && (bytes[i] === DASH || bytes[i] === PLUS)) i++;
  const first = i;
  while (i < to && isDigit(bytes[i]!)) i++;
  return i === first ? -1 : i;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
