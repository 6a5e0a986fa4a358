/**
 * Which ids a table may hold, in bits that stay in the processor's cache: almost no key that is asked for has a
 * verdict, and to find that out in a map of many costs several waits for memory. A bit may stand for several ids.
 */

/** For each id; one of so many that are not there is taken for one that may be. */
const BITS_AN_ID = 32;
const BITS_MIN = 1024;
const BITS_MAX = 2 ** 27;
/** Ids of one gateway begin alike, so the end is what is hashed. */
const CHARACTERS = 12;

export class KeyMarks {
  #words: Uint32Array;
  #mask: number;
  #room: number;

  constructor(ids: Iterable<string>, size: number) {
    let bits = BITS_MIN;
    while (bits < size * BITS_AN_ID && bits < BITS_MAX) bits *= 2;
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
    this.#room = bits < BITS_MAX ? (2 * bits) / BITS_AN_ID : Number.POSITIVE_INFINITY;
    for (const id of ids) this.add(id);
  }

  /** False: it was not added. */
  mayHave(id: string): boolean {
    const bit = hashOf(id) & this.#mask;
    return (this.#words[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  /** False when there are so many by now that it should be made anew. */
  add(id: string): boolean {
    const bit = hashOf(id) & this.#mask;
    this.#words[bit >>> 5]! |= 1 << (bit & 31);
    this.#room -= 1;
    return this.#room > 0;
  }
}

/** FNV-1a. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = Math.max(0, id.length - CHARACTERS); i < id.length; i++) {
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}
