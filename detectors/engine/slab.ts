/**
 * Records of one key group in pages of PAGE_RECORDS, and the table that finds them by digest.
 *
 * Pages are never moved: growing copies nothing, frees nothing, and leaves no holes in the process's memory (one
 * buffer that grew by a quarter at a time left as much again in freed pieces). Freed slots are used again.
 * Behind its records each page has a scratch record: the engine copies a record there before an event is judged,
 * so that a finding can keep what it was judged from.
 */
import type { KeyIdentity } from '../../core/event.ts';
import { Memory } from './layout.ts';

const PAGE_BITS = 5;
export const PAGE_RECORDS = 1 << PAGE_BITS;
const IN_PAGE = PAGE_RECORDS - 1;

export class Slab {
  /** Slots in use. Slot 0 is never used: in the table it means nothing. */
  size = 0;
  /** One past the highest slot ever used. */
  end = 1;
  private readonly pages: Memory[] = [];
  private readonly recordBytes: number;
  /** Index of the first digest word inside a record, in 32-bit words. */
  private readonly digestWord: number;
  private table = new Int32Array(16);
  private free: number[] = [];

  constructor(recordBytes: number, digestWord: number) {
    this.recordBytes = recordBytes;
    this.digestWord = digestWord;
    this.addPage();
  }

  /** The page that a slot lies in, and where in it. */
  memoryOf(slot: number): Memory {
    return this.pages[slot >>> PAGE_BITS]!;
  }
  offset(slot: number): number {
    return (slot & IN_PAGE) * this.recordBytes;
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

  /** Reads the lines of a key's record that every event needs; the sum keeps the reads from being left out. */
  touch(key: KeyIdentity): number {
    const slot = this.table[key.digest1 & (this.table.length - 1)]!;
    const { i32 } = this.memoryOf(slot);
    const word = this.offset(slot) >>> 2;
    return (
      i32[word]! ^
      i32[word + 16]! ^
      i32[word + 32]! ^
      i32[word + 48]! ^
      i32[word + 64]! ^
      i32[word + 80]! ^
      i32[word + 96]! ^
      i32[word + 112]! ^
      i32[word + 128]! ^
      i32[word + 144]!
    );
  }

  /** A zeroed record for a key that has none. The digest is written, nothing else. */
  add(key: KeyIdentity): number {
    if ((this.size + 1) * 2 > this.table.length) this.rehash(this.table.length * 2);
    const slot = this.free.pop() ?? this.take();
    const memory = this.memoryOf(slot);
    const at = this.offset(slot);
    memory.bytes.fill(0, at, at + this.recordBytes);
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
    const at = this.offset(slot);
    const to = PAGE_RECORDS * this.recordBytes;
    this.memoryOf(slot).bytes.copyWithin(to, at, at + this.recordBytes);
  }

  /** A copy of what was last copied to scratch, if that was this slot's record. */
  scratchOf(slot: number): Uint8Array {
    const from = PAGE_RECORDS * this.recordBytes;
    return this.memoryOf(slot).bytes.slice(from, from + this.recordBytes);
  }

  /** A copy of a record's bytes. */
  bytesOf(slot: number): Uint8Array {
    const at = this.offset(slot);
    return this.memoryOf(slot).bytes.slice(at, at + this.recordBytes);
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
    if (this.end === this.pages.length * PAGE_RECORDS) this.addPage();
    return this.end++;
  }

  private addPage(): void {
    this.pages.push(new Memory(new ArrayBuffer((PAGE_RECORDS + 1) * this.recordBytes)));
  }

  private rehash(length: number): void {
    const old = this.table;
    this.table = new Int32Array(length);
    for (const slot of old) if (slot !== 0) this.enter(slot);
  }
}
