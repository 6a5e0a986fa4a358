/**
 * A membership in a consumer group whose positions are ours: they are saved with the state, under an epoch that each
 * new owner raises, and the broker's committed offsets are for its figures on lag alone. Two processes that both
 * believe in a partition do happen (one was frozen and woke up); only the epoch in the store stops the former one.
 *
 * On each join all partitions are paused before anything else happens, because kafkajs begins to fetch from where
 * it believes to be at the first `await`. A partition that was ours before and is ours again stays open if our
 * membership was unbroken: the same member, at its first attempt to join, so that no generation can have given it
 * to another in between. Should that ever be wrong, our next save is refused as `fenced`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type {
  Consumer,
  ConsumerCrashEvent,
  ConsumerGroupJoinEvent,
  ConsumerStartBatchProcessEvent,
  EachBatchPayload,
} from 'kafkajs';
import type { PartitionConsumer, PartitionLag, PartitionOwner } from '../../core/broker.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createClient, type KafkaLogger, RETRY } from './connection.ts';
import { asOperating, isProgrammers, rootOf } from './errors.ts';
import { Holdings } from './holdings.ts';
import { TopicOffsets } from './offsets.ts';
import type { Partition } from './partition.ts';
import { stickyAssigner } from './sticky-assigner.ts';
import { Watchdog } from './watchdog.ts';

export interface ConsumerOptions {
  readonly topic: string;
  readonly groupId: string;
  readonly owner: PartitionOwner;
  /** Told at each join which partitions are ours from now on. */
  readonly onRebalance?: (partitions: readonly number[]) => void;
  readonly logger?: KafkaLogger;
  /** Part of the client id. */
  readonly role?: string;
  /** Fetched and not applied, of all partitions together, bytes. */
  readonly bufferBytesMax?: number;
  /** Time between two looks at the ends of the log and two commits, ms. */
  readonly lookMs?: number;
  /** A consumer that does nothing for so long has stopped, ms. */
  readonly silentMs?: number;
}

const BUFFER_BYTES_MAX = 64 << 20;
const LOOK_MS = 5000;
const SILENT_MS = 120_000;
const FETCH_BYTES_MAX = 8 << 20;
const FETCH_PARTITION_BYTES_MAX = 1 << 20;
const FETCH_WAIT_MS = 500;
/** For an attempt to join that is under way when the consumer is closed. */
const END_MS = 5000;

/** Joins the group in the background: `trouble` says what it waits for until it is a member. */
export function consumePartitions(
  config: KafkaConfig,
  options: ConsumerOptions,
): PartitionConsumer {
  return new KafkaPartitionConsumer(config, options);
}

class KafkaPartitionConsumer implements PartitionConsumer {
  readonly failed: Promise<Error>;
  readonly #config: KafkaConfig;
  readonly #options: ConsumerOptions;
  readonly #consumer: Consumer;
  readonly #offsets: TopicOffsets;
  readonly #holdings: Holdings;
  readonly #watchdog: Watchdog;
  readonly #membership = { memberId: '', generation: -1, attempts: 0, joins: 0 };
  readonly #looking: NodeJS.Timeout;
  readonly #started: Promise<void>;
  #settleFailed: (error: Error) => void = () => {};
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  #lastLog = 'not connected yet';
  /** Ticks of looking without a heartbeat. */
  #unheard = 0;
  #restart: Promise<void> | undefined;
  #committed = new Map<number, number>();

