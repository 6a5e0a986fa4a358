/**
 * Walks over JSON in bytes without building anything. What is accepted here is what JSON.parse accepts, with
 * two differences, both wanted: UTF-8 is not validated (JSON.parse sees replacement characters), and nesting
 * deeper than DEPTH_MAX is refused, so that a hostile record cannot make the stack of open brackets grow.
 *
 * Every function takes an index and answers the index after what it read, or -1 where the bytes are no JSON.
 * None reads at or beyond `end` except for one byte at `end` itself, which the caller's final check rules out.
 */

export const DEPTH_MAX = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_E = 0x65;
const LETTER_U = 0x75;

/** The view that the functions below need beside the bytes; made anew only when the buffer changes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const c = bytes[i]!;
    if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) break;
    i++;
  }
  return i;
}

/**
 * `from` is just after the opening quote. Answers the index after the closing quote; its complement (~index,
 * below -1) when the text holds escapes and must be unescaped before use; -1 when it is no JSON string.
 */
export function skipString(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  const last = (end - 4) | 0;
  let i = from | 0;
  for (; i <= last; i = (i + 4) | 0) {
    // Four bytes at a time. The first exclusive-or swaps 0x20 and 0x22, so that a quote and the control characters
    // are all that lies below 0x21. A hit has its byte's high bit set; above the lowest hit bits may be wrong.
    const four = view.getInt32(i, true);
    const low = four ^ 0x02020202;
    const backslash = four ^ 0x5c5c5c5c;
    const hit =
      (((low - 0x21212121) & ~low) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080;
    if (hit === 0) continue;
    i += (31 - Math.clz32(hit & -hit)) >> 3;
    const c = bytes[i]!;
    if (c === QUOTE) return i + 1;
    return c === BACKSLASH ? skipEscapedString(bytes, i, end) : -1;
  }
  for (; i < end; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return i + 1;
    if (c === BACKSLASH) return skipEscapedString(bytes, i, end);
    if (c < 0x20) return -1;
  }
  return -1;
}

/** As skipString, from the first backslash on; always answers a complement or -1. */
function skipEscapedString(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const c = bytes[i]!;
    if (c === QUOTE) return ~(i + 1);
    if (c < 0x20) return -1;
    if (c !== BACKSLASH) continue;
    i++;
    if (i >= end) return -1;
    const kind = ESCAPES[bytes[i]!]!;
    if (kind === 0) return -1;
    if (kind === LETTER_U) {
      if (i + 4 >= end || hex4(bytes, i + 1) < 0) return -1;
      i += 4;
    }
  }
  return -1;
}

/** Value of four hexadecimal digits, -1 when one is none. */
export function hex4(bytes: Uint8Array, at: number): number {
  const a = HEX[bytes[at]!]!;
  const b = HEX[bytes[at + 1]!]!;
  const c = HEX[bytes[at + 2]!]!;
  const d = HEX[bytes[at + 3]!]!;
  return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

export function skipNumber(bytes: Uint8Array, from: number, end: number): number {
  let i = bytes[from] === MINUS ? from + 1 : from;
  const first = i;
  while (i < end && bytes[i]! <= NINE && bytes[i]! >= ZERO) i++;
  // Digits, and no zero before others; then mostly the number is over.
  if (i === first || (i > first + 1 && bytes[first] === ZERO)) return -1;
  if (i < end && (bytes[i] === DOT || (bytes[i]! | 0x20) === LETTER_E)) {
    return skipFraction(bytes, i, end);
  }
  return i;
}

/** What may follow the digits of a number: a fraction, an exponent. */
function skipFraction(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  if (bytes[i] === DOT) {
    const digits = skipDigits(bytes, i + 1, end);
    if (digits === i + 1) return -1;
    i = digits;
  }
  if (i < end && (bytes[i]! | 0x20) === LETTER_E) {
    i++;
    if (i < end && (bytes[i] === PLUS || bytes[i] === MINUS)) i++;
    const digits = skipDigits(bytes, i, end);
    if (digits === i) return -1;
    i = digits;
  }
  return i;
}

function skipDigits(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end && bytes[i]! >= ZERO && bytes[i]! <= NINE) i++;
  return i;
}

