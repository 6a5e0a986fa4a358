/** Reads what a JsonScanner has found: numbers, words, and text into the fields of a draft. */
import { AUTH, FIELD, type RecordDraft, resetDraft } from '../core/record.ts';
import { END_OF, KIND, START_OF, type WantedPath } from './json-paths.ts';
import { JsonScanner } from './json-scan.ts';
import { skipSpace, skipValue } from './json-skip.ts';
import { readNumber } from './numbers.ts';
import { Scratch } from './scratch.ts';
import { epochByMagnitude, TimeReader } from './time.ts';
import { unescapeJson } from './unescape.ts';

// Copies of what is imported: the compiler folds only constants of the same file.
const START = START_OF;
const END = END_OF;
const { absent: ABSENT, string: STRING, escaped: ESCAPED } = KIND;
const { number: NUMBER, literal: LITERAL, array: ARRAY } = KIND;
const FORWARDED_FOR = FIELD.forwardedFor;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const CLOSE_ARRAY = 0x5d;

/** Slots and the fields they fill, in pairs; several slots of one field stand in order of preference. */
export type TextPlan = Int32Array;

export function textPlan(pairs: readonly (readonly [slot: number, field: number])[]): TextPlan {
  return Int32Array.from(pairs.flat());
}

export class JsonReader {
  readonly scanner: JsonScanner;
  /** The scanner's findings: three words a slot. */
  readonly found: Int32Array;
  readonly scratch = new Scratch();
  readonly time = new TimeReader();
  bytes: Uint8Array = new Uint8Array(0);
  /** AWS and NGINX write `-` for a value that is not there. */
  private readonly dashIsAbsent: boolean;

  constructor(wanted: readonly WantedPath[], dashIsAbsent = false) {
    this.scanner = new JsonScanner(wanted);
    this.found = this.scanner.found;
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
    const found = this.found;
    const k = found[slot]!;
    if (k === ABSENT) return false;
    const from = found[slot + START]!;
    if (k === LITERAL) return this.bytes[from] !== 0x6e;
    if (k !== STRING) return true;
    const length = found[slot + END]! - from;
    if (length === 0) return false;
    return !(this.dashIsAbsent && length === 1 && this.bytes[from] === MINUS);
  }

  isObject(slot: number): boolean {
    return this.found[slot] === KIND.object;
  }

  /** A number, also when written as a string; NaN when there is none. */
  number(slot: number): number {
    const found = this.found;
    const k = found[slot]!;
    if (k !== NUMBER && k !== STRING) return Number.NaN;
    return readNumber(this.bytes, found[slot + START]!, found[slot + END]!);
  }

  /** A quantity that cannot be negative: -1 when absent, negative or no number. */
  amount(slot: number): number {
    const value = this.number(slot);
    return value >= 0 && value < Number.MAX_VALUE ? value : -1;
  }

  /** HTTP status; 0 when absent or below 100, as where no answer came; -1 when it is there and is none. */
  status(slot: number): number {
    const value = this.number(slot);
    if (value >= 100 && value <= 599) return Math.trunc(value);
    return value < 100 || slot < 0 || !this.has(slot) ? 0 : -1;
  }

  /** A time as number (by magnitude), RFC 3339 or CLF text; NaN when it is none. */
  instant(slot: number): number {
    const found = this.found;
    const k = found[slot]!;
    if (k === NUMBER) return epochByMagnitude(this.number(slot));
    if (k === STRING) {
      const from = found[slot + START]!;
      const to = found[slot + END]!;
      const number = readNumber(this.bytes, from, to);
      return Number.isNaN(number) ? this.written(this.bytes, from, to) : epochByMagnitude(number);
    }
    if (k !== ESCAPED) return Number.NaN;
    // A CLF time in JSON often has its slashes escaped.
    const from = this.scratch.length;
    this.unescape(found[slot + START]!, found[slot + END]!);
    return this.written(this.scratch.bytes, from, this.scratch.length);
  }

  private written(bytes: Uint8Array, from: number, to: number): number {
    const bracketed = bytes[from] === 0x5b && bytes[to - 1] === 0x5d ? 1 : 0;
    const at = this.time.clf(bytes, from + bracketed, to - bracketed);
    return Number.isNaN(at) ? this.time.iso(bytes, from, to) : at;
  }

  /** True when the value is the string `word` (ASCII, no escapes). */
  is(slot: number, word: Uint8Array): boolean {
    const found = this.found;
    if (found[slot] !== STRING) return false;
    const from = found[slot + START]!;
    if (found[slot + END]! - from !== word.length) return false;
    for (let k = 0; k < word.length; k++) if (this.bytes[from + k] !== word[k]) return false;
    return true;
  }

  /** As `is`, but of an array the first element counts: headers logged as lists. */
  firstIs(slot: number, word: Uint8Array): boolean {
    const { found, bytes } = this;
    if (found[slot] !== ARRAY) return this.is(slot, word);
    const end = found[slot + END]!;
    const quote = skipSpace(bytes, found[slot + START]! + 1, end);
    if (bytes[quote] !== QUOTE || bytes[quote + 1 + word.length] !== QUOTE) return false;
    for (let k = 0; k < word.length; k++) if (bytes[quote + 1 + k] !== word[k]) return false;
    return true;
  }

