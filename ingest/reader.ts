/**
 * Source + format + enrichment → events, one at a time and without allocating for each.
 *
 *   while (await reader.fill(signal)) {
 *     while (reader.next()) engine.observe(reader.event);
 *   }
 */
import type { Clock } from '../core/clock.ts';
import { type ApiEvent, createEvent } from '../core/event.ts';
import { type Decoder, REJECTION, REJECTIONS, type Rejection } from '../core/format.ts';
import { createDraft, type RecordDraft } from '../core/record.ts';
import type { Damage, RecordBatch, Source } from '../core/source.ts';
import type { DeadLetter } from '../core/store.ts';
import type { Enricher, SourceTraits } from '../enrich/contract.ts';
import { type DeadLetters, mask } from './dead-letters.ts';
import { DecodeAhead } from './decode-ahead.ts';

/** What one stream has been read up to. Told when everything before `position` has been applied. */
export interface Applied {
  /** Name and index of the stream. */
  readonly stream: string;
  readonly index: number;
  readonly position: number;
  /** It has been read to its end. */
  readonly ended: boolean;
}

/** Events in the order in which they are to be applied. */
export interface EventStream {
  /** The event that `next` has found. Reused: copy what must outlive the next call, or exchange it. */
  readonly event: ApiEvent;
  /** Takes the event away, for good; the stream reuses this one in its place. */
  exchange(spare: ApiEvent): ApiEvent;
  /**
   * Loads more once `next` has answered false; answers false when there will be none. By calling it the
   * caller says that everything before has been applied.
   */
  fill(signal: AbortSignal): Promise<boolean>;
  /** Finds the next event; false when more must be loaded. */
  next(): boolean;
  close(): Promise<void>;
}

/** Counters of one source since the start. */
export interface ReaderCounters {
  records: number;
  /** Bytes of the medium, compressed where compressed. */
  bytes: number;
  /** By index of REJECTIONS; index 0 counts events. */
  readonly outcomes: Float64Array;
}

export function createCounters(): ReaderCounters {
  return { records: 0, bytes: 0, outcomes: new Float64Array(REJECTIONS.length) };
}

export function addCounters(from: ReaderCounters, to: ReaderCounters): void {
  to.records += from.records;
  to.bytes += from.bytes;
  for (let i = 0; i < to.outcomes.length; i++) to.outcomes[i]! += from.outcomes[i]!;
}

/** Only the reasons that occurred. */
export function rejectedByReason(counters: ReaderCounters): Partial<Record<Rejection, number>> {
  const rejected: Partial<Record<Rejection, number>> = {};
  REJECTIONS.forEach((reason, index) => {
    const count = counters.outcomes[index]!;
    if (index !== REJECTION.ok && count > 0) rejected[reason] = count;
  });
  return rejected;
}

export interface DecodingOptions {
  readonly traits: SourceTraits;
  readonly decoder: Decoder;
  readonly enricher: Enricher;
  readonly counters: ReaderCounters;
  /** Where unreadable records go, but for those without a key and those meant to be ignored. */
  readonly deadLetters: DeadLetters;
  /** For the time a dead letter was seen, and the bound on events from the future. */
  readonly clock: Clock;
  /** Live only: events further ahead of the clock than this are dead letters, ms. */
  readonly futureMs?: number | undefined;
}

export interface EventReaderOptions extends DecodingOptions {
  readonly source: Source;
  /** Records decoded before the first of them is enriched. Default 32; less where many readers are merged. */
  readonly ahead?: number | undefined;
  /** Announces a stream and answers its index (Engine.openStream). */
  openStream(stream: string): number;
  /** Everything before this position has been applied (Engine.advance, closeStream). */
  onApplied(applied: Applied): void;
  /** A stream ends because it cannot be read on; its torn record has been counted. */
  onDamage?(damage: Damage): void;
}

/** Record bytes → event, with counters and dead letters. Shared by the readers and the HTTP intake. */
export class RecordDecoder {
  readonly #options: DecodingOptions;
  readonly #draft: RecordDraft = createDraft();

  constructor(options: DecodingOptions) {
    this.#options = options;
  }

  /** Fills `event`; answers an index of REJECTIONS, having counted it. */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    event: ApiEvent,
    stream: string,
    position: number,
  ): number {
    const decoded = this.#options.decoder.decode(bytes, start, end, this.#draft);
    const outcome = this.resolve(decoded, this.#draft, event);
    if (outcome !== REJECTION.ok) this.bury(outcome, bytes, start, end, stream, position);
    return outcome;
  }

  /** The same for a record that is decoded already, with this outcome; it is for the caller to `bury`. */
  resolve(decoded: number, draft: RecordDraft, event: ApiEvent): number {
    const { enricher, traits, counters, futureMs, clock } = this.#options;
    let outcome = decoded;
    if (outcome === REJECTION.ok) outcome = enricher.resolve(draft, traits, event);
    if (outcome === REJECTION.ok && futureMs !== undefined && event.at > clock.now() + futureMs) {
      outcome = REJECTION.future;
    }
    counters.records++;
    counters.outcomes[outcome]!++;
    return outcome;
  }

  tooLong(stream: string, position: number, length: number): void {
    const { counters } = this.#options;
    counters.records++;
    counters.outcomes[REJECTION.tooLong]!++;
    this.#keep(REJECTION.tooLong, stream, position, length, '');
  }

  /** The record that the damage of a stream stands for; how many more it hides nobody knows. */
  torn(stream: string, { position, length }: Damage): void {
    const { counters } = this.#options;
    counters.records++;
    counters.outcomes[REJECTION.malformed]!++;
    this.#keep(REJECTION.malformed, stream, position, length, '');
  }

  /** Makes a dead letter of what was rejected, but for records without a key and those meant to be ignored. */
  bury(
    outcome: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    stream: string,
    position: number,
  ): void {
    if (outcome === REJECTION.noKey || outcome === REJECTION.ignored) return;
    const text = this.#options.deadLetters.hasRoom ? mask(bytes, start, end) : '';
    this.#keep(outcome, stream, position, end - start, text);
  }

  #keep(outcome: number, stream: string, position: number, length: number, text: string): void {
    const letter: DeadLetter = {
      source: this.#options.traits.name,
      stream,
      position,
      reason: REJECTIONS[outcome] ?? 'malformed',
      length,
      mask: text,
      seenAt: this.#options.clock.now(),
    };
    this.#options.deadLetters.add(letter);
  }
}

