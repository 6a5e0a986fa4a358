/** A source of kind kafka: its connection, where poison messages go, and what is lost and told. */
import path from 'node:path';
import type { OwnedPartition, PartitionConsumer, PartitionOwner } from '../core/broker.ts';
import { type Clock, toIso } from '../core/clock.ts';
import { type KafkaConfig, kafkaSchema, type SourceConfig } from '../core/config.ts';
import type { Framing } from '../core/format.ts';
import type { StreamPosition } from '../core/source.ts';
import type { DeadLetters } from '../ingest/dead-letters.ts';
import { createKafkaSource, type KafkaSource, type TopicLag } from '../ingest/sources/kafka.ts';
import type { PoisonMessage } from '../ingest/sources/kafka-batch.ts';
import { NextOffsets, partitionName } from '../ingest/sources/kafka-positions.ts';
import { committedOffsets } from '../store/kafka/committed.ts';
import { createClient } from '../store/kafka/connection.ts';
import { consumePartitions } from '../store/kafka/consumer.ts';
import { TopicOffsets } from '../store/kafka/offsets.ts';
import { KafkaProducer } from '../store/kafka/producer.ts';
import { topicNames } from '../store/kafka/topics.ts';
import { topicsOf } from './config/kafka-rules.ts';
import type { LoadedConfig, Logger } from './contract.ts';

export interface KafkaInputOptions {
  readonly source: SourceConfig;
  readonly framing: Framing;
  readonly config: LoadedConfig;
  readonly saved: readonly StreamPosition[];
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Other processes have the other partitions of the group, and any may get any: then the group's offsets, which
   * are told when all before them is safe, say where to go on. Repeats must be harmless.
   */
  readonly shared: boolean;
}

/** What is told of a Kafka source beside what is told of any. */
export interface KafkaStatus {
  readonly lag: readonly TopicLag[];
  /** Messages since the start of which nothing could be decoded; and which were gone before they were read. */
  readonly poison: number;
  readonly lost: number;
}

const GROUP = 'keyhound-ingest';
/** Letters on their way; more are dropped, for each is in the dead letters of the state, too. */
const LETTERS_MAX = 1000;

export class KafkaInput {
  readonly #options: KafkaInputOptions;
  readonly #kafka: KafkaConfig;
  readonly #offsets: NextOffsets;
  /** Of what is safe, by topic and partition. */
  #saved: ReadonlyMap<string, number> = new Map();
  #open: KafkaSource | undefined;
  #poison = 0;
  #lost = 0;

  constructor(options: KafkaInputOptions) {
    this.#options = options;
    this.#kafka = connectionOf(options.source, options.config);
    this.#offsets = new NextOffsets(options.saved);
  }

