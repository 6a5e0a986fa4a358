/**
 * A bounded cache from byte strings to values: four ways a set, bytes held inline, compared in full.
 *
 * A hit allocates nothing. Entries fill a ring and the oldest is given up, so the size never grows and a
 * stream of made-up keys costs misses, not memory; entries that came one after the other lie side by side,
 * so few of them touch few pages. What is cached never changes a result: every value must be a pure
 * function of its bytes. Memory: slots * (stride + 20) bytes, touched only as it fills.
 *
 * With `admit` = second, bytes are cached when they come the second time (a doorkeeper, as in TinyLFU: Einziger,
 * Friedman and Manes 2017): ten million made-up keys then neither push out real ones nor leave their objects
 * behind, which the collector takes late. The doorkeeper is two tags a slot; a newer one takes its place.
 */
import { assert } from '../core/errors.ts';
import { Views } from './views.ts';

const WAYS = 4;
const SET_WORDS = WAYS * 2;
/** In front of the bytes of an entry: their number. */
const LENGTH_BYTES = 2;
const LINE_BYTES = 64;
/** Tags of the doorkeeper a slot. */
const DOOR_TAGS = 2;

export class ByteCache<V> {
  readonly #stride: number;
  readonly #setMask: number;
  /** Four ways a set, each the hash and the number of its entry + 1 (0: empty). */
  readonly #table: Int32Array;
  /** Where in the table an entry is named, or -1. */
  readonly #owners: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #held: DataView;
  readonly #values: (V | undefined)[];
  readonly #views = new Views();
  /** Tags of bytes that came once; undefined: all are cached at once. */
  readonly #door: Uint16Array | undefined;
  #next = 0;

  /**
   * `slots`: a power of two, at least 4. `stride`: bytes of an entry, two more than the longest byte string
   * that is cached; a multiple of 64 keeps short ones within one line of the processor's cache.
   */
  constructor(slots: number, stride: number, admit: 'first' | 'second' = 'first') {
    assert(slots >= WAYS && (slots & (slots - 1)) === 0, 'slots of a ByteCache: a power of two');
    assert(stride > LENGTH_BYTES && stride < 0xffff, 'stride of a ByteCache');
    this.#stride = stride;
    this.#setMask = slots / WAYS - 1;
    this.#table = new Int32Array(slots * 2);
    this.#owners = new Int32Array(slots).fill(-1);
    this.#bytes = new Uint8Array(slots * stride);
    this.#held = new DataView(this.#bytes.buffer);
    this.#values = new Array<V | undefined>(slots).fill(undefined);
    this.#door = admit === 'second' ? new Uint16Array(slots * DOOR_TAGS) : undefined;
  }

  /** Hash of bytes[start, end) for `get` and `set`; `seed` is the hash of what comes before them. */
  hash(bytes: Uint8Array, start: number, end: number, seed = 0): number {
    return hashOf(this.#views.of(bytes), start, end, seed);
  }

  /**
   * Reads the line of the table that a look-up needs. Cache misses of look-ups one after the other add up; those of
   * `touch` for many hashes, then `touchEntry` for many, overlap. The answer only keeps the read from being left out.
   */
  touch(hash: number): number {
    return this.#table[(hash & this.#setMask) * SET_WORDS]!;
  }

  /** The same for the entry itself, once `touch` has brought the table. */
  touchEntry(hash: number): number {
    const entry = this.#entryOf(hash);
    if (entry < 0) return 0;
    const held = entry * this.#stride;
    const further = Math.min(held + LINE_BYTES, this.#bytes.length - 1);
    return this.#bytes[held]! + this.#bytes[further]! + (this.#values[entry] === undefined ? 1 : 0);
  }

  #entryOf(hash: number): number {
    const first = (hash & this.#setMask) * SET_WORDS;
    for (let at = first; at < first + SET_WORDS; at += 2) {
      if (this.#table[at] === hash) return this.#table[at + 1]! - 1;
    }
    return -1;
  }

  /** `known`: the hash of these bytes where it was found out before, else 0. */
  get(bytes: Uint8Array, start: number, end: number, known = 0): V | undefined {
    const length = end - start;
    if (length > this.#stride - LENGTH_BYTES) return undefined;
    const view = this.#views.of(bytes);
    const hash = known === 0 ? hashOf(view, start, end, 0) : known;
    const first = (hash & this.#setMask) * SET_WORDS;
    for (let at = first; at < first + SET_WORDS; at += 2) {
      if (this.#table[at] !== hash) continue;
      const entry = this.#table[at + 1]! - 1;
      const held = entry * this.#stride;
      if (entry < 0 || this.#held.getUint16(held, true) !== length) continue;
      if (sameBytes(this.#held, held + LENGTH_BYTES, view, start, length)) {
        return this.#values[entry];
      }
    }
    return undefined;
  }

  /** Caches a value for bytes that `get` did not find. Longer than the stride, or not yet due: not cached. */
  set(bytes: Uint8Array, start: number, end: number, value: V, known = 0): void {
    const length = end - start;
    if (length > this.#stride - LENGTH_BYTES) return;
    const hash = known === 0 ? hashOf(this.#views.of(bytes), start, end, 0) : known;
    if (this.#door !== undefined && !cameBefore(this.#door, hash)) return;
    const entry = this.#next;
    this.#next = (entry + 1) % this.#values.length;
    const place = this.#freeWay((hash & this.#setMask) * SET_WORDS, entry);
    this.#table[place] = hash;
    this.#table[place + 1] = entry + 1;
    this.#owners[entry] = place;
    this.#values[entry] = value;
    const held = entry * this.#stride;
    this.#held.setUint16(held, length, true);
    for (let i = 0; i < length; i++) this.#bytes[held + LENGTH_BYTES + i] = bytes[start + i]!;
  }

  /** Takes the entry from whoever had it, and answers a way of the set: an empty one, else its oldest. */
  #freeWay(first: number, entry: number): number {
    const before = this.#owners[entry]!;
    if (before >= 0) this.#table[before + 1] = 0;
    let oldest = first;
    let oldestAge = -1;
    for (let at = first; at < first + SET_WORDS; at += 2) {
      const named = this.#table[at + 1]! - 1;
      if (named < 0) return at;
      const age = (entry - named + this.#values.length) % this.#values.length;
      if (age > oldestAge) {
        oldest = at;
        oldestAge = age;
      }
    }
    const dropped = this.#table[oldest + 1]! - 1;
    this.#owners[dropped] = -1;
    this.#values[dropped] = undefined;
    return oldest;
  }
}

/** Whether these bytes knocked before, and were not forgotten; leaves their tag. */
function cameBefore(door: Uint16Array, hash: number): boolean {
  const at = (hash >>> 15) & (door.length - 1);
  const tag = hash & 0xffff || 1;
  if (door[at] === tag) return true;
  door[at] = tag;
  return false;
}

/** For these tables only; the codes that are saved come from core/hash.ts. */
function hashOf(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
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
