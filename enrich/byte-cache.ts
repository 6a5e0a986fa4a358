/**
 * A bounded cache from byte strings to values: four ways a set, bytes held inline, compared in full.
 *
 * A hit allocates nothing. A full set replaces its ways in turn, so the size never grows and a stream of
 * made-up keys costs misses, not memory. What is cached never changes a result: every value must be a pure
 * function of its bytes. Memory: slots * (stride + about 13) bytes, touched only as it fills.
 */
import { assert } from '../core/errors.ts';
import { Views } from './views.ts';

const WAYS = 4;
/** In front of the bytes of a slot: their number + 1, or 0 when it is empty. */
const LENGTH_BYTES = 2;

export class ByteCache<V> {
  readonly #stride: number;
  readonly #setMask: number;
  readonly #hashes: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #held: DataView;
  readonly #views = new Views();
  readonly #values: (V | undefined)[];
  readonly #turn: Uint8Array;

  /**
   * `slots`: a power of two, at least 4. `stride`: bytes of a slot, two more than the longest byte string that
   * is cached; a multiple of 64 keeps short ones within one line of the processor's cache.
   */
  constructor(slots: number, stride: number) {
    assert(slots >= WAYS && (slots & (slots - 1)) === 0, 'slots of a ByteCache: a power of two');
    assert(stride > LENGTH_BYTES && stride < 0xffff, 'stride of a ByteCache');
    this.#stride = stride;
    this.#setMask = slots / WAYS - 1;
    this.#hashes = new Int32Array(slots);
    this.#bytes = new Uint8Array(slots * stride);
    this.#held = new DataView(this.#bytes.buffer);
    this.#values = new Array<V | undefined>(slots).fill(undefined);
    this.#turn = new Uint8Array(slots / WAYS);
  }

  get(bytes: Uint8Array, start: number, end: number): V | undefined {
    const length = end - start;
    if (length > this.#stride - LENGTH_BYTES) return undefined;
    const view = this.#views.of(bytes);
    const hash = hashOf(view, start, end);
    const first = (hash & this.#setMask) * WAYS;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#hashes[slot] !== hash) continue;
      const at = slot * this.#stride;
      if (this.#held.getUint16(at, true) !== length + 1) continue;
      if (sameBytes(this.#held, at + LENGTH_BYTES, view, start, length)) return this.#values[slot];
    }
    return undefined;
  }

  /** Caches a value for bytes that `get` did not find. Longer than the stride: not cached. */
  set(bytes: Uint8Array, start: number, end: number, value: V): void {
    const length = end - start;
    if (length > this.#stride - LENGTH_BYTES) return;
    const hash = hashOf(this.#views.of(bytes), start, end);
    const set = hash & this.#setMask;
    const slot = set * WAYS + this.#turn[set]!;
    this.#turn[set] = (this.#turn[set]! + 1) % WAYS;
    this.#hashes[slot] = hash;
    this.#values[slot] = value;
    const at = slot * this.#stride;
    this.#held.setUint16(at, length + 1, true);
    for (let i = 0; i < length; i++) this.#bytes[at + LENGTH_BYTES + i] = bytes[start + i]!;
  }

  /** Forgets everything, and overwrites the bytes it held. */
  clear(): void {
    this.#bytes.fill(0);
    this.#values.fill(undefined);
  }
}

/** For these tables only; the codes that are saved come from core/hash.ts. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(i, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}

function sameBytes(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (a.getInt32(aStart + i, true) !== b.getInt32(bStart + i, true)) return false;
  }
  for (; i < length; i++) {
    if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
  }
  return true;
}
