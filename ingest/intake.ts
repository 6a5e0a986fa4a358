/** Pushed records → events in the spool. What the HTTP listener does with a body once it has it. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { createEvent } from '../core/event.ts';
import { type FormatOptions, REJECTION, REJECTIONS, type Rejection } from '../core/format.ts';
import type { Enricher, SourceTraits } from '../enrich/contract.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Framer } from './framing.ts';
import { type ReaderCounters, RecordDecoder } from './reader.ts';
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
  readonly #records: RecordDecoder;
  readonly #event = createEvent();
  #turn = 0;

  constructor(source: IntakeSource, options: IntakeOptions) {
    this.source = source;
    this.#options = options;
    const { traits, counters, formatOptions } = source;
    const decoder = traits.format.createDecoder(formatOptions);
    this.#records = new RecordDecoder({ ...options, traits, counters, decoder });
  }

  /**
   * Cuts, decodes and keeps what the parts hold. Resolves when all good events are safe on disk; rejects with
   * `spool-full` or `spool-failed`, and then the sender is to send all of it again.
   */
  async take(parts: readonly Uint8Array[]): Promise<IntakeResult> {
    const result: IntakeResult = { accepted: 0, rejected: {} };
    const kept = new Kept(this.source.traits.name, this.#options.spool);
    let base = 0;
    for (const part of parts) {
      await this.#takePart(part, base, kept, result);
      base += part.length;
    }
    await kept.flush();
    return result;
  }

  async #takePart(part: Uint8Array, base: number, kept: Kept, result: IntakeResult): Promise<void> {
    const { traits, counters } = this.source;
    const { recordBytesMax } = this.#options;
    const framer = new Framer(traits.format.framing, { recordBytesMax });
    counters.bytes += part.length;
    for (let at = 0, ended = false; !ended; at += CUT_BYTES) {
      ended = at + CUT_BYTES >= part.length;
      framer.push(part.subarray(at, at + CUT_BYTES));
      framer.cut(ended);
      for (const { position, length } of framer.tooLong) {
        this.#records.tooLong(this.#stream, base + position, length);
        count(result, REJECTION.tooLong);
      }
      for (let i = 0; i < framer.count; i++) {
        if (++this.#turn % RECORDS_PER_TURN === 0) await setImmediate();
        this.#decode(framer, i, base, kept.payload, result);
        if (kept.payload.size >= FRAME_BYTES_MAX) await kept.next();
      }
    }
  }

  /** One record, without waiting in between: the decoder's buffers are shared by all pushes. */
  #decode(
    framer: Framer,
    i: number,
    base: number,
    payload: PayloadWriter,
    result: IntakeResult,
  ): void {
    const { bytes, starts, ends, positions } = framer;
    const position = base + positions[i]!;
    const event = this.#event;
    const [start, end] = [starts[i]!, ends[i]!];
    const outcome = this.#records.decode(bytes, start, end, event, this.#stream, position);
    if (outcome === REJECTION.ok) {
      payload.add(event);
      result.accepted++;
    } else count(result, outcome);
  }

  get #stream(): string {
    return spoolStream(this.source.traits.name);
  }
}

/** The events of one push on their way into the spool. */
class Kept {
  payload: PayloadWriter;
  readonly #source: string;
  readonly #spool: Spool;
  #full: Uint8Array[] = [];

  constructor(source: string, spool: Spool) {
    this.#source = source;
    this.#spool = spool;
    this.payload = new PayloadWriter(source);
  }

  /** Begins another frame. */
  async next(): Promise<void> {
    if (this.payload.count > 0) this.#full.push(this.payload.bytes());
    this.payload = new PayloadWriter(this.#source);
    if (this.#full.length * FRAME_BYTES_MAX >= TOGETHER_BYTES_MAX) await this.#append();
  }

  async flush(): Promise<void> {
    if (this.payload.count > 0) this.#full.push(this.payload.bytes());
    await this.#append();
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
