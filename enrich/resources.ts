/**
 * Which resource a request is about: the last id in its path, e.g. the 17 of `/v1/orders/17/items`. Who walks ids
 * is told by their number and order (detectors/enumeration.ts); the text itself is not kept. No allocation.
 */
import { hash32 } from '../core/hash.ts';
import { Segment } from './segment.ts';
import type { Target } from './target.ts';

/** Segments looked at, from the end: an id further in front names a collection, not what was asked for. */
const SEGMENTS_MAX = 3;
/** Digits of which every number is exact. */
const DIGITS_MAX = 15;
const SLASH = 0x2f;
const ZERO = 0x30;

export class Resources {
  /** Stable 32-bit hash of the id; 0 when there is none. */
  code = 0;
  /** The id where it is a number of up to 15 digits, else -1. */
  number = -1;
  readonly #segment = new Segment();
  /** What Segment copies is not needed here. */
  readonly #copied = new Uint8Array(64);

  none(): void {
    this.code = 0;
    this.number = -1;
  }

  read(target: Target): void {
    this.none();
    if (!target.present) return;
    const { bytes, pathStart } = target;
    let end = target.pathEnd;
    for (let looked = 0; looked < SEGMENTS_MAX && end > pathStart; ) {
      let start = end;
      while (start > pathStart && bytes[start - 1] !== SLASH) start--;
      if (start < end) {
        looked++;
        if (this.#isId(bytes, start, end)) return;
      }
      end = start - 1;
    }
  }

  #isId(bytes: Uint8Array, start: number, end: number): boolean {
    const segment = this.#segment;
    segment.read(bytes, start, end, this.#copied, 0);
    if (!segment.isId) return false;
    this.code = hash32(bytes, start, end) || 1;
    this.number = numberOf(bytes, start, end);
    return true;
  }
}

function numberOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > DIGITS_MAX) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
