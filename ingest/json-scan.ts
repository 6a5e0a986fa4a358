/**
 * Finds the values of a fixed set of paths in a JSON object, in one pass over its bytes.
 *
 * The wanted paths form a tree. Objects on the way to a wanted value are walked name by name; everything else
 * is skipped, but still checked to be JSON. So only the right name at the right depth counts, whatever a client
 * writes into its query string, headers or nested objects. Where a name is repeated the last value wins, as in
 * JSON.parse. Values are left where they are: a slot holds their kind and range, json-read.ts reads them.
 *
 * Measured by bench/formats.ts against JSON.parse of the same line.
 *
 * Numbers that the loops use are constants of this file, not imports: the compiler folds only those.
 */
import { END_OF, KIND, PathTree, SLOT_WORDS, START_OF, type WantedPath } from './json-paths.ts';
import {
  skipKey,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
  viewOf,
} from './json-skip.ts';
import { unescapeJson } from './unescape.ts';

const { absent: ABSENT, string: STRING, escaped: ESCAPED, number: NUMBER } = KIND;
const { literal: LITERAL, object: OBJECT, array: ARRAY } = KIND;
const START = START_OF;
const END = END_OF;
const WORDS_OF_SLOT = SLOT_WORDS;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Objects nested deeper than this are skipped without recursion. */
const RECURSION_MAX = 32;

// A memo (see ShapeMemo): head child slot next inside sibling members count mask word...
const ROOT = 1;
/** Head: bytes of the text, and TEXT_FLAG when it ends with the opening quote of a string. */
const LENGTH_MASK = 0xff;
const TEXT_FLAG = 0x100;
/** The node of the name, or -1. */
const CHILD = 1;
/** The node's slot; -1 when it has none, or something below it is wanted. */
const SLOT = 2;
/** The memo seen after this one, and the first one seen inside it. */
const NEXT = 3;
const INSIDE = 4;
const SIBLING = 5;
const MEMBERS = 6;
const COUNT = 7;
const MASK = 8;
const WORDS = 9;
/** Words kept (64 KiB); beyond that all are forgotten and learned again, at most once in FORGET_EVERY records. */
const TABLE_WORDS = 16_384;
const FORGET_EVERY = 1024;
/** Names kept per object: beyond that, names are data (a map by id), and guessing does not pay. */
const MEMBERS_MAX = 48;
/** Longest text remembered, bytes. */
const TEXT_BYTES_MAX = 64;

export class JsonScanner {
  /**
   * The values found, three words a slot: kind (KIND) and range in the scanned bytes, of a string without its
   * quotes, else of the whole value. A slot is the index of its first word.
   */
  readonly found: Int32Array;
  view: DataView = viewOf(NO_BYTES);
  private readonly tree: PathTree;
  private readonly shapes = new ShapeMemo();
  /** The record in which a node was last met, to tell a repeated name. */
  private readonly seenIn: Int32Array;
  private record = 0;
  private bytes: Uint8Array = NO_BYTES;

  constructor(wanted: readonly WantedPath[]) {
    this.tree = new PathTree(wanted);
    this.found = new Int32Array(this.tree.words);
    this.seenIn = new Int32Array(this.tree.nodes);
  }

  /** Slot of a path given to the constructor. */
  slot(...path: readonly string[]): number {
    return this.tree.slot(path);
  }

  /** True when bytes[start, end) is one JSON object; the slots then hold its values. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    const found = this.found;
    // A loop: fill() costs more than it saves on so few words.
    for (let word = 0; word < found.length; word += WORDS_OF_SLOT) found[word] = ABSENT;
    this.record = (this.record + 1) | 0;
    const from = skipSpace(bytes, start, end);
    if (from >= end || bytes[from] !== OPEN_OBJECT) return false;
    this.shapes.begin();
    const after = this.object(from, end, 0, ROOT, 0);
    return after >= 0 && after <= end && skipSpace(bytes, after, end) === end;
  }

  /** The object at bytes[from]; `context` is the memo of the name it belongs to, 0 when it has none. */
  private object(from: number, stop: number, node: number, context: number, depth: number): number {
    // An argument is checked to be a small integer at each use; a local is known to be one.
    const end = stop | 0;
    const { bytes, view, found } = this;
    const table = this.shapes.table;
    let i = from + 1;
    if (bytes[i]! <= 0x20) i = skipSpace(bytes, i, end);
    if (bytes[i] === CLOSE_OBJECT) return i + 1;
    let before = 0;
    let memo = context === 0 ? 0 : table[context + INSIDE]!;
    for (;;) {
      if (memo === 0 || !matches(table, memo, view, i, end)) {
        memo = this.meet(i, end, node, context, before);
        if (memo < 0) return -1;
      }
      if (memo > 0) {
        const head = table[memo]!;
        let start = i + (head & LENGTH_MASK);
        if ((head & TEXT_FLAG) === 0) {
          // Learned without space before the value; this record may have some.
          if (bytes[start]! <= 0x20) start = skipSpace(bytes, start, end);
          i = this.value(start, end, table[memo + CHILD]!, memo, depth);
        } else {
          i = skipString(bytes, view, start, end);
          const slot = table[memo + SLOT]!;
          if (i > 0 && slot >= 0) {
            found[slot] = STRING;
            found[slot + START] = start;
            found[slot + END] = i - 1;
          } else if (i !== -1) {
            if (table[memo + CHILD]! >= 0) this.putText(table[memo + CHILD]!, start, i);
            if (i < 0) i = ~i;
          }
        }
      } else {
        const name = i + 1;
        i = this.value(skipKey(bytes, view, i, end), end, this.named(node, name, end), 0, depth);
      }
      if (i < 0 || i >= end) return -1;
      let c = bytes[i]!;
      if (c <= 0x20) {
        i = skipSpace(bytes, i, end);
        if (i >= end) return -1;
        c = bytes[i]!;
      }
      if (c === CLOSE_OBJECT) return i + 1;
      if (c !== COMMA) return -1;
      i++;
      if (bytes[i]! <= 0x20) i = skipSpace(bytes, i, end);
      before = memo;
      memo = memo === 0 ? 0 : table[memo + NEXT]!;
    }
  }