  /** True when the value is a comma-separated list that holds `word` (ASCII, no escapes). */
  lists(slot: number, word: Uint8Array): boolean {
    const { found, bytes } = this;
    if (found[slot] !== STRING) return false;
    const end = found[slot + END]!;
    let k = 0;
    for (let i = found[slot + START]!; i <= end; i++) {
      if (i === end || bytes[i] === COMMA) {
        if (k === word.length) return true;
        k = 0;
      } else if (k >= 0) {
        k = bytes[i] === word[k] ? k + 1 : -1;
      }
    }
    return false;
  }

  /** The value as a string, '' when absent. Allocates. */
  string(slot: number): string {
    if (!this.has(slot)) return '';
    const found = this.found;
    const k = found[slot]!;
    if (k === KIND.object || k === ARRAY) return '';
    if (k !== ESCAPED)
      return TEXT.decode(this.bytes.subarray(found[slot + START]!, found[slot + END]!));
    const from = this.scratch.length;
    this.unescape(found[slot + START]!, found[slot + END]!);
    return TEXT.decode(this.scratch.bytes.subarray(from, this.scratch.length));
  }

  /** Fills the fields of a plan; the first slot that has a value wins. */
  fill(plan: TextPlan, draft: RecordDraft): void {
    const found = this.found;
    const { start, end } = draft;
    for (let step = 0; step < plan.length; step += 2) {
      const slot = plan[step]!;
      const kind = found[slot]!;
      const field = plan[step + 1]!;
      if (kind === ABSENT || start[field]! >= 0) continue;
      const from = found[slot + START]!;
      const to = found[slot + END]!;
      if (kind === STRING && to - from > 1) {
        start[field] = from;
        end[field] = to;
      } else if (field === FORWARDED_FOR) {
        this.joined(slot, draft, field);
      } else {
        this.text(slot, draft, field);
      }
    }
  }

  /**
   * Makes the value a field's text; false (and the field untouched) when it is absent. Of an array the first
   * element counts: a repeated header, of which gateways use the first.
   */
  text(slot: number, draft: RecordDraft, field: number): boolean {
    const found = this.found;
    const k = found[slot]!;
    if (k === ABSENT) return false;
    if (k !== STRING) return this.otherText(slot, draft, field);
    const from = found[slot + START]!;
    const to = found[slot + END]!;
    if (to - from < 2 && !this.has(slot)) return false;
    draft.start[field] = from;
    draft.end[field] = to;
    draft.inScratch[field] = 0;
    return true;
  }

  /** Text that is no plain string. */
  private otherText(slot: number, draft: RecordDraft, field: number): boolean {
    const found = this.found;
    const start = found[slot + START]!;
    const end = found[slot + END]!;
    if (found[slot] === NUMBER) {
      draft.start[field] = start;
      draft.end[field] = end;
      draft.inScratch[field] = 0;
      return true;
    }
    const from = this.scratch.length;
    if (found[slot] === ESCAPED) this.unescape(start, end);
    else if (found[slot] === ARRAY) this.elements(start, end, 1);
    else return false;
    return this.scratch.give(draft, field, from);
  }

  /** As `text`, but the elements of an array are joined by commas: X-Forwarded-For sent in several lines. */
  joined(slot: number, draft: RecordDraft, field: number): boolean {
    if (this.found[slot] !== ARRAY) return this.text(slot, draft, field);
    const from = this.scratch.length;
    this.elements(this.found[slot + START]!, this.found[slot + END]!, Number.POSITIVE_INFINITY);
    return this.scratch.give(draft, field, from);
  }

  /** True for an array that holds two different strings: a header that was sent twice, differing. */
  differs(slot: number): boolean {
    if (this.found[slot] !== ARRAY) return false;
    const parsed: unknown = JSON.parse(
      TEXT.decode(this.bytes.subarray(this.found[slot + START]!, this.found[slot + END]!)),
    );
    return Array.isArray(parsed) && parsed.some((element) => element !== parsed[0]);
  }

  /** Appends a value's text to scratch; false when it is absent. */
  append(slot: number): boolean {
    if (!this.has(slot)) return false;
    const found = this.found;
    const k = found[slot]!;
    if (k === ESCAPED) this.unescape(found[slot + START]!, found[slot + END]!);
    else if (k === STRING || k === NUMBER) {
      this.scratch.append(this.bytes, found[slot + START]!, found[slot + END]!);
    } else return false;
    return true;
  }

  private elements(from: number, end: number, limit: number): void {
    const bytes = this.bytes;
    let i = skipSpace(bytes, from + 1, end);
    for (let taken = 0; bytes[i] !== CLOSE_ARRAY && taken < limit; ) {
      const isText = bytes[i] === QUOTE;
      const first = i + 1;
      i = skipValue(bytes, this.scanner.view, i, end);
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
