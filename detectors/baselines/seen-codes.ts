/**
 * Which of many codes a key has met: a Bloom filter of two generations, 192 bits each, three bits a code.
 *
 * A code that is met again is carried into the newer generation, and the older one is dropped when the newer
 * has taken in 36: a key with at most 36 codes never forgets any, one with more forgets those it has not used
 * for the longest time. At 36 codes 8 % of new ones are taken for known (algorithms.md §9), never the other
 * way round. 49 bytes.
 */
import type { StateOf } from '../engine/layout.ts';

const WORDS = 6;
const BITS = 32 * WORDS;
const CODES_MAX = 36;
/** A code is cut into three numbers of ten bits. */
const SLICE_BITS = 10;
const SLICE_MASK = (1 << SLICE_BITS) - 1;

export const SEEN_CODES_LAYOUT = {
  /** The newer generation, then the older one. */
  codes: ['u32', 2 * WORDS],
  /** Codes that the newer one has taken in. */
  held: 'u8',
} as const;
type State = StateOf<typeof SEEN_CODES_LAYOUT>;

/** `code` has to be well mixed, see finish in core/hash.ts. */
export function hasSeen(state: State, code: number): boolean {
  return isIn(state, 0, code) || isIn(state, WORDS, code);
}

/** Notes a code, whether it was seen before or not. */
export function see(state: State, code: number): void {
  if (isIn(state, 0, code)) return;
  if (state.held >= CODES_MAX) retire(state);
  for (let i = 0, rest = code; i < 3; i++, rest >>>= SLICE_BITS) {
    const bit = bitOf(rest);
    const word = bit >>> 5;
    state.codes.set(word, state.codes.get(word) | (1 << (bit & 31)));
  }
  state.held += 1;
}

function retire(state: State): void {
  for (let i = 0; i < WORDS; i++) {
    state.codes.set(WORDS + i, state.codes.get(i));
    state.codes.set(i, 0);
  }
  state.held = 0;
}

function isIn(state: State, from: number, code: number): boolean {
  for (let i = 0, rest = code; i < 3; i++, rest >>>= SLICE_BITS) {
    const bit = bitOf(rest);
    if ((state.codes.get(from + (bit >>> 5)) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

function bitOf(slice: number): number {
  return ((slice & SLICE_MASK) * BITS) >>> SLICE_BITS;
}
