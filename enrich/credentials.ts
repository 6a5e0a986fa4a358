/**
 * The gateway's own credential id → identity `GATEWAY:id`, cached by bytes. The id that the decision endpoint answered
 * (X-Keyhound-Key) is the hash of the raw key: it is taken as it is, so that log and verdict mean the same key.
 */
import type { KeyIdentity } from '../core/event.ts';
import { ByteCache } from './byte-cache.ts';
import { isHashId, namedIdentity, savedIdentity } from './digest.ts';
import type { KeyHasher } from './key-hasher.ts';

const STRIDE = 64;
const ID_BYTES_MAX = 256;
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Compared by reference. */
export interface Credential {
  readonly identity: KeyIdentity;
  /** The id may be shown; else it is hashed, and no raw key is bound to it. */
  readonly named: boolean;
  /** The id is the hash of a raw key, which may be bound to a credential. */
  readonly ofRawKey: boolean;
  /** Hash for tables. */
  readonly code: number;
  readonly text: string;
}

export class Credentials {
  readonly #gateway: string;
  readonly #hasher: KeyHasher;
  readonly #cache: ByteCache<Credential>;

  constructor(gateway: string, hasher: KeyHasher, cacheSlots: number) {
    this.#gateway = gateway;
    this.#hasher = hasher;
    this.#cache = new ByteCache(cacheSlots, STRIDE, 'second');
  }

  lookUp(bytes: Uint8Array, start: number, end: number): Credential {
    const known = this.#cache.get(bytes, start, end);
    if (known !== undefined) return known;
    const id = shownId(bytes, start, end);
    const ofRawKey = id !== undefined && isHashId(id);
    const identity =
      id === undefined
        ? this.#hasher.identify(bytes, start, end)
        : ofRawKey
          ? savedIdentity(id)
          : namedIdentity(`${this.#gateway}:${id}`);
    const made = Object.freeze({
      identity,
      named: id !== undefined && !ofRawKey,
      ofRawKey,
      code: identity.digest2 | 0,
      text: identity.id,
    });
    this.#cache.set(bytes, start, end, made);
    return made;
  }
}

/** The id as text when it is valid UTF-8 of printable characters and at most 256 bytes. */
function shownId(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > ID_BYTES_MAX) return undefined;
  try {
    const text = DECODER.decode(bytes.subarray(start, end));
    return /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
