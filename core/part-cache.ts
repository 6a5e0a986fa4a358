/**
 * Immutable parts of events by the bytes they were decoded from: what came before is the same object again.
 * Direct-mapped, so bounded: a newer part takes the place of an older one.
 */

/** Longer parts are decoded each time: what hostile bytes leave behind must stay small. */
const CACHED_BYTES_MAX = 1024;
/** A row is two lines of memory: the length of the part, then its bytes. Few parts are longer. */
const ROW_WORDS = 32;
const ROW_BYTES_MAX = 4 * (ROW_WORDS - 1);

export class PartCache<T> {
  readonly #mask: number;
  /** The bytes of each slot side by side: to compare is to read one place, however many parts are known. */
  readonly #rows: Int32Array;
  /** Bytes that are longer than a row, by slot. */
  readonly #long = new Map<number, DataView>();
  readonly #values: (T | undefined)[];
  readonly #parse: (bytes: Uint8Array) => T;

  /** `slots`: a power of two. `parse` gets bytes of its own, and may throw. */
  constructor(slots: number, parse: (bytes: Uint8Array) => T) {
    this.#mask = slots - 1;
    this.#rows = new Int32Array(slots * ROW_WORDS);
    this.#values = new Array<undefined>(slots).fill(undefined);
    this.#parse = parse;
  }

  /** Where the part that the bytes [start, end) of `view` spell is looked for. */
  slotOf(view: DataView, start: number, end: number): number {
    return hash(view, start, end) & this.#mask;
  }

  /**
   * Reads the memory of a slot ahead. Several in a row are waited for at the same time, while `get` waits for one after
   * the other. Its result means nothing; whoever uses it keeps the compiler from leaving the reading out.
   */
  touch(slot: number): number {
    const word = slot * ROW_WORDS;
    return this.#rows[word]! ^ this.#rows[word + ROW_WORDS / 2]!;
  }

  /** The part that the bytes [start, end) of `view` spell. */
  get(view: DataView, start: number, end: number, slot = this.slotOf(view, start, end)): T {
    const known = this.#values[slot];
    if (known !== undefined && this.#isAt(slot, view, start, end)) return known;
    return this.#learn(slot, view, start, end);
  }

  #isAt(slot: number, view: DataView, start: number, end: number): boolean {
    const rows = this.#rows;
    let word = slot * ROW_WORDS;
    const length = end - start;
    if (rows[word] !== length) return false;
    if (length > ROW_BYTES_MAX) return isEqual(this.#long.get(slot)!, view, start, end);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      if (rows[++word] !== view.getInt32(at, true)) return false;
    }
    return at === end || rows[word + 1] === lastBytes(view, at, end);
  }

  #learn(slot: number, view: DataView, start: number, end: number): T {
    const own = new Uint8Array(end - start);
    own.set(new Uint8Array(view.buffer, view.byteOffset + start, end - start));
    const value = this.#parse(own);
    if (own.length > CACHED_BYTES_MAX) return value;
    const rows = this.#rows;
    let word = slot * ROW_WORDS;
    rows[word] = own.length;
    if (own.length > ROW_BYTES_MAX) {
      this.#long.set(slot, new DataView(own.buffer));
    } else {
      this.#long.delete(slot);
      let at = start;
      for (; at + 4 <= end; at += 4) rows[++word] = view.getInt32(at, true);
      if (at < end) rows[word + 1] = lastBytes(view, at, end);
    }
    this.#values[slot] = value;
    return value;
  }
}

/** Fewer than four bytes as one word. */
function lastBytes(view: DataView, start: number, end: number): number {
  let word = 0;
  for (let at = start; at < end; at++) word = (word << 8) | view.getUint8(at);
  return word;
}

/** Four bytes at a time: only for slots, so it may be weaker than core/hash.ts, and takes a third of the time. */
function hash(view: DataView, start: number, end: number): number {
  let h = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    h = Math.imul(h ^ view.getInt32(at, true), 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; at < end; at++) h = Math.imul(h ^ view.getUint8(at), 0x9e3779b1);
  return h ^ (h >>> 13);
}

function isEqual(known: DataView, view: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (known.getUint8(at - start) !== view.getUint8(at)) return false;
  }
  return true;
}
