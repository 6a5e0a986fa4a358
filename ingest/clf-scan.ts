/**
 * Reads one line of the common or combined log format, as NGINX and Apache write it:
 *
 *   line    = [ vhost " " ] [ host "," [ " " ] ]... host " " ident " " user " [" time "] " request " " status " " size
 *             [ " " referer " " agent ] [ " " anything ]
 *   request, referer, agent = '"' text in which '"' and '\' stand escaped '"'
 *
 * A line may also end within the agent: real logs hold such lines.
 *
 * The user name is the client's text, and may hold spaces and brackets, but no bare quote: so the time is read
 * backwards from the first quote, and nothing in a user name can pass for it.
 */
import { FIELD, type RecordDraft } from '../core/record.ts';
import type { Scratch } from './scratch.ts';
import type { TimeReader } from './time.ts';
import { unescapeLog } from './unescape.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const LESS = 0x3c;
const DOT = 0x2e;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const TIME_LENGTH = 26;
/** Far longer than any method; what is longer is garbage on the port. */
const METHOD_LENGTH_MAX = 20;

/**
 * Fills at, status, bytesOut, address, method, target and agent; false when the line is none of this format.
 * Where %u is wanted, `user` receives its range in `bytes` (from -1 when it is `-`).
 */
export function scanClfLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  draft: RecordDraft,
  time: TimeReader,
  scratch: Scratch,
  user: Range,
): boolean {
  const quote = bareQuote(bytes, start, end);
  // "] " and the quote stand after the time, " [" before it.
  const timeFrom = quote - 2 - TIME_LENGTH;
  if (quote < 0 || timeFrom - 2 < start) return false;
  if (bytes[quote - 1] !== SPACE || bytes[quote - 2] !== 0x5d) return false;
  if (bytes[timeFrom - 1] !== 0x5b || bytes[timeFrom - 2] !== SPACE) return false;
  if (!scanPrefix(bytes, start, timeFrom - 2, draft, user)) return false;
  draft.at = time.clf(bytes, timeFrom, timeFrom + TIME_LENGTH);
  const requestEnd = closingQuote(bytes, quote + 1, end);
  if (requestEnd === -1) return false;
  const escaped = requestEnd < 0;
  let i = escaped ? ~requestEnd : requestEnd;
  if (escaped) {
    const from = scratch.length;
    scratch.reserve(i - quote);
    scratch.length = unescapeLog(bytes, quote + 1, i, scratch.bytes, from);
    draft.scratch = scratch.bytes;
    splitRequest(scratch.bytes, from, scratch.length, 1, draft);
  } else {
    splitRequest(bytes, quote + 1, i, 0, draft);
  }
  i = scanNumbers(bytes, i + 1, end, draft);
  if (i < 0) return false;
  if (i === end) return true;
  return scanTail(bytes, i, end, draft, scratch);
}

export interface Range {
  from: number;
  to: number;
}

/** host, ident and user in bytes[from, to). */
function scanPrefix(
  bytes: Uint8Array,
  from: number,
  to: number,
  draft: RecordDraft,
  user: Range,
): boolean {
  // No host begins so: a syslog message.
  if (bytes[from] === LESS) return false;
  let hostEnd = scanHost(bytes, from, to, user);
  let host = user.from;
  let ident = hostEnd + 1;
  if (ident >= to || hostEnd === host) return false;
  let identEnd = wordEnd(bytes, ident, to);
  if (!isDash(bytes, ident) && startsWithName(bytes, host, hostEnd, identEnd, to)) {
    hostEnd = scanHost(bytes, ident, to, user);
    host = user.from;
    ident = hostEnd + 1;
    if (ident >= to || hostEnd === host) return false;
    identEnd = wordEnd(bytes, ident, to);
    // Else it is the header of syslog or of a container, and nothing behind it is where it seems to be.
    if (!isDash(bytes, ident) && !isAddress(bytes, host, hostEnd)) return false;
  }
  const userFrom = identEnd + 1;
  if (userFrom >= to || identEnd === ident) return false;
  if (!(hostEnd - host === 1 && bytes[host] === DASH)) {
    put(draft, FIELD.clientAddress, host, hostEnd, 0);
  }
  user.from = to - userFrom === 1 && bytes[userFrom] === DASH ? -1 : userFrom;
  user.to = to;
  return true;
}

/**
 * Answers the end of the host, and leaves its begin in `found`. X-Forwarded-For may stand for it, `a, b, c`: the last
 * is what the nearest proxy saw.
 */
function scanHost(bytes: Uint8Array, from: number, to: number, found: Range): number {
  found.from = from;
  let i = from;
  for (; i < to; i++) {
    const c = bytes[i]!;
    if (c === COMMA) {
      if (bytes[i + 1] === SPACE) i++;
      found.from = i + 1;
    } else if (c === SPACE) break;
  }
  return i;
}

/** True when the first word is a virtual host: no address, or a list, or another word and `-` follow it. */
function startsWithName(
  bytes: Uint8Array,
  host: number,
  hostEnd: number,
  nextEnd: number,
  to: number,
): boolean {
  if (!isAddress(bytes, host, hostEnd) || bytes[nextEnd - 1] === COMMA) return true;
  return isDash(bytes, nextEnd + 1) && nextEnd + 2 < to;
}

function isDash(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === DASH && bytes[at + 1] === SPACE;
}

