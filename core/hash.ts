/**
 * Hashes of bytes. `hash32` is for tables and stable codes, not for secrets.
 * Stable: the codes stand in saved state, so this function never changes.
 */

/** MurmurHash3 x86 32-bit of bytes[start, end). */
export function hash32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let h = seed | 0;
  const last = start + ((end - start) & ~3);
  let i = start;
  for (; i < last; i += 4) {
    const k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    h ^= mixWord(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let shift = 0; i < end; i++, shift += 8) tail |= bytes[i]! << shift;
  if (tail !== 0) h ^= mixWord(tail);
  return finish(h ^ (end - start));
}

/** One number mixed into a hash. */
export function mix32(hash: number, value: number): number {
  let h = hash ^ mixWord(value | 0);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** Spreads a mixed hash over all bits; unsigned. */
export function finish(hash: number): number {
  let h = hash;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** hash32 of a string's UTF-8 bytes. Allocates: not for the hot path. */
export function hashText(text: string, seed = 0): number {
  const bytes = ENCODER.encode(text);
  return hash32(bytes, 0, bytes.length, seed);
}

function mixWord(k: number): number {
  const a = Math.imul(k, 0xcc9e2d51);
  return Math.imul((a << 15) | (a >>> 17), 0x1b873593);
}

const ENCODER = new TextEncoder();
