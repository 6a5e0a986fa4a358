/**
 * Reads lines of `name=value` pairs as logrus and others write them:
 *
 *   line  = pair *( " " pair )
 *   pair  = name "=" ( word | '"' text in which '"' and '\' stand escaped '"' )
 *
 * The writer quotes whatever holds a space, a quote or `=`, so nothing in a value can pass for another pair.
 */
import type { RecordDraft } from '../core/record.ts';
import { closingQuote, putLogText } from './clf-scan.ts';
import { readNumber } from './numbers.ts';
import { Scratch } from './scratch.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const EQUALS = 0x3d;

export class LogfmtReader {
  readonly scratch = new Scratch();
  /** Ranges of the wanted values, by their index; from -1: absent. An end is a complement where escapes stand. */
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  private readonly names: readonly Uint8Array[];
  private bytes: Uint8Array = new Uint8Array(0);

  constructor(wanted: readonly string[]) {
    this.names = wanted.map((name) => ENCODER.encode(name));
    this.from = new Int32Array(wanted.length);
    this.to = new Int32Array(wanted.length);
  }

  /** False when bytes[start, end) is no such line. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    this.scratch.reset();
    this.from.fill(-1);
    let i = start;
    while (i < end && bytes[i] === SPACE) i++;
    let pairs = 0;
    for (; i < end; pairs++) {
      const name = i;
      while (i < end && isNameByte(bytes[i]!)) i++;
      if (i === name || bytes[i] !== EQUALS || i >= end) return false;
      const index = this.indexOf(name, i);
      i++;
      const from = bytes[i] === QUOTE && i < end ? i + 1 : i;
      let stop = from > i ? closingQuote(bytes, from, end) : wordEnd(bytes, from, end);
      if (stop === -1) return false;
      if (index >= 0) {
        this.from[index] = from;
        this.to[index] = stop;
      }
      if (stop < 0) stop = ~stop;
      i = from > i ? stop + 1 : stop;
      if (i < end && bytes[i] !== SPACE) return false;
      while (i < end && bytes[i]! <= SPACE) i++;
    }
    return pairs > 0;
  }

  has(index: number): boolean {
    return this.from[index]! >= 0 && this.to[index] !== this.from[index];
  }

  is(index: number, word: Uint8Array): boolean {
    const from = this.from[index]!;
    if (from < 0 || this.to[index]! - from !== word.length) return false;
    for (let k = 0; k < word.length; k++) if (this.bytes[from + k] !== word[k]) return false;
    return true;
  }

  /** NaN when absent or no number. */
  number(index: number): number {
    const from = this.from[index]!;
    const to = this.to[index]!;
    return from < 0 || to < 0 ? Number.NaN : readNumber(this.bytes, from, to);
  }

  /** Calls `read` with the range of a plain value; NaN when there is none. */
  time(index: number, read: (bytes: Uint8Array, from: number, to: number) => number): number {
    const from = this.from[index]!;
    const to = this.to[index]!;
    return from < 0 || to < 0 ? Number.NaN : read(this.bytes, from, to);
  }

  /** Makes a value a field's text; false when it is absent. */
  text(index: number, draft: RecordDraft, field: number): boolean {
    const from = this.from[index]!;
    if (from < 0 || draft.start[field]! >= 0) return false;
    return putLogText(this.bytes, from, this.to[index]!, draft, field, this.scratch);
  }

  private indexOf(from: number, to: number): number {
    const { bytes, names } = this;
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!;
      if (name.length !== to - from) continue;
      let k = 0;
      while (k < name.length && bytes[from + k] === name[k]) k++;
      if (k === name.length) return index;
    }
    return -1;
  }
}

function wordEnd(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end && bytes[i]! > SPACE) {
    if (bytes[i] === QUOTE || bytes[i] === EQUALS) return -1;
    i++;
  }
  return i;
}

/** Letters, digits and what stands between them in a name. */
function isNameByte(c: number): boolean {
  const letter = c | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  return (c >= 0x30 && c <= 0x39) || c === 0x2d || c === 0x2e || c === 0x5f;
}

const ENCODER = new TextEncoder();
