/** A topic of a real broker as gateways' shippers fill it, for tests of the source of kind kafka. */
import kafkajs, { type Kafka, type KafkaMessage } from 'kafkajs';
import { registerCodecs } from '../../store/kafka/codecs.ts';
import type { KafkaServer } from '../servers/kafka.ts';

export const CODECS = Object.freeze({ none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 });

export interface Entry {
  readonly partition: number;
  readonly value: string | Buffer | null;
  readonly key?: string;
}

export class Topic {
  readonly name: string;
  readonly #kafka: Kafka;
  #readers = 0;

  private constructor(name: string, kafka: Kafka) {
    this.name = name;
    this.#kafka = kafka;
  }

  static async create(
    server: KafkaServer,
    name: string,
    numPartitions: number,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Topic> {
    registerCodecs();
    const kafka = new kafkajs.Kafka({
      brokers: [...server.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    const topics = [{ topic: name, numPartitions, replicationFactor: 1, configEntries }];
    await admin.createTopics({ waitForLeaders: true, topics });
    await admin.disconnect();
    return new Topic(name, kafka);
  }

  async send(entries: readonly Entry[], codec: keyof typeof CODECS = 'none'): Promise<void> {
    const producer = this.#kafka.producer();
    await producer.connect();
    const { name: topic } = this;
    await producer.send({ topic, messages: messagesOf(entries), compression: CODECS[codec] });
    await producer.disconnect();
  }

  /** In a transaction that is given up: offsets that nobody is shown. */
  async sendInVain(entries: readonly Entry[]): Promise<void> {
    const producer = this.#kafka.producer({
      transactionalId: `${this.name}-in-vain`,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: this.name, messages: messagesOf(entries) });
    await transaction.abort();
    await producer.disconnect();
  }

  /** Deletes what stands before these offsets, as retention does. */
  async deleteBefore(offsets: Readonly<Record<number, number>>): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const partitions = Object.entries(offsets).map(([partition, offset]) => ({
      partition: Number(partition),
      offset: String(offset),
    }));
    // It knows where to ask only after it has asked for something else.
    await admin.fetchTopicOffsets(this.name);
    await admin.deleteTopicRecords({ topic: this.name, partitions });
    await admin.disconnect();
  }

  /** Offsets of partition 0 that readers are shown, and the next to come. */
  async offsets(): Promise<{ readonly shown: readonly number[]; readonly high: number }> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const high = Number((await admin.fetchTopicOffsets(this.name))[0]!.high);
    await admin.disconnect();
    const shown: number[] = [];
    await this.#read(({ offset }) => {
      shown.push(Number(offset));
      return Number(offset) >= high - 1;
    });
    return { shown, high };
  }

  /** The first messages of the topic, as text. */
  async first(count: number): Promise<string[]> {
    const values: string[] = [];
    await this.#read(({ value }) => values.push(String(value)) >= count);
    return values;
  }

  /** From the beginning, until it is said that it is enough. */
  async #read(enough: (message: KafkaMessage) => boolean): Promise<void> {
    this.#readers += 1;
    const consumer = this.#kafka.consumer({ groupId: `${this.name}-test-${this.#readers}` });
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.connect();
    await consumer.subscribe({ topic: this.name, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        if (enough(message)) resolve();
      },
    });
    await promise;
    await consumer.disconnect();
  }
}

function messagesOf(entries: readonly Entry[]) {
  return entries.map(({ partition, value, key }) => ({
    partition,
    key: key ?? null,
    value: typeof value === 'string' ? Buffer.from(value) : value,
  }));
}
