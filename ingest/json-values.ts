/**
 * Records out of JSON that is not one object a line: the elements of an array, of the `Records` or
 * `records` member of an object, or objects one after the other; printed on one line or on many.
 *
 * One pass over the bytes with a stack of brackets, aware of strings, and just strict enough to notice at
 * once where an element is broken (a newline inside a string, two values side by side, brackets that do not
 * match). A broken element is emitted as it is, for the format to reject and count, and reading goes on at
 * the next place that looks like the begin of a value: a `{` with the same indentation where the broken one
 * stood first on its line, else a `{` after `}` or `},`. Nothing is read twice, so hostile bytes cost no
 * more than good ones.
 *
 * A saved position is the end of a value. Reading goes on there without knowing what the value was part
 * of: a `,` or `]` that follows says so. That is why the state after every value is `top`, and why stray
 * separators are never an error here.
 */
import type { Cutter, CutterOptions, Window } from './framing.ts';
import { type IsWrapper, isRecordsKey } from './json-head.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** Any byte of a number, true, false or null. */
const LITERAL = 0x30;

/** Where we are: outside of everything, between elements, after `]`, after `],`, in a value, … */
const AT = {
  top: 0,
  array: 1,
  afterArray: 2,
  afterComma: 3,
  value: 4,
  scalar: 5,
  lost: 6,
} as const;

/** An object that may turn out to wrap records; one that is a record; what follows wrapped records. */
const KIND = { top: 0, element: 1, tail: 2 } as const;

const DEPTH_MAX = 512;

export class ValueCutter implements Cutter {
  nextPosition: number;
  readonly #recordBytesMax: number;
  readonly #isWrapper: IsWrapper;
  #at: (typeof AT)[keyof typeof AT] = AT.top;
  #kind: (typeof KIND)[keyof typeof KIND] = KIND.top;
  /** Position of the next byte to look at. */
  #scanned: number;
  /** Position of the first byte of the value being read. */
  #start: number;
  /** Spaces before the next byte on its line, -1 when something else stands before it. */
  #indent: number;
  /** Indentation of the value being read, -1 when it does not stand first on its line. */
  #valueIndent = -1;
  readonly #stack = new Uint8Array(DEPTH_MAX + 1);
  #depth = 0;
  /** The last significant byte in a value: an opening or closing bracket, `,`, `:`, quote or LITERAL. */
  #last = 0;
  #inString = false;
  #escaped = false;
  /** Position after the opening quote of a string at depth 1, where a key such as `Records` may stand. */
  #keyStart = -1;
  #wraps = false;
  /** Position after the last byte of a scalar or broken value that is neither space nor comma. */
  #solidEnd = 0;
  /** A comma stands between there and the next byte. */
  #separated = false;

  constructor(options: CutterOptions, isWrapper: IsWrapper = isRecordsKey) {
    this.#isWrapper = isWrapper;
    this.#scanned = options.position;
    this.#start = options.position;
    this.nextPosition = options.position;
    this.#recordBytesMax = options.recordBytesMax;
    this.#indent = options.begins ? 0 : -1;
  }

