/** The partitions that are ours now: opened when they come, kept when they stay, closed when they go. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnedPartition, PartitionOwner } from '../../core/broker.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { RETRY } from './connection.ts';
import { isProgrammers } from './errors.ts';
import { outOfRange, type TopicOffsets } from './offsets.ts';
import { Partition } from './partition.ts';

/** In a row, each after kafkajs was told where to go on. */
const MISPLACED_MAX = 10;
/** A new leader may know less of the end of the log than the one before, for a moment. */
const RANGE_LOOKS = 4;

export interface HoldingsPorts {
  seek(partition: number, offset: number): void;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** A partition was given up, because somebody else owns its state. */
  fenced(partition: number, error: KeyhoundError): void;
  /** The consumer cannot go on. */
  failed(error: unknown): void;
  /** A partition was opened, or has come to the end of what was fetched. */
  progressed?(partition: Partition): void;
}

export interface HoldingsOptions extends HoldingsPorts {
  readonly topic: string;
  readonly owner: PartitionOwner;
  readonly offsets: TopicOffsets;
  /** Of all buffers together, bytes. */
  readonly bufferBytesMax: number;
  /** So many were deleted before they were read: they are passed over. Left out: that ends the consumer. */
  readonly onDeleted: ((partition: number, messages: number) => void) | undefined;
}

interface Start {
  readonly fetchNext: number;
  /** Of the log, when the partition was opened. */
  readonly end: number;
}

interface Slot {
  readonly number: number;
  readonly opening: Promise<void>;
  /** Once it is open. */
  partition: Partition | undefined;
  dropped: boolean;
  /** Why it is not open yet. */
  reason: string | undefined;
  misplaced: number;
  /** Looks in a row at which the range had no place for it. */
  strayed: number;
}

