/**
 * One consumer of kafkajs, from its connection to its end, and used once: what comes after a crash is a new one.
 * kafkajs can start a crashed consumer again by itself; then it decides alone which errors are worth it, and a
 * consumer that stops half-way cannot be told from one that waits.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type {
  Consumer,
  ConsumerGroupJoinEvent,
  ConsumerStartBatchProcessEvent,
  EachBatchPayload,
  Kafka,
  PartitionAssigner,
} from 'kafkajs';
import type { KafkaConfig } from '../../core/config.ts';
import { RETRY } from './connection.ts';

export interface MembershipHandlers {
  joined(event: ConsumerGroupJoinEvent['payload']): void;
  batch(payload: EachBatchPayload): void;
  /** Before each batch, also one without messages for readers. */
  batchBegins(event: ConsumerStartBatchProcessEvent['payload']): void;
  fetchBegins(nodeId: number): void;
  fetched(nodeId: number): void;
  heartbeat(generation: number): void;
  /** Any other sign of life. */
  heard(): void;
}

export interface MembershipOptions {
  readonly config: KafkaConfig;
  readonly client: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly assigner: PartitionAssigner;
  readonly handlers: MembershipHandlers;
}

const FETCH_BYTES_MAX = 8 << 20;
const FETCH_PARTITION_BYTES_MAX = 1 << 20;
const FETCH_WAIT_MS = 500;
/** From kafkajs's stop to its reason. */
const REASON_MS = 3000;
/** For leaving the group. */
const END_MS = 5000;

/** How long a group waits for its members to join again. */
export function rebalanceMs({ sessionMs }: KafkaConfig): number {
  return Math.max(6000, 2 * sessionMs);
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #consumer: Consumer;
  readonly #ended = Promise.withResolvers<Error | undefined>();
  #over = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#consumer = options.client.consumer(consumerConfig(options));
    this.#listen(options.handlers);
  }

  /** Settles when it is over: with what ended it, or with nothing after `end`. */
  life(): Promise<Error | undefined> {
    this.#begin().catch((error) => this.#settle(error as Error));
    return this.#ended.promise;
  }

  async #begin(): Promise<void> {
    const { topic, handlers } = this.#options;
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic, fromBeginning: true });
    if (this.#over) return;
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => {
        if (!this.#over) handlers.batch(payload);
      },
    });
  }

  seek(partition: number, offset: number): void {
    const { topic } = this.#options;
    this.#order(() => this.#consumer.seek({ topic, partition, offset: String(offset) }));
  }

  /** Partitions, or the whole topic with all that is still to be assigned. */
  pause(partitions?: readonly number[]): void {
    const { topic } = this.#options;
    const list = partitions === undefined ? { topic } : { topic, partitions: [...partitions] };
    this.#order(() => this.#consumer.pause([list]));
  }

  resume(partitions: readonly number[]): void {
    const { topic } = this.#options;
    this.#order(() => this.#consumer.resume([{ topic, partitions: [...partitions] }]));
  }

  async commit(
    offsets: ReadonlyArray<readonly [partition: number, offset: number]>,
  ): Promise<void> {
    const { topic } = this.#options;
    await this.#consumer.commitOffsets(
      offsets.map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
    );
  }

  /** Leaves the group, if the brokers answer soon. */
  async end(): Promise<void> {
    this.#settle(undefined);
    const leaving = this.#consumer.disconnect().catch(() => {});
    await Promise.race([leaving, delay(END_MS, undefined, { ref: false })]);
  }

  #listen(handlers: MembershipHandlers): void {
    const { events } = this.#consumer;
    const on = this.#consumer.on.bind(this.#consumer);
    on(events.CONNECT, () => handlers.heard());
    on(events.REBALANCING, () => handlers.heard());
    on(events.FETCH_START, ({ payload }) => handlers.fetchBegins(payload.nodeId));
    on(events.FETCH, ({ payload }) => handlers.fetched(payload.nodeId));
    on(events.HEARTBEAT, ({ payload }) => handlers.heartbeat(payload.groupGenerationId));
    on(events.START_BATCH_PROCESS, ({ payload }) => handlers.batchBegins(payload));
    on(events.GROUP_JOIN, ({ payload }) => {
      if (!this.#over) handlers.joined(payload);
    });
    on(events.CRASH, ({ payload }) => this.#settle(payload.error));
    on(events.STOP, () => {
      // The reason follows with CRASH, if kafkajs gets that far.
      const silent = new Error('kafkajs has stopped and gave no reason');
      setTimeout(() => this.#settle(silent), REASON_MS).unref();
    });
  }

  #settle(error: Error | undefined): void {
    this.#over = true;
    this.#ended.resolve(error);
  }

  /** kafkajs refuses orders while it is no member; the next join gives them all anew. */
  #order(order: () => void): void {
    if (this.#over) return;
    try {
      order();
    } catch {
      // See above.
    }
  }
}

function consumerConfig({ config, groupId, assigner }: MembershipOptions) {
  const { sessionMs } = config;
  const heartbeatInterval = Math.max(250, Math.min(3000, Math.floor(sessionMs / 4)));
  return {
    groupId,
    sessionTimeout: sessionMs,
    rebalanceTimeout: rebalanceMs(config),
    heartbeatInterval,
    // kafkajs sends heartbeats between two fetches only.
    maxWaitTimeInMs: Math.min(FETCH_WAIT_MS, heartbeatInterval),
    maxBytes: FETCH_BYTES_MAX,
    maxBytesPerPartition: FETCH_PARTITION_BYTES_MAX,
    allowAutoTopicCreation: false,
    retry: { ...RETRY, restartOnFailure: async () => false },
    partitionAssigners: [assigner],
  };
}
