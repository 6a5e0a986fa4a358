/**
 * What was found out about a credential id, raw key and consumer that came together. A key's records repeat
 * the same three, so one look-up answers what would take three and the checks between them; with 17,000 keys
 * the time goes into fetching lines of memory, and this fetches half as many.
 */
import type { KeyIdentity } from '../core/event.ts';
import { FIELD, fieldBytes, HINT, type RecordDraft } from '../core/record.ts';
import { ByteCache } from './byte-cache.ts';
import type { Credential } from './credentials.ts';
import type { RawKey } from './raw-keys.ts';
import { Views } from './views.ts';

const SLOT_BYTES = 192;
const KEY_BYTES_MAX = SLOT_BYTES - 2;
const HEADER_BYTES = 4;
const FIELDS = [FIELD.credentialId, FIELD.rawKey, FIELD.consumer] as const;

export interface Context {
  /** May change with the alias table, see `version`. */
  key: KeyIdentity;
  readonly bySpec: boolean;
  /** The key is the raw key's own, or the credential that it is bound to. */
  readonly byRaw: boolean;
  readonly raw: RawKey | undefined;
  /** The credential's id is the hash of a raw key. */
  readonly hashed: KeyIdentity | undefined;
  /** Set when the raw key is to be bound to it by an attested record. */
  readonly bindTo: Credential | undefined;
  /** Consumer as the event shows it: '' when it gave the key away. */
  readonly consumer: string;
  /**
   * State of the alias table for which `key` and the binding were last checked; -1: never. Its `removals` where
   * there is a binding, which others do not change; else its `version`.
   */
  version: number;
}

export class Contexts {
  readonly #cache: ByteCache<Context>;
  readonly #views = new Views();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #keyView = new DataView(this.#key.buffer);
  #length = 0;
  #hash = 0;

  constructor(cacheSlots: number) {
    this.#cache = new ByteCache(cacheSlots, SLOT_BYTES, 'second');
  }

  find(draft: RecordDraft): Context | undefined {
    this.#gather(draft);
    if (this.#length === 0) return undefined;
    this.#hash = draft.hints[HINT.key]! || this.#hashOf(draft);
    return this.#cache.get(this.#key, 0, this.#length, this.#hash);
  }

  /** First step of looking ahead: notes the hash, and reads the table. */
  touch(draft: RecordDraft): number {
    const hash = this.#hashOf(draft);
    draft.hints[HINT.key] = hash;
    return this.#cache.touch(hash);
  }

  /** Second step. */
  touchEntry(draft: RecordDraft): number {
    return this.#cache.touchEntry(draft.hints[HINT.key]!);
  }

  /** Remembers a context for the draft that `find` was last called with. */
  add(context: Context): void {
    if (this.#length > 0) this.#cache.set(this.#key, 0, this.#length, context, this.#hash);
  }

  /** Over the fields where they lie. */
  #hashOf(draft: RecordDraft): number {
    let hash = 0;
    for (let i = 0; i < FIELDS.length; i++) {
      const field = FIELDS[i]!;
      const start = draft.start[field]!;
      if (start < 0) hash ^= i + 1;
      else hash = this.#cache.hash(fieldBytes(draft, field), start, draft.end[field]!, hash);
    }
    return hash;
  }

  /** Lengths of the first two fields (+ 1; 0: absent), then the bytes of all three. Length 0: too long. */
  #gather(draft: RecordDraft): void {
    let to = HEADER_BYTES;
    for (let i = 0; i < FIELDS.length; i++) {
      const field = FIELDS[i]!;
      const start = draft.start[field]!;
      const length = start < 0 ? -1 : draft.end[field]! - start;
      if (to + length > KEY_BYTES_MAX) {
        this.#length = 0;
        return;
      }
      if (i < 2) this.#keyView.setUint16(i * 2, length + 1, true);
      if (length > 0) {
        this.#copy(fieldBytes(draft, field), start, length, to);
        to += length;
      }
    }
    this.#length = to;
  }

  #copy(bytes: Uint8Array, start: number, length: number, to: number): void {
    const from = this.#views.of(bytes);
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      this.#keyView.setInt32(to + i, from.getInt32(start + i, true), true);
    }
    for (; i < length; i++) this.#key[to + i] = bytes[start + i]!;
  }
}
