/** Raw keys in a record: where they may stand, and what to do when there are two. */
import type { FormatOptions } from '../core/format.ts';
import { headerOf } from '../core/key-spec.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { KIND } from './json-paths.ts';
import type { JsonReader } from './json-read.ts';

/** Header and query names looked at when neither the user nor the record says where the key is. */
export const KEY_NAMES: readonly string[] = [
  'apikey',
  'x-api-key',
  'api_key',
  'api-key',
  'subscription-key',
];

/**
 * Names of the headers that may hold the key, lower case. With a key spec only what it names counts, so that a
 * client cannot choose another place by leaving it empty. `query`, `path` and `client_ip` are read from other
 * fields by enrichment, `field` is each format's own.
 */
export function keyHeaders(options: FormatOptions): readonly string[] {
  const key = options.key;
  if (key === undefined) {
    return options.keyNames?.map((name) => name.toLowerCase()) ?? KEY_NAMES;
  }
  const header = headerOf(key);
  return header === undefined ? [] : [header];
}

/** `a.b\.c.0` → ['a', 'b.c', '0']: a dot after a backslash is part of the name. */
export function dottedPath(text: string): string[] {
  return text
    .split(/(?<!\\)\./)
    .map((part) => part.replaceAll('\\.', '.'))
    .filter((part) => part !== '');
}

/**
 * Fills FIELD.rawKey from the first slot that has a value. False when two slots, or two headers of one name,
 * hold different values: then nobody can tell which of them was used, and the field is left absent.
 */
export function takeRawKey(
  reader: JsonReader,
  slots: readonly number[],
  draft: RecordDraft,
): boolean {
  let found = false;
  for (const slot of slots) {
    if (reader.found[slot] === KIND.absent || reader.firstIs(slot, REDACTED)) continue;
    if (reader.differs(slot)) return drop(draft);
    if (!found) {
      found = reader.text(slot, draft, FIELD.rawKey);
      continue;
    }
    const first = fieldBytes(draft, FIELD.rawKey);
    const from = draft.start[FIELD.rawKey]!;
    const to = draft.end[FIELD.rawKey]!;
    const inScratch = draft.inScratch[FIELD.rawKey]!;
    if (!reader.text(slot, draft, FIELD.rawKey)) continue;
    const other = fieldBytes(draft, FIELD.rawKey);
    const same = equal(
      first,
      from,
      to,
      other,
      draft.start[FIELD.rawKey]!,
      draft.end[FIELD.rawKey]!,
    );
    draft.start[FIELD.rawKey] = from;
    draft.end[FIELD.rawKey] = to;
    draft.inScratch[FIELD.rawKey] = inScratch;
    if (!same) return drop(draft);
  }
  return true;
}

function drop(draft: RecordDraft): false {
  draft.start[FIELD.rawKey] = -1;
  return false;
}

function equal(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  for (let k = 0; k < aTo - aFrom; k++) if (a[aFrom + k] !== b[bFrom + k]) return false;
  return true;
}

/** What Kong, Caddy and Traefik write instead of a header that they hide. */
const REDACTED = new TextEncoder().encode('REDACTED');
