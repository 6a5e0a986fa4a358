/** Reads what a JsonScanner has found: numbers, words, and text into the fields of a draft. */
import { AUTH, type RecordDraft, resetDraft } from '../core/record.ts';
import { JsonScanner, KIND, type WantedPath } from './json-scan.ts';
import { CLOSE_ARRAY, COMMA, QUOTE, skipSpace, skipValue } from './json-skip.ts';
import { readNumber } from './numbers.ts';
import { Scratch } from './scratch.ts';
import { epochByMagnitude, TimeReader } from './time.ts';
import { unescapeJson } from './unescape.ts';

const MINUS = 0x2d;

export class JsonReader {
  readonly scanner: JsonScanner;
  readonly scratch = new Scratch();
  readonly time = new TimeReader();
  bytes: Uint8Array = new Uint8Array(0);
  /** AWS and NGINX write `-` for a value that is not there. */
  private readonly dashIsAbsent: boolean;

  constructor(wanted: readonly WantedPath[], dashIsAbsent = false) {
    this.scanner = new JsonScanner(wanted);
    this.dashIsAbsent = dashIsAbsent;
  }

  /** Empties the draft and scans; false when bytes[start, end) is not one JSON object. */
  begin(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): boolean {
    resetDraft(draft, bytes);
    this.scratch.reset();
    draft.scratch = this.scratch.bytes;
    this.bytes = bytes;
    return this.scanner.scan(bytes, start, end);
  }

