/**
 * Which of many codes a key has met: a Bloom filter of two generations, 192 bits each, three bits a code.
 *
 * A code that is met again is carried into the newer generation, and the older one is dropped when the newer
 * has taken in 36: a key with at most 36 codes never forgets any, one with more forgets those it has not used
 * for the longest time. At 36 codes 8 % of new ones are taken for known (algorithms.md §9), never the other
 * way round. 49 bytes.
 */
import { ROUTE_BITS, routeBit, ROUTE_WORDS as WORDS } from '../../core/use-codes.ts';
import type { StateOf } from '../engine/layout.ts';

const CODES_MAX = 36;

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
  for (let i = 0; i < ROUTE_BITS; i++) {
    const bit = routeBit(code, i);
    const word = bit >>> 5;
    state.codes.set(word, state.codes.get(word) | (1 << (bit & 31)));
  }
  state.held += 1;
}

/**
 * All codes met, as a filter of its own (isInRoutes); empty where it is not all of them: codes have been dropped, or
 * none was met.
 */
export function seenCodes(state: State): number[] {
  const words = Array.from({ length: WORDS }, (_, i) => state.codes.get(i));
  const older = words.some((_, i) => state.codes.get(WORDS + i) !== 0);
  return older || state.held === 0 ? [] : words;
}

function retire(state: State): void {
  for (let i = 0; i < WORDS; i++) {
    state.codes.set(WORDS + i, state.codes.get(i));
    state.codes.set(i, 0);
  }
  state.held = 0;
}

function isIn(state: State, from: number, code: number): boolean {
  for (let i = 0; i < ROUTE_BITS; i++) {
    const bit = routeBit(code, i);
    if ((state.codes.get(from + (bit >>> 5)) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}
