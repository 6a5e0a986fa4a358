/** Pushed records → events in the spool: bodies that the HTTP listener has received, messages of syslog. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { createEvent } from '../core/event.ts';
import {
  type Decoder,
  type FormatOptions,
  REJECTION,
  REJECTIONS,
  type Rejection,
} from '../core/format.ts';
import type { Enricher, SourceTraits } from '../enrich/contract.ts';
import { createDeadLetters, type DeadLetters } from './dead-letters.ts';
import { Framer } from './framing.ts';
import { BodyError } from './intake-body.ts';
import { addCounters, createCounters, type ReaderCounters, RecordDecoder } from './reader.ts';
import type { Spool } from './spool.ts';
import { PayloadWriter, spoolStream } from './spool-reader.ts';

/** One source and one format that it may push. */
export interface IntakeSource {
  /** Undefined: no token is asked for. */
  readonly token: string | undefined;
  readonly traits: SourceTraits;
  readonly formatOptions: FormatOptions;
  readonly counters: ReaderCounters;
}

export interface IntakeOptions {
  readonly spool: Spool;
  readonly enricher: Enricher;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  /** Events further ahead of the clock than this are dead letters, ms. */
  readonly futureMs: number;
  readonly recordBytesMax: number;
}

export interface IntakeResult {
  accepted: number;
  readonly rejected: Partial<Record<Rejection, number>>;
}

/** Records that were cut before: record i is bytes[starts[i], ends[i]). Not changed until they are taken. */
export interface CutRecords {
  readonly bytes: Uint8Array;
  readonly starts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
}

/** Records decoded before others get a turn on the event loop: about 5 ms. */
const RECORDS_PER_TURN = 1000;
/** A frame of the spool is not made larger than this, because a frame is read as one. */
const FRAME_BYTES_MAX = 4 << 20;
/**
 * The events of one push are kept together up to this size, so that a full spool takes all of them or none, and
 * nothing twice when the sender comes again. Half of what the spool holds in memory.
 */
const TOGETHER_BYTES_MAX = 16 << 20;
/** A body is cut into records piece by piece: an index of all records of a large one may be larger than it. */
const CUT_BYTES = 256 << 10;

export class Intake {
  readonly source: IntakeSource;
  readonly #options: IntakeOptions;
  readonly #decoder: Decoder;
  readonly #event = createEvent();
  #turn = 0;

  constructor(source: IntakeSource, options: IntakeOptions) {
    this.source = source;
    this.#options = options;
    this.#decoder = source.traits.format.createDecoder(source.formatOptions);
  }

