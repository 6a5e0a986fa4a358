/**
 * Immutable parts of events by the bytes they were decoded from: what came before is the same object again.
 * Direct-mapped, so bounded: a newer part takes the place of an older one.
 */
import { hash32 } from './hash.ts';

/** Longer parts are decoded each time: what hostile bytes leave behind must stay small. */
const CACHED_BYTES_MAX = 1024;

export class PartCache<T> {
  readonly #mask: number;
  readonly #bytes: (Uint8Array | undefined)[];
  readonly #values: (T | undefined)[];
  readonly #parse: (bytes: Uint8Array) => T;

  /** `slots`: a power of two. `parse` gets bytes of its own, and may throw. */
  constructor(slots: number, parse: (bytes: Uint8Array) => T) {
    this.#mask = slots - 1;
    this.#bytes = new Array<undefined>(slots).fill(undefined);
    this.#values = new Array<undefined>(slots).fill(undefined);
    this.#parse = parse;
  }

  /** The part that bytes[start, end) spell. */
  get(bytes: Uint8Array, start: number, end: number): T {
    const slot = hash32(bytes, start, end) & this.#mask;
    const known = this.#values[slot];
    if (known !== undefined && isEqual(this.#bytes[slot]!, bytes, start, end)) return known;
    // Not slice(): a Buffer's shares the memory of its message.
    const own = new Uint8Array(bytes.subarray(start, end));
    const value = this.#parse(own);
    if (own.length > CACHED_BYTES_MAX) return value;
    this.#bytes[slot] = own;
    this.#values[slot] = value;
    return value;
  }
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