  /** The memo of a name that was not expected here; 0 when it cannot be kept, -1 when it is no name. */
  private meet(at: number, end: number, node: number, context: number, before: number): number {
    const { bytes, view, shapes } = this;
    let memo = context === 0 ? 0 : shapes.find(view, at, end, context);
    if (memo === 0) {
      const value = skipKey(bytes, view, at, end);
      if (value < 0 || value >= end) return -1;
      if (context === 0) return 0;
      const to = bytes[value] === QUOTE ? value + 1 : value;
      const child = this.named(node, at + 1, end);
      const slot = child < 0 || this.tree.inner[child] === 1 ? -1 : this.tree.slotOf[child]!;
      memo = shapes.learn(bytes, at, to, context, child, slot);
      if (memo === 0) return 0;
    }
    shapes.expect(context, before, memo);
    return memo;
  }

  /** An array on the way to wanted elements: their names are their decimal indexes. */
  private array(from: number, end: number, node: number, depth: number): number {
    const bytes = this.bytes;
    let i = skipSpace(bytes, from + 1, end);
    if (bytes[i] === CLOSE_ARRAY) return i + 1;
    for (let index = 0; ; index++) {
      const name = ENCODER.encode(String(index));
      i = this.value(i, end, this.tree.find(node, name, 0, name.length), 0, depth);
      if (i < 0) return -1;
      i = skipSpace(bytes, i, end);
      if (i >= end) return -1;
      const c = bytes[i]!;
      if (c === CLOSE_ARRAY) return i + 1;
      if (c !== COMMA) return -1;
      i = skipSpace(bytes, i + 1, end);
    }
  }

  /** A string, from after its opening quote; `node` -1 when nobody wants it. */
  private text(from: number, end: number, node: number): number {
    const after = skipString(this.bytes, this.view, from, end);
    if (node >= 0 && after !== -1) this.putText(node, from, after);
    return after < -1 ? ~after : after;
  }

  private putText(node: number, from: number, after: number): void {
    if (after > 0) this.put(node, STRING, from, after - 1);
    else this.put(node, ESCAPED, from, ~after - 1);
  }

  /** Any value; `node` -1 when nobody wants it. */
  private value(from: number, end: number, node: number, memo: number, depth: number): number {
    if (from >= end) return -1;
    const { bytes, view } = this;
    const c = bytes[from]!;
    if ((c >= ZERO && c <= NINE) || c === MINUS) {
      const after = skipNumber(bytes, from, end);
      if (node >= 0) this.put(node, NUMBER, from, after);
      return after;
    }
    if (c === QUOTE) return this.text(from + 1, end, node);
    if (c === OPEN_OBJECT) {
      // Below the wanted paths nesting is the record's own, so it is followed to a small depth only.
      if (depth >= RECURSION_MAX) return skipValue(bytes, view, from, end);
      if (node >= 0) this.put(node, OBJECT, from, from);
      const after = this.object(from, end, node, memo, depth + 1);
      if (node >= 0) this.close(node, after);
      return after;
    }
    if (c === OPEN_ARRAY) {
      if (node < 0 || this.tree.inner[node] === 0) {
        const after = skipValue(bytes, view, from, end);
        if (node >= 0) this.put(node, ARRAY, from, after);
        return after;
      }
      this.put(node, ARRAY, from, from);
      const after = this.array(from, end, node, depth + 1);
      this.close(node, after);
      return after;
    }
    const after = skipLiteral(bytes, from, end);
    if (node >= 0) this.put(node, LITERAL, from, after);
    return after;
  }