  /** There, and neither null, empty nor a dash that stands for nothing. */
  has(slot: number): boolean {
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k === KIND.absent) return false;
    const from = start[slot]!;
    if (k === KIND.literal) return this.bytes[from] !== 0x6e;
    if (k !== KIND.string) return true;
    const length = end[slot]! - from;
    if (length === 0) return false;
    return !(this.dashIsAbsent && length === 1 && this.bytes[from] === MINUS);
  }

  isObject(slot: number): boolean {
    return this.scanner.kind[slot] === KIND.object;
  }

  /** A number, also when written as a string; NaN when there is none. */
  number(slot: number): number {
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k !== KIND.number && k !== KIND.string) return Number.NaN;
    return readNumber(this.bytes, start[slot]!, end[slot]!);
  }

  /** A quantity that cannot be negative: -1 when absent, negative or no number. */
  amount(slot: number): number {
    const value = this.number(slot);
    return value >= 0 && value < Number.MAX_VALUE ? value : -1;
  }

  /** HTTP status, 0 when absent or out of 100..599. */
  status(slot: number): number {
    const value = this.number(slot);
    return value >= 100 && value <= 599 ? Math.trunc(value) : 0;
  }

  /** A time as number (by magnitude), RFC 3339 or CLF text; NaN when it is none. */
  instant(slot: number): number {
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k === KIND.number) return epochByMagnitude(this.number(slot));
    if (k === KIND.string) {
      const from = start[slot]!;
      const to = end[slot]!;
      const number = readNumber(this.bytes, from, to);
      return Number.isNaN(number) ? this.written(this.bytes, from, to) : epochByMagnitude(number);
    }
    if (k !== KIND.escaped) return Number.NaN;
    // A CLF time in JSON often has its slashes escaped.
    const from = this.scratch.length;
    this.unescape(start[slot]!, end[slot]!);
    return this.written(this.scratch.bytes, from, this.scratch.length);
  }

  private written(bytes: Uint8Array, from: number, to: number): number {
    const bracketed = bytes[from] === 0x5b && bytes[to - 1] === 0x5d ? 1 : 0;
    const at = this.time.clf(bytes, from + bracketed, to - bracketed);
    return Number.isNaN(at) ? this.time.iso(bytes, from, to) : at;
  }

  /** True when the value is the string `word` (ASCII, no escapes). */
  is(slot: number, word: Uint8Array): boolean {
    const { kind, start, end } = this.scanner;
    if (kind[slot] !== KIND.string) return false;
    const from = start[slot]!;
    if (end[slot]! - from !== word.length) return false;
    for (let k = 0; k < word.length; k++) if (this.bytes[from + k] !== word[k]) return false;
    return true;
  }

  /** The value as a string, '' when absent. Allocates. */
  string(slot: number): string {
    if (!this.has(slot)) return '';
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k === KIND.object || k === KIND.array) return '';
    if (k !== KIND.escaped) return TEXT.decode(this.bytes.subarray(start[slot]!, end[slot]!));
    const from = this.scratch.length;
    this.unescape(start[slot]!, end[slot]!);
    return TEXT.decode(this.scratch.bytes.subarray(from, this.scratch.length));
  }

  /**
   * Makes the value a field's text; false (and the field untouched) when it is absent. Of an array the first
   * element counts: a repeated header, of which gateways use the first.
   */
  text(slot: number, draft: RecordDraft, field: number): boolean {
    if (!this.has(slot)) return false;
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k === KIND.string || k === KIND.number) {
      draft.start[field] = start[slot]!;
      draft.end[field] = end[slot]!;
      draft.inScratch[field] = 0;
      return true;
    }
    const from = this.scratch.length;
    if (k === KIND.escaped) this.unescape(start[slot]!, end[slot]!);
    else if (k === KIND.array) this.elements(start[slot]!, end[slot]!, 1);
    else return false;
    return this.scratch.give(draft, field, from);
  }

  /** As `text`, but the elements of an array are joined by commas: X-Forwarded-For sent in several lines. */
  joined(slot: number, draft: RecordDraft, field: number): boolean {
    if (this.scanner.kind[slot] !== KIND.array) return this.text(slot, draft, field);
    const from = this.scratch.length;
    this.elements(this.scanner.start[slot]!, this.scanner.end[slot]!, Number.POSITIVE_INFINITY);
    return this.scratch.give(draft, field, from);
  }

  /** True for an array that holds two different strings: a header that was sent twice, differing. */
  differs(slot: number): boolean {
    if (this.scanner.kind[slot] !== KIND.array) return false;
    const parsed: unknown = JSON.parse(
      TEXT.decode(this.bytes.subarray(this.scanner.start[slot]!, this.scanner.end[slot]!)),
    );
    return Array.isArray(parsed) && parsed.some((element) => element !== parsed[0]);
  }

  /** Appends a value's text to scratch; false when it is absent. */
  append(slot: number): boolean {
    if (!this.has(slot)) return false;
    const { kind, start, end } = this.scanner;
    const k = kind[slot]!;
    if (k === KIND.escaped) this.unescape(start[slot]!, end[slot]!);
    else if (k === KIND.string || k === KIND.number) {
      this.scratch.append(this.bytes, start[slot]!, end[slot]!);
    } else return false;
    return true;
  }

  private elements(from: number, end: number, limit: number): void {
    const bytes = this.bytes;
    let i = skipSpace(bytes, from + 1, end);
    for (let taken = 0; bytes[i] !== CLOSE_ARRAY && taken < limit; ) {
      const isText = bytes[i] === QUOTE;
      const first = i + 1;
      i = skipValue(bytes, i, end);
      if (isText) {
        if (taken > 0) this.scratch.append(SEPARATOR);
        this.unescape(first, i - 1);
        taken++;
      }
      i = skipSpace(bytes, i, end);
      if (bytes[i] === COMMA) i = skipSpace(bytes, i + 1, end);
    }
  }

  private unescape(from: number, to: number): void {
    const scratch = this.scratch;
    scratch.reserve(to - from);
    scratch.length = unescapeJson(this.bytes, from, to, scratch.bytes, scratch.length);
  }
}

/** True when the bytes hold nothing but space: a blank line is no record, and no fault. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  return skipSpace(bytes, start, end) === end;
}

/** `failed` on a 401, whatever else the record says: nobody vouches for its key. */
export function authOf(status: number, checked: boolean): (typeof AUTH)['ok' | 'failed' | 'none'] {
  if (status === 401) return AUTH.failed;
  return checked ? AUTH.ok : AUTH.none;
}

export function ascii(word: string): Uint8Array {
  return ENCODER.encode(word);
}

const ENCODER = new TextEncoder();
const TEXT = new TextDecoder();
const SEPARATOR = ENCODER.encode(', ');