/** `true`, `false` or `null`. */
export function skipLiteral(bytes: Uint8Array, from: number, end: number): number {
  const word = bytes[from] === 0x74 ? TRUE : bytes[from] === 0x66 ? FALSE : NULL;
  if (from + word.length > end) return -1;
  for (let k = 0; k < word.length; k++) if (bytes[from + k] !== word[k]) return -1;
  return from + word.length;
}

/** A value that is no object or array. */
export function skipScalar(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  const c = bytes[from]!;
  if (c === QUOTE) {
    const after = skipString(bytes, view, from + 1, end);
    return after < -1 ? ~after : after;
  }
  if (c === MINUS || (c >= ZERO && c <= NINE)) return skipNumber(bytes, from, end);
  return skipLiteral(bytes, from, end);
}

/** Any value, starting at its first byte. */
export function skipValue(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  if (from >= end) return -1;
  const c = bytes[from]!;
  if (c !== OPEN_OBJECT && c !== OPEN_ARRAY) return skipScalar(bytes, view, from, end);
  return skipContainer(bytes, view, from, end);
}

/** An object or array, without recursion: its open brackets stand in OPEN. */
function skipContainer(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  let depth = 0;
  let i = from;
  for (;;) {
    // At the first byte of a value.
    const c = bytes[i]!;
    if (i >= end) return -1;
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (depth >= DEPTH_MAX) return -1;
      const close = c + 2;
      i = skipSpace(bytes, i + 1, end);
      if (bytes[i] !== close) {
        OPEN[depth++] = close;
        if (close === CLOSE_OBJECT) {
          i = skipKey(bytes, view, i, end);
          if (i < 0) return -1;
        }
        continue;
      }
      i++;
    } else {
      i = skipScalar(bytes, view, i, end);
      if (i < 0) return -1;
    }
    // After a value: close what ends here, then go to the next one.
    for (;;) {
      if (depth === 0) return i;
      i = skipSpace(bytes, i, end);
      if (i >= end) return -1;
      const next = bytes[i]!;
      if (next === COMMA) break;
      if (next !== OPEN[depth - 1]) return -1;
      depth--;
      i++;
    }
    i = skipSpace(bytes, i + 1, end);
    if (OPEN[depth - 1] === CLOSE_OBJECT) {
      i = skipKey(bytes, view, i, end);
      if (i < 0) return -1;
    }
  }
}

/** `"name" :` and the space around it; answers the first byte of the value. */
export function skipKey(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  if (from >= end || bytes[from] !== QUOTE) return -1;
  let i = skipString(bytes, view, from + 1, end);
  if (i < -1) i = ~i;
  if (i < 0) return -1;
  i = skipSpace(bytes, i, end);
  if (i >= end || bytes[i] !== COLON) return -1;
  return skipSpace(bytes, i + 1, end);
}

// Shared by all callers: no call yields while it is in use.
const OPEN = new Uint8Array(DEPTH_MAX);

const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');
const NULL = new TextEncoder().encode('null');

/** What an escape letter stands for: its byte, `u` for \uXXXX, 0 when it is none. */
export const ESCAPES = new Uint8Array(256);
ESCAPES[QUOTE] = QUOTE;
ESCAPES[BACKSLASH] = BACKSLASH;
ESCAPES[0x2f] = 0x2f;
ESCAPES[0x62] = 0x08;
ESCAPES[0x66] = 0x0c;
ESCAPES[0x6e] = 0x0a;
ESCAPES[0x72] = 0x0d;
ESCAPES[0x74] = 0x09;
ESCAPES[LETTER_U] = LETTER_U;

/** Value of a hexadecimal digit, -1 for any other byte. */
export const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  HEX['0123456789abcdef'.charCodeAt(digit)] = digit;
  HEX['0123456789ABCDEF'.charCodeAt(digit)] = digit;
}
