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
  ConsumerGroupJoinEvent,
  ConsumerStartBatchProcessEvent,
  EachBatchPayload,
  Kafka,
} from 'kafkajs';
import type { PartitionConsumer, PartitionLag, PartitionOwner } from '../../core/broker.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createClient, type KafkaLogger, RETRY } from './connection.ts';
import { asOperating, isProgrammers } from './errors.ts';
import { Holdings } from './holdings.ts';
import { warnNowAndThen } from './log-bound.ts';
import { Membership, rebalanceMs } from './membership.ts';
import { TopicOffsets } from './offsets.ts';
import type { Partition } from './partition.ts';
import { type Holding, stickyAssigner } from './sticky-assigner.ts';
import { Quiet, Watchdog } from './watchdog.ts';

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
  /** To have no partition is no trouble: with as many members as this the others have them all. */
  readonly mayIdle?: boolean;
  /** So many messages were deleted before they were read: they are passed over. Default: that ends the consumer. */
  readonly onDeleted?: (partition: number, messages: number) => void;
  /**
   * Of one partition: opened, or all that was fetched is applied. `nothingLeft`: there is nothing more to fetch
   * now, even if the log's end is said to be further on.
   */
  readonly onProgress?: (lag: PartitionLag, nothingLeft: boolean) => void;
}

const BUFFER_BYTES_MAX = 64 << 20;
const LOOK_MS = 5000;
const SILENT_MS = 60_000;
/** For the last commit. */
const COMMIT_MS = 500;

/** Joins the group in the background: `trouble` says what it waits for until it is a member. */
export function consumePartitions(
  config: KafkaConfig,
  options: ConsumerOptions,
): KafkaPartitionConsumer {
  return new KafkaPartitionConsumer(config, options);
}

export class KafkaPartitionConsumer implements PartitionConsumer {
  readonly failed: Promise<Error>;
  readonly #settleFailed: (error: Error) => void;
  readonly #config: KafkaConfig;
  readonly #options: ConsumerOptions;
  readonly #client: Kafka;
  readonly #offsets: TopicOffsets;
  readonly #holdings: Holdings;
  readonly #watchdog: Watchdog;
  readonly #quiet = new Quiet();
  readonly #looking: NodeJS.Timeout;
  readonly #living: Promise<void>;
  /** `attempts`: to join, since the last join. */
  readonly #standing = { memberId: '', generation: -1, attempts: 0, joins: 0 };
  #membership: Membership | undefined;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Last that kafkajs said. */
  #lastLog = 'not connected yet';
  /** Why the last membership ended; the next one has not joined yet. */
  #fault: KeyhoundError | undefined;
  /** Of the last heartbeat or join, ms of the process. */
  #heartbeatAt = 0;
  #committed = new Map<number, number>();

