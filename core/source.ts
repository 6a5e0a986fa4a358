/**
 * Contract of a source of records. A source reads bytes and cuts them into records; it knows nothing of keys.
 *
 * Names: a *source* is what the configuration names (`access-log`, `kong-push`). A *stream* is one ordered
 * sequence of bytes of it: one incarnation of a file, stdin, the intake spool. A *position* is the byte
 * offset of a record in its stream (after decompression); it only grows within a stream.
 */

import type { KeyhoundError } from './errors.ts';

/** Why a stream ends where its medium does not: compressed data that is damaged, or ends too early. */
export interface Damage {
  /** Begin of the record that is torn; everything before it has been handed on. */
  readonly position: number;
  /** Bytes of that record that could be read. */
  readonly length: number;
  /** Names the file. */
  readonly error: KeyhoundError;
}

/** Records of one stream, in order. Valid until the next `read` of the same source. */
export interface RecordBatch {
  /** Stable name of the stream: equal after a restart, different after a rotation. */
  readonly stream: string;
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Record i is bytes[starts[i], ends[i]), its position in the stream positions[i]. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly positions: Float64Array;
  /** Position to go on from once every record of the batch has been applied. */
  readonly nextPosition: number;
  /** Bytes read from the medium for this batch (compressed size where compressed), for progress. */
  readonly mediumBytes: number;
  /** Records dropped while cutting because they exceeded the size limit: where, and how long. */
  readonly tooLong: readonly { readonly position: number; readonly length: number }[];
  /** The stream has been read to its end and will not grow (while following: its file is gone for good). */
  readonly ended: boolean;
  /** Where the stream cannot be read on. The rest of a repaired file begins there. */
  readonly damage?: Damage | undefined;
}

/** Where to go on in a stream, as saved with the state. */
export interface StreamPosition {
  readonly stream: string;
  readonly source: string;
  readonly position: number;
  /** Read to its end: it is not read again, and no longer holds the watermark back. */
  readonly finished: boolean;
}

export interface Source {
  readonly name: string;
  /**
   * The next batch; undefined when the source is exhausted (never while following). Called again only after
   * the batch before has been applied. Rejects with a KeyhoundError of kind `operating` when the medium fails;
   * the caller supervises, a source does not retry.
   */
  read(signal: AbortSignal): Promise<RecordBatch | undefined>;
  close(): Promise<void>;
}

/** Live: records came lately. Silent: none for longer than usual; says nothing about the keys behind it. */
export type SourceState = 'starting' | 'live' | 'silent' | 'ended' | 'failed';
