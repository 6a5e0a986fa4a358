/** A user name as the log has it → the Authorization header it came from, which `--key basic` takes apart. */
import type { RecordDraft } from '../core/record.ts';
import type { Scratch } from './scratch.ts';

const ENCODER = new TextEncoder();
const SCHEME = ENCODER.encode('Basic ');
const ALPHABET = ENCODER.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const COLON = 0x3a;
const PADDING = 0x3d;

/** Replaces a field, which holds a user name, by `Basic base64(user:)`. */
export function asBasicHeader(draft: RecordDraft, field: number, scratch: Scratch): void {
  const from = draft.start[field]!;
  const length = draft.end[field]! - from + 1;
  const inScratch = draft.inScratch[field] === 1;
  const begin = scratch.length;
  scratch.reserve(SCHEME.length + 4 * Math.ceil(length / 3));
  const source = inScratch ? scratch.bytes : draft.bytes;
  const at = (k: number): number => (k < length - 1 ? source[from + k]! : k < length ? COLON : 0);
  scratch.append(SCHEME);
  for (let k = 0; k < length; k += 3) {
    const word = (at(k) << 16) | (at(k + 1) << 8) | at(k + 2);
    for (let digit = 0; digit < 4; digit++) {
      const isThere = k + digit - 1 < length;
      scratch.bytes[scratch.length++] = isThere
        ? ALPHABET[(word >> (18 - 6 * digit)) & 63]!
        : PADDING;
    }
  }
  scratch.give(draft, field, begin);
}