  constructor(config: KafkaConfig, options: ConsumerOptions) {
    this.#config = config;
    this.#options = options;
    this.failed = new Promise((resolve) => {
      this.#settleFailed = resolve;
    });
    this.#watchdog = new Watchdog(options.silentMs ?? SILENT_MS, () =>
      this.#fail(stopped('the consumer has stopped without a word')),
    );
    const client = createClient(config, {
      role: options.role ?? 'consumer',
      logger: options.logger,
      onLog: (text) => {
        this.#lastLog = text;
        this.#watchdog.heard();
      },
    });
    this.#consumer = client.consumer(this.#consumerConfig());
    this.#offsets = new TopicOffsets(client, options.topic);
    this.#holdings = this.#createHoldings();
    this.#listen();
    this.#looking = setInterval(() => void this.#look(), options.lookMs ?? LOOK_MS);
    this.#looking.unref();
    this.#started = this.#start();
  }

  lag(): readonly PartitionLag[] {
    return this.#holdings.open.map(({ lag }) => lag);
  }

  trouble(): string | undefined {
    if (this.#failure !== undefined) return this.#failure.message;
    if (this.#closing !== undefined) return 'closed';
    if (this.#watchdog.isWorrying) return `nothing heard for ${this.#watchdog.silentMs} ms`;
    if (this.#membership.joins === 0) return `not a member of the group yet: ${this.#lastLog}`;
    if (this.#unheard > 1) return `no heartbeat gets through: ${this.#lastLog}`;
    if (this.#restart !== undefined) return 'joining again';
    if (this.#holdings.numbers.length === 0) return 'no partition is assigned to this process';
    return this.#holdings.trouble();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #consumerConfig() {
    const { sessionMs } = this.#config;
    const heartbeatInterval = Math.max(250, Math.min(3000, Math.floor(sessionMs / 4)));
    return {
      groupId: this.#options.groupId,
      sessionTimeout: sessionMs,
      rebalanceTimeout: Math.max(6000, 2 * sessionMs),
      heartbeatInterval,
      // kafkajs sends heartbeats between two fetches only.
      maxWaitTimeInMs: Math.min(FETCH_WAIT_MS, heartbeatInterval),
      maxBytes: FETCH_BYTES_MAX,
      maxBytesPerPartition: FETCH_PARTITION_BYTES_MAX,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, restartOnFailure: async () => true },
      partitionAssigners: [stickyAssigner({ holding: () => this.#holding() })],
    };
  }

  /** Called at each attempt to join. */
  #holding() {
    this.#membership.attempts += 1;
    const { generation } = this.#membership;
    return { generation, partitions: this.#holdings.numbers };
  }

  #createHoldings(): Holdings {
    const { topic, owner, bufferBytesMax } = this.#options;
    const listed = (partitions: readonly number[]) => [{ topic, partitions: [...partitions] }];
    // Between leaving and joining kafkajs takes no orders; the join makes them all anew.
    const whileMember = (order: () => void) => {
      if (this.#restart === undefined && this.#closing === undefined) ignoringErrors(order);
    };
    return new Holdings({
      topic,
      owner,
      offsets: this.#offsets,
      bufferBytesMax: bufferBytesMax ?? BUFFER_BYTES_MAX,
      seek: (partition, offset) =>
        whileMember(() => this.#consumer.seek({ topic, partition, offset: String(offset) })),
      pause: (partitions) => ignoringErrors(() => this.#consumer.pause(listed(partitions))),
      resume: (partitions) => whileMember(() => this.#consumer.resume(listed(partitions))),
      fenced: (partition) => void this.#joinAgain(partition),
      failed: (error) => this.#fail(error),
    });
  }

  #listen(): void {
    const { events } = this.#consumer;
    const heard = () => this.#watchdog.heard();
    for (const event of [events.FETCH_START, events.FETCH, events.CONNECT, events.REBALANCING]) {
      this.#consumer.on(event as typeof events.FETCH, heard);
    }
    this.#consumer.on(events.HEARTBEAT, ({ payload }) => {
      heard();
      this.#unheard = 0;
      this.#membership.generation = payload.groupGenerationId;
    });
    this.#consumer.on(events.START_BATCH_PROCESS, (event) => this.#skipIfEmpty(event));
    this.#consumer.on(events.GROUP_JOIN, (event) => this.#failing(() => this.#joined(event)));
    this.#consumer.on(events.CRASH, (event) => this.#crashed(event));
  }

  async #start(): Promise<void> {
    const { topic } = this.#options;
    while (this.#closing === undefined) {
      try {
        await this.#consumer.connect();
        await this.#consumer.subscribe({ topic, fromBeginning: true });
        return await this.#run();
      } catch (error) {
        const fault = asOperating(error, `read ${topic}`);
        this.#lastLog = fault.message;
        if (isProgrammers(error) || !fault.retryable) return this.#fail(fault);
      }
      await delay(RETRY.maxRetryTime);
    }
  }

  #run(): Promise<void> {
    return this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => this.#failing(() => this.#onBatch(payload)),
    });
  }

  #joined({ payload }: ConsumerGroupJoinEvent): void {
    const membership = this.#membership;
    const unbroken = payload.memberId === membership.memberId && membership.attempts === 1;
    membership.memberId = payload.memberId;
    membership.attempts = 0;
    membership.joins += 1;
    this.#watchdog.heard();
    this.#unheard = 0;
    if (this.#closing !== undefined) return;
    const numbers = payload.memberAssignment[this.#options.topic] ?? [];
    this.#committed = new Map();
    this.#holdings.assign(numbers, unbroken);
    this.#options.onRebalance?.([...numbers].sort((a, b) => a - b));
  }

  /** Takes the messages and returns: kafkajs sends no heartbeat while it waits here. */
  #onBatch({ batch, resolveOffset }: EachBatchPayload): void {
    const partition = this.#holdings.get(batch.partition);
    if (partition === undefined || this.#closing !== undefined) return;
    if (partition.accept(batch)) {
      this.#holdings.placed(batch.partition);
      resolveOffset(batch.lastOffset());
    } else {
      this.#holdings.misplaced(batch.partition);
    }
  }

  /** kafkajs does not show batches without messages for readers, but goes on behind them. */
  #skipIfEmpty({ payload }: ConsumerStartBatchProcessEvent): void {
    this.#watchdog.heard();
    if (payload.batchSize > 0) return;
    this.#holdings.get(payload.partition)?.skipTo(Number(payload.lastOffset) + 1);
  }

  #crashed({ payload }: ConsumerCrashEvent): void {
    this.#watchdog.heard();
    this.#lastLog = rootOf(payload.error).message;
    if (!payload.restart) this.#fail(payload.error);
  }

  /**
   * Somebody else owns the state of a partition that the group gave to us. Most often the group has moved on, and we
   * hear of it with the next heartbeat. If not, the other one was late and will go: a new membership claims it.
   */
  async #joinAgain(partition: number): Promise<void> {
    const { joins } = this.#membership;
    this.#options.logger?.warn({ partition }, 'kafka: another process owns the partition');
    await delay(this.#config.sessionMs, undefined, { ref: false });
    if (this.#membership.joins !== joins || this.#closing !== undefined) return;
    this.#restart ??= this.#leaveAndJoin().catch((error) => this.#fail(error));
  }

  async #leaveAndJoin(): Promise<void> {
    await this.#holdings.releaseAll();
    await this.#consumer.stop();
    this.#restart = undefined;
    if (this.#closing === undefined) await this.#run();
  }

  async #look(): Promise<void> {
    this.#unheard += 1;
    await this.#commit(this.#holdings.open);
    try {
      await this.#holdings.look();
    } catch {
      // Brokers away: heartbeats tell.
    }
  }

  /** For the figures on lag that brokers show; nothing of ours reads it. */
  async #commit(partitions: readonly Partition[]): Promise<void> {
    const { topic } = this.#options;
    const saved = partitions.map(({ number, owned }) => [number, owned.savedOffset()] as const);
    const news = saved.filter(
      ([number, offset]) => offset >= 0 && this.#committed.get(number) !== offset,
    );
    if (news.length === 0) return;
    try {
      await this.#consumer.commitOffsets(
        news.map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      );
      for (const [number, offset] of news) this.#committed.set(number, offset);
    } catch {
      // The next one says the same.
    }
  }

  async #end(): Promise<void> {
    const { topic } = this.#options;
    clearInterval(this.#looking);
    this.#watchdog.close();
    // The whole topic: what a join brings meanwhile is not fetched either.
    ignoringErrors(() => this.#consumer.pause([{ topic }]));
    const { open } = this.#holdings;
    await this.#holdings.releaseAll();
    await this.#commit(open);
    const underWay = Promise.allSettled([this.#started, this.#restart]);
    await Promise.race([underWay, delay(END_MS, undefined, { ref: false })]);
    await this.#consumer.disconnect().catch(() => {});
    await this.#offsets.close();
  }

  #failing(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const { topic } = this.#options;
    this.#failure = isProgrammers(error) ? (error as Error) : asOperating(error, `read ${topic}`);
    this.#settleFailed(this.#failure);
    // Others get the partitions now, not when the session ends.
    void this.close().catch(() => {});
  }
}

function stopped(text: string): KeyhoundError {
  return new KeyhoundError('operating', `Kafka: ${text}`, {
    code: 'kafka-stopped',
    hint: 'Restart the process.',
  });
}

function ignoringErrors(order: () => void): void {
  try {
    order();
  } catch {
    // See the caller.
  }
}
