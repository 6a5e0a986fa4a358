/**
 * The request target of the record at hand, taken apart once for all that look at it: where the path is
 * (without scheme, host, query and fragment) and where the query. No allocation.
 */
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';

const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;
const HASH = 0x23;
/** Longest scheme that is looked for. */
const SCHEME_MAX = 16;

export class Target {
  present = false;
  bytes: Uint8Array = new Uint8Array(0);
  pathStart = 0;
  pathEnd = 0;
  /** First byte of the query, or -1. */
  queryStart = -1;
  /** End of the target; a fragment, which no client sends, is for the reader of the query to stop at. */
  end = 0;

  /** Accepts `/path?query`, a full URL, or anything else, which then is taken as a path. */
  read(draft: RecordDraft): void {
    const start = draft.start[FIELD.target]!;
    this.present = start >= 0;
    this.queryStart = -1;
    if (!this.present) return;
    const bytes = fieldBytes(draft, FIELD.target);
    const end = draft.end[FIELD.target]!;
    const from = start < end && bytes[start] !== SLASH ? afterHost(bytes, start, end) : start;
    let to = from;
    while (to < end) {
      const byte = bytes[to];
      if (byte === QUESTION || byte === HASH) break;
      to++;
    }
    if (to < end && bytes[to] === QUESTION) this.queryStart = to + 1;
    this.bytes = bytes;
    this.pathStart = from;
    this.pathEnd = to;
    this.end = end;
  }
}

/** Index of the first byte behind `scheme://host`, or `start` when there is no scheme. */
function afterHost(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i + 2 < end && i < start + SCHEME_MAX; i++) {
    if (bytes[i] !== COLON) continue;
    if (bytes[i + 1] !== SLASH || bytes[i + 2] !== SLASH) return start;
    let at = i + 3;
    while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION && bytes[at] !== HASH) at++;
    return at;
  }
  return start;
}
