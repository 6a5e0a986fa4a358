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
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
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

/** Buckets of the name table of one node. */
const BUCKETS = 32;

export class JsonScanner {
  /** One of KIND. */
  readonly kind: Uint8Array;
  /** Range of the value in the scanned bytes: of a string without its quotes, else of the whole value. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  private readonly slots: Map<string, number> = new Map();
  private readonly size: number;
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
  private bytes: Uint8Array = NO_BYTES;

  constructor(wanted: readonly WantedPath[]) {
    const root = treeOf(wanted);
    const nodes: { node: Node; name: Uint8Array; from: number; to: number; parent: number }[] = [];
    let slots = 0;
    const visit = (node: Node, name: string, path: string, parent: number): void => {
      const row = { node, name: ENCODER.encode(name), from: slots, to: slots, parent };
      nodes.push(row);
      const own = nodes.length - 1;
      if (node.slot >= 0) {
        node.slot = slots++;
        this.slots.set(path, node.slot);
      }
      for (const [childName, child] of node.children) {
        visit(child, childName, own === 0 ? childName : `${path}\0${childName}`, own);
      }
      row.to = slots;
    };
    visit(root, '', '', -1);
    this.size = slots;
    this.kind = new Uint8Array(slots);
    this.start = new Int32Array(slots);
    this.end = new Int32Array(slots);
    this.head = new Int16Array(nodes.length * BUCKETS).fill(-1);
    this.next = new Int16Array(nodes.length).fill(-1);
    this.slotOf = Int16Array.from(nodes, (row) => row.node.slot);
    this.slotFrom = Int16Array.from(nodes, (row) => row.from);
    this.slotTo = Int16Array.from(nodes, (row) => row.to);
    this.foldOf = Uint8Array.from(nodes, (row) => (row.node.fold ? 1 : 0));
    this.inner = Uint8Array.from(nodes, (row) => (row.node.children.size > 0 ? 1 : 0));
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
    this.bytes = bytes;
    for (let slot = 0; slot < this.size; slot++) this.kind[slot] = KIND.absent;
    const from = skipSpace(bytes, start, end);
    if (from >= end || bytes[from] !== OPEN_OBJECT) return false;
    const after = this.object(from, end, 0);
    return after >= 0 && after <= end && skipSpace(bytes, after, end) === end;
  }

  private object(from: number, end: number, node: number): number {
    const bytes = this.bytes;
    let i = skipSpace(bytes, from + 1, end);
    if (bytes[i] === CLOSE_OBJECT) return i + 1;
    for (;;) {
      if (i >= end || bytes[i] !== QUOTE) return -1;
      const nameFrom = i + 1;
      const after = skipString(bytes, nameFrom, end);
      if (after === -1) return -1;
      let child: number;
      if (after > 0) {
        child = this.find(node, bytes, nameFrom, after - 1);
        i = after;
      } else {
        i = ~after;
        child = this.findEscaped(node, nameFrom, i - 1);
      }
      if (bytes[i] !== COLON) {
        i = skipSpace(bytes, i, end);
        if (bytes[i] !== COLON) return -1;
      }
      i = skipSpace(bytes, i + 1, end);
      i = child < 0 ? skipValue(bytes, i, end) : this.value(i, end, child);
      if (i < 0) return -1;
      i = skipSpace(bytes, i, end);
      if (i >= end) return -1;
      const c = bytes[i]!;
      if (c === CLOSE_OBJECT) return i + 1;
      if (c !== COMMA) return -1;
      i = skipSpace(bytes, i + 1, end);
    }
  }

  /** An array on the way to wanted elements: their names are their decimal indexes. */
  private array(from: number, end: number, node: number): number {
    const bytes = this.bytes;
    let i = skipSpace(bytes, from + 1, end);
    if (bytes[i] === CLOSE_ARRAY) return i + 1;
    for (let index = 0; ; index++) {
      const name = ENCODER.encode(String(index));
      const child = this.find(node, name, 0, name.length);
      i = child < 0 ? skipValue(bytes, i, end) : this.value(i, end, child);
      if (i < 0) return -1;
      i = skipSpace(bytes, i, end);
      if (i >= end) return -1;
      const c = bytes[i]!;
      if (c === CLOSE_ARRAY) return i + 1;
      if (c !== COMMA) return -1;
      i = skipSpace(bytes, i + 1, end);
    }
  }

  /** A value at or above a wanted path. */
  private value(from: number, end: number, node: number): number {
    if (from >= end) return -1;
    const bytes = this.bytes;
    const slot = this.slotOf[node]!;
    // A repeated name replaces all that stood below the one before.
    for (let s = this.slotFrom[node]!; s < this.slotTo[node]!; s++) this.kind[s] = KIND.absent;
    const c = bytes[from]!;
    let kind: number = KIND.literal;
    let start = from;
    let after: number;
    let stop: number;
    if (c === QUOTE) {
      start = from + 1;
      after = skipString(bytes, start, end);
      if (after === -1) return -1;
      kind = KIND.string;
      if (after < 0) {
        kind = KIND.escaped;
        after = ~after;
      }
      stop = after - 1;
    } else {
      if (c === OPEN_OBJECT) {
        kind = KIND.object;
        after = this.inner[node] === 1 ? this.object(from, end, node) : skipValue(bytes, from, end);
      } else if (c === OPEN_ARRAY) {
        kind = KIND.array;
        after = this.inner[node] === 1 ? this.array(from, end, node) : skipValue(bytes, from, end);
      } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
        kind = KIND.number;
        after = skipNumber(bytes, from, end);
      } else {
        after = skipLiteral(bytes, from, end);
      }
      stop = after;
    }
    if (slot >= 0) {
      this.kind[slot] = kind;
      this.start[slot] = start;
      this.end[slot] = stop;
    }
    return after;
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

  private findEscaped(node: number, from: number, to: number): number {
    const name = new Uint8Array(to - from);
    const length = unescapeJson(this.bytes, from, to, name, 0);
    return this.find(node, name, 0, length);
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