/** ` status size`; answers the index after it, -1 when it is something else. */
function scanNumbers(bytes: Uint8Array, from: number, end: number, draft: RecordDraft): number {
  let i = from;
  if (i + 4 >= end || bytes[i] !== SPACE) return -1;
  i++;
  if (bytes[i] === DASH && bytes[i + 1] === SPACE) {
    i += 2;
  } else {
    const a = bytes[i]! - 0x30;
    const b = bytes[i + 1]! - 0x30;
    const c = bytes[i + 2]! - 0x30;
    if (a < 0 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9 || bytes[i + 3] !== SPACE) return -1;
    const status = a * 100 + b * 10 + c;
    draft.status = status >= 100 && status <= 599 ? status : 0;
    i += 4;
  }
  if (i < end && bytes[i] === DASH) {
    draft.bytesOut = 0;
    i++;
  } else {
    const first = i;
    let size = 0;
    for (; i < end; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) break;
      size = size * 10 + digit;
    }
    if (i === first || i - first > 15) return -1;
    draft.bytesOut = size;
  }
  return i === end || bytes[i] === SPACE ? i : -1;
}

/** ` "referer" "agent"`, then anything after a space; a line that ends here has neither. */
function scanTail(
  bytes: Uint8Array,
  from: number,
  end: number,
  draft: RecordDraft,
  scratch: Scratch,
): boolean {
  if (from + 1 >= end || bytes[from + 1] !== QUOTE) return from + 1 < end;
  let i = closingQuote(bytes, from + 2, end);
  if (i === -1) return false;
  if (i < 0) i = ~i;
  i++;
  if (i + 1 >= end || bytes[i] !== SPACE || bytes[i + 1] !== QUOTE) return i === end;
  const agent = i + 2;
  i = closingQuote(bytes, agent, end);
  if (i === -1) {
    // A writer that cuts long lines has cut the agent: all before it is whole.
    const escaped = bytes.subarray(agent, end).includes(BACKSLASH);
    putLogText(bytes, agent, escaped ? ~end : end, draft, FIELD.userAgent, scratch);
    return true;
  }
  putLogText(bytes, agent, i, draft, FIELD.userAgent, scratch);
  if (i < 0) i = ~i;
  return i + 1 === end || bytes[i + 1] === SPACE;
}

/**
 * Makes a quoted text a field's value; `-` and nothing are absent. `stop` as closingQuote answers it: the index
 * of the closing quote, or its complement when the text holds escapes.
 */
export function putLogText(
  bytes: Uint8Array,
  from: number,
  stop: number,
  draft: RecordDraft,
  field: number,
  scratch: Scratch,
): boolean {
  if (stop >= 0) {
    if (stop === from || (stop - from === 1 && bytes[from] === DASH)) return false;
    put(draft, field, from, stop, 0);
    return true;
  }
  const begin = scratch.length;
  scratch.reserve(~stop - from);
  scratch.length = unescapeLog(bytes, from, ~stop, scratch.bytes, begin);
  return scratch.give(draft, field, begin);
}

/** `GET /path?query HTTP/1.1` → method and target; what is no request line leaves both absent. */
export function splitRequest(
  bytes: Uint8Array,
  from: number,
  to: number,
  inScratch: 0 | 1,
  draft: RecordDraft,
): void {
  let i = from;
  const methodMax = Math.min(to, from + METHOD_LENGTH_MAX);
  while (i < methodMax && isMethodLetter(bytes[i]!)) i++;
  if (i === from || i >= to || bytes[i] !== SPACE) return;
  const method = i;
  // The protocol is what stands after the last space: in an old request line the target may hold some.
  let stop = to;
  for (let k = to - 1; k > method; k--) {
    if (bytes[k] !== SPACE) continue;
    if (bytes[k + 1] === 0x48 && bytes[k + 2] === 0x54 && bytes[k + 3] === 0x54) stop = k;
    break;
  }
  put(draft, FIELD.method, from, method, inScratch);
  if (stop > method + 1) put(draft, FIELD.target, method + 1, stop, inScratch);
}

function isMethodLetter(c: number): boolean {
  return (c >= 0x41 && c <= 0x5a) || c === DASH || c === 0x5f;
}

/** The first quote that no backslash escapes; -1 when there is none. */
function bareQuote(bytes: Uint8Array, from: number, end: number): number {
  const stop = closingQuote(bytes, from, end);
  return stop < -1 ? ~stop : stop;
}

/** Index of the closing quote; its complement when a backslash stands before it; -1 when there is none. */
export function closingQuote(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return i;
    if (c === BACKSLASH) return closingAfterEscape(bytes, i, end);
  }
  return -1;
}

function closingAfterEscape(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return ~i;
    if (c === BACKSLASH) i++;
  }
  return -1;
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] !== SPACE) i++;
  return i;
}

/** Digits and dots, or hexadecimal digits with two colons or more: an address, not `example.com:443`. */
function isAddress(bytes: Uint8Array, from: number, to: number): boolean {
  let colons = 0;
  let dots = 0;
  let letters = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c === COLON) colons++;
    else if ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66) letters++;
    else if (c === DOT) dots++;
    else if (c < 0x30 || c > 0x39) return false;
  }
  return colons >= 2 || (letters === 0 && dots > 0);
}

function put(draft: RecordDraft, field: number, from: number, to: number, inScratch: 0 | 1): void {
  draft.start[field] = from;
  draft.end[field] = to;
  draft.inScratch[field] = inScratch;
}
