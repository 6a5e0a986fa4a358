/** Topics of the bench: a log as JSON, an emptied installation, and what the events of one take. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { Redis } from 'ioredis';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { KafkaConfig } from '../../core/config.ts';
import { createClient } from '../../store/kafka/connection.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { applyTopics, planTopics, topicNames } from '../../store/kafka/topics.ts';

const MESSAGES_A_SEND = 1000;
/** Of a request of the producer. */
const REQUEST_BYTES = 800_000;

/** One record a message, evenly over the partitions. */
export async function fillWithJson(
  config: KafkaConfig,
  topic: string,
  file: string,
): Promise<void> {
  const admin = createClient(config, { role: 'bench' }).admin();
  await admin.connect();
  const { partitions: numPartitions } = config;
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
  await admin.disconnect();
  const producer = new KafkaProducer(config, { role: 'bench' });
  let messages: { key: null; value: Buffer }[] = [];
  let sends = 0;
  const send = async () => {
    await producer.send(topic, sends++ % numPartitions, messages);
    messages = [];
  };
  for await (const line of createInterface({ input: fs.createReadStream(file) })) {
    messages.push({ key: null, value: Buffer.from(line) });
    if (messages.length === MESSAGES_A_SEND) await send();
  }
  if (messages.length > 0) await send();
  await producer.close();
}

/** All that detect processes have written is gone; the events are still there. */
export async function forgetDetection(config: KafkaConfig, redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  await redis.flushall();
  redis.disconnect();
  const names = topicNames(config.prefix);
  const topics = [names.exchange, names.incidents];
  const admin = createClient(config, { role: 'bench' }).admin();
  await admin.connect();
  await admin.deleteTopics({ topics });
  while (await anyExists(admin, topics)) await sleep(100);
  await admin.disconnect();
  await applyTopics(config, await planTopics(config));
}

async function anyExists(admin: Admin, topics: readonly string[]): Promise<boolean> {
  const present = await admin.listTopics();
  return topics.some((topic) => present.includes(topic));
}

export interface TopicSize {
  readonly messages: number;
  readonly bytes: number;
  readonly zstdBytes: number;
}

/** Sizes of the values, as they are and as the producer's requests would be with zstd. */
export async function sizeOf(config: KafkaConfig, topic: string): Promise<TopicSize> {
  const size = { messages: 0, bytes: 0, zstdBytes: 0 };
  const params = { [zlib.ZSTD_c_compressionLevel]: 1 };
  await readAll(createClient(config, { role: 'bench' }), topic, (values) => {
    for (let from = 0; from < values.length; ) {
      const request: Buffer[] = [];
      for (let room = REQUEST_BYTES; from < values.length && room > 0; from++) {
        request.push(values[from]!);
        room -= values[from]!.length;
      }
      const whole = Buffer.concat(request);
      size.messages += request.length;
      size.bytes += whole.length;
      size.zstdBytes += zstdCompressSync(whole, { params }).length;
    }
  });
  return size;
}

async function readAll(
  client: Kafka,
  topic: string,
  onValues: (values: readonly Buffer[]) => void,
): Promise<void> {
  const admin = client.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  for (const [partition, end] of left) if (end === 0) left.delete(partition);
  const consumer = client.consumer({ groupId: `size-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      onValues(batch.messages.map(({ value }) => value!));
      if (Number(batch.lastOffset()) + 1 >= left.get(batch.partition)!)
        left.delete(batch.partition);
      if (left.size === 0) resolve();
    },
  });
  await done;
  await consumer.disconnect();
}

/** Every message of a topic from now on, with the wall clock at which it came. Returns how to end it. */
export async function follow(
  config: KafkaConfig,
  topic: string,
  onMessage: (value: Buffer, at: number) => void,
): Promise<() => Promise<void>> {
  const kafka = new kafkajs.Kafka({
    brokers: [...config.brokers],
    logLevel: kafkajs.logLevel.ERROR,
  });
  const consumer = kafka.consumer({ groupId: `follow-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      const at = Date.now();
      for (const { value } of batch.messages) onMessage(value!, at);
    },
  });
  await joined;
  return () => consumer.disconnect();
}
