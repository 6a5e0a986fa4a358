/**
 * Finds the variables of an NGINX log format in a line, so that no client can move them.
 *
 * A client writes much of a line: user agent, request, user name. NGINX escapes quotes and control characters in
 * what it logs, so those characters of the *format* are fences that no value can hold. The format is cut at them,
 * and a line must have exactly the same fences. Between two fences stands a stretch of literals and variables.
 * In it, `tight` variables (digits, addresses, times: their letters are known, and no client chooses them) are
 * read from the left up to the first `free` one (any text) and from the right down to the last. A single free
 * variable is what remains between. Where a stretch has two, nobody can tell where the first ends: what lies
 * between the outer ones is `unreadable`.
 */
import type { Escape, LogFormat, Part } from './log-format.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Letters that a variable can hold; undefined for any. A number: its fixed length. */
type Shape = Uint8Array | number | undefined;

interface Variable {
  readonly name: string;
  /** Index into `from` and `to`; -1 when nobody wants it. */
  readonly index: number;
  readonly shape: Shape;
  /** What stands between this variable and the next, or the end of the stretch. */
  readonly after: Uint8Array;
}

interface Stretch {
  readonly first: Uint8Array;
  readonly variables: readonly Variable[];
  /** variables[0, left) are read from the left, [right, …) from the right. */
  readonly left: number;
  readonly right: number;
}

export class LogTemplate {
  /** Ranges of the wanted variables in the matched line, by their index in `wanted`; from -1 when not there. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Wanted variables that a client could forge or shift, and that are therefore never read. */
  readonly unreadable: readonly string[];
  /** The matched line holds a backslash: values must be unescaped. */
  escaped = false;
  private readonly escape: Escape;
  private readonly fences: Uint8Array;
  private readonly fenceAt: Int32Array;
  private readonly stretches: readonly Stretch[];

  constructor(format: LogFormat, wanted: readonly string[]) {
    this.escape = format.escape;
    const { fences, pieces } = cutAtFences(format.parts);
    this.fences = Uint8Array.from(fences);
    this.fenceAt = new Int32Array(fences.length + 1);
    this.stretches = pieces.map((piece) => stretchOf(piece, wanted));
    this.from = new Int32Array(wanted.length);
    this.to = new Int32Array(wanted.length);
    this.unreadable = this.stretches.flatMap(({ variables, left, right }) =>
      right - left < 2
        ? []
        : variables.slice(left, right).flatMap(({ name, index }) => (index < 0 ? [] : [name])),
    );
  }

  /** False when bytes[start, end) is no line of this format. */
  match(bytes: Uint8Array, start: number, end: number): boolean {
    this.from.fill(-1);
    if (!this.findFences(bytes, start, end)) return false;
    let from = start;
    for (let k = 0; k < this.stretches.length; k++) {
      const to = k < this.fences.length ? this.fenceAt[k]! : end;
      if (!this.read(this.stretches[k]!, bytes, from, to)) return false;
      from = to + 1;
    }
    return true;
  }

  private findFences(bytes: Uint8Array, start: number, end: number): boolean {
    const fences = this.fences;
    let found = 0;
    this.escaped = false;
    for (let i = start; i < end; i++) {
      const c = bytes[i]!;
      if (c > QUOTE) {
        if (c !== BACKSLASH || this.escape === 'none') continue;
        this.escaped = true;
        i++;
      } else if (c === QUOTE || c < 0x20) {
        if (found === fences.length || fences[found] !== c) return false;
        this.fenceAt[found++] = i;
      }
    }
    return found === fences.length;
  }

  private read(stretch: Stretch, bytes: Uint8Array, from: number, to: number): boolean {
    const { first, variables, left, right } = stretch;
    let i = from;
    if (!startsWith(bytes, i, to, first)) return false;
    i += first.length;
    for (let k = 0; k < left; k++) {
      const { index, shape, after } = variables[k]!;
      const stop = typeof shape === 'number' ? i + shape : lettersEnd(shape!, bytes, i, to);
      if (stop > to || !startsWith(bytes, stop, to, after)) return false;
      this.put(index, i, stop);
      i = stop + after.length;
    }
    let j = to;
    for (let k = variables.length - 1; k >= right; k--) {
      const { index, shape, after } = variables[k]!;
      const stop = j - after.length;
      if (stop < i || !startsWith(bytes, stop, j, after)) return false;
      j = typeof shape === 'number' ? stop - shape : lettersStart(shape!, bytes, i, stop);
      if (j < i) return false;
      this.put(index, j, stop);
    }
    if (left === right) return i === j;
    const after = variables[right - 1]!.after;
    const stop = j - after.length;
    if (stop < i || !startsWith(bytes, stop, j, after)) return false;
    if (right - left === 1) this.put(variables[left]!.index, i, stop);
    return true;
  }

  private put(index: number, from: number, to: number): void {
    if (index < 0) return;
    this.from[index] = from;
    this.to[index] = to;
  }
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let k = 0; k < text.length; k++) if (bytes[at + k] !== text[k]) return false;
  return true;
}

