/**
 * Makes key identities: digests under the pepper, or of a gateway's own id.
 *
 * HMAC is put together from two calls of the one-shot hash (RFC 2104): 1 µs instead of 5 for a key, which counts
 * where every key is new, in the first records of a replay.
 */
import { createHmac, hash, type KeyObject } from 'node:crypto';
import type { KeyIdentity } from '../core/event.ts';

/** Block of SHA-256, and the longest message that the buffers below have room for. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const MESSAGE_MAX = 448;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Identity of a raw key: `h:` + the first 128 bits of its HMAC-SHA-256 under the pepper. */
export function hashedIdentity(
  pepper: KeyObject,
  bytes: Uint8Array,
  start: number,
  end: number,
): KeyIdentity {
  const mac = hmac(pepper, bytes, start, end);
  for (let i = 0; i < 16; i++) HALF[i] = mac.charCodeAt(i);
  return identity(`h:${HALF.toString('hex')}`, mac);
}

/**
 * Id of that identity alone, in one piece: it is about to be looked up, where a joined string costs more. `text`: the
 * raw key, one character a byte.
 */
export function hashedId(pepper: KeyObject, text: string): string {
  const mac = hmacOfText(pepper, text);
  for (let i = 0; i < 16; i++) {
    const byte = mac.charCodeAt(i);
    ID[2 + 2 * i] = HEX.charCodeAt(byte >> 4);
    ID[3 + 2 * i] = HEX.charCodeAt(byte & 15);
  }
  return ID.toString('latin1');
}

/** Identity with an id that may be seen; the digest is that of the id. */
export function namedIdentity(id: string): KeyIdentity {
  return identity(id, hash('sha256', id, 'binary'));
}

/** Identity of an id as it was saved: the digest of a hashed key is its id itself. */
export function savedIdentity(id: string): KeyIdentity {
  if (!isHashId(id)) return namedIdentity(id);
  return identity(id, Buffer.from(id.slice(2), 'hex').toString('latin1'));
}

/** Whether a text has the form of the hash of a raw key. */
export function isHashId(id: string): boolean {
  return HASHED.test(id);
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

/** `digest`: one character a byte. */
function identity(id: string, digest: string): KeyIdentity {
  return Object.freeze({
    id,
    digest0: wordAt(digest, 0),
    digest1: wordAt(digest, 4),
    digest2: wordAt(digest, 8),
    digest3: wordAt(digest, 12),
  });
}

function wordAt(digest: string, at: number): number {
  const high = (digest.charCodeAt(at) << 24) | (digest.charCodeAt(at + 1) << 16);
  return high | (digest.charCodeAt(at + 2) << 8) | digest.charCodeAt(at + 3);
}

/** HMAC-SHA-256 of bytes[start, end), one character a byte. */
function hmac(pepper: KeyObject, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > MESSAGE_MAX) {
    return createHmac('sha256', pepper).update(bytes.subarray(start, end)).digest('binary');
  }
  const blocks = blocksOf(pepper);
  for (let i = 0; i < length; i++) blocks.inner[BLOCK_BYTES + i] = bytes[start + i]!;
  return finished(blocks, length);
}

/** The same of a text of one character a byte. */
function hmacOfText(pepper: KeyObject, text: string): string {
  const { length } = text;
  if (length > MESSAGE_MAX) {
    return createHmac('sha256', pepper).update(text, 'latin1').digest('binary');
  }
  const blocks = blocksOf(pepper);
  // Byte by byte: keys are short, and a call out of the engine costs more than the loop.
  for (let i = 0; i < length; i++) blocks.inner[BLOCK_BYTES + i] = text.charCodeAt(i);
  return finished(blocks, length);
}

/** The message stands in `inner`, and no longer when it is answered. */
function finished(blocks: Blocks, length: number): string {
  const { inner, outer } = blocks;
  // A new view costs a fifth of a hash.
  blocks.messages[length] ??= inner.subarray(0, BLOCK_BYTES + length);
  const within = hash('sha256', blocks.messages[length], 'binary');
  for (let i = 0; i < length; i++) inner[BLOCK_BYTES + i] = 0;
  for (let i = 0; i < DIGEST_BYTES; i++) outer[BLOCK_BYTES + i] = within.charCodeAt(i);
  return hash('sha256', outer, 'binary');
}

/** What is hashed under one pepper, its pads in place. Reused: nothing here yields. */
interface Blocks {
  readonly inner: Uint8Array;
  /** Views of `inner` by the length of the message. */
  readonly messages: (Uint8Array | undefined)[];
  readonly outer: Uint8Array;
}

function blocksOf(pepper: KeyObject): Blocks {
  let blocks = BLOCKS.get(pepper);
  if (blocks === undefined) {
    let secret: Uint8Array = pepper.export();
    if (secret.length > BLOCK_BYTES) secret = hash('sha256', secret, 'buffer');
    const padded = (byte: number, bytes: number) =>
      new Uint8Array(bytes).map((_, i) => (i < BLOCK_BYTES ? (secret[i] ?? 0) ^ byte : 0));
    blocks = {
      inner: padded(INNER_PAD, BLOCK_BYTES + MESSAGE_MAX),
      messages: new Array<undefined>(MESSAGE_MAX + 1).fill(undefined),
      outer: padded(OUTER_PAD, BLOCK_BYTES + DIGEST_BYTES),
    };
    BLOCKS.set(pepper, blocks);
  }
  return blocks;
}

const BLOCKS = new WeakMap<KeyObject, Blocks>();
const HALF = Buffer.alloc(16);
const HEX = '0123456789abcdef';
const ID = Buffer.from(`h:${'0'.repeat(32)}`, 'latin1');
