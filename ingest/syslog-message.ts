/**
 * Where in a syslog message the record is, and which message of its sender it is.
 *
 *   message  = [ "<" digits ">" ] ( rfc5424 | rfc3164 | record )
 *   rfc5424  = "1 " time " " host " " app " " procid " " msgid " " ( "-" | element... ) [ " " [ BOM ] record ]
 *   element  = "[" id { " " name '="' value '"' } "]"        value: '"', '\' and ']' stand escaped
 *   rfc3164  = ( "Mmm dd hh:mm:ss" | RFC 3339 time ) " " [ host " " ] tag ": " record
 *
 * In a file the priority may be missing (`readLine`). All before the record is the sender's own; what a client wrote
 * comes after it. A header of another kind is left where it is: then the format judges.
 */

const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;
const LESS = 0x3c;
const GREATER = 0x3e;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const PRIORITY_MAX = 5;
const BSD_TIME_LENGTH = 15;
const HEADER_WORDS = 5;

/** Ranges into the message's bytes; reused. */
export class SyslogMessage {
  /** The record. */
  from = 0;
  to = 0;
  /** `[meta sequenceId="…"]` of RFC 5424, 1 and above; 0 when there is none. */
  sequence = 0;
  /** What counts messages: host, app and procid; empty when there is no sequence. */
  senderFrom = 0;
  senderTo = 0;
  /** A header of RFC 3164 or 5424 was found. */
  isHeaded = false;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.sequence = 0;
    this.isHeaded = false;
    let to = end;
    // Some senders end a datagram as if it were a line, or a string of C.
    while (to > start && bytes[to - 1]! <= SPACE) to--;
    this.to = to;
    this.from = start;
    if (bytes[start] !== LESS) return;
    const priority = priorityEnd(bytes, start + 1, to);
    if (priority < 0) return;
    this.from = priority;
    if (bytes[priority] === 0x31 && bytes[priority + 1] === SPACE) {
      this.#rfc5424(bytes, priority + 2, to);
    } else {
      this.#rfc3164(bytes, priority, to);
    }
  }

  /** As `read`, of a line that a syslog daemon wrote into a file. */
  readLine(bytes: Uint8Array, start: number, end: number): void {
    this.read(bytes, start, end);
    if (bytes[start] !== LESS) this.#rfc3164(bytes, start, this.to);
  }

  #rfc3164(bytes: Uint8Array, from: number, to: number): void {
    this.from = bsdRecord(bytes, from, to);
    this.isHeaded = this.from > from;
  }

  #rfc5424(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    let host = from;
    let procidEnd = from;
    for (let word = 0; word < HEADER_WORDS; word++) {
      const end = wordEnd(bytes, at, to);
      if (end === at || end >= to) return;
      if (word === 1) host = at;
      if (word === 3) procidEnd = end;
      at = end + 1;
    }
    const after = this.#elements(bytes, at, to);
    if (after < 0) return;
    this.isHeaded = true;
    this.senderFrom = host;
    this.senderTo = procidEnd;
    this.from = Math.min(to, after + 1);
    const { from: record } = this;
    if (bytes[record] === 0xef && bytes[record + 1] === 0xbb && bytes[record + 2] === 0xbf) {
      this.from = Math.min(to, record + 3);
    }
  }

  /** Answers the index after the structured data, -1 when it is none. */
  #elements(bytes: Uint8Array, from: number, to: number): number {
    if (bytes[from] === DASH) return from + 1;
    let at = from;
    while (at < to && bytes[at] === OPEN) {
      at = this.#element(bytes, at + 1, to);
      if (at < 0) return -1;
    }
    return at === from ? -1 : at;
  }

  #element(bytes: Uint8Array, from: number, to: number): number {
    let at = idEnd(bytes, from, to);
    const isMeta = equals(bytes, from, at, META);
    while (at < to && bytes[at] === SPACE) {
      const name = at + 1;
      while (at < to && bytes[at] !== QUOTE) at++;
      const value = at + 1;
      at = valueEnd(bytes, value, to);
      if (at < 0) return -1;
      if (isMeta && equals(bytes, name, value - 1, SEQUENCE)) {
        this.sequence = sequenceOf(bytes, value, at);
      }
      at++;
    }
    return at < to && bytes[at] === CLOSE ? at + 1 : -1;
  }
}

/** Index after `digits>`, -1 when it is none. */
function priorityEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < Math.min(to, from + PRIORITY_MAX); i++) {
    if (bytes[i] === GREATER) return i > from ? i + 1 : -1;
    if (!isDigit(bytes[i]!)) return -1;
  }
  return -1;
}

/** Begin of the record behind a header after RFC 3164, or `from` where none is. */
function bsdRecord(bytes: Uint8Array, from: number, to: number): number {
  const time = timeEnd(bytes, from, to);
  if (time < 0) return from;
  let at = time + 1;
  // A tag ends with a colon; a host, where there is one, stands before it.
  for (let word = 0; word < 2; word++) {
    const end = wordEnd(bytes, at, to);
    if (end >= to) return from;
    if (bytes[end - 1] === COLON) return end + 1;
    at = end + 1;
  }
  return from;
}

/** Index of the space after the time, -1 when there is none. */
function timeEnd(bytes: Uint8Array, from: number, to: number): number {
  const bsd = from + BSD_TIME_LENGTH;
  const isBsd =
    bsd < to &&
    bytes[from + 3] === SPACE &&
    bytes[from + 6] === SPACE &&
    bytes[from + 9] === COLON &&
    bytes[from + 12] === COLON &&
    bytes[bsd] === SPACE;
  if (isBsd) return bsd;
  const end = wordEnd(bytes, from, to);
  const isIso = bytes[from + 4] === DASH && bytes[from + 7] === DASH && bytes[from + 10] === 0x54;
  return isIso && end - from >= 20 && end < to ? end : -1;
}

function sequenceOf(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    if (!isDigit(bytes[i]!) || i - from >= 10) return 0;
    value = value * 10 + (bytes[i]! - 0x30);
  }
  return value;
}

function valueEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] === QUOTE) return i;
    if (bytes[i] === BACKSLASH) i++;
  }
  return -1;
}

function idEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE && bytes[i] !== CLOSE) i++;
  return i;
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE) i++;
  return i;
}

function equals(bytes: Uint8Array, from: number, to: number, word: Uint8Array): boolean {
  if (to - from !== word.length) return false;
  for (let k = 0; k < word.length; k++) if (bytes[from + k] !== word[k]) return false;
  return true;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

const META = new TextEncoder().encode('meta');
const SEQUENCE = new TextEncoder().encode('sequenceId=');
