/** How Tyk names a key, and what stands for no key. */
import { KeyhoundError } from '../core/errors.ts';
import type { FormatOptions } from '../core/format.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { dottedPath } from './raw-key.ts';
import type { Scratch } from './scratch.ts';

const STAR = 0x2a;
const DASH = 0x2d;
const ZERO = 0x30;
const QUESTION = 0x3f;

export interface TykKey {
  /** Undefined when the key is read from another field, by enrichment. */
  readonly path: readonly string[] | undefined;
  /** It is the hash that Tyk knows the key by, so no secret. */
  readonly isId: boolean;
  /** It is the key that Tyk has checked. */
  readonly isTyks: boolean;
}

/** Throws a usage error for `fields` that name anything but the id. */
export function tykKeyOf(options: FormatOptions): TykKey {
  const { key, fields } = options;
  const other = Object.keys(fields ?? {}).find((name) => name !== 'keyId');
  if (other !== undefined) {
    throw new KeyhoundError('usage', `fields: format tyk takes keyId only, not "${other}"`, {
      hint: 'fields: {keyId: api_key} says that api_key is a hash (hash_keys), not the raw key.',
    });
  }
  const id = fields?.['keyId'];
  if (id !== undefined) return { path: dottedPath(id), isId: true, isTyks: true };
  if (key === undefined) return { path: ['api_key'], isId: false, isTyks: true };
  const path = key.kind === 'field' ? dottedPath(key.name) : undefined;
  return { path, isId: false, isTyks: false };
}

/** SHA-256 of nothing: `hash_key_function: sha256` of no key. */
const EMPTY_SHA256 = new TextEncoder().encode(
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
);

/**
 * Takes away what names nobody: a key shown in part (`****a1b2`, `--`), or the hash of no key, which is zero in
 * every length that Tyk's murmur hashes have.
 */
export function dropNobody(draft: RecordDraft, field: number): void {
  const from = draft.start[field]!;
  if (from < 0) return;
  const bytes = fieldBytes(draft, field);
  const to = draft.end[field]!;
  let zeros = 0;
  while (from + zeros < to && bytes[from + zeros] === ZERO) zeros++;
  const isPart =
    bytes[from] === STAR || (to - from === 2 && bytes[from] === DASH && bytes[from + 1] === DASH);
  if (isPart || zeros === to - from || isEmptySha256(bytes, from, to)) draft.start[field] = -1;
}

function isEmptySha256(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== EMPTY_SHA256.length) return false;
  return EMPTY_SHA256.every((byte, k) => bytes[from + k] === byte);
}

/**
 * Tyk logs the path decoded and without its query: a `?` in it was `%3F`. Left as it stands a client could make
 * a query of it, with a key in it.
 */
export function escapeQuestionMarks(draft: RecordDraft, scratch: Scratch): void {
  const from = draft.start[FIELD.target]!;
  const to = draft.end[FIELD.target]!;
  if (from < 0 || fieldBytes(draft, FIELD.target).subarray(from, to).indexOf(QUESTION) < 0) return;
  const text = fieldBytes(draft, FIELD.target).slice(from, to);
  const begin = scratch.length;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === QUESTION) scratch.append(ESCAPED);
    else scratch.append(text, i, i + 1);
  }
  scratch.give(draft, FIELD.target, begin);
}

const ESCAPED = new TextEncoder().encode('%3F');
