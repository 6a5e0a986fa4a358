/** HTTP method: 1 to 16 capital letters, else ''. Shared strings, no allocation for the usual ones. */
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { type Label, NO_LABEL } from './blanking.ts';

const LENGTH_MAX = 16;

interface Method extends Label {
  readonly bytes: Uint8Array;
}

const USUAL: readonly Method[] = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'TRACE',
].map((text) => Object.freeze({ text, code: text.length, bytes: new TextEncoder().encode(text) }));

export function methodOf(draft: RecordDraft): Label {
  const start = draft.start[FIELD.method]!;
  const end = draft.end[FIELD.method]!;
  if (start < 0 || end <= start || end - start > LENGTH_MAX) return NO_LABEL;
  const bytes = fieldBytes(draft, FIELD.method);
  for (let i = 0; i < USUAL.length; i++) {
    const method = USUAL[i]!;
    if (isMethod(method.bytes, bytes, start, end)) return method;
  }
  for (let i = start; i < end; i++) {
    if (bytes[i]! < 0x41 || bytes[i]! > 0x5a) return NO_LABEL;
  }
  return { text: Buffer.from(bytes.subarray(start, end)).toString('latin1'), code: end - start };
}

function isMethod(method: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (method.length !== end - start) return false;
  for (let i = 0; i < method.length; i++) {
    if (method[i] !== bytes[start + i]) return false;
  }
  return true;
}
