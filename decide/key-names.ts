/**
 * Raw key → the ids that a verdict may know it by. Nothing is cached: a key that was asked for before must not be
 * answered faster than one that never was, and two hashes cost less than 1 µs.
 */
import type { KeyObject } from 'node:crypto';
import type { KeyIdentity } from '../core/event.ts';
import { hashedId } from '../enrich/digest.ts';

/** Ids of a raw key (one character a byte): the hash of its own first, then what that is bound to. */
export type KeyNames = (rawKey: string) => readonly string[];

export interface KeyNamesOptions {
  readonly pepper: KeyObject;
  /** Set while the pepper is being changed. */
  readonly previous?: KeyObject | undefined;
  /** Credential or former hash of a raw key by its `h:` id; enrich/aliases.ts, or a copy of it. */
  readonly aliases: { find(rawId: string): KeyIdentity | undefined };
}

/** Longer than any header that a gateway passes on. */
const BYTES_MAX = 65_536;

export function createKeyNames({ pepper, previous, aliases }: KeyNamesOptions): KeyNames {
  return (rawKey) => {
    const text = rawKey.length > BYTES_MAX ? rawKey.slice(0, BYTES_MAX) : rawKey;
    const own = hashedId(pepper, text);
    const names = [own];
    add(names, aliases.find(own)?.id);
    if (previous !== undefined) {
      const former = hashedId(previous, text);
      add(names, former);
      add(names, aliases.find(former)?.id);
    }
    return names;
  };
}

function add(names: string[], id: string | undefined): void {
  if (id !== undefined && !names.includes(id)) names.push(id);
}
