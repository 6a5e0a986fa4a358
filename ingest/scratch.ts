/** A decoder's own buffer for text that had to be unescaped or put together. */
import type { RecordDraft } from '../core/record.ts';

export class Scratch {
  bytes: Uint8Array = new Uint8Array(1024);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** Makes room for `size` more bytes. What was written stays at its offsets. */
  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  append(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    this.reserve(to - from);
    for (let i = from; i < to; i++) this.bytes[this.length++] = bytes[i]!;
  }

  /** Makes the bytes written since `from` the text of a field; an empty text makes it absent. */
  give(draft: RecordDraft, field: number, from: number): boolean {
    draft.scratch = this.bytes;
    if (this.length === from) {
      draft.start[field] = -1;
      return false;
    }
    draft.start[field] = from;
    draft.end[field] = this.length;
    draft.inScratch[field] = 1;
    return true;
  }
}
