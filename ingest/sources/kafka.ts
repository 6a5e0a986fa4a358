/**
 * Topics of raw gateway logs. The driver brings messages partition by partition and waits until they are applied,
 * so a slow engine stops fetching and nothing piles up here: at most one chunk for each partition.
 *
 * Positions are ours (kafka-positions.ts), saved with the state like those of any stream; the broker's committed
 * offset is for its figures on lag alone.
 *
 * Partitions are streams that all hold the watermark. So that none that is behind finds its events too late, all
 * that the group gives us are announced before the first record; and one with nothing left to read lets go of the
 * watermark until it speaks again, because producers leave partitions idle for as long as they like.
 */
import type {
  OwnedPartition,
  PartitionConsumer,
  PartitionLag,
  PartitionOwner,
  ReceivedMessage,
} from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import type { Framing } from '../../core/format.ts';
import type { RecordBatch, Source } from '../../core/source.ts';
import type { DeadLetter } from '../../core/store.ts';
import { MessageCutter, type PoisonMessage } from './kafka-batch.ts';
import { type NextOffsets, positionBefore, STREAM_END, streamOf } from './kafka-positions.ts';

export interface KafkaSourceOptions {
  readonly name: string;
  readonly topics: readonly string[];
  readonly framing: Framing;
  readonly recordBytesMax?: number | undefined;
  readonly offsets: NextOffsets;
  readonly clock: Clock;
  /** Becomes a member of the topic's group. */
  join(
    topic: string,
    owner: PartitionOwner,
    onRebalance: (partitions: readonly number[]) => void,
  ): PartitionConsumer;
  /** A message of which nothing could be decoded was passed over. */
  onPoison(message: PoisonMessage): void;
  /** A partition without news for so long, and without lag, lets go of the watermark. Default 5 s. */
  readonly idleMs?: number | undefined;
}

export interface TopicLag extends PartitionLag {
  readonly topic: string;
}

export interface KafkaSource extends Source {
  /** Never undefined: a topic has no end. */
  read(signal: AbortSignal): Promise<RecordBatch>;
  /** Undefined while all is well; else what is wrong, in words. */
  trouble(): string | undefined;
  lag(): readonly TopicLag[];
  /** Takes note of a dead letter of the batch at hand. */
  buried(letter: DeadLetter): void;
}

const IDLE_MS = 5000;
const LOOK_MS = 1000;

/** Something to hand on: messages, or nothing but that the partition is there. */
interface Chunk {
  readonly topic: Topic;
  readonly partition: number;
  readonly messages: readonly ReceivedMessage[];
  /** Messages handed on so far. */
  taken: number;
  readonly done: () => void;
}

interface Topic {
  readonly name: string;
  readonly cutter: MessageCutter;
  readonly consumer: PartitionConsumer;
  /** Wall clock of the last news of each partition that holds the watermark. */
  readonly holding: Map<number, number>;
  /** The stream of each partition that is open. */
  readonly streams: Map<number, string>;
}

const NO_RECORDS = Object.freeze({
  bytes: new Uint8Array(0),
  count: 0,
  starts: new Int32Array(0),
  ends: new Int32Array(0),
  positions: new Float64Array(0),
  mediumBytes: 0,
  tooLong: Object.freeze([]),
});

/** `read` never answers undefined; it rejects when a consumer can go on no more: open another source then. */
export function createKafkaSource(options: KafkaSourceOptions): KafkaSource {
  return new TopicSource(options);
}

class TopicSource implements KafkaSource {
  readonly name: string;
  readonly #options: KafkaSourceOptions;
  readonly #topics: readonly Topic[];
  readonly #queue: Chunk[] = [];
  /** The chunk that the last batch was of. */
  #current: Chunk | undefined;
  #failure: Error | undefined;
  #closed = false;
  #wake: () => void = () => {};

  constructor(options: KafkaSourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#topics = options.topics.map((name) => this.#join(name));
  }

