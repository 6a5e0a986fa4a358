/** HTTP method: 1 to 16 capital letters, else ''. Shared strings, no allocation for the usual ones. */
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { type Label, NO_LABEL } from './blanking.ts';

const LENGTH_MAX = 16;

interface Method extends Label {
  readonly bytes: Uint8Array;
}

/** By length and first letter, which tell the usual ones apart. */
const USUAL = new Array<Method | undefined>(512).fill(undefined);
for (const text of [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]) {
  const bytes = new TextEncoder().encode(text);
  USUAL[slotOf(bytes[0]!, text.length)] = Object.freeze({ text, code: text.length, bytes });
}

export function methodOf(draft: RecordDraft): Label {
  const start = draft.start[FIELD.method]!;
  const end = draft.end[FIELD.method]!;
  if (start < 0 || end <= start || end - start > LENGTH_MAX) return NO_LABEL;
  const bytes = fieldBytes(draft, FIELD.method);
  const usual = USUAL[slotOf(bytes[start]!, end - start)];
  if (usual !== undefined && isMethod(usual.bytes, bytes, start, end)) return usual;
  for (let i = start; i < end; i++) {
    if (bytes[i]! < 0x41 || bytes[i]! > 0x5a) return NO_LABEL;
  }
  return { text: Buffer.from(bytes.subarray(start, end)).toString('latin1'), code: end - start };
}

function slotOf(first: number, length: number): number {
  return ((length & 15) << 5) | (first & 31);
}

function isMethod(method: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (method.length !== end - start) return false;
  for (let i = 0; i < method.length; i++) {
    if (method[i] !== bytes[start + i]) return false;
  }
  return true;
}
