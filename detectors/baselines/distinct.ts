/**
 * How many different codes came: HyperLogLog with 64 registers of four bits (Flajolet et al. 2007), by linear
 * counting while registers are empty. ±13 %. Most codes change no register: one read. 37 bytes.
 */
import type { StateOf } from '../engine/layout.ts';

const REGISTERS = 64;
const INDEX_BITS = 6;
const RANK_MAX = 15;
const ALPHA = 0.709;
/** 2^−rank. */
const INVERSE = Float64Array.from({ length: RANK_MAX + 1 }, (_, rank) => 2 ** -rank);
/** Below it linear counting is closer. */
const LINEAR_MAX = 2.5 * REGISTERS;

export const DISTINCT_LAYOUT = {
  ranks: ['u8', REGISTERS / 2],
  /** Sum of 2^−rank, and the number of ranks that are 0. */
  inverse: 'f32',
  empty: 'u8',
} as const;
type State = StateOf<typeof DISTINCT_LAYOUT>;

export function clearDistinct(state: State): void {
  state.ranks.fill(0);
  state.inverse = REGISTERS;
  state.empty = REGISTERS;
}

/** Notes a code, which has to be well mixed; true when the number may have grown. */
export function addDistinct(state: State, code: number): boolean {
  const register = code & (REGISTERS - 1);
  const rank = Math.min(RANK_MAX, Math.clz32(code >>> INDEX_BITS) - INDEX_BITS + 1);
  const at = register >> 1;
  const shift = (register & 1) << 2;
  const pair = state.ranks.get(at);
  const before = (pair >> shift) & 15;
  if (rank <= before) return false;
  state.ranks.set(at, pair + ((rank - before) << shift));
  state.inverse += INVERSE[rank]! - INVERSE[before]!;
  if (before === 0) state.empty -= 1;
  return true;
}

export function distinct(state: State): number {
  const raw = (ALPHA * REGISTERS * REGISTERS) / state.inverse;
  if (raw > LINEAR_MAX || state.empty === 0) return raw;
  return REGISTERS * Math.log(REGISTERS / state.empty);
}
