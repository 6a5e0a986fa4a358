/**
 * Decodes the next records of a batch before the first of them is enriched, so that enrichment can look ahead
 * (Enricher.ahead). What comes out, and in which order, is the same as one by one.
 */
import { type Decoder, REJECTION } from '../core/format.ts';
import { createDraft, FIELD_COUNT, type RecordDraft } from '../core/record.ts';
import type { RecordBatch } from '../core/source.ts';

export class DecodeAhead {
  readonly drafts: RecordDraft[] = [];
  /** Index of REJECTIONS of each. */
  readonly outcomes: Uint8Array;
  count = 0;
  readonly #max: number;

  /** `max`: most records at a time; drafts are made as they are needed. */
  constructor(max: number) {
    this.#max = max;
    this.outcomes = new Uint8Array(max);
  }

  /** Decodes records from index `first` on. */
  fill(decoder: Decoder, batch: RecordBatch, first: number): void {
    const { bytes, starts, ends } = batch;
    const count = Math.min(this.#max, batch.count - first);
    let i = 0;
    while (i < count) {
      if (i === this.drafts.length) this.drafts.push(createDraft());
      const draft = this.drafts[i]!;
      const outcome = decoder.decode(bytes, starts[first + i]!, ends[first + i]!, draft);
      this.outcomes[i++] = outcome;
      // What lies in the decoder's own buffers is gone with its next record.
      if (outcome === REJECTION.ok && isBorrowed(draft, bytes)) break;
    }
    this.count = i;
  }
}

function isBorrowed({ bytes, inScratch, place }: RecordDraft, batch: Uint8Array): boolean {
  if (place !== undefined || bytes !== batch) return true;
  for (let field = 0; field < FIELD_COUNT; field++) if (inScratch[field] === 1) return true;
  return false;
}
