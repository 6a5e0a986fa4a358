/**
 * Finds numbers that are walked in order, e.g. 17, 18, 20, 21, also when others come in between: the three most
 * promising walks are followed, and whatever fits none begins a new one in place of the shortest.
 *
 * A step is 1 to 3 in one direction. The same number again, or a step back, is none and breaks nothing, so two
 * numbers in turn are no walk. A walk that rests for more than ten minutes is over. 21 bytes.
 */
import type { StateOf } from '../engine/layout.ts';

const WALKS = 3;
const STEP_MAX = 3;
const REST_MINUTES_MAX = 10;
const DOWN = 0x8000;
const LENGTH_MAX = 0x7fff;

export const WALKS_LAYOUT = {
  /** Number at which each walk is, modulo 2^32; its length, and DOWN; minute of its last step, modulo 256. */
  at: ['u32', WALKS],
  walk: ['u16', WALKS],
  minute: ['u8', WALKS],
} as const;
type State = StateOf<typeof WALKS_LAYOUT>;

/** Takes a whole number below 2^53 and answers the length of the walk that it is a step of, 1 when of none. */
export function step(state: State, number: number, second: number): number {
  const at = number % 2 ** 32;
  const minute = Math.floor(second / 60) & 0xff;
  // Of walks that are equally short one gives way by chance, or what comes in between would end each at once.
  const first = (Math.imul(at, 0x9e3779b1) >>> 16) % WALKS;
  let shortest = 0;
  let shortestLength = LENGTH_MAX + 1;
  for (let k = 0; k < WALKS; k++) {
    const i = (first + k) % WALKS;
    const isOver = ((minute - state.minute.get(i)) & 0xff) > REST_MINUTES_MAX;
    const walk = isOver ? 0 : state.walk.get(i);
    const length = walk & LENGTH_MAX;
    if (length > 0) {
      const by = (at - state.at.get(i)) | 0;
      if (by >= -STEP_MAX && by <= STEP_MAX) return go(state, i, walk, by, minute);
    }
    if (length < shortestLength) {
      shortest = i;
      shortestLength = length;
    }
  }
  state.at.set(shortest, at);
  state.walk.set(shortest, 1);
  state.minute.set(shortest, minute);
  return 1;
}

function go(state: State, i: number, walk: number, by: number, minute: number): number {
  const length = walk & LENGTH_MAX;
  const isDown = length === 1 ? by < 0 : (walk & DOWN) !== 0;
  if (by === 0 || by < 0 !== isDown) return 1;
  const longer = Math.min(LENGTH_MAX, length + 1);
  state.at.set(i, (state.at.get(i) + by) % 2 ** 32);
  state.walk.set(i, isDown ? longer | DOWN : longer);
  state.minute.set(i, minute);
  return longer;
}