export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #slots = new Map<number, Slot>();
  /** Partitions being let go: they are opened again only after that. */
  readonly #closing = new Map<number, Promise<void>>();

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  get numbers(): number[] {
    return [...this.#slots.keys()];
  }

  get open(): Partition[] {
    return [...this.#slots.values()].flatMap(({ partition }) => partition ?? []);
  }

  get(number: number): Partition | undefined {
    return this.#slots.get(number)?.partition;
  }

  /** Why a partition is not open, if one is not. */
  trouble(): string | undefined {
    for (const { number, partition, reason } of this.#slots.values()) {
      if (partition === undefined && reason !== undefined) {
        return `partition ${number} cannot be opened: ${reason}`;
      }
    }
    return undefined;
  }

  /**
   * What the group gave us. `unbroken`: nobody else can have had what is ours before and after. Pauses all at
   * once, before anything can be fetched.
   */
  assign(numbers: readonly number[], unbroken: boolean): void {
    this.#options.pause(numbers);
    const wanted = new Set(numbers);
    for (const slot of [...this.#slots.values()]) {
      if (!unbroken || !wanted.has(slot.number)) this.#drop(slot);
    }
    for (const number of numbers) {
      const kept = this.#slots.get(number);
      if (kept === undefined) this.#take(number);
      else if (kept.partition !== undefined) this.#goOn(kept, kept.partition);
    }
  }

  /** Its batch began elsewhere than where we are: looks why, and sends kafkajs back. */
  misplaced(number: number): void {
    const slot = this.#slots.get(number);
    if (slot?.partition === undefined) return;
    this.#options.pause([number]);
    slot.misplaced += 1;
    void this.#sendBack(slot, slot.partition).catch((error) => this.#options.failed(error));
  }

  /** Goes on from elsewhere, if it is open. */
  moveTo(number: number, offset: number): boolean {
    const slot = this.#slots.get(number);
    if (slot?.partition === undefined) return false;
    this.#options.pause([number]);
    slot.partition.moveTo(offset);
    void this.#sendBack(slot, slot.partition).catch((error) => this.#options.failed(error));
    return true;
  }

  placed(number: number): void {
    const slot = this.#slots.get(number);
    if (slot !== undefined) slot.misplaced = 0;
  }

  /** Learns the ends of the log, for lag, and whether what we have yet to read is still there. */
  async look(): Promise<void> {
    const before = this.open.map((partition) => [partition, partition.fetchNext] as const);
    const ranges = await this.#options.offsets.ranges();
    for (const [partition, fetchNext] of before) {
      const range = ranges.get(partition.number);
      const slot = this.#slots.get(partition.number);
      if (range === undefined || slot?.partition !== partition) continue;
      partition.sawEnd(range.high);
      const isThere = partition.fetchNext >= range.low || this.#options.onDeleted !== undefined;
      const isInside = fetchNext <= range.high && isThere;
      slot.strayed = isInside ? 0 : slot.strayed + 1;
      if (slot.strayed >= RANGE_LOOKS) {
        this.#options.failed(outOfRange(this.#options.topic, slot.number, fetchNext, range));
      }
    }
  }

  async releaseAll(): Promise<void> {
    for (const slot of [...this.#slots.values()]) this.#drop(slot);
    await Promise.all(this.#closing.values());
  }

  #take(number: number): void {
    const ready = this.#closing.get(number) ?? Promise.resolve();
    const slot: Slot = {
      number,
      opening: ready.then(() => this.#open(slot)).catch((error) => this.#options.failed(error)),
      partition: undefined,
      dropped: false,
      reason: undefined,
      misplaced: 0,
      strayed: 0,
    };
    this.#slots.set(number, slot);
  }

  #drop(slot: Slot): void {
    slot.dropped = true;
    this.#slots.delete(slot.number);
    this.#options.pause([slot.number]);
    const closing = slot.opening
      .then(() => slot.partition?.release())
      .catch((error) => this.#options.failed(error))
      .finally(() => {
        if (this.#closing.get(slot.number) === closing) this.#closing.delete(slot.number);
      });
    this.#closing.set(slot.number, closing);
  }

  async #open(slot: Slot): Promise<void> {
    const owned = await this.#untilDropped(slot, () => this.#options.owner.open(slot.number));
    if (owned === undefined) return;
    let start: Start | undefined;
    try {
      start = await this.#untilDropped(slot, () => this.#startOf(slot.number, owned));
    } catch (error) {
      await owned.close();
      throw error;
    }
    if (start === undefined || slot.dropped) {
      await owned.close();
      return;
    }
    const partition = this.#partitionOf(slot, owned, start);
    slot.partition = partition;
    this.#goOn(slot, partition);
    this.#options.progressed?.(partition);
  }

  #partitionOf(slot: Slot, owned: OwnedPartition, start: Start): Partition {
    const { bufferBytesMax, pause, resume, fenced, failed, progressed } = this.#options;
    const { number } = slot;
    const ports = {
      pause: () => pause([number]),
      resume: () => resume([number]),
      failed,
      fenced: (error: KeyhoundError) => {
        if (!slot.dropped) this.#drop(slot);
        fenced(number, error);
      },
      progressed: () => {
        if (slot.partition !== undefined) progressed?.(slot.partition);
      },
    };
    const share = () => bufferBytesMax / Math.max(1, this.#slots.size);
    return new Partition(number, owned, start, share, ports);
  }

  /** Repeats a call that may fail while a store or the brokers are away. Undefined: it is no longer ours. */
  async #untilDropped<T>(slot: Slot, call: () => Promise<T>): Promise<T | undefined> {
    let waitMs: number = RETRY.initialRetryTime;
    while (!slot.dropped) {
      try {
        const answer = await call();
        slot.reason = undefined;
        return answer;
      } catch (error) {
        const isFinal = error instanceof KeyhoundError && error.code === 'offset-out-of-range';
        if (isFinal || isProgrammers(error)) throw error;
        slot.reason = error instanceof Error ? error.message : String(error);
      }
      await delay(waitMs);
      waitMs = Math.min(waitMs * 2, RETRY.maxRetryTime);
    }
    return undefined;
  }

  async #startOf(number: number, owned: OwnedPartition): Promise<Start> {
    const { nextOffset } = owned;
    for (let look = 1; ; look++) {
      const range = (await this.#options.offsets.ranges()).get(number);
      if (range === undefined) throw new KeyhoundError('operating', `no partition ${number}`);
      const wanted = nextOffset === 'earliest' ? range.low : nextOffset;
      const fetchNext = this.#behindDeleted(number, wanted, range.low);
      if (fetchNext >= range.low && fetchNext <= range.high) return { fetchNext, end: range.high };
      if (fetchNext < range.low || look >= RANGE_LOOKS) {
        throw outOfRange(this.#options.topic, number, fetchNext, range);
      }
      await delay(RETRY.initialRetryTime * 2);
    }
  }

  /** Where to go on; the same where passing over is not allowed. */
  #behindDeleted(number: number, wanted: number, low: number): number {
    const { onDeleted } = this.#options;
    if (onDeleted === undefined || wanted >= low) return wanted;
    onDeleted(number, low - wanted);
    return low;
  }

  async #sendBack(slot: Slot, partition: Partition): Promise<void> {
    if (slot.misplaced > MISPLACED_MAX) {
      throw new KeyhoundError('operating', `Kafka: partition ${slot.number} is not where it was`, {
        code: 'kafka-position',
        hint: 'Restart the process.',
      });
    }
    const range = await this.#untilDropped(slot, async () =>
      (await this.#options.offsets.ranges()).get(slot.number),
    );
    if (slot.dropped || range === undefined) return;
    partition.skipTo(this.#behindDeleted(slot.number, partition.fetchNext, range.low));
    if (partition.fetchNext < range.low || partition.fetchNext > range.high) {
      throw outOfRange(this.#options.topic, slot.number, partition.fetchNext, range);
    }
    this.#goOn(slot, partition);
  }

  #goOn(slot: Slot, partition: Partition): void {
    this.#options.seek(slot.number, partition.fetchNext);
    if (!partition.isFull) this.#options.resume([slot.number]);
  }
}
