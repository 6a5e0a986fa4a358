/**
 * Records of one key group, and the table that finds them by digest. The records lie in pages that all groups
 * share (pages.ts); a slot is the number of a record in its group. Freed slots are used again.
 */
import type { KeyIdentity } from '../../core/event.ts';
import type { Memory } from './layout.ts';
import { PAGE_RECORDS, type Pages } from './pages.ts';

const PAGE_BITS = Math.log2(PAGE_RECORDS);
const IN_PAGE = PAGE_RECORDS - 1;
/** A line of the processor's cache. */
const LINE_WORDS = 16;

export class Slab {
  /** Slots in use. Slot 0 is never used: in the table it means nothing. */
  size = 0;
  /** One past the highest slot ever used. */
  end = 1;
  private readonly pages: Pages;
  /** Number of the first record of each page. */
  private readonly firsts: number[] = [];
  /** Index of the first digest word inside a record, in 32-bit words. */
  private readonly digestWord: number;
  private table = new Int32Array(16);
  private free: number[] = [];

  constructor(pages: Pages, digestWord: number) {
    this.pages = pages;
    this.digestWord = digestWord;
  }

  /** The memory that a slot's record lies in, and where in it. */
  memoryOf(slot: number): Memory {
    return this.pages.memoryOf(this.recordOf(slot));
  }
  offset(slot: number): number {
    return this.pages.offset(this.recordOf(slot));
  }

  /** Slot of a key, or -1. */
  find(key: KeyIdentity): number {
    const { table } = this;
    const mask = table.length - 1;
    for (let i = key.digest1 & mask; ; i = (i + 1) & mask) {
      const slot = table[i]!;
      if (slot === 0) return -1;
      if (this.holds(slot, key)) return slot;
    }
  }

  /** Most likely the slot of a key, not compared: 0 when it has none. For reading ahead, as `touch`. */
  guess(key: KeyIdentity): number {
    return this.table[key.digest1 & (this.table.length - 1)]!;
  }

  /** Reads every line of a record; the sum keeps the reads from being left out. */
  touch(slot: number): number {
    if (slot === 0) return 0;
    const { i32 } = this.memoryOf(slot);
    const first = this.offset(slot) >>> 2;
    const end = first + (this.pages.recordBytes >>> 2);
    let sum = 0;
    for (let word = first; word < end; word += LINE_WORDS) sum ^= i32[word]!;
    return sum;
  }

  /** A zeroed record for a key that has none. The digest is written, nothing else. */
  add(key: KeyIdentity): number {
    if ((this.size + 1) * 2 > this.table.length) this.rehash(this.table.length * 2);
    const slot = this.free.pop() ?? this.take();
    const memory = this.memoryOf(slot);
    const at = this.offset(slot);
    memory.bytes.fill(0, at, at + this.pages.recordBytes);
    const word = (at >>> 2) + this.digestWord;
    memory.i32[word] = key.digest0;
    memory.i32[word + 1] = key.digest1;
    memory.i32[word + 2] = key.digest2;
    memory.i32[word + 3] = key.digest3;
    this.size++;
    this.enter(slot);
    return slot;
  }

  remove(slot: number): void {
    const { table } = this;
    const mask = table.length - 1;
    let hole = this.home(slot);
    while (table[hole] !== slot) hole = (hole + 1) & mask;
    // Backward shift: later entries of the same run move up, so that no tombstone is needed.
    for (let i = (hole + 1) & mask; table[i] !== 0; i = (i + 1) & mask) {
      const home = this.home(table[i]!);
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      table[hole] = table[i]!;
      hole = i;
    }
    table[hole] = 0;
    this.size--;
    this.free.push(slot);
  }

  copyToScratch(slot: number): void {
    this.pages.copyToScratch(this.recordOf(slot));
  }

  /** A copy of the record that was last copied to scratch. */
  scratchCopy(): Uint8Array {
    return this.pages.scratchCopy();
  }

  /** A copy of a record's bytes. */
  bytesOf(slot: number): Uint8Array {
    const at = this.offset(slot);
    return this.memoryOf(slot).bytes.slice(at, at + this.pages.recordBytes);
  }

  /** Takes a copy made by `bytesOf` back. */
  write(slot: number, bytes: Uint8Array): void {
    const record = bytes.subarray(0, this.pages.recordBytes);
    this.memoryOf(slot).bytes.set(record, this.offset(slot));
  }

  digestOf(slot: number): Uint8Array {
    const at = this.offset(slot) + this.digestWord * 4;
    return this.memoryOf(slot).bytes.slice(at, at + 16);
  }

  private holds(slot: number, key: KeyIdentity): boolean {
    const { i32 } = this.memoryOf(slot);
    const word = (this.offset(slot) >>> 2) + this.digestWord;
    return (
      i32[word + 1] === (key.digest1 | 0) &&
      i32[word] === (key.digest0 | 0) &&
      i32[word + 2] === (key.digest2 | 0) &&
      i32[word + 3] === (key.digest3 | 0)
    );
  }

  private home(slot: number): number {
    const word = (this.offset(slot) >>> 2) + this.digestWord + 1;
    return this.memoryOf(slot).i32[word]! & (this.table.length - 1);
  }

  private enter(slot: number): void {
    const mask = this.table.length - 1;
    let i = this.home(slot);
    while (this.table[i] !== 0) i = (i + 1) & mask;
    this.table[i] = slot;
  }

  private take(): number {
    if (this.end >>> PAGE_BITS === this.firsts.length) this.firsts.push(this.pages.take());
    return this.end++;
  }

  private recordOf(slot: number): number {
    return this.firsts[slot >>> PAGE_BITS]! + (slot & IN_PAGE);
  }

  private rehash(length: number): void {
    const old = this.table;
    this.table = new Int32Array(length);
    for (const slot of old) if (slot !== 0) this.enter(slot);
  }
}