  constructor(config: KafkaConfig, options: ConsumerOptions) {
    this.#config = config;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.failed = promise;
    this.#settleFailed = resolve;
    const silentMs = options.silentMs ?? Math.max(SILENT_MS, 2 * rebalanceMs(config));
    this.#watchdog = new Watchdog(silentMs, () =>
      this.#fail(stopped('the consumer has stopped without a word')),
    );
    this.#client = createClient(config, {
      role: options.role ?? 'consumer',
      logger: options.logger,
      onLog: (text) => {
        this.#lastLog = text;
        this.#watchdog.heard();
      },
    });
    this.#offsets = new TopicOffsets(this.#client, options.topic);
    this.#holdings = this.#createHoldings();
    this.#looking = setInterval(() => void this.#look(), options.lookMs ?? LOOK_MS);
    this.#looking.unref();
    this.#living = this.#live();
  }

  lag(): readonly PartitionLag[] {
    return this.#holdings.open.map(({ lag }) => lag);
  }

  trouble(): string | undefined {
    if (this.#failure !== undefined) return this.#failure.message;
    if (this.#closing !== undefined) return 'closed';
    if (this.#watchdog.isWorrying) return `nothing heard for ${this.#watchdog.silentMs} ms`;
    if (this.#standing.memberId === '') return `not a member of the group: ${this.#whyNot()}`;
    // After a session the group may have given our partitions away.
    const unheardMs = performance.now() - this.#heartbeatAt;
    if (unheardMs > this.#config.sessionMs) return `no heartbeat gets through: ${this.#lastLog}`;
    const isIdle = this.#holdings.numbers.length === 0;
    if (isIdle && this.#options.mayIdle !== true) return 'no partition is assigned to this process';
    return this.#holdings.trouble();
  }

  /** What kafkajs says while it tries again is less than what it gave up with. */
  #whyNot(): string {
    const fault = this.#fault;
    if (fault === undefined) return this.#lastLog;
    return fault.hint === undefined ? fault.message : `${fault.message}. ${fault.hint}`;
  }

  /** Fetched and not applied. */
  get heldBytes(): number {
    return this.#holdings.open.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** Goes on from another offset. False: the partition is not open. */
  moveTo(partition: number, offset: number): boolean {
    return this.#holdings.moveTo(partition, offset);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #createHoldings(): Holdings {
    const { topic, owner, bufferBytesMax, onDeleted } = this.#options;
    return new Holdings({
      onDeleted,
      topic,
      owner,
      offsets: this.#offsets,
      bufferBytesMax: bufferBytesMax ?? BUFFER_BYTES_MAX,
      seek: (partition, offset) => {
        this.#quiet.reset();
        this.#membership?.seek(partition, offset);
      },
      pause: (partitions) => this.#membership?.pause(partitions),
      resume: (partitions) => this.#membership?.resume(partitions),
      fenced: (partition, { message }) => void this.#joinAgain(partition, message),
      failed: (error) => this.#fail(error),
      progressed: ({ lag }) => this.#options.onProgress?.(lag, false),
    });
  }

  /** One membership after the other, until it is closed or has failed. */
  async #live(): Promise<void> {
    // What the constructor is still to set must be there before the first event.
    await Promise.resolve();
    const { topic } = this.#options;
    while (this.#closing === undefined) {
      const membership = this.#createMembership();
      this.#membership = membership;
      const error = await membership.life();
      if (this.#closing !== undefined) return;
      this.#standing.memberId = '';
      if (error !== undefined) {
        const fault = asOperating(error, `read ${topic}`);
        this.#fault = fault;
        const { logger } = this.#options;
        if (logger !== undefined) warnNowAndThen(logger, { topic }, fault.message);
        if (isProgrammers(error) || fault.code === 'kafka-refused') return this.#fail(error);
      }
      this.#watchdog.heard();
      await membership.end();
      await delay(RETRY.initialRetryTime * 2);
    }
  }

  #createMembership(): Membership {
    const { topic, groupId } = this.#options;
    const heard = () => this.#watchdog.heard();
    return new Membership({
      config: this.#config,
      client: this.#client,
      topic,
      groupId,
      assigner: stickyAssigner({ holding: () => this.#holding() }),
      handlers: {
        joined: (payload) => this.#failing(() => this.#joined(payload)),
        batch: (payload) => this.#failing(() => this.#take(payload)),
        batchBegins: (payload) => this.#skipIfEmpty(payload),
        fetchBegins: (nodeId) => this.#quiet.started(nodeId),
        fetched: (nodeId) => this.#fetched(nodeId),
        heartbeat: (generation) => {
          heard();
          this.#heartbeatAt = performance.now();
          this.#standing.generation = generation;
        },
        heard,
      },
    });
  }

  /** Asked at each attempt to join. */
  #holding(): Holding {
    this.#standing.attempts += 1;
    return { generation: this.#standing.generation, partitions: this.#holdings.numbers };
  }

  #joined({ memberId, memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    const standing = this.#standing;
    const unbroken = memberId === standing.memberId && standing.attempts === 1;
    standing.memberId = memberId;
    standing.attempts = 0;
    standing.joins += 1;
    this.#fault = undefined;
    this.#watchdog.heard();
    this.#quiet.reset();
    this.#heartbeatAt = performance.now();
    this.#committed = new Map();
    if (this.#closing !== undefined) return;
    const numbers = [...(memberAssignment[this.#options.topic] ?? [])].sort((a, b) => a - b);
    this.#holdings.assign(numbers, unbroken);
    this.#options.onRebalance?.(numbers);
  }

  /** Takes the messages and returns: kafkajs sends no heartbeat while it waits here. */
  #take({ batch, resolveOffset }: EachBatchPayload): void {
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
  #skipIfEmpty(payload: ConsumerStartBatchProcessEvent['payload']): void {
    this.#watchdog.heard();
    this.#quiet.reset();
    if (payload.batchSize > 0) return;
    this.#holdings.get(payload.partition)?.skipTo(Number(payload.lastOffset) + 1);
  }

  #fetched(nodeId: number): void {
    this.#watchdog.heard();
    this.#quiet.ended(nodeId);
    if (this.#options.onProgress === undefined || !this.#quiet.isQuiet) return;
    for (const { isIdle, lag } of this.#holdings.open) {
      if (isIdle) this.#options.onProgress(lag, true);
    }
  }

  /**
   * Somebody else owns the state of a partition that the group gave to us. Most often the group has moved on, and we
   * hear of it with the next heartbeat. If not, the other one was late and will go: a new membership claims it.
   */
  async #joinAgain(partition: number, reason: string): Promise<void> {
    const { joins } = this.#standing;
    this.#options.logger?.warn({ partition }, `a partition is given up: ${reason}`);
    await delay(this.#config.sessionMs, undefined, { ref: false });
    if (this.#standing.joins !== joins || this.#closing !== undefined) return;
    await this.#holdings.releaseAll();
    await this.#membership?.end();
  }

  async #look(): Promise<void> {
    await this.#commit(this.#holdings.open);
    try {
      await this.#holdings.look();
    } catch {
      // Brokers away: heartbeats tell.
    }
  }

  /** For the figures on lag that brokers show; nothing of ours reads it. */
  async #commit(partitions: readonly Partition[]): Promise<void> {
    const news = partitions
      .map(({ number, owned }) => [number, owned.savedOffset()] as const)
      .filter(([number, offset]) => offset >= 0 && this.#committed.get(number) !== offset);
    if (news.length === 0) return;
    try {
      await this.#membership?.commit(news);
      for (const [number, offset] of news) this.#committed.set(number, offset);
    } catch {
      // The next one says the same.
    }
  }

  async #end(): Promise<void> {
    clearInterval(this.#looking);
    this.#watchdog.close();
    this.#membership?.pause();
    const { open } = this.#holdings;
    await this.#holdings.releaseAll();
    // While others leave too, the group takes no commits for a while; it is not worth waiting for.
    await Promise.race([this.#commit(open), delay(COMMIT_MS, undefined, { ref: false })]);
    await this.#membership?.end();
    await this.#living;
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