  get keepFrom(): number {
    if (this.#at < AT.value || this.#kind === KIND.tail) return this.#scanned;
    if (this.#scanned - this.#start <= this.#recordBytesMax) return this.#start;
    const keyBytes = this.#scanned - this.#keyStart;
    return this.#inString && this.#keyStart >= 0 && keyBytes < 16 ? this.#keyStart : this.#scanned;
  }

  cut(window: Window, ended: boolean): void {
    const { bytes, base, used } = window;
    let i = this.#scanned - base;
    while (i < used) {
      if (this.#at === AT.value) i = this.#value(window, i);
      else if (this.#at === AT.scalar) i = this.#scalar(window, i);
      else if (this.#at === AT.lost) i = this.#lost(window, i);
      else i = this.#between(bytes, base, i);
    }
    this.#scanned = base + i;
    if (ended) this.#end(window);
  }

  /** One byte between values. Answers the index to go on with. */
  #between(bytes: Buffer, base: number, i: number): number {
    const c = bytes[i]!;
    if (c <= SPACE) {
      this.#space(c);
      return i + 1;
    }
    if (this.#at === AT.afterArray) return this.#afterArray(c, base, i);
    if (this.#at === AT.afterComma) {
      this.#at = AT.array;
      if (c === QUOTE) {
        this.#open(base + i, KIND.tail);
        return i;
      }
    }
    if (c === OPEN_OBJECT) {
      this.#open(base + i, this.#at === AT.top ? KIND.top : KIND.element);
      return i + 1;
    }
    if (c === OPEN_ARRAY || c === COMMA) this.#at = AT.array;
    else if (c === CLOSE_ARRAY) this.#at = AT.afterArray;
    else if (c === CLOSE_OBJECT) this.#at = AT.top;
    else return this.#openScalar(base, i);
    this.#indent = -1;
    return i + 1;
  }

  /** `]` of an array, or of wrapped records: then `}` or another member follows. */
  #afterArray(c: number, base: number, i: number): number {
    this.#indent = -1;
    if (c === COMMA) {
      this.#at = AT.afterComma;
      return i + 1;
    }
    this.#at = AT.top;
    if (c !== CLOSE_OBJECT) return i;
    this.nextPosition = base + i + 1;
    return i + 1;
  }

  #space(c: number): void {
    if (c === NEWLINE) this.#indent = 0;
    else if (this.#indent >= 0 && c !== RETURN) this.#indent++;
  }

  #open(position: number, kind: (typeof KIND)[keyof typeof KIND]): void {
    this.#at = AT.value;
    this.#kind = kind;
    this.#start = position;
    this.#valueIndent = this.#indent;
    this.#indent = -1;
    this.#depth = 1;
    this.#stack[1] = OPEN_OBJECT;
    this.#last = OPEN_OBJECT;
    this.#inString = false;
    this.#escaped = false;
    this.#keyStart = -1;
    this.#wraps = false;
  }

  /** Reads on in an object. Answers the index to go on with. */
  #value(window: Window, from: number): number {
    const { bytes, base, used } = window;
    let i = from;
    while (i < used) {
      if (this.#inString) {
        i = this.#string(bytes, base, i, used);
        if (i < 0) return this.#break(window, ~i);
        continue;
      }
      const c = bytes[i]!;
      if (c <= SPACE) {
        i++;
      } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
        if (c === OPEN_ARRAY && this.#enterRecords()) return i + 1;
        if (!this.#mayBegin(c) || this.#depth === DEPTH_MAX) return this.#break(window, i);
        this.#stack[++this.#depth] = c;
        this.#last = c;
        this.#wraps = false;
        i++;
      } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
        // The ASCII codes of a pair of brackets differ by two.
        if (this.#stack[this.#depth] !== c - 2) return this.#break(window, i);
        this.#last = c;
        i++;
        if (--this.#depth === 0) return this.#close(window, i);
      } else {
        if (!this.#token(c, base + i)) return this.#break(window, i);
        i++;
      }
    }
    return i;
  }

  /** Notes a quote, separator or literal; false where none may stand. */
  #token(c: number, position: number): boolean {
    if (c === QUOTE) {
      const isKey = this.#last === OPEN_OBJECT || this.#last === COMMA;
      if (!isKey && !this.#mayBegin(c)) return false;
      this.#inString = true;
      this.#wraps = false;
      this.#keyStart = this.#depth === 1 && isKey ? position + 1 : -1;
    } else if (c === COLON) {
      if (this.#last !== QUOTE) return false;
      this.#last = c;
    } else if (c === COMMA) {
      this.#last = c;
    } else {
      if (this.#last !== LITERAL && !this.#mayBegin(c)) return false;
      this.#last = LITERAL;
      this.#wraps = false;
    }
    return true;
  }

  /** A value may begin after `:`, `[`, or a comma of an array (tolerated for strings: keys). */
  #mayBegin(c: number): boolean {
    const last = this.#last;
    if (last === COLON || last === OPEN_ARRAY) return true;
    return last === COMMA && (this.#stack[this.#depth] === OPEN_ARRAY || c === QUOTE);
  }

  /** The end of the string (index after the quote), `used` when it goes on, ~index of what breaks it. */
  #string(bytes: Buffer, base: number, from: number, used: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      i++;
    }
    for (; i < used; i++) {
      const c = bytes[i]!;
      if (c === QUOTE) {
        this.#inString = false;
        this.#last = QUOTE;
        const key = this.#keyStart - base;
        this.#wraps = this.#keyStart >= 0 && this.#isWrapper(bytes, key, i);
        return i + 1;
      }
      if (c === BACKSLASH) {
        if (i + 1 >= used) {
          this.#escaped = true;
          return used;
        }
        i++;
      } else if (c === NEWLINE) return ~i;
    }
    return used;
  }

  /** At `[`: true when it opens the records that this object wraps. */
  #enterRecords(): boolean {
    if (!this.#wraps || this.#depth !== 1 || this.#last !== COLON || this.#kind !== KIND.top) {
      return false;
    }
    this.#at = AT.array;
    return true;
  }

  #close(window: Window, end: number): number {
    this.#record(window, window.base + end, window.base + end);
    this.#at = AT.top;
    this.nextPosition = window.base + end;
    return end;
  }

  /** Emits or drops the value that ends at position `end`; `seen` bytes have been looked at by then. */
  #record(window: Window, end: number, seen: number): void {
    if (this.#kind === KIND.tail) return;
    const tooLong = seen - this.#start > this.#recordBytesMax;
    if (tooLong) window.drop(this.#start, end - this.#start);
    else window.emit(this.#start - window.base, end - window.base);
  }

  /** The value is broken at index i. Looks from there for the next one. */
  #break(window: Window, i: number): number {
    this.#at = AT.lost;
    this.#inString = false;
    this.#solidEnd = window.base + i;
    this.#separated = false;
    this.#indent = -1;
    // Where the bytes before may be gone, they must not count, else the answer would depend on chunks.
    if (this.#kind === KIND.tail || window.base + i - this.#start > this.#recordBytesMax) {
      this.#last = 0;
      return i;
    }
    const first = this.#start - window.base;
    let before = i;
    while (before > first && isBlank(window.bytes[before - 1]!)) before--;
    if (before > first && window.bytes[before - 1] === NEWLINE) {
      this.#indent = i - before;
      this.#solidEnd = window.base + before - 1;
    }
    return i;
  }

  /** One byte of a broken value. Answers the index to go on with. */
  #lost(window: Window, i: number): number {
    const c = window.bytes[i]!;
    const position = window.base + i;
    if (c <= SPACE) {
      this.#space(c);
      return i + 1;
    }
    if (c === OPEN_OBJECT && this.#mayResume()) {
      this.#record(window, this.#solidEnd, position);
      this.nextPosition = this.#solidEnd;
      this.#open(position, this.#separated ? KIND.element : KIND.top);
      return i + 1;
    }
    if (c === COMMA) {
      this.#separated = true;
      this.#last = this.#last === CLOSE_OBJECT ? COMMA : 0;
    } else {
      this.#separated = false;
      this.#last = c === CLOSE_OBJECT ? c : 0;
      this.#solidEnd = position + 1;
    }
    this.#indent = -1;
    return i + 1;
  }

  #mayResume(): boolean {
    if (this.#valueIndent >= 0) return this.#indent === this.#valueIndent;
    return this.#indent === 0 || this.#last === CLOSE_OBJECT || this.#last === COMMA;
  }

  #openScalar(base: number, i: number): number {
    this.#kind = KIND.element;
    this.#at = AT.scalar;
    this.#start = base + i;
    this.#solidEnd = base + i;
    this.#indent = -1;
    this.#inString = false;
    this.#escaped = false;
    return i;
  }

  /** Reads on in something that is no object: a number, a string, text. It is emitted, to be counted. */
  #scalar(window: Window, from: number): number {
    const { bytes, base, used } = window;
    for (let i = from; i < used; i++) {
      const c = bytes[i]!;
      if (this.#escaped) this.#escaped = false;
      else if (c === NEWLINE) return this.#closeScalar(window, i);
      else if (c === QUOTE) this.#inString = !this.#inString;
      else if (this.#inString) this.#escaped = c === BACKSLASH;
      else if (isStructure(c)) return this.#closeScalar(window, i);
      if (c > SPACE) this.#solidEnd = base + i + 1;
    }
    return used;
  }

  #closeScalar(window: Window, i: number): number {
    this.#record(window, this.#solidEnd, window.base + i);
    this.nextPosition = this.#solidEnd;
    this.#at = AT.top;
    return i;
  }

  /** No more bytes: what is unfinished is a record, for the format to judge. */
  #end(window: Window): void {
    const at = this.#at;
    const end = window.base + window.used;
    if (at >= AT.value) this.#record(window, at === AT.value ? end : this.#solidEnd, end);
    this.#at = AT.top;
    this.nextPosition = end;
  }
}

function isBlank(c: number): boolean {
  return c === SPACE || c === 0x09 || c === RETURN;
}

function isStructure(c: number): boolean {
  return (
    c === COMMA || c === OPEN_OBJECT || c === OPEN_ARRAY || c === CLOSE_OBJECT || c === CLOSE_ARRAY
  );
}