function lettersEnd(letters: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && letters[bytes[i]!] === 1) i++;
  return i;
}

function lettersStart(letters: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let i = to;
  while (i > from && letters[bytes[i - 1]!] === 1) i--;
  return i;
}

/** The fences of a format, and what stands before, between and after them. */
function cutAtFences(parts: readonly Part[]): { fences: number[]; pieces: Part[][] } {
  const fences: number[] = [];
  let piece: Part[] = [];
  const pieces = [piece];
  for (const part of parts) {
    if ('variable' in part) {
      piece.push(part);
      continue;
    }
    let literal = '';
    for (const letter of part.literal) {
      const code = letter.charCodeAt(0);
      if (code !== QUOTE && code >= 0x20) {
        literal += letter;
        continue;
      }
      if (literal !== '') piece.push({ literal });
      literal = '';
      fences.push(code);
      piece = [];
      pieces.push(piece);
    }
    if (literal !== '') piece.push({ literal });
  }
  return { fences, pieces };
}

function stretchOf(piece: readonly Part[], wanted: readonly string[]): Stretch {
  let first = '';
  const rows: { name: string; after: string }[] = [];
  for (const part of piece) {
    const row = rows.at(-1);
    if ('variable' in part) rows.push({ name: part.variable, after: '' });
    else if (row === undefined) first += part.literal;
    else row.after += part.literal;
  }
  const variables = rows.map(({ name, after }, k) => ({
    name,
    index: wanted.indexOf(name),
    shape: SHAPES.get(name),
    after: ENCODER.encode(after),
    // Adjacent variables, or a separator that the variable itself may hold, leave no end to be seen.
    seesEnd: after !== '' || k === rows.length - 1,
    before: k === 0 ? first : rows[k - 1]!.after,
    isFirst: k === 0,
  }));
  let left = 0;
  while (left < variables.length && isReadableForward(variables[left]!)) left++;
  let right = variables.length;
  while (right > left && isReadableBackward(variables[right - 1]!)) right--;
  return { first: ENCODER.encode(first), variables, left, right };
}

interface Candidate extends Variable {
  readonly seesEnd: boolean;
  readonly before: string;
  readonly isFirst: boolean;
}

function isReadableForward({ shape, after, seesEnd }: Candidate): boolean {
  if (shape === undefined || typeof shape === 'number') return shape !== undefined;
  return seesEnd && (after.length === 0 || shape[after[0]!] === 0);
}

function isReadableBackward({ shape, before, isFirst }: Candidate): boolean {
  if (shape === undefined || typeof shape === 'number') return shape !== undefined;
  if (before === '') return isFirst;
  return shape[before.charCodeAt(before.length - 1) & 0xff] === 0;
}

const ENCODER = new TextEncoder();

/** NGINX writes `-` for a value that is not there: every shape allows it. */
function letters(allowed: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of ENCODER.encode(`${allowed}-`)) table[byte] = 1;
  return table;
}

/** Every byte that is neither space, control character nor quote. */
function visible(): Uint8Array {
  const table = new Uint8Array(256).fill(1, 0x21);
  table[QUOTE] = 0;
  return table;
}

const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const number = letters(`${DIGITS}.`);
const address = letters(`${DIGITS}abcdefABCDEF:.unix`);
const word = letters(`${DIGITS}${UPPER}${LOWER}_.`);

/**
 * Variables whose letters are known and that no client can fill with spaces or the like. Letters that are missing
 * here let a client make its own lines unreadable.
 */
const SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ...[
    'status',
    'body_bytes_sent',
    'bytes_sent',
    'request_length',
    'request_time',
    'msec',
    'connection',
    'connection_requests',
    'connection_time',
    'pid',
    'remote_port',
    'server_port',
    'gzip_ratio',
    'realip_remote_port',
  ].map((name): [string, Shape] => [name, number]),
  ...['remote_addr', 'realip_remote_addr', 'server_addr'].map((name): [string, Shape] => [
    name,
    address,
  ]),
  ...['request_id', 'request_method', 'scheme', 'limit_req_status', 'limit_conn_status'].map(
    (name): [string, Shape] => [name, word],
  ),
  ...['pipe', 'https', 'ssl_protocol', 'ssl_session_reused', 'hostname', 'http2', 'http3'].map(
    (name): [string, Shape] => [name, word],
  ),
  // The client's own: NGINX lets anything pass in it but space and control characters.
  ['host', visible()],
  ['server_name', letters(`${DIGITS}${UPPER}${LOWER}_.*`)],
  ['server_protocol', letters(`${DIGITS}${UPPER}/.`)],
  // Both are always there: day/month/year:time and zone, or the same after RFC 3339.
  ['time_local', 26],
  ['time_iso8601', 25],
]);

/** True for a variable that can hold no quote, even where NGINX escapes nothing. */
export function holdsNoQuote(name: string): boolean {
  // A Host header is the client's own; NGINX checks little of it.
  return SHAPES.has(name) && name !== 'host';
}
