/** The paths that a scanner looks for, as a tree in flat tables: nodes by number, slots for the wanted ones. */

/** `fold`: the last part is a header's name, compared without regard to case. */
export interface WantedPath {
  readonly path: readonly string[];
  readonly fold?: boolean;
}

interface Node {
  readonly children: Map<string, Node>;
  slot: number;
  fold: boolean;
}

interface Row {
  readonly node: Node;
  readonly name: Uint8Array;
  readonly parent: number;
  readonly from: number;
  to: number;
}

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

/** Words of a slot, and offsets in it; the kind stands at the slot itself. */
export const SLOT_WORDS = 3;
export const START_OF = 1;
export const END_OF = 2;
/** Buckets of the name table of one node. */
const BUCKETS = 32;

/** Node 0 is the record. Nodes are numbered depth first, slots in the same order. */
export class PathTree {
  /** Words of all slots. */
  readonly words: number;
  /** Slot of a node, -1 when only something below it is wanted. */
  readonly slotOf: Int16Array;
  /** The slots of a node and of all below it: words [slotFrom, slotTo). */
  readonly slotFrom: Int16Array;
  readonly slotTo: Int16Array;
  /** 1 when something below the node is wanted. */
  readonly inner: Uint8Array;
  private readonly slots: Map<string, number> = new Map();
  private readonly head: Int16Array;
  private readonly next: Int16Array;
  private readonly foldOf: Uint8Array;
  private readonly nameStart: Int32Array;
  private readonly nameEnd: Int32Array;
  private readonly names: Uint8Array;

  constructor(wanted: readonly WantedPath[]) {
    const rows: Row[] = [];
    this.words = this.number(treeOf(wanted), '', '', -1, rows, 0);
    this.slotOf = Int16Array.from(rows, (row) => row.node.slot);
    this.slotFrom = Int16Array.from(rows, (row) => row.from);
    this.slotTo = Int16Array.from(rows, (row) => row.to);
    this.inner = Uint8Array.from(rows, (row) => (row.node.children.size > 0 ? 1 : 0));
    this.foldOf = Uint8Array.from(rows, (row) => (row.node.fold ? 1 : 0));
    this.head = new Int16Array(rows.length * BUCKETS).fill(-1);
    this.next = new Int16Array(rows.length).fill(-1);
    this.nameStart = new Int32Array(rows.length);
    this.nameEnd = new Int32Array(rows.length);
    this.names = new Uint8Array(rows.reduce((sum, row) => sum + row.name.length, 0));
    let at = 0;
    for (const [index, row] of rows.entries()) {
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

  get nodes(): number {
    return this.slotOf.length;
  }

  /** Slot of a path given to the constructor. */
  slot(path: readonly string[]): number {
    const slot = this.slots.get(path.join('\0'));
    if (slot === undefined) throw new Error(`assertion failed: ${path.join('.')} is not scanned`);
    return slot;
  }

  /** The child of a node by name, -1 when none is wanted. */
  find(node: number, bytes: Uint8Array, from: number, to: number): number {
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

  /** Lists a node and all below it; answers the first word after its slots. */
  private number(
    node: Node,
    name: string,
    path: string,
    parent: number,
    rows: Row[],
    from: number,
  ): number {
    const own = rows.length;
    const row: Row = { node, name: ENCODER.encode(name), parent, from, to: from };
    rows.push(row);
    let to = from;
    if (node.slot >= 0) {
      node.slot = to;
      this.slots.set(path, to);
      to += SLOT_WORDS;
    }
    for (const [childName, child] of node.children) {
      const childPath = own === 0 ? childName : `${path}\0${childName}`;
      to = this.number(child, childName, childPath, own, rows, to);
    }
    row.to = to;
    return to;
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
