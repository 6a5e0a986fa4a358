/**
 * Cuts a byte stream into records, without copying them and without allocating per record.
 *
 * The owner writes bytes into `room()`, says how many with `filled()`, and asks for the records with `cut()`.
 * Records and positions are a function of the bytes alone, never of how they were cut into chunks.
 * A record over `recordBytesMax` is dropped while it is read and told in `tooLong`, so memory is bounded by
 * one chunk and one record.
 */
import type { KeyhoundError } from '../core/errors.ts';
import type { Framing } from '../core/format.ts';
import type { Damage, RecordBatch } from '../core/source.ts';
import { bomLength, HEAD_BYTES, isEventsKey, isRecordsKey, jsonShape } from './json-head.ts';
import { ValueCutter } from './json-values.ts';
import { LineCutter } from './lines.ts';
import { PieceCutter } from './pieces.ts';

export const RECORD_BYTES_MAX = 1 << 20;
export const CHUNK_BYTES = 1 << 20;

/** What a cutter sees of the framer. Positions are offsets in the stream, not in the buffer. */
export interface Window {
  /** The bytes held; bytes[0] stands at position `base`. */
  readonly bytes: Buffer;
  readonly base: number;
  /** Bytes of `bytes` that are filled. */
  readonly used: number;
  emit(start: number, end: number): void;
  drop(position: number, length: number): void;
}

export interface Cutter {
  /** Cuts all records that are whole; with `ended` the rest as well. */
  cut(window: Window, ended: boolean): void;
  /** First position still needed in the buffer. */
  readonly keepFrom: number;
  /** Where to go on after everything that was emitted. */
  readonly nextPosition: number;
}

export interface CutterOptions {
  /** Position of the first byte to be cut. */
  readonly position: number;
  readonly recordBytesMax: number;
  /** Nothing of the stream comes before `position`. */
  readonly begins: boolean;
}

export interface FramerOptions {
  /** Largest record, bytes. Default 1 MiB. */
  readonly recordBytesMax?: number | undefined;
  /** Position of the first byte that will be written. Default 0. */
  readonly position?: number | undefined;
  /** json at a position above 0: the first bytes of the stream, at most HEAD_BYTES. */
  readonly head?: Uint8Array | undefined;
}

export class Framer implements Window {
  bytes: Buffer = EMPTY;
  base: number;
  used = 0;
  count = 0;
  starts = new Int32Array(0);
  ends = new Int32Array(0);
  positions = new Float64Array(0);
  tooLong: { position: number; length: number }[] = [];
  readonly #framing: Framing;
  readonly #recordBytesMax: number;
  #cutter: Cutter | undefined;

  constructor(framing: Framing, options: FramerOptions = {}) {
    this.#framing = framing;
    this.#recordBytesMax = options.recordBytesMax ?? RECORD_BYTES_MAX;
    this.base = options.position ?? 0;
    if (this.base === 0) return;
    const head = options.head ?? EMPTY;
    const begins = this.base === bomLength(head);
    this.#begin(shapeOf(framing, head, true) ?? 'lines', this.base, begins);
  }

  /** Where to go on once every record cut so far has been applied. */
  get nextPosition(): number {
    return this.#cutter?.nextPosition ?? this.base;
  }

  /** Position of the next byte to be written. */
  get filledTo(): number {
    return this.base + this.used;
  }

  /** Space for the next bytes, exactly `bytes` long. Ends the validity of the records cut before. */
  room(bytes: number): Buffer {
    this.#forget();
    if (this.bytes.length < this.used + bytes) {
      // Slack for the partial record that the next chunk begins with, so that this happens once.
      const grown = Buffer.allocUnsafeSlow(this.used + bytes + (bytes >> 4) + 1024);
      this.bytes.copy(grown, 0, 0, this.used);
      this.bytes = grown;
    }
    return this.bytes.subarray(this.used, this.used + bytes);
  }

  /** Says how many bytes were written into the last `room`. */
  filled(bytes: number): void {
    this.used += bytes;
  }

  /** Copies a chunk that lies elsewhere. */
  push(chunk: Uint8Array): void {
    this.room(chunk.length).set(chunk);
    this.filled(chunk.length);
  }

