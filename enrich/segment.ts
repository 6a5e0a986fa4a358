/** One segment of a path: an id or a word? Read, copied and judged in one pass over its bytes. */

const HEX_MIN = 8;
const MIXED_MIN = 12;
const DIGITS_MIN = 4;
/** From this length on a segment is an id, whatever it is made of. Below 32, the width of a count. */
const LENGTH_ID = 24;
/** Names are cut here. */
const NAME_MAX = 100;

/** Counts of one segment are packed into one number, five bits each. */
const DIGIT = 0;
const LETTER_HEX = 5;
const LETTER = 10;
const DASH = 15;
const JOINER = 20;
const ODD = 25;

/** One in the field that a byte counts in; 0 for what ends a segment. */
const COUNT = new Int32Array(256).fill(1 << ODD);
for (const [signs, field] of [
  ['0123456789', DIGIT],
  ['abcdefABCDEF', LETTER_HEX],
  ['ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ', LETTER],
  ['-', DASH],
  ['_.~:@$', JOINER],
] as const) {
  for (const byte of new TextEncoder().encode(signs)) COUNT[byte] = 1 << field;
}
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
COUNT[SLASH] = 0;
COUNT[SEMICOLON] = 0;

export class Segment {
  /**
   * Numbers and dates, uuids, 8 or more hex digits, 4 or more digits, 12 or more characters that mix letters
   * and digits, 24 or more characters, and whatever holds a character that no word has (percent signs,
   * quotes, non-ASCII).
   */
  isId = false;
  /** Bytes of the segment, copied when below 24. */
  length = 0;

  /**
   * Reads from bytes[start] up to a slash or the end, copies up to 24 bytes to out[to…] and answers where the
   * segment ends. Matrix parameters (`;jsessionid=…`) are passed over.
   */
  read(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
    const judged = Math.min(end, start + LENGTH_ID);
    const shift = to - start;
    let counts = 0;
    let at = start;
    for (; at < judged; at++) {
      const byte = bytes[at]!;
      const count = COUNT[byte]!;
      if (count === 0) break;
      counts += count;
      out[at + shift] = byte;
    }
    this.length = at - start;
    this.isId = isId(counts, at - start);
    while (at < end && bytes[at] !== SLASH) at++;
    return at;
  }

  /**
   * The same for a name that the gateway's owner gave, e.g. `default.orders.orders-svc.80` or
   * `s3.amazonaws.com:GetObject`: long ones and ones with digits are names too. An id is what has no letter
   * past F, and what no name is written with. Copies up to `NAME_MAX` bytes.
   */
  readName(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
    const at = this.read(bytes, start, end, out, to);
    if (!this.isId) return at;
    let last = Math.min(at, start + NAME_MAX);
    let isName = false;
    for (let i = start; i < last; i++) {
      const count = COUNT[bytes[i]!]!;
      if (count === 1 << ODD) return at;
      if (count === 0) last = i;
      else {
        if (count === 1 << LETTER) isName = true;
        out[to + i - start] = bytes[i]!;
      }
    }
    this.length = last - start;
    this.isId = !isName;
    return at;
  }
}

function isId(counts: number, length: number): boolean {
  if (length >= LENGTH_ID || counts >= 1 << ODD) return true;
  const digits = field(counts, DIGIT);
  if (digits >= DIGITS_MIN) return true;
  const letters = field(counts, LETTER_HEX) + field(counts, LETTER);
  if (letters === 0) return digits > 0;
  if (length >= HEX_MIN && field(counts, LETTER) + field(counts, JOINER) === 0) return true;
  return digits > 0 && length >= MIXED_MIN;
}

function field(counts: number, shift: number): number {
  return (counts >> shift) & 31;
}
