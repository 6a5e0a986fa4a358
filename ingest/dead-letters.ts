/**
 * What is kept of records that could not be read: reason, position, length and a mask, never the text
 * (design.md §4.1). Bounded, because whoever can make a gateway log rubbish could else fill the disk.
 */
import type { DeadLetter } from '../core/store.ts';

export const MASK_CHARS_MAX = 512;
/** Shorter runs stay readable, so that a person can see what kind of record it was. */
const RUN_MIN = 6;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;

/**
 * bytes[start, end) with each run of 6 or more of `[A-Za-z0-9_-]` replaced by its length in bytes (`<32>`), and
 * every byte that is not printable ASCII by `?`. An escape (`%6b`, `\x6b`, `\u006b`) counts as one letter of a
 * run: a key written so would else be cut into runs too short to be hidden. At most 512 characters.
 */
export function mask(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let i = start;
  while (i < end && text.length < MASK_CHARS_MAX) {
    let run = i;
    let letters = 0;
    for (let size = 1; size > 0; run += size) {
      size = run < end ? letterBytes(bytes, run, end) : 0;
      if (size > 0) letters++;
    }
    if (letters >= RUN_MIN) {
      text += `<${run - i}>`;
      i = run;
    } else {
      const next = Math.max(run, i + 1);
      for (; i < next; i++) text += printable(bytes[i]!);
    }
  }
  return text.slice(0, MASK_CHARS_MAX);
}

/** Bytes of the letter at `at`: 1, more where it is written as an escape, 0 when none stands there. */
function letterBytes(bytes: Uint8Array, at: number, end: number): number {
  const c = bytes[at]!;
  if (isWord(c)) return 1;
  let from = at + 1;
  let digits = 2;
  if (c === BACKSLASH) {
    // Escaped once more in a log that is kept as JSON.
    if (bytes[from] === BACKSLASH) from++;
    if (bytes[from] === 0x75) digits = 4;
    else if (bytes[from] !== 0x78) return 0;
    from++;
  } else if (c !== PERCENT) return 0;
  const to = from + digits;
  for (let i = from; i < to; i++) if (i >= end || !isHexDigit(bytes[i]!)) return 0;
  return to - at;
}

function isHexDigit(c: number): boolean {
  const letter = c | 0x20;
  return (c >= 0x30 && c <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

function isWord(c: number): boolean {
  const letter = c | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x5f || c === 0x2d;
}

function printable(c: number): string {
  return c >= 0x20 && c < 0x7f ? String.fromCharCode(c) : '?';
}

export interface DeadLetters {
  /** Keeps the letter, or counts it as dropped when this interval's share is used up. */
  add(letter: DeadLetter): void;
  /** True while `add` would keep a letter: spares making a mask that nobody keeps. */
  readonly hasRoom: boolean;
  /** What was kept since the last call, oldest first. Begins the next interval. */
  drain(): DeadLetter[];
  /** Letters taken since the start, dropped ones not counted. */
  readonly taken: number;
  /** Letters dropped since the start. */
  readonly dropped: number;
}

export const LETTERS_PER_INTERVAL = 200;

/** At most `perIntervalMax` letters between two calls of `drain` (one checkpoint). */
export function createDeadLetters(perIntervalMax = LETTERS_PER_INTERVAL): DeadLetters {
  let kept: DeadLetter[] = [];
  let taken = 0;
  let dropped = 0;
  return {
    add(letter) {
      if (kept.length >= perIntervalMax) {
        dropped++;
        return;
      }
      kept.push(letter);
      taken++;
    },
    get hasRoom() {
      return kept.length < perIntervalMax;
    },
    drain() {
      const drained = kept;
      kept = [];
      return drained;
    },
    get taken() {
      return taken;
    },
    get dropped() {
      return dropped;
    },
  };
}