/**
 * True for the record at the end of a stream that no line break ends. If it cannot be read, it may be half of one that
 * is being written: whoever goes on from here reads it again, then whole.
 */
function isLastAndOpen(batch: RecordBatch, i: number): boolean {
  const { ended, count, positions, starts, ends, nextPosition } = batch;
  return ended && i === count - 1 && positions[i]! + ends[i]! - starts[i]! === nextPosition;
}

const UNANNOUNCED = -1;
/** Enough for misses to overlap; what was read ahead must still be there when it is needed. */
const AHEAD = 32;

export class EventReader implements EventStream {
  event: ApiEvent = createEvent();
  readonly #options: EventReaderOptions;
  readonly #records: RecordDecoder;
  #batch: RecordBatch | undefined;
  #next = 0;
  /** Where a last line that is not whole yet begins, if the batch ends with one. */
  #halfAt: number | undefined;
  readonly #ahead: DecodeAhead;
  /** Records of the batch that are decoded already. */
  #aheadFrom = 0;
  #aheadTo = 0;
  #stream = '';
  #index = UNANNOUNCED;

  constructor(options: EventReaderOptions) {
    this.#options = options;
    this.#records = new RecordDecoder(options);
    this.#ahead = new DecodeAhead(options.ahead ?? AHEAD);
  }

  /** Name of the stream that the event came from. */
  get stream(): string {
    return this.#stream;
  }

  /** Position to go on from once the batch at hand has been applied. */
  get nextPosition(): number {
    return this.#halfAt ?? this.#batch?.nextPosition ?? 0;
  }

  async fill(signal: AbortSignal): Promise<boolean> {
    this.#report();
    const batch = await this.#options.source.read(signal);
    if (batch === undefined) return false;
    if (batch.stream !== this.#stream) {
      this.#stream = batch.stream;
      this.#index = UNANNOUNCED;
    }
    this.#batch = batch;
    this.#halfAt = undefined;
    this.#next = 0;
    this.#aheadTo = 0;
    this.#options.counters.bytes += batch.mediumBytes;
    for (const { position, length } of batch.tooLong) {
      this.#records.tooLong(batch.stream, position, length);
    }
    if (batch.damage !== undefined) {
      this.#records.torn(batch.stream, batch.damage);
      this.#options.onDamage?.(batch.damage);
    }
    return true;
  }

  next(): boolean {
    if (!this.find()) return false;
    this.announce();
    return true;
  }

  exchange(spare: ApiEvent): ApiEvent {
    const { event } = this;
    this.event = spare;
    return event;
  }

  /** As `next`, but the event is not to be applied before `announce` has given it the stream's index. */
  find(): boolean {
    const batch = this.#batch;
    if (batch === undefined) return false;
    const { event } = this;
    while (this.#next < batch.count) {
      const ahead = this.#next < this.#aheadTo ? this.#ahead : this.#decodeAhead(batch);
      const i = this.#next++;
      const k = i - this.#aheadFrom;
      const outcome = this.#records.resolve(ahead.outcomes[k]!, ahead.drafts[k]!, event);
      const position = batch.positions[i]!;
      if (outcome !== REJECTION.ok) {
        const { bytes, starts, ends, stream } = batch;
        this.#records.bury(outcome, bytes, starts[i]!, ends[i]!, stream, position);
        if (outcome === REJECTION.malformed && isLastAndOpen(batch, i)) this.#halfAt = position;
        continue;
      }
      event.position = position;
      return true;
    }
    return false;
  }

  #decodeAhead(batch: RecordBatch): DecodeAhead {
    const { decoder, enricher, traits } = this.#options;
    const ahead = this.#ahead;
    ahead.fill(decoder, batch, this.#next);
    this.#aheadFrom = this.#next;
    this.#aheadTo = this.#next + ahead.count;
    if (ahead.count > 1) enricher.ahead(ahead.drafts, ahead.count, traits);
    return ahead;
  }

  /**
   * Announces the stream, once, and marks the event with its index. As late as its first event is applied,
   * because a stream that is announced and silent holds the watermark back.
   */
  announce(): void {
    if (this.#index === UNANNOUNCED) this.#index = this.#options.openStream(this.#stream);
    this.event.stream = this.#index;
  }

  /** Ends reading. What was not asked for is not counted as applied. */
  async close(): Promise<void> {
    this.#batch = undefined;
    await this.#options.source.close();
  }

  #report(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    const position = this.nextPosition;
    this.#batch = undefined;
    this.announce();
    this.#options.onApplied({
      stream: this.#stream,
      index: this.#index,
      position,
      ended: batch.ended,
    });
    // A file that was closed and grows again must be announced again.
    if (batch.ended) this.#stream = '';
  }
}
