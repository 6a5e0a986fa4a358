/** Messages of one partition → records: each value is one object, an array, `{"records":[…]}`, or lines. */
import type { ReceivedMessage } from '../../core/broker.ts';
import type { Framing } from '../../core/format.ts';
import type { RecordBatch } from '../../core/source.ts';
import type { DeadLetter } from '../../core/store.ts';
import { mask } from '../dead-letters.ts';
import { cutWhole, RECORD_BYTES_MAX, type Window } from '../framing.ts';
import { positionBefore, positionOf, RECORDS_MAX, streamOf } from './kafka-positions.ts';

/** Records are handed on in batches of about this size. */
const BATCH_BYTES = 1 << 20;

/** A message of which no record could be decoded. The text itself is never kept. */
export interface PoisonMessage extends Omit<DeadLetter, 'seenAt'> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface MessageBatch extends RecordBatch {
  /** Messages of the chunk that are in it, or before it. */
  readonly taken: number;
}

/** A value within the bytes of its batch. */
interface Place {
  readonly offset: number;
  readonly start: number;
  readonly end: number;
  /** Records cut out of it, those that are too long included. */
  records: number;
  /** Of those, how many could not be decoded; the reason of the first. */
  rejected: number;
  reason: string;
}

export interface MessageCutterOptions {
  readonly source: string;
  readonly topic: string;
  readonly framing: Framing;
  readonly recordBytesMax?: number | undefined;
}

/** Reused for all chunks of a topic: a batch is valid until the next. */
export class MessageCutter {
  readonly #options: MessageCutterOptions;
  readonly #places = new Map<number, Place>();
  #bytes = Buffer.alloc(0);
  #starts = new Int32Array(256);
  #ends = new Int32Array(256);
  #positions = new Float64Array(256);
  #count = 0;
  #tooLong: { position: number; length: number }[] = [];
  #stream = '';
  #partition = 0;

  constructor(options: MessageCutterOptions) {
    this.#options = options;
  }

  /** The next records of messages[from, …), which is not empty; all of one stream. */
  cut(partition: number, messages: readonly ReceivedMessage[], from: number): MessageBatch {
    const first = messages[from]!;
    this.#begin(partition, first.offset);
    const to = this.#extent(messages, from);
    let at = 0;
    for (const { offset, value } of messages.slice(from, to)) {
      this.#message(offset, at, at + value.length);
      at += value.length;
    }
    const nextOffset = messages[to - 1]!.offset + 1;
    return {
      stream: this.#stream,
      bytes: this.#bytes,
      count: this.#count,
      starts: this.#starts,
      ends: this.#ends,
      positions: this.#positions,
      nextPosition: positionBefore(nextOffset),
      mediumBytes: at,
      tooLong: this.#tooLong,
      ended: false,
      taken: to,
    };
  }

  /** Takes note of a record of the batch at hand that became a dead letter. */
  buried({ stream, position, reason }: DeadLetter): void {
    if (stream !== this.#stream || !UNDECODABLE.includes(reason)) return;
    const place = this.#places.get(Math.floor(position / RECORDS_MAX));
    if (place === undefined) return;
    place.rejected++;
    if (place.reason === '') place.reason = reason;
  }

  /** Messages of the batch at hand, once it was applied, of which nothing could be decoded. */
  *poison(): Generator<PoisonMessage> {
    const { source, topic } = this.#options;
    for (const { offset, start, end, records, rejected, reason } of this.#places.values()) {
      if (records === 0 || rejected < records) continue;
      yield {
        source,
        topic,
        partition: this.#partition,
        offset,
        stream: this.#stream,
        position: positionOf(offset),
        reason,
        length: end - start,
        mask: mask(this.#bytes, start, end),
      };
    }
  }

  #begin(partition: number, offset: number): void {
    this.#partition = partition;
    this.#stream = streamOf(this.#options.topic, partition, offset);
    this.#count = 0;
    this.#tooLong = [];
    this.#places.clear();
  }

  /** Copies the values of the batch together; answers the message after its last. */
  #extent(messages: readonly ReceivedMessage[], from: number): number {
    let bytes = 0;
    let to = from;
    for (; to < messages.length && bytes < BATCH_BYTES; to++) {
      const { offset, value } = messages[to]!;
      if (to > from && streamOf(this.#options.topic, this.#partition, offset) !== this.#stream)
        break;
      bytes += value.length;
    }
    if (this.#bytes.length < bytes) this.#bytes = Buffer.allocUnsafeSlow(bytes + (bytes >> 2));
    let at = 0;
    for (const { value } of messages.slice(from, to)) {
      this.#bytes.set(value, at);
      at += value.length;
    }
    return to;
  }

  #message(offset: number, start: number, end: number): void {
    const base = positionOf(offset);
    const place: Place = { offset, start, end, records: 0, rejected: 0, reason: '' };
    const text: Window = {
      bytes: this.#bytes.subarray(start, end),
      base: 0,
      used: end - start,
      emit: (from, to) => {
        if (place.records >= RECORDS_MAX) return;
        this.#record(start + from, start + to, base + place.records++);
      },
      drop: (_, length) => {
        if (place.records >= RECORDS_MAX) return;
        this.#tooLong.push({ position: base + place.records++, length });
      },
    };
    const { framing, recordBytesMax = RECORD_BYTES_MAX } = this.#options;
    cutWhole(framing, text, recordBytesMax);
    if (place.records > 0) this.#places.set(base / RECORDS_MAX, place);
  }

  #record(start: number, end: number, position: number): void {
    const at = this.#count++;
    if (at === this.#starts.length) this.#grow();
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#positions[at] = position;
  }

  #grow(): void {
    const size = 2 * this.#starts.length;
    const { starts, ends, positions } = {
      starts: this.#starts,
      ends: this.#ends,
      positions: this.#positions,
    };
    this.#starts = new Int32Array(size);
    this.#ends = new Int32Array(size);
    this.#positions = new Float64Array(size);
    this.#starts.set(starts);
    this.#ends.set(ends);
    this.#positions.set(positions);
  }
}

/** Reasons that say: these are not records of this format. */
const UNDECODABLE: readonly string[] = ['malformed', 'too-long'];
