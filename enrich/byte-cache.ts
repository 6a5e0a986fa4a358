/**
 * A bounded cache from byte strings to values: four ways a set, bytes held inline, compared in full.
 *
 * A hit allocates nothing. A full set replaces its ways in turn, so the size never grows and a stream of
 * made-up keys costs misses, not memory. What is cached never changes a result: every value must be a pure
 * function of its bytes. Memory: slots * (stride + about 16) bytes, touched only as it fills.
 */
import { assert } from '../core/errors.ts';
import { hash32 } from '../core/hash.ts';

const WAYS = 4;

export class ByteCache<V> {
  readonly stride: number;
  readonly #setMask: number;
  readonly #hashes: Int32Array;
  /** Length + 1 of the bytes in a slot; 0: empty. */
  readonly #lengths: Uint16Array;
  readonly #bytes: Uint8Array;
  readonly #values: (V | undefined)[];
  readonly #turn: Uint8Array;

  /** `slots`: a power of two, at least 4. `stride`: longest byte string that is cached, below 65,535. */
  constructor(slots: number, stride: number) {
    assert(slots >= WAYS && (slots & (slots - 1)) === 0, 'slots of a ByteCache: a power of two');
    assert(stride > 0 && stride < 0xffff, 'stride of a ByteCache');
    this.stride = stride;
    this.#setMask = slots / WAYS - 1;
    this.#hashes = new Int32Array(slots);
    this.#lengths = new Uint16Array(slots);
    this.#bytes = new Uint8Array(slots * stride);
    this.#values = new Array<V | undefined>(slots).fill(undefined);
    this.#turn = new Uint8Array(slots / WAYS);
  }

  get(bytes: Uint8Array, start: number, end: number): V | undefined {
    const length = end - start;
    if (length > this.stride) return undefined;
    const hash = hash32(bytes, start, end) | 0;
    const first = (hash & this.#setMask) * WAYS;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#hashes[slot] === hash && this.#lengths[slot] === length + 1) {
        if (sameBytes(this.#bytes, slot * this.stride, bytes, start, length)) {
          return this.#values[slot];
        }
      }
    }
    return undefined;
  }

  /** Caches a value for bytes that `get` did not find. Longer than the stride: not cached. */
  set(bytes: Uint8Array, start: number, end: number, value: V): void {
    const length = end - start;
    if (length > this.stride) return;
    const hash = hash32(bytes, start, end) | 0;
    const set = hash & this.#setMask;
    const slot = set * WAYS + this.#turn[set]!;
    this.#turn[set] = (this.#turn[set]! + 1) % WAYS;
    this.#hashes[slot] = hash;
    this.#lengths[slot] = length + 1;
    this.#values[slot] = value;
    const at = slot * this.stride;
    for (let i = 0; i < length; i++) this.#bytes[at + i] = bytes[start + i]!;
  }

  /** Forgets everything, and overwrites the bytes it held. */
  clear(): void {
    this.#lengths.fill(0);
    this.#bytes.fill(0);
    this.#values.fill(undefined);
  }
}

function sameBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}
