/**
 * A bounded, direct-mapped memo of what was found out about a pair of shared objects, compared by reference.
 * Exact: a pair is answered only by the very objects it was stored with. A hit allocates nothing.
 */
import { assert } from '../core/errors.ts';

export class PairMemo<A extends object, B extends object, R> {
  readonly #mask: number;
  readonly #a: (A | undefined)[];
  readonly #b: (B | undefined)[];
  readonly #results: (R | undefined)[];

  /** `slots`: a power of two. */
  constructor(slots: number) {
    assert((slots & (slots - 1)) === 0, 'slots of a PairMemo: a power of two');
    this.#mask = slots - 1;
    this.#a = new Array<A | undefined>(slots).fill(undefined);
    this.#b = new Array<B | undefined>(slots).fill(undefined);
    this.#results = new Array<R | undefined>(slots).fill(undefined);
  }

  get(hash: number, a: A, b: B): R | undefined {
    const slot = hash & this.#mask;
    return this.#a[slot] === a && this.#b[slot] === b ? this.#results[slot] : undefined;
  }

  set(hash: number, a: A, b: B, result: R): void {
    const slot = hash & this.#mask;
    this.#a[slot] = a;
    this.#b[slot] = b;
    this.#results[slot] = result;
  }
}
