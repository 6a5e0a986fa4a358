/** Is a path segment an id or a word? One pass over its bytes. */

const HEX_MIN = 8;
const MIXED_MIN = 12;
const DIGITS_MIN = 4;

const DIGIT = 1;
const LETTER = 2;
const JOINER = 3;
const ODD = 0;

/** Class of each byte: digit, letter, a character that joins words, or one that no word has. */
const CLASSES = new Uint8Array(256);
for (let byte = 0x30; byte <= 0x39; byte++) CLASSES[byte] = DIGIT;
for (let byte = 0x61; byte <= 0x7a; byte++) CLASSES[byte] = LETTER;
for (let byte = 0x41; byte <= 0x5a; byte++) CLASSES[byte] = LETTER;
for (const byte of new TextEncoder().encode('-_.~:@$')) CLASSES[byte] = JOINER;

/**
 * True for numbers and dates, uuids, 8 or more hex digits, 4 or more digits, 12 or more characters that mix
 * letters and digits, and whatever holds a character that no word has (percent signs, quotes, non-ASCII).
 * The length limit is the caller's.
 */
export function isIdentifier(bytes: Uint8Array, start: number, end: number): boolean {
  let digits = 0;
  let letters = 0;
  let hexOnly = true;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    const kind = CLASSES[byte]!;
    if (kind === ODD) return true;
    if (kind === DIGIT) digits++;
    else if (kind !== JOINER) {
      letters++;
      if ((byte | 0x20) > 0x66) hexOnly = false;
    } else if (byte !== 0x2d) hexOnly = false;
  }
  const length = end - start;
  if (digits >= DIGITS_MIN) return true;
  if (letters === 0) return digits > 0;
  if (hexOnly && length >= HEX_MIN) return true;
  return length >= MIXED_MIN && digits > 0;
}
