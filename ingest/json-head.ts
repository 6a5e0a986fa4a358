/**
 * Which shape a JSON log has, judged from the beginning of its stream alone, so that reading can go on
 * at any saved position without having read what came before.
 *
 * `lines`: one object a line (NDJSON): every newline ends a record, so a broken line spoils only itself.
 * `values`: anything else: an array, `{"Records":[…]}`, objects printed over several lines.
 */

export type JsonShape = 'lines' | 'values';

/** The shape is decided within this many bytes at the latest. */
export const HEAD_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;

/**
 * The shape of the stream that begins with `head`; undefined when more bytes are needed. `complete` says
 * that no more will come. An answer for a prefix holds for every longer head.
 */
export function jsonShape(
  head: Uint8Array,
  complete: boolean,
  isWrapper: IsWrapper = isRecordsKey,
): JsonShape | undefined {
  const limit = Math.min(head.length, HEAD_BYTES);
  const whole = complete || head.length >= HEAD_BYTES;
  const first = skipSpace(head, bomLength(head), limit);
  if (first >= limit) return whole ? 'lines' : undefined;
  if (head[first] === OPEN_ARRAY) return 'values';
  if (head[first] !== OPEN_OBJECT) return 'lines';
  return shapeOfObject(head, first, limit, whole, isWrapper);
}

/** Bytes of a UTF-8 byte order mark at the beginning. */
export function bomLength(head: Uint8Array): number {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

/** True when bytes[start, end) is `Records` or `records`: the member that wraps CloudTrail and Azure logs. */
export function isRecordsKey(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 7 || (bytes[start]! | 0x20) !== 0x72) return false;
  for (let i = 1; i < 7; i++) if (bytes[start + i] !== RECORDS[i]) return false;
  return true;
}
const RECORDS = Buffer.from('records');

/** True for the name of a member whose array holds the records. */
export type IsWrapper = (bytes: Uint8Array, start: number, end: number) => boolean;

/** As isRecordsKey, and what the AWS command line and CloudWatch Logs wrap events in. */
export function isEventsKey(bytes: Uint8Array, start: number, end: number): boolean {
  if (isRecordsKey(bytes, start, end)) return true;
  return EVENTS.some(
    (name) => name.length === end - start && name.every((c, k) => bytes[start + k] === c),
  );
}
const EVENTS = ['Events', 'events', 'logEvents'].map((name) => Buffer.from(name));

function shapeOfObject(
  head: Uint8Array,
  first: number,
  limit: number,
  whole: boolean,
  isWrapper: IsWrapper,
): JsonShape | undefined {
  const undecided = whole ? 'lines' : undefined;
  let depth = 0;
  let last = 0;
  let wraps = false;
  for (let i = first; i < limit; i++) {
    const c = head[i]!;
    if (c === QUOTE) {
      const end = stringEnd(head, i + 1, limit);
      if (end < 0) return 'lines';
      if (end >= limit) return undecided;
      wraps = depth === 1 && isWrapper(head, i + 1, end);
      i = end;
      last = QUOTE;
      continue;
    }
    if (c === NEWLINE) return shapeAfterBreak(head, i + 1, limit, whole, last);
    if (c <= 0x20) continue;
    if (c === OPEN_ARRAY && depth === 1 && wraps && last === COLON) return 'values';
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) depth++;
    else if (c === 0x7d || c === 0x5d) depth--;
    if (c !== COLON) wraps = false;
    if (depth === 0) return shapeAfterObject(head, i + 1, limit, undecided);
    last = c;
  }
  return undecided;
}

/** The first line ends inside the object: printed over several lines, or a line that is cut short. */
function shapeAfterBreak(
  head: Uint8Array,
  from: number,
  limit: number,
  whole: boolean,
  last: number,
): JsonShape | undefined {
  const next = skipSpace(head, from, limit);
  if (next >= limit) return whole ? 'values' : undefined;
  const opens = head[next] === OPEN_OBJECT && last !== OPEN_ARRAY && last !== COLON;
  return opens ? 'lines' : 'values';
}

function shapeAfterObject(
  head: Uint8Array,
  from: number,
  limit: number,
  undecided: JsonShape | undefined,
): JsonShape | undefined {
  for (let i = from; i < limit; i++) {
    const c = head[i]!;
    if (c === NEWLINE) return 'lines';
    if (c > 0x20) return c === OPEN_OBJECT || c === OPEN_ARRAY || c === COMMA ? 'values' : 'lines';
  }
  return undecided;
}

/** Index of the closing quote, `limit` when it lies further on, -1 when a newline breaks the string. */
function stringEnd(head: Uint8Array, from: number, limit: number): number {
  for (let i = from; i < limit; i++) {
    const c = head[i]!;
    if (c === QUOTE) return i;
    if (c === BACKSLASH) i++;
    else if (c === NEWLINE) return -1;
  }
  return limit;
}

function skipSpace(bytes: Uint8Array, from: number, limit: number): number {
  let i = from;
  while (i < limit && bytes[i]! <= 0x20) i++;
  return i;
}
