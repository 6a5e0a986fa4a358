/**
 * Raw key bytes → identity under the pepper, cached by bytes.
 *
 * The caches hold raw keys inline, because only a full comparison is exact. They live in this process's
 * memory alone, for as long as the key is in use; nothing of them is ever written. They never grow:
 * a key that is pushed out is hashed again (2–3 µs).
 */
import type { KeyIdentity } from '../core/event.ts';
import { ByteCache } from './byte-cache.ts';
import type { Extracted, Extractor } from './key-extract.ts';
import type { KeyHasher } from './key-hasher.ts';
import { latin1 } from './secrets.ts';

const STRIDE_SHORT = 64;
const SHORT_MAX = STRIDE_SHORT - 2;
/** Bearer tokens. Longer ones are hashed each time. */
const STRIDE_LONG = 2048;
const SLOTS_LONG = 2048;

/** One distinct value of a raw key field. Compared by reference. */
export interface RawKey {
  /** Undefined when the field holds no key in the form asked for. */
  readonly identity: KeyIdentity | undefined;
  /** The same under the pepper before, while it is being changed. */
  readonly former: KeyIdentity | undefined;
  readonly ambiguous: boolean;
  /** Length of the shortest secret in it: no shorter text can show one. */
  readonly secretBytesMin: number;
  /** The identity it was bound to, or its own identity, when the alias table had `aliasVersion` (-1: never). */
  known: KeyIdentity | undefined;
  aliasVersion: number;
}

export class RawKeys {
  readonly #extractor: Extractor;
  readonly #hasher: KeyHasher;
  readonly #short: ByteCache<RawKey>;
  readonly #long: ByteCache<RawKey>;

  constructor(extractor: Extractor, hasher: KeyHasher, slots: number) {
    this.#extractor = extractor;
    this.#hasher = hasher;
    this.#short = new ByteCache(slots, STRIDE_SHORT, 'second');
    this.#long = new ByteCache(Math.min(slots, SLOTS_LONG), STRIDE_LONG, 'second');
  }

  /** `hash` as `touch` answered it for these bytes, or 0. */
  lookUp(bytes: Uint8Array, start: number, end: number, hash = 0): RawKey {
    const cache = end - start <= SHORT_MAX ? this.#short : this.#long;
    const known = cache.get(bytes, start, end, hash);
    if (known !== undefined) return known;
    const made = this.#make(bytes.subarray(start, end));
    cache.set(bytes, start, end, made, hash);
    return made;
  }

  /** Hash of a key, for looking ahead (see ByteCache.touch). */
  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.#short.hash(bytes, start, end);
  }
  touch(hash: number): number {
    return this.#short.touch(hash);
  }
  touchEntry(hash: number): number {
    return this.#short.touchEntry(hash);
  }

  /** Everything in such a field that must show up nowhere, as Latin-1. Cold. */
  secrets(bytes: Uint8Array, start: number, end: number): string[] {
    return secretTexts(this.#extractor.extract(bytes.subarray(start, end)));
  }

  #make(bytes: Uint8Array): RawKey {
    const extracted = this.#extractor.extract(bytes);
    const { key, ambiguous } = extracted;
    const lengths = secretTexts(extracted).map((secret) => secret.length);
    const hashes = key === undefined ? undefined : this.#hasher.hash(key, 0, key.length);
    return {
      identity: hashes?.own,
      former: hashes?.former,
      ambiguous,
      secretBytesMin: Math.min(...lengths),
      known: undefined,
      aliasVersion: -1,
    };
  }
}

function secretTexts({ secrets }: Extracted): string[] {
  const texts = secrets.map((secret) => latin1(secret, 0, secret.length));
  // A key with slashes is spread over segments of a path; each long part gives it away.
  const parts = texts.flatMap((text) => (text.includes('/') ? text.split('/') : []));
  return [...texts, ...parts.filter((part) => part.length >= PART_MIN)];
}

const PART_MIN = 6;
