/**
 * Joins the hash of a raw key to the gateway's credential id, so that a record, a leak report or a decision
 * request that shows only one of the two meets the same key.
 *
 * While the pepper is being changed it also joins the new hash of a raw key to the one that the key is known by
 * (key-hasher.ts).
 *
 * Only attested records bind to a credential. The first of them stays: a second id for the same raw key is a
 * conflict and is counted. A former hash gives way to a credential, as the hash itself would. Bounded by count; the
 * oldest binding goes first (a key in use is bound again by its next record that shows both), so the table depends
 * on the sequence of records only, not on look-ups.
 *
 * Snapshot: version byte 1, u32 count, then per binding in order: 16 bytes digest of the raw key, u16 length
 * and UTF-8 of the id that it is bound to. Little-endian.
 */
import { assert } from '../core/errors.ts';
import type { KeyIdentity } from '../core/event.ts';
import { isHashed, savedIdentity } from './digest.ts';

const VERSION = 1;
const HEADER_BYTES = 5;
const DIGEST_BYTES = 16;

export class AliasTable {
  readonly #bindings = new Map<string, KeyIdentity>();
  readonly #max: number;
  #conflicts = 0;
  #version = 0;
  #removals = 0;
  /** Told of each binding that is made, also of those of a snapshot. */
  onBound: ((rawId: string, identity: KeyIdentity) => void) | undefined;

  constructor(max: number) {
    assert(max >= 1, 'size of the alias table');
    this.#max = max;
  }

  get size(): number {
    return this.#bindings.size;
  }

  /** Records that showed a raw key with another credential id than the one it is bound to. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** Grows with every change: what was looked up before is still right, and need not be saved again. */
  get version(): number {
    return this.#version;
  }

  /** Grows when a binding is given up or all are replaced: until then one that was met still holds. */
  get removals(): number {
    return this.#removals;
  }

  /** Credential or former hash of a raw key, which is named by its `h:` id. */
  find(rawId: string): KeyIdentity | undefined {
    return this.#bindings.get(rawId);
  }

  /** Answers the binding that holds afterwards, which is an older one where there is a conflict. */
  bind(rawId: string, identity: KeyIdentity): KeyIdentity {
    const known = this.#bindings.get(rawId);
    if (known === undefined) {
      this.#add(rawId, identity);
      return identity;
    }
    if (known.id === identity.id) return known;
    if (isHashed(known)) {
      this.#bindings.delete(rawId);
      this.#removals += 1;
      this.#add(rawId, identity);
      return identity;
    }
    this.#conflicts += 1;
    return known;
  }

  snapshot(): Uint8Array {
    const ids: Buffer[] = [];
    let total = HEADER_BYTES;
    for (const identity of this.#bindings.values()) {
      const id = Buffer.from(identity.id, 'utf8');
      ids.push(id);
      total += DIGEST_BYTES + 2 + id.length;
    }
    const out = Buffer.alloc(total);
    out.writeUInt8(VERSION, 0);
    out.writeUInt32LE(ids.length, 1);
    let at = HEADER_BYTES;
    let index = 0;
    for (const rawId of this.#bindings.keys()) {
      const id = ids[index++]!;
      out.write(rawId.slice(2), at, DIGEST_BYTES, 'hex');
      out.writeUInt16LE(id.length, at + DIGEST_BYTES);
      id.copy(out, at + DIGEST_BYTES + 2);
      at += DIGEST_BYTES + 2 + id.length;
    }
    return out;
  }

  /** Replaces the content. Fails an assertion on bytes that no snapshot has made. */
  restore(bytes: Uint8Array): void {
    const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert(from.length >= HEADER_BYTES && from[0] === VERSION, 'version of the alias table');
    this.#bindings.clear();
    this.#version += 1;
    this.#removals += 1;
    const count = from.readUInt32LE(1);
    let at = HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      assert(at + DIGEST_BYTES + 2 <= from.length, 'length of the alias table');
      const rawId = `h:${from.toString('hex', at, at + DIGEST_BYTES)}`;
      const length = from.readUInt16LE(at + DIGEST_BYTES);
      at += DIGEST_BYTES + 2;
      assert(at + length <= from.length, 'length of the alias table');
      this.#add(rawId, savedIdentity(from.toString('utf8', at, at + length)));
      at += length;
    }
    assert(at === from.length, 'length of the alias table');
  }

  #add(rawId: string, identity: KeyIdentity): void {
    if (this.#bindings.size >= this.#max) {
      const oldest = this.#bindings.keys().next();
      if (oldest.done !== true) {
        this.#bindings.delete(oldest.value);
        this.#removals += 1;
      }
    }
    this.#bindings.set(rawId, identity);
    this.#version += 1;
    this.onBound?.(rawId, identity);
  }
}
