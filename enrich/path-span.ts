/** The path inside a request target: without scheme, host, query and fragment. No allocation. */
import type { Span } from './address-text.ts';

const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;
const HASH = 0x23;

/** Accepts `/path?query`, a full URL, or anything else, which then is taken as a path. */
export function pathSpan(bytes: Uint8Array, start: number, end: number, out: Span): void {
  let from = start;
  if (from < end && bytes[from] !== SLASH) from = afterHost(bytes, start, end);
  let to = from;
  while (to < end && bytes[to] !== QUESTION && bytes[to] !== HASH) to++;
  out.start = from;
  out.end = to;
}

/** Index of the first byte behind `scheme://host`, or `start` when there is no scheme. */
function afterHost(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i + 2 < end && i < start + 16; i++) {
    if (bytes[i] !== COLON) continue;
    if (bytes[i + 1] !== SLASH || bytes[i + 2] !== SLASH) return start;
    let at = i + 3;
    while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION && bytes[at] !== HASH) at++;
    return at;
  }
  return start;
}
