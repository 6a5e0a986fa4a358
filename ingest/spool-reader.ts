/**
 * Events in the spool: how the intake writes them, and how detection reads them.
 *
 *   payload := length:u8 source event*         the events of one push; event: core/event-codec.ts
 *
 * Each source is a stream of its own, `SOURCE:spool`. The position of an event is that of its first byte in
 * the spool.
 */
import { type ApiEvent, createEvent } from '../core/event.ts';
import { createEventDecoder, encodeEvent } from '../core/event-codec.ts';
import type { StreamPosition } from '../core/source.ts';
import type { Applied, EventStream } from './reader.ts';
import type { Spool } from './spool.ts';
import { FRAME_HEADER_BYTES } from './spool-segments.ts';

const STREAM_END = ':spool';

export function spoolStream(source: string): string {
  return `${source}${STREAM_END}`;
}

/** Collects the events of one push into a payload. */
export class PayloadWriter {
  #buffer = new Uint8Array(4096);
  #end = 0;
  count = 0;

  constructor(source: string) {
    const name = ENCODER.encode(source).subarray(0, 255);
    this.#buffer[0] = name.length;
    this.#buffer.set(name, 1);
    this.#end = 1 + name.length;
  }

  add(event: ApiEvent): void {
    for (;;) {
      const end = encodeEvent(event, this.#buffer, this.#end);
      if (end >= 0) {
        this.#end = end;
        this.count++;
        return;
      }
      const grown = new Uint8Array(this.#buffer.length * 2);
      grown.set(this.#buffer.subarray(0, this.#end));
      this.#buffer = grown;
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#end;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }
}

export interface SpoolReaderOptions {
  readonly spool: Spool;
  /** Where reading stopped before: the streams that spoolStream has named count. */
  readonly saved?: readonly StreamPosition[] | undefined;
  openStream(source: string, stream: string): number;
  /** Told for every stream seen so far, because what one has applied of the spool all have. */
  onApplied(applied: Applied): void;
}

/** The highest saved position in the spool: for `openSpool`. */
export function highestPosition(saved: readonly StreamPosition[]): number {
  return Math.max(0, ...positionsOf(saved));
}

function positionsOf(saved: readonly StreamPosition[]): number[] {
  return saved.filter((s) => s.stream.endsWith(STREAM_END)).map((s) => s.position);
}

/**
 * Reads the spool for ever: `fill` waits for more and rejects when the signal is aborted. After a restart it
 * begins with the least of the saved positions; what is read again is dropped by its position.
 */
export class SpoolReader implements EventStream {
  event: ApiEvent = createEvent();
  /** Position in the spool before which everything has been applied: for `Spool.release`. */
  appliedTo: number;
  readonly #options: SpoolReaderOptions;
  readonly #decoder = createEventDecoder();
  readonly #indices = new Map<string, number>();
  /** Where to read next once the bytes at hand have been applied. */
  #position: number;
  #isAligned = false;
  #bytes: Buffer = Buffer.alloc(0);
  #base = 0;
  #offset = 0;
  #frameEnd = 0;
  #index = 0;

  constructor(options: SpoolReaderOptions) {
    this.#options = options;
    const saved = positionsOf(options.saved ?? []);
    const least = saved.length === 0 ? 0 : Math.min(...saved);
    this.#position = Math.max(options.spool.begin, least);
    this.appliedTo = this.#position;
  }

  async fill(signal: AbortSignal): Promise<boolean> {
    const { spool } = this.#options;
    this.#report();
    if (!this.#isAligned) this.#position = await spool.frameAt(this.#position);
    this.#isAligned = true;
    for (;;) {
      signal.throwIfAborted();
      const { bytes, position } = await spool.read(this.#position);
      if (bytes.length > 0) {
        this.#bytes = bytes;
        this.#base = position;
        this.#offset = 0;
        this.#frameEnd = 0;
        return true;
      }
      this.#position = position;
      await spool.grown(position, signal);
    }
  }

  next(): boolean {
    while (this.#offset >= this.#frameEnd) {
      if (this.#frameEnd >= this.#bytes.length) return false;
      this.#beginFrame(this.#frameEnd);
    }
    const { event } = this;
    event.stream = this.#index;
    event.position = this.#base + this.#offset;
    this.#offset = this.#decoder.decode(this.#bytes, this.#offset, event);
    return true;
  }

  exchange(spare: ApiEvent): ApiEvent {
    const { event } = this;
    this.event = spare;
    return event;
  }

  /** What was not asked for is not counted as applied: opened again by `fill`, it is read again. */
  async close(): Promise<void> {
    this.#bytes = Buffer.alloc(0);
    this.#frameEnd = 0;
    this.#offset = 0;
  }

  #beginFrame(at: number): void {
    this.#frameEnd = at + FRAME_HEADER_BYTES + this.#bytes.readUInt32LE(at);
    const name = at + FRAME_HEADER_BYTES + 1;
    this.#offset = name + this.#bytes[name - 1]!;
    const source = this.#bytes.toString('utf8', name, this.#offset);
    let index = this.#indices.get(source);
    if (index === undefined) {
      index = this.#options.openStream(source, spoolStream(source));
      this.#indices.set(source, index);
    }
    this.#index = index;
  }

  #report(): void {
    if (this.#bytes.length === 0) return;
    this.#position = this.#base + this.#bytes.length;
    this.#bytes = Buffer.alloc(0);
    this.#frameEnd = 0;
    this.#offset = 0;
    this.appliedTo = this.#position;
    for (const [source, index] of this.#indices) {
      const stream = spoolStream(source);
      this.#options.onApplied({ stream, index, position: this.#position, ended: false });
    }
  }
}

const ENCODER = new TextEncoder();
