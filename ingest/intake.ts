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
/** A frame of the spool is not made larger than this, so that one push never fills its buffer. */
const FRAME_BYTES_MAX = 4 << 20;

export class Intake {
  readonly source: IntakeSource;
  readonly #options: IntakeOptions;
  readonly #records: RecordDecoder;
  readonly #event = createEvent();

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
    let payload = new PayloadWriter(this.source.traits.name);
    let turn = 0;
    let base = 0;
    for (const part of parts) {
      const framer = this.#cut(part, base, result);
      base += part.length;
      for (let i = 0; i < framer.count; i++) {
        if (++turn % RECORDS_PER_TURN === 0) await setImmediate();
        this.#decode(framer, i, base - part.length, payload, result);
        if (payload.size < FRAME_BYTES_MAX) continue;
        await this.#keep(payload);
        payload = new PayloadWriter(this.source.traits.name);
      }
    }
    await this.#keep(payload);
    return result;
  }

  #cut(part: Uint8Array, base: number, result: IntakeResult): Framer {
    const { traits, counters } = this.source;
    const { recordBytesMax } = this.#options;
    const framer = new Framer(traits.format.framing, { recordBytesMax });
    framer.push(part);
    framer.cut(true);
    counters.bytes += part.length;
    for (const { position, length } of framer.tooLong) {
      this.#records.tooLong(this.#stream, base + position, length);
      count(result, REJECTION.tooLong);
    }
    return framer;
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

  async #keep(payload: PayloadWriter): Promise<void> {
    if (payload.count > 0) await this.#options.spool.append(payload.bytes());
  }
}

function count(result: IntakeResult, outcome: number): void {
  const reason = REJECTIONS[outcome] ?? 'malformed';
  result.rejected[reason] = (result.rejected[reason] ?? 0) + 1;
}
