/** Cuts the first records out of the beginning of a file, to recognise its format. */
import type { Recognition } from '../core/format.ts';
import { skipKey, skipSpace, skipValue, viewOf } from './json-skip.ts';

export const RECORDS_MAX = 20;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The first lines, blank ones left out; a last line without its end only when it is the only one. */
export function sampleLines(sample: Uint8Array): Range[] {
  const lines: Range[] = [];
  let start = 0;
  while (start < sample.length && lines.length < RECORDS_MAX) {
    const newline = sample.indexOf(0x0a, start);
    if (newline < 0 && lines.length > 0) break;
    let end = newline < 0 ? sample.length : newline;
    const next = end + 1;
    if (end > start && sample[end - 1] === 0x0d) end--;
    if (skipSpace(sample, start, end) < end) lines.push({ start, end });
    start = next;
  }
  return lines;
}

/** The first JSON objects: one after another, in an array, or in an array inside an object. */
export function sampleObjects(sample: Uint8Array): Range[] {
  const objects: Range[] = [];
  const bom = sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf ? 3 : 0;
  collect(sample, bom, objects, 0);
  return objects;
}

function collect(sample: Uint8Array, from: number, objects: Range[], depth: number): void {
  let i = skipSpace(sample, from, sample.length);
  if (sample[i] === OPEN_ARRAY) i = skipSpace(sample, i + 1, sample.length);
  while (sample[i] === OPEN_OBJECT && objects.length < RECORDS_MAX) {
    const inside = depth === 0 && objects.length === 0 ? arrayInside(sample, i) : -1;
    if (inside >= 0) {
      collect(sample, inside, objects, depth + 1);
      return;
    }
    const end = skipValue(sample, viewOf(sample), i, sample.length);
    if (end < 0) return;
    objects.push({ start: i, end });
    i = skipSpace(sample, end, sample.length);
    if (sample[i] === COMMA) i = skipSpace(sample, i + 1, sample.length);
  }
}

/** Where the array of an envelope such as `{"Records":[…]}` begins, -1 when the object is no envelope. */
function arrayInside(sample: Uint8Array, from: number): number {
  let i = skipSpace(sample, from + 1, sample.length);
  for (;;) {
    const name = i;
    i = skipKey(sample, viewOf(sample), i, sample.length);
    if (i < 0 || i >= sample.length) return -1;
    if (isEnvelope(sample, name) && sample[i] === OPEN_ARRAY) return i;
    i = skipValue(sample, viewOf(sample), i, sample.length);
    if (i < 0) return -1;
    i = skipSpace(sample, i, sample.length);
    if (i >= sample.length || sample[i] === CLOSE_OBJECT || sample[i] !== COMMA) return -1;
    i = skipSpace(sample, i + 1, sample.length);
  }
}

function isEnvelope(sample: Uint8Array, at: number): boolean {
  const name = '"records"';
  for (let k = 0; k < name.length; k++) {
    if ((sample[at + k]! | 0x20) !== (name.charCodeAt(k) | 0x20)) return false;
  }
  return true;
}

/** Confidence by the share of records that have what the format has. `has` names it, e.g. "an eventName". */
export function byShare(
  matching: number,
  total: number,
  what: 'lines' | 'records',
  has: string,
  certain: number,
): Recognition {
  if (total === 0) return { confidence: 0, why: `no complete ${what.slice(0, -1)} to look at` };
  const verb = total === 1 ? 'has' : 'have';
  const noun = total === 1 ? what.slice(0, -1) : what;
  return {
    confidence: (matching / total) * certain,
    why: `${matching} of ${total} ${noun} ${verb} ${has}`,
  };
}
