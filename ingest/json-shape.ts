/**
 * Remembers the member names that records have shown, and in which order.
 *
 * A gateway writes the same names in the same order into every record. So a reader that has met `"client_ip":"`
 * after `"started_at":` once can compare a few words instead of reading the name byte by byte and looking it up.
 * It is a guess that is checked byte for byte, never trusted: what was learned changes the speed, not the result.
 *
 * One memo is the text from the quote that opens a name to the first byte of its value, the value's opening quote
 * included when it is a string. Memos form a tree by nesting; the memo ROOT stands for the record itself. All lie
 * in one array of words, for the fewest loads per name:
 *
 *   memo = head child slot next inside sibling members count mask word...
 */

/** The memo of the record itself; 0 stands for "none". */
export const ROOT = 1;
/** Bytes of the text, and TEXT_FLAG when it ends with the opening quote of a string. */
export const HEAD = 0;
/** What the owner knows about the name: its node, or -1. */
export const CHILD = 1;
/** Where the owner keeps the value, -1 when it does not, or must look at its node first. */
export const SLOT = 2;
/** The memo seen after this one, and the first one seen inside it. */
export const NEXT = 3;
export const INSIDE = 4;
const SIBLING = 5;
const MEMBERS = 6;
const COUNT = 7;
const MASK = 8;
const WORDS = 9;

export const LENGTH_MASK = 0xff;
export const TEXT_FLAG = 0x100;

/** Words kept (64 KiB); beyond that all are forgotten and learned again, at most once in FORGET_EVERY records. */
const TABLE_WORDS = 16_384;
const FORGET_EVERY = 1024;
/** Names kept per object: beyond that, names are data (a map by id), and guessing does not pay. */
const MEMBERS_MAX = 48;
/** Longest text remembered, bytes. */
const TEXT_BYTES_MAX = 64;

export class ShapeMemo {
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
    this.table[memo + HEAD] = head;
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
export function matches(
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
