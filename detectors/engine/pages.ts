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

export class Pages {
  readonly recordBytes: number;
  /** A copy of one record: the engine keeps here what an event is judged from. */
  readonly scratch: Uint8Array;
  private readonly blocks: Memory[] = [];
  private used = 0;

  constructor(recordBytes: number) {
    this.recordBytes = recordBytes;
    this.scratch = new Uint8Array(recordBytes);
  }

  /** Number of the first record of a new, zeroed page. */
  take(): number {
    const first = this.used << PAGE_BITS;
    if ((first & IN_BLOCK) === 0) {
      this.blocks.push(new Memory(new ArrayBuffer((IN_BLOCK + 1) * this.recordBytes)));
    }
    this.used++;
    return first;
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
