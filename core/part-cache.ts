/**
 * Immutable parts of events by the bytes they were decoded from: what came before is the same object again.
 * Direct-mapped, so bounded: a newer part takes the place of an older one.
 */

/** Longer parts are decoded each time: what hostile bytes leave behind must stay small. */
const CACHED_BYTES_MAX = 1024;

interface Known<T> {
  readonly view: DataView;
  readonly value: T;
}

export class PartCache<T> {
  readonly #mask: number;
  readonly #known: (Known<T> | undefined)[];
  readonly #parse: (bytes: Uint8Array) => T;
  /** Of the bytes asked for last: parts come many to a buffer. */
  #bytes: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);

  /** `slots`: a power of two. `parse` gets bytes of its own, and may throw. */
  constructor(slots: number, parse: (bytes: Uint8Array) => T) {
    this.#mask = slots - 1;
    this.#known = new Array<undefined>(slots).fill(undefined);
    this.#parse = parse;
  }

  /** The part that bytes[start, end) spell. */
  get(bytes: Uint8Array, start: number, end: number): T {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const slot = hash(this.#view, start, end) & this.#mask;
    const known = this.#known[slot];
    if (known !== undefined && isEqual(known.view, this.#view, start, end)) return known.value;
    // Not slice(): a Buffer's shares the memory of its message.
    const own = new Uint8Array(bytes.subarray(start, end));
    const value = this.#parse(own);
    if (own.length > CACHED_BYTES_MAX) return value;
    this.#known[slot] = { view: new DataView(own.buffer), value };
    return value;
  }
}

const EMPTY = new Uint8Array(0);

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
  const length = end - start;
  if (known.byteLength !== length) return false;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    if (known.getInt32(i, true) !== view.getInt32(start + i, true)) return false;
  }
  for (; i < length; i++) if (known.getUint8(i) !== view.getUint8(start + i)) return false;
  return true;
}
