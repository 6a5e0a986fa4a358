/**
 * Raw key → identity under the pepper; and, while the pepper is being changed, the identity that the key had
 * under the one before.
 *
 * A key that is known by its former hash keeps that identity, and with it its baseline: the new hash is bound to
 * it in the alias table, where the binding outlives the change. A key that is known by neither gets the new hash,
 * so nothing more comes under the former pepper.
 */
import type { KeyObject } from 'node:crypto';
import type { KeyIdentity } from '../core/event.ts';
import type { AliasTable } from './aliases.ts';
import { hashedIdentity } from './digest.ts';

export interface KeyHasherOptions {
  readonly pepper: KeyObject;
  /** Set while the pepper is being changed. */
  readonly previous: KeyObject | undefined;
  readonly aliases: AliasTable;
  /** Whether there is a record of a key. Asked only while the pepper is being changed. */
  knowsKey(key: KeyIdentity): boolean;
}

/** Both hashes of one raw key. */
export interface KeyHashes {
  readonly own: KeyIdentity;
  /** Undefined unless the pepper is being changed. */
  readonly former: KeyIdentity | undefined;
}

export class KeyHasher {
  readonly #options: KeyHasherOptions;

  constructor(options: KeyHasherOptions) {
    this.#options = options;
  }

  hash(bytes: Uint8Array, start: number, end: number): KeyHashes {
    const { pepper, previous } = this.#options;
    return {
      own: hashedIdentity(pepper, bytes, start, end),
      former: previous === undefined ? undefined : hashedIdentity(previous, bytes, start, end),
    };
  }

  /** What a key in use is known by, where its hashes are not kept. */
  identify(bytes: Uint8Array, start: number, end: number): KeyIdentity {
    const { own, former } = this.hash(bytes, start, end);
    return this.known(own, former);
  }

  /** What a key in use is known by. Binds a former identity, so that it is found without the former pepper. */
  known(own: KeyIdentity, former: KeyIdentity | undefined): KeyIdentity {
    const { aliases } = this.#options;
    const found = this.find(own, former);
    if (former === undefined || found.id === own.id) return found;
    return aliases.bind(own.id, found);
  }

  /** The same for who only asks: changes nothing. */
  find(own: KeyIdentity, former: KeyIdentity | undefined): KeyIdentity {
    const { aliases, knowsKey } = this.#options;
    const bound = aliases.find(own.id);
    // With a record of its own the key was in use since, without the former pepper: that is its life now.
    if (bound !== undefined || former === undefined || knowsKey(own)) return bound ?? own;
    return aliases.find(former.id) ?? (knowsKey(former) ? former : own);
  }
}
