/**
 * Follows one topic of one partition, by itself: every follower sees everything, and nothing is committed. kafkajs
 * reads as a member of a group only, so each follower makes a group of its own with a random name, which the broker
 * forgets when it leaves.
 *
 * It is the consumer of groups with an owner that claims nothing: bounded buffer and watchdog are the same. What was
 * deleted before it was read is passed over, and shows as a hole in the offsets; an offset that is yet to come is
 * refused, because then the topic is another.
 */
import { randomUUID } from 'node:crypto';
import type { LogFollower, OwnedPartition, ReceivedMessage } from '../../core/broker.ts';
import type { KafkaConfig } from '../../core/config.ts';
import type { KafkaLogger } from './connection.ts';
import { consumePartitions, type KafkaPartitionConsumer } from './consumer.ts';

export interface FollowerOptions {
  readonly topic: string;
  /** Offset of the first message to deliver. */
  readonly from: number | 'earliest';
  /** Not called again before it has settled, at most 500 messages. A rejection ends the follower. */
  readonly apply: (messages: readonly ReceivedMessage[]) => Promise<void> | void;
  readonly logger?: KafkaLogger;
  /** So many messages were deleted before they were read. */
  readonly onDeleted?: (messages: number) => void;
  /** Part of the client id. */
  readonly role?: string;
}

export function followLog(config: KafkaConfig, options: FollowerOptions): LogFollower {
  return new KafkaFollower(config, options);
}

class KafkaFollower implements LogFollower {
  readonly caughtUp: Promise<void>;
  readonly #consumer: KafkaPartitionConsumer;
  #next: number | 'earliest';
  /** Raised by `seek`: what was delivered before it does not move us any more. */
  #era = 0;
  /** Where to go as soon as the topic is open. */
  #seeking: number | undefined;
  /** Of the log, when it was first opened. */
  #end: number | undefined;

  constructor(config: KafkaConfig, options: FollowerOptions) {
    this.#next = options.from;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.caughtUp = promise;
    this.#consumer = consumePartitions(config, {
      topic: options.topic,
      groupId: `${config.prefix}.follower.${randomUUID()}`,
      role: options.role ?? 'follower',
      ...(options.logger && { logger: options.logger }),
      onDeleted: (_, messages) => options.onDeleted?.(messages),
      owner: { open: async () => this.#owned(options) },
      onProgress: ({ position, end }, nothingLeft) => {
        if (this.#seeking !== undefined && this.#moveTo(this.#seeking)) return;
        this.#end ??= end;
        if (position >= this.#end || nothingLeft) resolve();
      },
    });
  }

  get failed(): Promise<Error> {
    return this.#consumer.failed;
  }

  trouble(): string | undefined {
    return this.#consumer.trouble();
  }

  seek(offset: number): void {
    this.#era += 1;
    this.#next = offset;
    this.#moveTo(offset);
  }

  #moveTo(offset: number): boolean {
    const moved = this.#consumer.moveTo(0, offset);
    this.#seeking = moved ? undefined : offset;
    return moved;
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  #owned(options: FollowerOptions): OwnedPartition {
    return {
      nextOffset: this.#next,
      apply: async (messages) => {
        const era = this.#era;
        await options.apply(messages);
        if (era === this.#era) this.#next = messages.at(-1)!.offset + 1;
      },
      savedOffset: () => NOT_SAVED,
      close: async () => {},
    };
  }
}

/** Nothing is committed for a negative offset. */
const NOT_SAVED = -1;
