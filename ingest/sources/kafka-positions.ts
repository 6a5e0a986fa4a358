/**
 * Where records of a topic stand in our streams.
 *
 *   stream   := kafka:TOPIC/PARTITION@EPOCH        EPOCH := floor(offset / 2^36)
 *   position := (offset mod 2^36) · 2^16 + index of the record in its message
 *
 * So positions are exact in a number, for ever, and only grow within a stream; a stream ends where its epoch does
 * (2^36 messages). What is saved is the begin of a message: where to go on once the one before was applied.
 */
import type { StreamPosition } from '../../core/source.ts';

const EPOCH_OFFSETS = 2 ** 36;
/** Records of one message that have a position of their own. */
export const RECORDS_MAX = 2 ** 16;

/** Position after the last message that a stream can have. */
export const STREAM_END = EPOCH_OFFSETS * RECORDS_MAX;

const STREAM = /^kafka:([a-zA-Z0-9._-]{1,249})\/(\d+)@(\d+)$/;

export function streamOf(topic: string, partition: number, offset: number): string {
  return `kafka:${topic}/${partition}@${Math.floor(offset / EPOCH_OFFSETS)}`;
}

export function positionOf(offset: number): number {
  return (offset % EPOCH_OFFSETS) * RECORDS_MAX;
}

/** Position after the last message before `offset`, in the stream which that message is in. */
export function positionBefore(offset: number): number {
  return offset > 0 && offset % EPOCH_OFFSETS === 0 ? STREAM_END : positionOf(offset);
}

export function partitionName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Next offsets by topic and partition. Kept while the source is opened again and again. */
export class NextOffsets {
  readonly #offsets = new Map<string, number>();

  constructor(saved: readonly StreamPosition[]) {
    for (const { stream, position } of saved) {
      const [, topic, partition, epoch] = STREAM.exec(stream) ?? [];
      if (topic === undefined || partition === undefined) continue;
      const offset = Number(epoch) * EPOCH_OFFSETS + Math.floor(position / RECORDS_MAX);
      const known = this.get(topic, Number(partition)) ?? 0;
      if (offset > known) this.set(topic, Number(partition), offset);
    }
  }

  /** Undefined where nothing has been read. */
  get(topic: string, partition: number): number | undefined {
    return this.#offsets.get(partitionName(topic, partition));
  }

  set(topic: string, partition: number, offset: number): void {
    this.#offsets.set(partitionName(topic, partition), offset);
  }

  /** A copy, by `partitionName`. */
  all(): ReadonlyMap<string, number> {
    return new Map(this.#offsets);
  }
}