  /** Notes a value. A repeated name replaces all that stood below the one before. */
  private put(node: number, kind: number, start: number, end: number): void {
    const found = this.found;
    if (this.tree.inner[node] === 1) {
      if (this.seenIn[node] === this.record) {
        const to = this.tree.slotTo[node]!;
        for (let k = this.tree.slotFrom[node]!; k < to; k += WORDS_OF_SLOT) found[k] = ABSENT;
      }
      this.seenIn[node] = this.record;
    }
    const slot = this.tree.slotOf[node]!;
    if (slot < 0) return;
    found[slot] = kind;
    found[slot + START] = start;
    found[slot + END] = end;
  }

  private close(node: number, end: number): void {
    const slot = this.tree.slotOf[node]!;
    if (slot >= 0) this.found[slot + END] = end;
  }

  /** The node of the name whose text begins at bytes[from], and is known to be a string. */
  private named(node: number, from: number, end: number): number {
    if (node < 0) return -1;
    const after = skipString(this.bytes, this.view, from, end);
    if (after > 0) return this.tree.find(node, this.bytes, from, after - 1);
    const name = new Uint8Array(~after - from);
    const length = unescapeJson(this.bytes, from, ~after - 1, name, 0);
    return this.tree.find(node, name, 0, length);
  }
}

/**
 * Remembers the member names that records have shown, and in which order.
 *
 * A gateway writes the same names in the same order into every record. So a reader that has met `"client_ip":"`
 * after `"started_at":` once can compare a few words instead of reading the name byte by byte and looking it up.
 * It is a guess that is checked byte for byte, never trusted: what was learned changes the speed, not the result.
 *
 * One memo is the text from the quote that opens a name to the first byte of its value, the value's opening quote
 * included when it is a string. Memos form a tree by nesting; the memo ROOT stands for the record itself. All lie
 * in one array of words, for the fewest loads per name.
 */
class ShapeMemo {
  readonly table = new Int32Array(TABLE_WORDS);
  private used = 0;
  private recordsSinceForget = 0;

  constructor() {
    this.forget();
  }

  /** To be called before each record. */
  begin(): void {
    if (this.recordsSinceForget++ < FORGET_EVERY) return;
    if (this.used + WORDS + TEXT_BYTES_MAX > TABLE_WORDS) this.forget();
  }

  /** The memo whose text stands at `at` in the object `context`, 0 when none does. */
  find(view: DataView, at: number, end: number, context: number): number {
    const table = this.table;
    for (let memo = table[context + MEMBERS]!; memo > 0; memo = table[memo + SIBLING]!) {
      if (matches(table, memo, view, at, end)) return memo;
    }
    return 0;
  }

  /** In the object `context`, `memo` came after `before` (0: came first). */
  expect(context: number, before: number, memo: number): void {
    this.table[before === 0 ? context + INSIDE : before + NEXT] = memo;
  }

  /** Remembers the text in bytes[from, to); answers its memo, 0 when there is no room for it. */
  learn(
    bytes: Uint8Array,
    from: number,
    to: number,
    context: number,
    child: number,
    slot: number,
  ): number {
    const table = this.table;
    const length = to - from;
    if (length > TEXT_BYTES_MAX || table[context + COUNT] === MEMBERS_MAX) return 0;
    if (this.used + WORDS + TEXT_BYTES_MAX > TABLE_WORDS) return 0;
    const memo = this.add(length | (bytes[to - 1] === 0x22 ? TEXT_FLAG : 0), child, slot);
    table[context + COUNT]!++;
    table[memo + SIBLING] = table[context + MEMBERS]!;
    table[context + MEMBERS] = memo;
    table[memo + MASK] = length % 4 === 0 ? -1 : (1 << (8 * (length % 4))) - 1;
    for (let i = from; i < to; i += 4) {
      let word = 0;
      for (let k = 0; k < 4 && i + k < to; k++) word |= bytes[i + k]! << (8 * k);
      table[this.used++] = word;
    }
    return memo;
  }

  private add(head: number, child: number, slot: number): number {
    const memo = this.used;
    this.table.fill(0, memo, memo + WORDS);
    this.table[memo] = head;
    this.table[memo + CHILD] = child;
    this.table[memo + SLOT] = slot;
    this.used += WORDS;
    return memo;
  }

  private forget(): void {
    this.used = ROOT;
    this.recordsSinceForget = 0;
    this.add(0, 0, -1);
  }
}

/** True when the text of a memo stands at `at`. */
function matches(
  table: Int32Array,
  memo: number,
  view: DataView,
  at: number,
  end: number,
): boolean {
  const length = table[memo]! & LENGTH_MASK;
  let word = memo + WORDS;
  let i = at;
  const last = at + length - 4;
  // The last word may reach beyond the record, whose end then decides.
  if (at + ((length + 3) & ~3) > end) return false;
  for (; i < last; i += 4, word++) {
    if (view.getInt32(i, true) !== table[word]) return false;
  }
  return ((view.getInt32(i, true) ^ table[word]!) & table[memo + MASK]!) === 0;
}

const ENCODER = new TextEncoder();
const NO_BYTES = new Uint8Array(0);
