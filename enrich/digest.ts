/** Makes key identities: digests under the pepper, or of a gateway's own id. */
import { createHash, createHmac, type KeyObject } from 'node:crypto';
import type { KeyIdentity } from '../core/event.ts';

/** Identity of a raw key: `h:` + the first 128 bits of its HMAC-SHA-256 under the pepper. */
export function hashedIdentity(
  pepper: KeyObject,
  bytes: Uint8Array,
  start: number,
  end: number,
): KeyIdentity {
  const mac = createHmac('sha256', pepper).update(bytes.subarray(start, end)).digest();
  return identity(`h:${mac.toString('hex', 0, 16)}`, mac);
}

/** Identity with an id that may be seen; the digest is that of the id. */
export function namedIdentity(id: string): KeyIdentity {
  return identity(id, createHash('sha256').update(id, 'utf8').digest());
}

/** Identity of an id as it was saved: the digest of a hashed key is its id itself. */
export function savedIdentity(id: string): KeyIdentity {
  return HASHED.test(id) ? identity(id, Buffer.from(id.slice(2), 'hex')) : namedIdentity(id);
}

const HASHED = /^h:[0-9a-f]{32}$/;

/** Whether the id is the hash of a raw key. */
export function isHashed({ id }: KeyIdentity): boolean {
  return id.startsWith('h:');
}

export function sameIdentity(a: KeyIdentity, b: KeyIdentity): boolean {
  return (
    a.digest0 === b.digest0 &&
    a.digest1 === b.digest1 &&
    a.digest2 === b.digest2 &&
    a.digest3 === b.digest3
  );
}

function identity(id: string, digest: Buffer): KeyIdentity {
  return Object.freeze({
    id,
    digest0: digest.readInt32BE(0),
    digest1: digest.readInt32BE(4),
    digest2: digest.readInt32BE(8),
    digest3: digest.readInt32BE(12),
  });
}
