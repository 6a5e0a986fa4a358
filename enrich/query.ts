/** Query parameters on bytes: the values of those that carry keys. */
import { isAbsentValue, Scratch } from './scratch.ts';

const HASH = 0x23;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;

export const FOUND = { none: 0, one: 1, differing: 2 } as const;
export type Found = (typeof FOUND)[keyof typeof FOUND];

/** The value of the first matching parameter, percent-decoded; valid until the next `find`. */
export class QueryFinder {
  readonly #first = new Scratch();
  readonly #other = new Scratch();

  /** Where the value is: in the query itself, or decoded in a buffer of this finder. */
  bytes: Uint8Array = this.#first.bytes;
  start = 0;
  end = 0;
  /** It is in the query. */
  inPlace = false;

  /**
   * Looks for parameters with one of `names` (lower case; compared without case, also when the name itself is
   * percent-encoded) in the query that begins at `start`. Empty and `-` values are absent ones. A `+` stays a
   * plus sign: keys are often base64 and sent without encoding.
   */
  find(bytes: Uint8Array, start: number, end: number, names: readonly Uint8Array[]): Found {
    let found: Found = FOUND.none;
    let at = start;
    while (at < end) {
      let to = at;
      let equals = -1;
      let encoded = false;
      let plain = true;
      for (; to < end; to++) {
        const byte = bytes[to]!;
        // Letters, which are most of a query, stand above all four signs.
        if (byte > EQUALS) continue;
        if (byte === AMPERSAND || byte === HASH) break;
        if (byte === EQUALS && equals < 0) equals = to;
        if (byte === PERCENT) {
          if (equals < 0) encoded = true;
          else plain = false;
        }
      }
      if (equals > at && this.#matches(bytes, at, equals, encoded, names)) {
        if (found === FOUND.none) {
          this.#take(bytes, equals + 1, to, plain);
          if (!isAbsentValue(this.bytes, this.start, this.end)) found = FOUND.one;
        } else {
          this.#other.decodePercent(bytes, equals + 1, to);
          const differs = !this.#other.equals(this.bytes, this.start, this.end);
          if (differs && !this.#other.isAbsent()) return FOUND.differing;
        }
      }
      if (to < end && bytes[to] === HASH) break;
      at = to + 1;
    }
    return found;
  }

  #take(bytes: Uint8Array, start: number, end: number, plain: boolean): void {
    this.inPlace = plain;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    if (plain) return;
    this.#first.decodePercent(bytes, start, end);
    this.bytes = this.#first.bytes;
    this.start = 0;
    this.end = this.#first.length;
  }

  #matches(
    bytes: Uint8Array,
    start: number,
    end: number,
    encoded: boolean,
    names: readonly Uint8Array[],
  ): boolean {
    if (!encoded) return isOneOf(bytes, start, end, names);
    this.#other.decodePercent(bytes, start, end);
    return isOneOf(this.#other.bytes, 0, this.#other.length, names);
  }
}

function isOneOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  names: readonly Uint8Array[],
): boolean {
  for (const name of names) {
    if (name.length !== end - start) continue;
    let same = true;
    for (let i = 0; same && i < name.length; i++) same = lower(bytes[start + i]!) === name[i];
    if (same) return true;
  }
  return false;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
