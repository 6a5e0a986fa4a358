/**
 * One partition while it is ours: a bounded buffer between what is fetched and what is applied. Fetching never waits
 * for `apply`, so heartbeats and the other partitions go on while this one stands still.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch } from 'kafkajs';
import type { OwnedPartition, PartitionLag, ReceivedMessage } from '../../core/broker.ts';
import { KeyhoundError } from '../../core/errors.ts';

/** Most messages of one `apply`, and what they hold but for the last one, bytes. */
const CHUNK_MAX = 500;
const CHUNK_BYTES_MAX = 128 << 10;
const MESSAGES_MAX = 20_000;
/** What a buffered message takes beside key and value, roughly. */
const OVERHEAD_BYTES = 150;
const EMPTY = new Uint8Array(0);

export interface PartitionPorts {
  /** Stops and continues fetching. */
  pause(): void;
  resume(): void;
  /** Somebody else owns the state, or the store has lost what it had confirmed. */
  fenced(error: KeyhoundError): void;
  failed(error: unknown): void;
  /** Has applied, or passed, more than before. */
  progressed(): void;
}

/** kafkajs has it and does not declare it. */
interface FetchedBatch extends Batch {
  readonly fetchedOffset: string;
}

export class Partition {
  readonly number: number;
  readonly owned: OwnedPartition;
  readonly #ports: PartitionPorts;
  readonly #bytesMax: () => number;
  /** Offset of the first message that is being applied. */
  #applying: number | undefined;
  #queue: ReceivedMessage[] = [];
  /** First of the queue that is not applied yet. */
  #head = 0;
  #heldBytes = 0;
  #isFull = false;
  #fetchNext: number;
  #end: number;
  #released = false;
  #isBroken = false;
  #pumping: Promise<void> | undefined;

  constructor(
    number: number,
    owned: OwnedPartition,
    range: { readonly fetchNext: number; readonly end: number },
    bytesMax: () => number,
    ports: PartitionPorts,
  ) {
    this.number = number;
    this.owned = owned;
    this.#fetchNext = range.fetchNext;
    this.#end = range.end;
    this.#bytesMax = bytesMax;
    this.#ports = ports;
  }

  /** Offset that the next fetch begins at. */
  get fetchNext(): number {
    return this.#fetchNext;
  }

  /** Fetching is stopped until what is buffered has been applied. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get lag(): PartitionLag {
    const waiting = this.#queue[this.#head];
    const position = this.#applying ?? waiting?.offset ?? this.#fetchNext;
    return { partition: this.number, position, end: Math.max(this.#end, this.#fetchNext) };
  }

  /** Fetched and not applied. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** All that was fetched has been applied. */
  get isIdle(): boolean {
    return this.#pumping === undefined;
  }

  sawEnd(offset: number): void {
    this.#end = Math.max(this.#end, offset);
  }

  /** A batch of what is not for readers: marks and leftovers of transactions, or compacted away. */
  skipTo(offset: number): void {
    this.#fetchNext = Math.max(this.#fetchNext, offset);
    if (this.isIdle) this.#ports.progressed();
  }

  /** Goes on from another offset; what is being applied is finished first. */
  moveTo(offset: number): void {
    this.#drop();
    this.#isFull = false;
    this.#fetchNext = offset;
  }

  /** False, and nothing is taken, if the batch was fetched from elsewhere than where we are. */
  accept(batch: Batch): boolean {
    if (Number((batch as FetchedBatch).fetchedOffset) !== this.#fetchNext) return false;
    if (this.#released) return true;
    for (const { offset, key, value, timestamp } of batch.messages) {
      const at = Number(offset);
      if (at < this.#fetchNext) continue;
      const bytes = value ?? EMPTY;
      this.#queue.push({ key, value: bytes, offset: at, timestamp: Number(timestamp) });
      this.#heldBytes += bytes.length + (key?.length ?? 0) + OVERHEAD_BYTES;
    }
    this.#fetchNext = Math.max(this.#fetchNext, Number(batch.lastOffset()) + 1);
    this.sawEnd(Number(batch.highWatermark));
    if (!this.#isFull && this.#overflows(1)) {
      this.#isFull = true;
      this.#ports.pause();
    }
    this.#pumping ??= this.#pump();
    return true;
  }

  /** Lets the running `apply` end, drops what is buffered, and lets go of the state. */
  async release(): Promise<void> {
    this.#released = true;
    this.#drop();
    if (this.#pumping !== undefined) this.owned.interrupt?.();
    await this.#pumping;
    if (!this.#isBroken) await this.owned.close();
  }

  async #pump(): Promise<void> {
    await nextTurn();
    while (!this.#released && this.#head < this.#queue.length) {
      const chunk = this.#take();
      this.#applying = chunk[0]!.offset;
      try {
        await this.owned.apply(chunk);
      } catch (error) {
        this.#gotStuck(error);
        break;
      } finally {
        this.#applying = undefined;
      }
      if (this.#isFull && !this.#released && !this.#overflows(0.5)) {
        this.#isFull = false;
        this.#ports.resume();
      }
      if (this.#head >= this.#queue.length) break;
      await nextTurn();
    }
    this.#pumping = undefined;
    if (!this.#released) this.#ports.progressed();
  }

  #gotStuck(error: unknown): void {
    const wasReleased = this.#released;
    this.#released = true;
    this.#drop();
    if (error instanceof KeyhoundError && error.code === 'fenced') {
      if (!wasReleased) this.#ports.fenced(error);
      return;
    }
    this.#isBroken = true;
    this.#ports.failed(error);
  }

  #take(): ReceivedMessage[] {
    const chunk: ReceivedMessage[] = [];
    let bytes = 0;
    while (chunk.length < CHUNK_MAX && bytes < CHUNK_BYTES_MAX && this.#head < this.#queue.length) {
      const message = this.#queue[this.#head++]!;
      chunk.push(message);
      bytes += message.value.length + (message.key?.length ?? 0) + OVERHEAD_BYTES;
    }
    this.#heldBytes -= bytes;
    // Applied messages keep the whole answer of a fetch in memory as long as they are listed.
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return chunk;
  }

  #drop(): void {
    this.#queue = [];
    this.#head = 0;
    this.#heldBytes = 0;
  }

  #overflows(share: number): boolean {
    const waiting = this.#queue.length - this.#head;
    return waiting > MESSAGES_MAX * share || this.#heldBytes > this.#bytesMax() * share;
  }
}
