/**
 * Finds the values of a fixed set of paths in a JSON object, in one pass over its bytes.
 *
 * The wanted paths form a tree. Objects on the way to a wanted value are walked name by name; everything else
 * is skipped, but still checked to be JSON. So only the right name at the right depth counts, whatever a client
 * writes into its query string, headers or nested objects. Where a name is repeated the last value wins, as in
 * JSON.parse. Values are left where they are: a slot holds their kind and range, json-read.ts reads them.
 *
 * Measured by bench/formats.ts against JSON.parse of the same line.
 */

import {
  CHILD,
  INSIDE,
  LENGTH_MASK,
  matches,
  NEXT,
  ROOT,
  ShapeMemo,
  SLOT,
  TEXT_FLAG,
} from './json-shape.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  MINUS,
  NINE,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipKey,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
  viewOf,
  ZERO,
} from './json-skip.ts';
import { unescapeJson } from './unescape.ts';

/** What stands in a slot. `escaped`: a string that must be unescaped before use. */
export const KIND = {
  absent: 0,
  string: 1,
  escaped: 2,
  number: 3,
  literal: 4,
  object: 5,
  array: 6,
} as const;

/** `fold`: the names below the last but one part are header names, compared without regard to case. */
export interface WantedPath {
  readonly path: readonly string[];
  readonly fold?: boolean;
}

interface Node {
  readonly children: Map<string, Node>;
  slot: number;
  fold: boolean;
}

/** Objects nested deeper than this are skipped without recursion. */
const RECURSION_MAX = 32;
/** Buckets of the name table of one node. */
const BUCKETS = 32;

/** Offsets in `found`, from a slot. */
export const KIND_OF = 0;
export const START_OF = 1;
export const END_OF = 2;
const SLOT_WORDS = 3;

export class JsonScanner {
  /**
   * The values found, three words a slot: kind (KIND) and range in the scanned bytes, of a string without its
   * quotes, else of the whole value. A slot is the index of its first word.
   */
  readonly found: Int32Array;
  private readonly slots: Map<string, number> = new Map();
  // Nodes are numbered depth first, slots in the same order: the slots below a node are one range.
  private readonly head: Int16Array;
  private readonly next: Int16Array;
  private readonly slotOf: Int16Array;
  private readonly slotFrom: Int16Array;
  private readonly slotTo: Int16Array;
  private readonly foldOf: Uint8Array;
  private readonly nameStart: Int32Array;
  private readonly nameEnd: Int32Array;
  private readonly names: Uint8Array;
  private readonly inner: Uint8Array;
  /** The record in which a node was last met, to tell a repeated name. */
  private readonly seenIn: Int32Array;
  private record = 0;
  private readonly shapes = new ShapeMemo();
  private bytes: Uint8Array = NO_BYTES;
  view: DataView = viewOf(NO_BYTES);

  constructor(wanted: readonly WantedPath[]) {
    const root = treeOf(wanted);
    const nodes: { node: Node; name: Uint8Array; from: number; to: number; parent: number }[] = [];
    let slots = 0;
    const visit = (node: Node, name: string, path: string, parent: number): void => {
      const row = { node, name: ENCODER.encode(name), from: slots, to: slots, parent };
      nodes.push(row);
      const own = nodes.length - 1;
      if (node.slot >= 0) {
        node.slot = slots;
        slots += SLOT_WORDS;
        this.slots.set(path, node.slot);
      }
      for (const [childName, child] of node.children) {
        visit(child, childName, own === 0 ? childName : `${path}\0${childName}`, own);
      }
      row.to = slots;
    };
    visit(root, '', '', -1);
    this.found = new Int32Array(slots);
    this.head = new Int16Array(nodes.length * BUCKETS).fill(-1);
    this.next = new Int16Array(nodes.length).fill(-1);
    this.slotOf = Int16Array.from(nodes, (row) => row.node.slot);
    this.slotFrom = Int16Array.from(nodes, (row) => row.from);
    this.slotTo = Int16Array.from(nodes, (row) => row.to);
    this.foldOf = Uint8Array.from(nodes, (row) => (row.node.fold ? 1 : 0));
    this.inner = Uint8Array.from(nodes, (row) => (row.node.children.size > 0 ? 1 : 0));
    this.seenIn = new Int32Array(nodes.length);
    this.nameStart = new Int32Array(nodes.length);
    this.nameEnd = new Int32Array(nodes.length);
    this.names = new Uint8Array(nodes.reduce((sum, row) => sum + row.name.length, 0));
    let at = 0;
    for (const [index, row] of nodes.entries()) {
      this.names.set(row.name, at);
      this.nameStart[index] = at;
      at += row.name.length;
      this.nameEnd[index] = at;
      if (row.parent < 0) continue;
      const bucket = row.parent * BUCKETS + bucketOf(row.name, 0, row.name.length);
      this.next[index] = this.head[bucket]!;
      this.head[bucket] = index;
    }
  }

  /** Slot of a path given to the constructor. */
  slot(...path: readonly string[]): number {
    const slot = this.slots.get(path.join('\0'));
    if (slot === undefined) throw new Error(`assertion failed: ${path.join('.')} is not scanned`);
    return slot;
  }