  /** Gives the buffers back while nothing is held in them, e.g. of a file that does not grow. */
  release(): void {
    this.#forget();
    if (this.used === 0) this.bytes = EMPTY;
  }

  /** Cuts the whole records out of what has been written; with `ended` a last partial one as well. */
  cut(ended: boolean): void {
    this.#clear();
    if (this.#cutter === undefined) {
      const held = this.bytes.subarray(0, this.used);
      const undecided = this.used === 0 || (this.used < 3 && held[0] === 0xef);
      const shape = undecided && !ended ? undefined : shapeOf(this.#framing, held, ended);
      if (shape === undefined) return;
      this.#begin(shape, bomLength(held), true);
    }
    this.#cutter?.cut(this, ended);
  }

  /** The record that would have come next, had the data not been broken in it. */
  torn(error: KeyhoundError): Damage {
    const position = this.nextPosition;
    return { position, length: Math.max(0, this.filledTo - position), error };
  }

  /** The records cut by the last `cut` as a batch that shares the buffers of this framer. */
  batch(stream: string, mediumBytes: number, ended: boolean): RecordBatch {
    return {
      stream,
      bytes: this.bytes,
      count: this.count,
      starts: this.starts,
      ends: this.ends,
      positions: this.positions,
      nextPosition: this.nextPosition,
      mediumBytes,
      tooLong: this.tooLong,
      ended,
    };
  }

  emit(start: number, end: number): void {
    if (this.count === this.starts.length) this.#grow();
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.positions[this.count] = this.base + start;
    this.count++;
  }

  drop(position: number, length: number): void {
    this.tooLong.push({ position, length });
  }

  #begin(shape: Shape, position: number, begins: boolean): void {
    const options = { position, recordBytesMax: this.#recordBytesMax, begins };
    this.#cutter = createCutter(this.#framing, shape, options);
  }

  /** Drops the records of the last cut and moves what is still needed to the front. */
  #forget(): void {
    this.#clear();
    if (this.#cutter === undefined) return;
    const from = Math.min(this.used, this.#cutter.keepFrom - this.base);
    if (from <= 0) return;
    this.bytes.copyWithin(0, from, this.used);
    this.used -= from;
    this.base += from;
  }

  #clear(): void {
    this.count = 0;
    if (this.tooLong.length > 0) this.tooLong = [];
  }

  #grow(): void {
    const size = Math.max(256, this.starts.length * 2);
    const { starts, ends, positions } = this;
    this.starts = new Int32Array(size);
    this.ends = new Int32Array(size);
    this.positions = new Float64Array(size);
    this.starts.set(starts);
    this.ends.set(ends);
    this.positions.set(positions);
  }
}

/**
 * Cuts a whole text that lies in memory, e.g. a message: `text.bytes` from 0 to `used`, which no other text goes on
 * with. `base` must be 0.
 */
export function cutWhole(framing: Framing, text: Window, recordBytesMax: number): void {
  const held = text.bytes.subarray(0, text.used);
  const options = { position: bomLength(held), recordBytesMax, begins: true };
  createCutter(framing, shapeOf(framing, held, true) ?? 'lines', options).cut(text, true);
}

type Shape = 'lines' | 'values';

function shapeOf(framing: Framing, head: Uint8Array, complete: boolean): Shape | undefined {
  if (!dependsOnHead(framing)) return 'lines';
  const isWrapper = framing === 'events' ? isEventsKey : isRecordsKey;
  return jsonShape(head.subarray(0, HEAD_BYTES), complete, isWrapper);
}

/** True where a stream cannot be read on at a position without its beginning. */
export function dependsOnHead(framing: Framing): boolean {
  return framing === 'json' || framing === 'events';
}

function createCutter(framing: Framing, shape: Shape, options: CutterOptions): Cutter {
  if (framing === 'cri' || framing === 'docker') return new PieceCutter(options, framing);
  if (shape === 'lines') return new LineCutter(options);
  return new ValueCutter(options, framing === 'events' ? isEventsKey : isRecordsKey);
}

const EMPTY = Buffer.alloc(0);
