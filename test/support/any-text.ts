/** Any text. */
import fc from 'fast-check';

/** Halves of pairs are no text. */
const HALVES_FROM = 0xd800;
const HALVES_TO = 0xe000;
const LATIN_MAX = 0xff;

const codePoint = fc.oneof(
  fc.nat({ max: LATIN_MAX }),
  fc
    .nat({ max: 0x10ffff - (HALVES_TO - HALVES_FROM) })
    .map((n) => (n < HALVES_FROM ? n : n + HALVES_TO - HALVES_FROM)),
);

/**
 * Code points of all of Unicode, half of them Latin ones, which nearly all that is special is among. With
 * `unit: 'binary'` a text of fast-check first writes down every code point there is: a second of work.
 */
export function anyText(lengthMax?: number): fc.Arbitrary<string> {
  const constraints = lengthMax === undefined ? {} : { maxLength: lengthMax };
  return fc.array(codePoint, constraints).map((points) => String.fromCodePoint(...points));
}