  async read(signal: AbortSignal): Promise<RecordBatch> {
    this.#applied();
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const batch = this.#next() ?? this.#letGo();
      if (batch !== undefined) return batch;
      await this.#news(signal);
    }
  }

  trouble(): string | undefined {
    if (this.#failure !== undefined) return this.#failure.message;
    for (const { name, consumer } of this.#topics) {
      const trouble = consumer.trouble();
      if (trouble !== undefined) return `${name}: ${trouble}`;
    }
    return undefined;
  }

  lag(): readonly TopicLag[] {
    return this.#topics.flatMap(({ name, consumer }) =>
      consumer.lag().map((lag) => ({ ...lag, topic: name })),
    );
  }

  buried(letter: DeadLetter): void {
    this.#current?.topic.cutter.buried(letter);
  }

  /** What was handed on last is not counted as applied. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#current?.done();
    for (const { done } of this.#queue.splice(0)) done();
    await Promise.all(this.#topics.map(({ consumer }) => consumer.close()));
  }

  #join(name: string): Topic {
    const { name: source, framing, recordBytesMax, join } = this.#options;
    const topic: Topic = {
      name,
      cutter: new MessageCutter({ source, topic: name, framing, recordBytesMax }),
      holding: new Map(),
      streams: new Map(),
      consumer: join(name, { open: async (partition) => this.#own(topic, partition) }, (numbers) =>
        this.#assigned(topic, numbers),
      ),
    };
    void topic.consumer.failed.then((error) => {
      this.#failure ??= error;
      this.#wake();
    });
    return topic;
  }

  #own(topic: Topic, partition: number): OwnedPartition {
    const { offsets } = this.#options;
    return {
      nextOffset: offsets.get(topic.name, partition) ?? 'earliest',
      apply: (messages) => this.#push(topic, partition, messages),
      savedOffset: () => offsets.get(topic.name, partition) ?? -1,
      close: async () => {},
    };
  }

  /** Before anything of them is fetched: see above. Those that went are for their new owner to wait for. */
  #assigned(topic: Topic, partitions: readonly number[]): void {
    for (const partition of partitions) {
      if (topic.holding.has(partition)) continue;
      topic.holding.set(partition, this.#options.clock.now());
      void this.#push(topic, partition, []);
    }
    for (const partition of topic.holding.keys()) {
      if (!partitions.includes(partition)) topic.holding.set(partition, Number.NEGATIVE_INFINITY);
    }
  }

  #push(topic: Topic, partition: number, messages: readonly ReceivedMessage[]): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ topic, partition, messages, taken: 0, done: resolve });
    this.#wake();
    return promise;
  }

  /** The batch before is applied. */
  #applied(): void {
    const chunk = this.#current;
    if (chunk === undefined) return;
    this.#current = undefined;
    const { topic, partition, messages, taken } = chunk;
    if (taken > 0) {
      this.#options.offsets.set(topic.name, partition, messages[taken - 1]!.offset + 1);
      for (const poison of topic.cutter.poison()) this.#options.onPoison(poison);
    }
    if (taken < messages.length) this.#queue.unshift(chunk);
    else chunk.done();
  }

  #next(): RecordBatch | undefined {
    const chunk = this.#queue.shift();
    if (chunk === undefined) return undefined;
    const { topic, partition, messages, taken } = chunk;
    topic.holding.set(partition, this.#options.clock.now());
    const first = messages[taken]?.offset;
    const stream = first === undefined ? undefined : streamOf(topic.name, partition, first);
    const open = topic.streams.get(partition);
    if (open !== undefined && stream !== undefined && open !== stream) {
      this.#queue.unshift(chunk);
      topic.streams.delete(partition);
      return { ...NO_RECORDS, stream: open, nextPosition: STREAM_END, ended: true };
    }
    this.#current = chunk;
    if (stream === undefined) return this.#withoutRecords(topic, partition, false);
    topic.streams.set(partition, stream);
    const batch = topic.cutter.cut(partition, messages, taken);
    chunk.taken = batch.taken;
    return batch;
  }

  /** One partition that has nothing more to say for now. */
  #letGo(): RecordBatch | undefined {
    const { clock, idleMs = IDLE_MS } = this.#options;
    const before = clock.now() - idleMs;
    for (const topic of this.#topics) {
      const behind = topic.consumer.lag().filter(({ position, end }) => position < end);
      for (const [partition, heardAt] of topic.holding) {
        if (heardAt > before || behind.some((lag) => lag.partition === partition)) continue;
        topic.holding.delete(partition);
        return this.#withoutRecords(topic, partition, true);
      }
    }
    return undefined;
  }

  #withoutRecords(topic: Topic, partition: number, ended: boolean): RecordBatch {
    const offset = this.#options.offsets.get(topic.name, partition) ?? 0;
    const stream = streamOf(topic.name, partition, Math.max(0, offset - 1));
    if (ended) topic.streams.delete(partition);
    else topic.streams.set(partition, stream);
    return { ...NO_RECORDS, stream, nextPosition: positionBefore(offset), ended };
  }

  /** Until there is something to look at, and for a second at most. */
  async #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, LOOK_MS);
    signal.addEventListener('abort', resolve as () => void, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', resolve as () => void);
    }
  }
}