  /** Opens it anew, e.g. after a failure: from where the one before had come to. */
  open(): KafkaSource {
    const { source, framing, config, clock } = this.#options;
    const letters = new LetterSender(this.#kafka, this.#options);
    const opened = createKafkaSource({
      name: source.name,
      topics: topicsOf(source),
      framing,
      recordBytesMax: config.config.intake.recordBytesMax,
      offsets: this.#offsets,
      clock,
      join: (topic, owner, onRebalance) => this.#join(topic, owner, onRebalance),
      onPoison: (message) => {
        this.#poison++;
        letters.send(message);
      },
    });
    this.#open = opened;
    return {
      name: opened.name,
      read: (signal) => opened.read(signal),
      trouble: () => opened.trouble(),
      lag: () => opened.lag(),
      buried: (letter) => opened.buried(letter),
      close: async () => {
        await opened.close();
        await letters.close();
      },
    };
  }

  /** The dead letters, so that the source hears of them, too. */
  listening(letters: DeadLetters): DeadLetters {
    return {
      add: (letter) => {
        this.#open?.buried(letter);
        letters.add(letter);
      },
      drain: () => letters.drain(),
      get hasRoom() {
        return letters.hasRoom;
      },
      get taken() {
        return letters.taken;
      },
      get dropped() {
        return letters.dropped;
      },
    };
  }

  /** Call it before the state is saved; and what it answers, when the state is. */
  beginSave(): () => void {
    const applied = this.#offsets.all();
    return () => {
      this.#saved = applied;
    };
  }

  trouble(): string | undefined {
    return this.#open?.trouble();
  }

  status(): KafkaStatus {
    return { lag: this.#open?.lag() ?? [], poison: this.#poison, lost: this.#lost };
  }

  #join(
    topic: string,
    owner: PartitionOwner,
    onRebalance: (partitions: readonly number[]) => void,
  ): PartitionConsumer {
    const { source, logger } = this.#options;
    const role = 'source';
    const offsets = new TopicOffsets(createClient(this.#kafka, { role, logger }), topic);
    const consumer = consumePartitions(this.#kafka, {
      topic,
      groupId: groupOf(source, topic),
      owner: {
        open: async (partition) => {
          const owned = await owner.open(partition);
          const nextOffset = await this.#begin(topic, partition, owned.nextOffset, offsets);
          const savedOffset = () => this.#saved.get(partitionName(topic, partition)) ?? -1;
          return { ...owned, nextOffset, savedOffset };
        },
      },
      onRebalance,
      logger,
      role,
    });
    return {
      lag: () => consumer.lag(),
      trouble: () => consumer.trouble(),
      failed: consumer.failed,
      close: async () => {
        await consumer.close();
        await offsets.close();
      },
    };
  }

  async #begin(
    topic: string,
    partition: number,
    own: OwnedPartition['nextOffset'],
    offsets: TopicOffsets,
  ): Promise<OwnedPartition['nextOffset']> {
    let next = own === 'earliest' ? -1 : own;
    if (this.#options.shared) {
      const group = groupOf(this.#options.source, topic);
      const committed = await committedOffsets(this.#kafka, group, topic, this.#options.logger);
      next = Math.max(next, committed.get(partition) ?? -1);
    }
    if (next < 0) return 'earliest';
    const low = (await offsets.ranges()).get(partition)?.low ?? 0;
    if (next < low) this.#tellLost(topic, partition, next, low);
    const begin = Math.max(next, low);
    this.#offsets.set(topic, partition, begin);
    return begin;
  }

  /** What retention has taken before it was read is gone: that is said aloud, and the rest is read. */
  #tellLost(topic: string, partition: number, nextOffset: number, low: number): void {
    const lost = low - nextOffset;
    this.#lost += lost;
    const { source, logger } = this.#options;
    const facts = { source: source.name, topic, partition, nextOffset, low };
    logger.error(facts, `up to ${lost} messages were deleted before they were read`);
  }
}

function groupOf(source: SourceConfig, topic: string): string {
  const { group = GROUP } = source;
  return topicsOf(source).length > 1 ? `${group}.${topic}` : group;
}

/** The brokers of the source itself, or else those of the `kafka` section. */
export function connectionOf(source: SourceConfig, { config, folder }: LoadedConfig): KafkaConfig {
  const { kafka } = config;
  const { brokers, tls, sasl } = source;
  const own = { clientId: kafka?.clientId, prefix: kafka?.prefix, brokers, tls, sasl };
  const chosen = brokers === undefined ? kafka : kafkaSchema.parse(own);
  const connection = chosen ?? kafkaSchema.parse(own);
  if (connection.tls === undefined) return connection;
  const files = ['ca', 'cert', 'key'] as const;
  const resolved = files.flatMap((name) => {
    const file = connection.tls?.[name];
    return file === undefined ? [] : [[name, path.resolve(folder, file)]];
  });
  return { ...connection, tls: { ...connection.tls, ...Object.fromEntries(resolved) } };
}

/**
 * Sends poison messages, masked, to PREFIX.dead-letters. Nothing waits for it: with the brokers away, or without
 * the topic, they are still among the dead letters of the state.
 */
class LetterSender {
  readonly #kafka: KafkaConfig;
  readonly #options: KafkaInputOptions;
  #producer: KafkaProducer | undefined;
  #waiting = 0;
  #hasFailed = false;

  constructor(kafka: KafkaConfig, options: KafkaInputOptions) {
    this.#kafka = kafka;
    this.#options = options;
  }

  send(message: PoisonMessage): void {
    if (this.#waiting >= LETTERS_MAX) return;
    const { logger, clock } = this.#options;
    this.#waiting++;
    this.#producer ??= new KafkaProducer(this.#kafka, { role: 'dead-letters', logger });
    const letter = { type: 'dead-letter', ...message, seenAt: toIso(clock.now()) };
    const value = Buffer.from(JSON.stringify(letter));
    this.#producer
      .send(topicNames(this.#kafka.prefix).deadLetters, 0, [{ key: null, value }])
      .catch((error: Error) => this.#failed(error))
      .finally(() => {
        this.#waiting--;
      });
  }

  async close(): Promise<void> {
    await this.#producer?.close();
  }

  #failed(error: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const { logger, source } = this.#options;
    const facts = { source: source.name, reason: error.message };
    logger.warn(facts, 'poison messages cannot be sent to their topic; the state has them');
  }
}
