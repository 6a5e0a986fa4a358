/**
 * Records that have been received and are not in the spool yet: collected while the ones before them are written.
 *
 * Bounded by bytes and by count, up to which it says that it is not full; whoever cannot wait is to drop then.
 */
import type { CutRecords } from './intake.ts';

export interface QueueLimits {
  /** Bytes of records waiting. Default 4 MiB. */
  readonly bytesMax: number;
  /** Records waiting. Default 16,384. */
  readonly recordsMax: number;
}

export interface SyslogQueueOptions {
  readonly limits: Partial<QueueLimits>;
  /** Keeps records [from, to), or gives them up. Called one after the other. Never rejects. */
  keep(records: CutRecords, from: number, to: number): Promise<void>;
}

const BYTES_MAX = 4 << 20;
/** Their events stay together in the spool: all are kept, or none. */
const RECORDS_MAX = 16_384;

export class SyslogQueue {
  readonly #limits: QueueLimits;
  readonly #keep: SyslogQueueOptions['keep'];
  #collecting = new Batch();
  #writing = new Batch();
  #work: Promise<void> | undefined;

  constructor({ limits, keep }: SyslogQueueOptions) {
    this.#limits = {
      bytesMax: limits.bytesMax ?? BYTES_MAX,
      recordsMax: limits.recordsMax ?? RECORDS_MAX,
    };
    this.#keep = keep;
  }

  get isFull(): boolean {
    const { used, count } = this.#collecting;
    return used >= this.#limits.bytesMax || count >= this.#limits.recordsMax;
  }

  /** Copies a record. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#collecting.add(bytes, start, end);
    this.#work ??= this.#write();
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  async #write(): Promise<void> {
    // What has come with the first record goes with it.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#collecting.count > 0) {
      const batch = this.#collecting;
      this.#collecting = this.#writing;
      this.#writing = batch;
      const { recordsMax } = this.#limits;
      for (let from = 0; from < batch.count; from += recordsMax) {
        await this.#keep(batch, from, Math.min(batch.count, from + recordsMax));
      }
      batch.clear();
    }
    this.#work = undefined;
  }
}

/** Records one after the other in a buffer that is used again. */
class Batch implements CutRecords {
  bytes = new Uint8Array(64 << 10);
  starts: number[] = [];
  ends: number[] = [];
  used = 0;

  get count(): number {
    return this.starts.length;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const to = this.used + end - start;
    if (to > this.bytes.length) {
      const grown = new Uint8Array(Math.max(to, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.used));
      this.bytes = grown;
    }
    this.bytes.set(bytes.subarray(start, end), this.used);
    this.starts.push(this.used);
    this.ends.push(to);
    this.used = to;
  }

  clear(): void {
    this.used = 0;
    this.starts.length = 0;
    this.ends.length = 0;
  }
}