  /** True when bytes[start, end) is one JSON object; the slots then hold its values. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    const found = this.found;
    // A loop: fill() costs more than it saves on so few words.
    for (let word = 0; word < found.length; word += SLOT_WORDS) found[word] = KIND.absent;
    this.record = (this.record + 1) | 0;
    const from = skipSpace(bytes, start, end);
    if (from >= end || bytes[from] !== OPEN_OBJECT) return false;
    this.shapes.begin();
    const after = this.object(from, end, 0, ROOT, 0);
    return after >= 0 && after <= end && skipSpace(bytes, after, end) === end;
  }

  /** The object at bytes[from]; `context` is the memo of the name it belongs to, 0 when it has none. */
  private object(from: number, end: number, node: number, context: number, depth: number): number {
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
            found[slot] = KIND.string;
            found[slot + START_OF] = start;
            found[slot + END_OF] = i - 1;
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
      const slot = child < 0 || this.inner[child] === 1 ? -1 : this.slotOf[child]!;
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
      i = this.value(i, end, this.find(node, name, 0, name.length), 0, depth);
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
    if (after > 0) this.put(node, KIND.string, from, after - 1);
    else this.put(node, KIND.escaped, from, ~after - 1);
  }

  /** Any value; `node` -1 when nobody wants it. */
  private value(from: number, end: number, node: number, memo: number, depth: number): number {
    if (from >= end) return -1;
    const { bytes, view } = this;
    const c = bytes[from]!;
    if (c >= ZERO && c <= NINE) {
      const after = skipNumber(bytes, from, end);
      if (node >= 0) this.put(node, KIND.number, from, after);
      return after;
    }
    if (c === QUOTE) return this.text(from + 1, end, node);
    if (c === OPEN_OBJECT) {
      // Below the wanted paths nesting is the record's own, so it is followed to a small depth only.
      if (depth >= RECURSION_MAX) return skipValue(bytes, view, from, end);
      if (node >= 0) this.put(node, KIND.object, from, from);
      const after = this.object(from, end, node, memo, depth + 1);
      if (node >= 0) this.close(node, after);
      return after;
    }
    if (c === OPEN_ARRAY) {
      if (node < 0 || this.inner[node] === 0) {
        const after = skipValue(bytes, view, from, end);
        if (node >= 0) this.put(node, KIND.array, from, after);
        return after;
      }
      this.put(node, KIND.array, from, from);
      const after = this.array(from, end, node, depth + 1);
      this.close(node, after);
      return after;
    }
    const isNumber = c === MINUS;
    const after = isNumber ? skipNumber(bytes, from, end) : skipLiteral(bytes, from, end);
    if (node >= 0) this.put(node, isNumber ? KIND.number : KIND.literal, from, after);
    return after;
  }

  /** Notes a value. A repeated name replaces all that stood below the one before. */
  private put(node: number, kind: number, start: number, end: number): void {
    const found = this.found;
    if (this.inner[node] === 1) {
      if (this.seenIn[node] === this.record) {
        const to = this.slotTo[node]!;
        for (let word = this.slotFrom[node]!; word < to; word += SLOT_WORDS)
          found[word] = KIND.absent;
      }
      this.seenIn[node] = this.record;
    }
    const slot = this.slotOf[node]!;
    if (slot < 0) return;
    found[slot] = kind;
    found[slot + START_OF] = start;
    found[slot + END_OF] = end;
  }

  private close(node: number, end: number): void {
    const slot = this.slotOf[node]!;
    if (slot >= 0) this.found[slot + END_OF] = end;
  }

  /** The node of the name whose text begins at bytes[from], and is known to be a string. */
  private named(node: number, from: number, end: number): number {
    if (node < 0) return -1;
    const after = skipString(this.bytes, this.view, from, end);
    if (after > 0) return this.find(node, this.bytes, from, after - 1);
    const name = new Uint8Array(~after - from);
    const length = unescapeJson(this.bytes, from, ~after - 1, name, 0);
    return this.find(node, name, 0, length);
  }

  private find(node: number, bytes: Uint8Array, from: number, to: number): number {
    if (from === to) return -1;
    let child = this.head[node * BUCKETS + bucketOf(bytes, from, to)]!;
    while (child >= 0) {
      const at = this.nameStart[child]!;
      if (this.nameEnd[child]! - at === to - from) {
        let k = from;
        for (let n = at; k < to; k++, n++) {
          const c = bytes[k]!;
          if (c === this.names[n]) continue;
          if (this.foldOf[child] === 0 || c < 0x41 || c > 0x5a || (c | 0x20) !== this.names[n]) {
            break;
          }
        }
        if (k === to) return child;
      }
      child = this.next[child]!;
    }
    return -1;
  }
}

/** Spreads names by length, first and last byte; case is left out so that folded names meet. */
function bucketOf(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from]! | 0x20;
  const last = bytes[to - 1]! | 0x20;
  return ((to - from) * 5 + first * 3 + last) & (BUCKETS - 1);
}

function treeOf(wanted: readonly WantedPath[]): Node {
  const root: Node = { children: new Map(), slot: -1, fold: false };
  for (const { path, fold } of wanted) {
    let node = root;
    for (const [depth, part] of path.entries()) {
      const folded = fold === true && depth === path.length - 1;
      const name = folded ? part.toLowerCase() : part;
      let child = node.children.get(name);
      if (child === undefined) {
        child = { children: new Map(), slot: -1, fold: folded };
        node.children.set(name, child);
      }
      child.fold ||= folded;
      node = child;
    }
    // Only marks the node as wanted: numbers are given depth first.
    node.slot = 0;
  }
  return root;
}

const ENCODER = new TextEncoder();
const NO_BYTES = new Uint8Array(0);
