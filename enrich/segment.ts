/** One segment of a path: an id or a word? Read, copied and judged in one pass over its bytes. */

const HEX_MIN = 8;
const MIXED_MIN = 12;
const DIGITS_MIN = 4;
/** From this length on a segment is an id, whatever it is made of. */
const LENGTH_ID = 24;

const ODD = 0;
const DIGIT = 1;
const LETTER_HEX = 2;
const LETTER = 3;
const DASH = 4;
const JOINER = 5;
const SLASH = 6;
const SEMICOLON = 7;

/** Class of each byte: digit, letter, a character that joins words, an end, or one that no word has. */
const CLASSES = new Uint8Array(256).fill(ODD);
for (const [signs, kind] of [
  ['0123456789', DIGIT],
  ['abcdefABCDEF', LETTER_HEX],
  ['ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ', LETTER],
  ['-', DASH],
  ['_.~:@$', JOINER],
  ['/', SLASH],
  [';', SEMICOLON],
] as const) {
  for (const byte of new TextEncoder().encode(signs)) CLASSES[byte] = kind;
}

export class Segment {
  /**
   * Numbers and dates, uuids, 8 or more hex digits, 4 or more digits, 12 or more characters that mix letters
   * and digits, 24 or more characters, and whatever holds a character that no word has (percent signs,
   * quotes, non-ASCII).
   */
  isId = false;
  /** Bytes written. */
  length = 0;
  #counts = new Int32Array(8);

  /**
   * Reads from bytes[start] up to a slash or the end, copies up to 24 bytes to out[to…] and answers where the
   * segment ends. Matrix parameters (`;jsessionid=…`) are passed over.
   */
  read(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
    const counts = this.#counts;
    counts.fill(0);
    let at = start;
    let kind = ODD;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      kind = CLASSES[byte]!;
      if (kind >= SLASH) break;
      counts[kind]! += 1;
      if (at - start < LENGTH_ID) out[to + at - start] = byte;
    }
    this.length = at - start;
    this.isId = isId(counts, this.length);
    if (kind === SEMICOLON) while (at < end && bytes[at] !== 0x2f) at++;
    return at;
  }
}

function isId(counts: Int32Array, length: number): boolean {
  if (length >= LENGTH_ID || counts[ODD]! > 0) return true;
  const digits = counts[DIGIT]!;
  if (digits >= DIGITS_MIN) return true;
  const letters = counts[LETTER_HEX]! + counts[LETTER]!;
  if (letters === 0) return digits > 0;
  if (length >= HEX_MIN && counts[LETTER]! + counts[JOINER]! === 0) return true;
  return length >= MIXED_MIN && digits > 0;
}
