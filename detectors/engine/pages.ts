/**
 * Memory for the records of all key groups, handed out in pages of PAGE_RECORDS records.
 *
 * Pages are never moved: growing copies nothing, frees nothing, and leaves no holes in the process's memory (one
 * buffer that grew by a quarter at a time left as much again in freed pieces). Many pages lie in one buffer, so
 * that the views of it, a kilobyte of objects, stay in the processor's cache while events of all groups come by:
 * with a buffer a page, 17,000 keys had 500 of them, and each event waited for two or three lines of its views.
 */
import { Memory } from './layout.ts';

const PAGE_BITS = 5;
export const PAGE_RECORDS = 1 << PAGE_BITS;
/** Pages of a buffer: a thousand records, about a megabyte. */
const BLOCK_BITS = 5;
const IN_BLOCK = (1 << (BLOCK_BITS + PAGE_BITS)) - 1;
/** Of a block, behind its records: a copy of one of them. Copying within a buffer needs no object for it. */
const SCRATCH = IN_BLOCK + 1;

export class Pages {
  readonly recordBytes: number;
  private readonly blocks: Memory[] = [];
  /** The block with the latest copy. */
  private copied: Memory | undefined;
  private used = 0;

  constructor(recordBytes: number) {
    this.recordBytes = recordBytes;
  }

  /** Number of the first record of a new, zeroed page. */
  take(): number {
    const first = this.used << PAGE_BITS;
    if ((first & IN_BLOCK) === 0) {
      this.blocks.push(new Memory(new ArrayBuffer((SCRATCH + 1) * this.recordBytes)));
    }
    this.used++;
    return first;
  }

  /** Keeps what a record holds now: the engine judges an event from it. */
  copyToScratch(record: number): void {
    const memory = this.memoryOf(record);
    const at = this.offset(record);
    memory.bytes.copyWithin(SCRATCH * this.recordBytes, at, at + this.recordBytes);
    this.copied = memory;
  }

  /** A copy of the record that was last copied to scratch. */
  scratchCopy(): Uint8Array {
    const at = SCRATCH * this.recordBytes;
    return this.copied!.bytes.slice(at, at + this.recordBytes);
  }

  /** Where a record lies. */
  memoryOf(record: number): Memory {
    return this.blocks[record >>> (BLOCK_BITS + PAGE_BITS)]!;
  }

  /** Byte offset of a record in its memory. */
  offset(record: number): number {
    return (record & IN_BLOCK) * this.recordBytes;
  }
}