  /**
   * Cuts, decodes and keeps what the parts hold. Resolves when all good events are safe on disk; rejects with
   * `spool-full` or `spool-failed`, and then the sender is to send all of it again; or with a BodyError 413, which
   * no repetition helps. Only what was kept is counted: else a push that comes again would count twice.
   */
  take(parts: readonly Uint8Array[]): Promise<IntakeResult> {
    return this.#keep(async (push) => {
      let base = 0;
      for (const part of parts) {
        await this.#takePart(part, base, push);
        base += part.length;
      }
      return base;
    });
  }

  /** The same for records [from, to) that were cut before. */
  takeCut(records: CutRecords, from: number, to: number): Promise<IntakeResult> {
    return this.#keep(async (push) => {
      let taken = 0;
      for (let i = from; i < to; i++) {
        const [start, end] = [records.starts[i]!, records.ends[i]!];
        if (++this.#turn % RECORDS_PER_TURN === 0) await setImmediate();
        this.#decode(records.bytes, start, end, taken, push);
        if (push.kept.payload.size >= FRAME_BYTES_MAX) await push.kept.next();
        taken += end - start;
      }
      return taken;
    });
  }

  /** Counts a record that was not even received, because it is longer than any may be. */
  dropped(bytes: number): void {
    const { traits, counters } = this.source;
    const decoder = this.#decoder;
    new RecordDecoder({ ...this.#options, traits, counters, decoder }).tooLong(
      this.#stream,
      0,
      bytes,
    );
  }

  /** Keeps what `work` finds; it answers how many bytes that were. */
  async #keep(work: (push: Push) => Promise<number>): Promise<IntakeResult> {
    const { traits, counters } = this.source;
    const { deadLetters } = this.#options;
    const result: IntakeResult = { accepted: 0, rejected: {} };
    const own = { counters: createCounters(), deadLetters: createDeadLetters() };
    const decoder = this.#decoder;
    const records = new RecordDecoder({ ...this.#options, ...own, traits, decoder });
    const kept = new Kept(this.source.traits.name, this.#options.spool);
    own.counters.bytes = await work({ records, kept, result });
    await kept.flush();
    addCounters(own.counters, counters);
    for (const letter of own.deadLetters.drain()) deadLetters.add(letter);
    return result;
  }

  async #takePart(part: Uint8Array, base: number, push: Push): Promise<void> {
    const { records, kept, result } = push;
    const { traits } = this.source;
    const { recordBytesMax } = this.#options;
    const framer = new Framer(traits.format.framing, { recordBytesMax });
    for (let at = 0, ended = false; !ended; at += CUT_BYTES) {
      ended = at + CUT_BYTES >= part.length;
      framer.push(part.subarray(at, at + CUT_BYTES));
      framer.cut(ended);
      for (const { position, length } of framer.tooLong) {
        records.tooLong(this.#stream, base + position, length);
        count(result, REJECTION.tooLong);
      }
      for (let i = 0; i < framer.count; i++) {
        if (++this.#turn % RECORDS_PER_TURN === 0) await setImmediate();
        const position = base + framer.positions[i]!;
        this.#decode(framer.bytes, framer.starts[i]!, framer.ends[i]!, position, push);
        if (kept.payload.size >= FRAME_BYTES_MAX) await kept.next();
      }
    }
  }

  /** One record, without waiting in between: the decoder's buffers are shared by all pushes. */
  #decode(bytes: Uint8Array, start: number, end: number, position: number, push: Push): void {
    const { records, kept, result } = push;
    const event = this.#event;
    const outcome = records.decode(bytes, start, end, event, this.#stream, position);
    if (outcome === REJECTION.ok) {
      kept.payload.add(event);
      result.accepted++;
    } else count(result, outcome);
  }

  get #stream(): string {
    return spoolStream(this.source.traits.name);
  }
}

/** What one push has come to so far. */
interface Push {
  readonly records: RecordDecoder;
  readonly kept: Kept;
  readonly result: IntakeResult;
}

/** The events of one push on their way into the spool. */
class Kept {
  payload: PayloadWriter;
  readonly #source: string;
  readonly #spool: Spool;
  #full: Uint8Array[] = [];
  #bytes = 0;

  constructor(source: string, spool: Spool) {
    this.#source = source;
    this.#spool = spool;
    this.payload = new PayloadWriter(source);
  }

  /** Begins another frame. */
  async next(): Promise<void> {
    this.#close();
    this.payload = new PayloadWriter(this.#source);
    if (this.#full.length * FRAME_BYTES_MAX >= TOGETHER_BYTES_MAX) await this.#append();
  }

  async flush(): Promise<void> {
    this.#close();
    await this.#append();
  }

  #close(): void {
    if (this.payload.count > 0) this.#full.push(this.payload.bytes());
    this.#bytes += this.payload.size;
    if (this.#bytes <= this.#spool.bytesMax) return;
    throw new BodyError(413, 'the push is larger than intake.spoolBytesMax: send it in parts');
  }

  async #append(): Promise<void> {
    const payloads = this.#full;
    this.#full = [];
    if (payloads.length > 0) await this.#spool.append(...payloads);
  }
}

function count(result: IntakeResult, outcome: number): void {
  const reason = REJECTIONS[outcome] ?? 'malformed';
  result.rejected[reason] = (result.rejected[reason] ?? 0) + 1;
}
