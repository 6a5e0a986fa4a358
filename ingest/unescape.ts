/** Takes the escapes of JSON and of access logs out of text. Output is never longer than input. */
import { ESCAPES, HEX, hex4 } from './json-skip.ts';

const HASH = 0x23;
const BACKSLASH = 0x5c;
const LETTER_A = 0x61;
const LETTER_U = 0x75;
const LETTER_V = 0x76;
const LETTER_X = 0x78;

/**
 * Writes the text of a JSON string (already checked by skipString) to `out` at `at`, and answers the index
 * after it. A surrogate without its other half becomes U+FFFD, as when a string is encoded.
 */
export function unescapeJson(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  let o = at;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c !== BACKSLASH) {
      out[o++] = c;
      continue;
    }
    i++;
    const letter = bytes[i]!;
    if (letter !== LETTER_U) {
      out[o++] = ESCAPES[letter]!;
      continue;
    }
    let code = hex4(bytes, i + 1);
    i += 4;
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 ? lowSurrogate(bytes, i + 1, to) : -1;
      if (low < 0) {
        code = 0xfffd;
      } else {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i += 6;
      }
    }
    o = putCode(out, o, code);
  }
  return o;
}

function lowSurrogate(bytes: Uint8Array, at: number, to: number): number {
  if (at + 6 > to || bytes[at] !== BACKSLASH || bytes[at + 1] !== LETTER_U) return -1;
  const code = hex4(bytes, at + 2);
  return code >= 0xdc00 && code <= 0xdfff ? code : -1;
}

function putCode(out: Uint8Array, at: number, code: number): number {
  let o = at;
  if (code < 0x80) {
    out[o++] = code;
  } else if (code < 0x800) {
    out[o++] = 0xc0 | (code >> 6);
    out[o++] = 0x80 | (code & 63);
  } else {
    if (code < 0x10000) {
      out[o++] = 0xe0 | (code >> 12);
    } else {
      out[o++] = 0xf0 | (code >> 18);
      out[o++] = 0x80 | ((code >> 12) & 63);
    }
    out[o++] = 0x80 | ((code >> 6) & 63);
    out[o++] = 0x80 | (code & 63);
  }
  return o;
}

/**
 * The escapes of NGINX (`\xHH`; with escape=json those of JSON), Apache (`\"`, `\\`, `\n` …, `\xhh`) and Go (`\a` too).
 * A backslash before anything else is kept as it stands.
 */
export function unescapeLog(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  let o = at;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c !== BACKSLASH || i + 1 >= to) {
      out[o++] = c;
      continue;
    }
    const letter = bytes[i + 1]!;
    if (letter === LETTER_X && i + 3 < to) {
      const value = (HEX[bytes[i + 2]!]! << 4) | HEX[bytes[i + 3]!]!;
      if (value >= 0) {
        out[o++] = value;
        i += 3;
        continue;
      }
    }
    if (letter === LETTER_U && i + 5 < to && hex4(bytes, i + 2) >= 0) {
      o = putCode(out, o, replaceSurrogate(hex4(bytes, i + 2)));
      i += 5;
      continue;
    }
    const plain = plainOf(letter);
    if (plain === 0) {
      out[o++] = c;
    } else {
      out[o++] = plain;
      i++;
    }
  }
  return o;
}

/** The escapes of HAProxy: `#HH`. A `#` before anything else is kept. */
export function unescapeHaproxy(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  let o = at;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    const code = c === HASH && i + 2 < to ? (HEX[bytes[i + 1]!]! << 4) | HEX[bytes[i + 2]!]! : -1;
    if (code >= 0) i += 2;
    out[o++] = code >= 0 ? code : c;
  }
  return o;
}

/** The byte that an escape of one letter stands for; 0: none. */
function plainOf(letter: number): number {
  if (letter === LETTER_V) return 0x0b;
  if (letter === LETTER_A) return 0x07;
  return letter === LETTER_U ? 0 : ESCAPES[letter]!;
}

/** NGINX writes only control characters as \uXXXX; anything that is no character becomes U+FFFD. */
function replaceSurrogate(code: number): number {
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
}
