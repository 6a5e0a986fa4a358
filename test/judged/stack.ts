/**
 * The distributed form with its real servers: Kafka, Redis and, where asked for, Elasticsearch, and Keyhound's
 * processes by role on a folder each.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ElasticsearchConfig,
  elasticsearchSchema,
  type KafkaConfig,
  kafkaSchema,
  type RedisConfig,
} from '../../core/config.ts';
import { createClient } from '../../store/kafka/connection.ts';
import { applyTopics, planTopics, topicNames } from '../../store/kafka/topics.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch.ts';
import { type KafkaServer, startKafka } from '../servers/kafka.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { until } from '../support/until.ts';
import { type Child, start } from './keyhound.ts';

export interface Servers {
  readonly kafka: KafkaServer;
  readonly redis: RedisServer;
  readonly elasticsearch: ElasticsearchServer | undefined;
  stop(): Promise<void>;
}

export async function startServers(options: { readonly elasticsearch: boolean }): Promise<Servers> {
  const starting = [
    startKafka(),
    startRedis(),
    options.elasticsearch ? startElasticsearch() : undefined,
  ] as const;
  const stop = async () => {
    for (const one of await Promise.allSettled(starting)) {
      if (one.status === 'fulfilled') await one.value?.stop();
    }
  };
  try {
    const [kafka, redis, elasticsearch] = await Promise.all(starting);
    return { kafka, redis, elasticsearch, stop };
  } catch (error) {
    // Those that did start would keep this process.
    await stop();
    throw error;
  }
}

export interface Member {
  readonly child: Child;
  /** HOST:PORT of its API. */
  readonly console: string;
  readonly folder: string;
  readonly stateDir: string;
  get(url: string): Promise<string>;
  /** JSON. */
  post(url: string, body: string): Promise<string>;
  /** URL of its intake, and of its decision endpoint; '' where it has none. */
  readonly intake: string;
  readonly decide: string;
  /** Resolves when it has read so many records since its start. */
  read(records: number): Promise<void>;
}

/** Of a log with as many records as somebody likes: the test that reads it has its own limit. */
export const AS_LONG_AS_IT_TAKES = { everyMs: 200, patienceMs: Number.POSITIVE_INFINITY };

/** One installation on servers that may serve several. */
export class Stack {
  readonly prefix: string;
  readonly folder: string;
  readonly servers: Servers;
  readonly partitions: number;
  private readonly sources: readonly object[];
  private readonly settings: object;
  private readonly env: Readonly<Record<string, string>>;
  private readonly children = new Set<Child>();
  /** What its processes have logged, of those that have ended. */
  readonly logs: string[] = [];
  private members = 0;

  constructor(
    servers: Servers,
    options: {
      prefix: string;
      partitions: number;
      sources: readonly object[];
      /** Whole sections of the configuration, in place of those made here. */
      settings?: object;
      /** Of its processes, beside this one's own. */
      env?: Readonly<Record<string, string>>;
    },
  ) {
    this.servers = servers;
    this.prefix = options.prefix;
    this.partitions = options.partitions;
    this.sources = options.sources;
    this.settings = options.settings ?? {};
    this.env = options.env ?? {};
    this.folder = mkdtempSync(path.join(tmpdir(), 'keyhound-stack-'));
  }

  get kafkaConfig() {
    return kafkaSchema.parse({
      brokers: this.servers.kafka.brokers,
      prefix: this.prefix,
      partitions: this.partitions,
      replication: 1,
      sessionMs: 3000,
    });
  }

  get redisConfig(): RedisConfig {
    return { url: this.servers.redis.url, prefix: this.prefix };
  }

  get elasticsearchConfig(): ElasticsearchConfig | undefined {
    const { elasticsearch } = this.servers;
    if (elasticsearch === undefined) return undefined;
    return elasticsearchSchema.parse({
      nodes: [elasticsearch.url],
      prefix: this.prefix,
      replicas: 0,
    });
  }

  async createTopics(): Promise<void> {
    const { kafkaConfig } = this;
    await applyTopics(kafkaConfig, await planTopics(kafkaConfig));
  }

  /** Starts a process of a role, or of several (`a,b`), in a folder of its own or that of one before. */
  async start(role: string, folder?: string): Promise<Member> {
    const own = folder ?? path.join(this.folder, `${role}-${this.members++}`);
    mkdirSync(own, { recursive: true });
    const { elasticsearchConfig: elasticsearch } = this;
    const config = {
      state: { dir: 'state', checkpointMs: 1000 },
      listen: {
        console: '127.0.0.1:0',
        intake: '127.0.0.1:0',
        decide: '127.0.0.1:0',
        hooks: '127.0.0.1:0',
      },
      kafka: this.kafkaConfig,
      redis: this.redisConfig,
      ...(elasticsearch === undefined ? {} : { elasticsearch }),
      sources: role.split(',').includes('ingest') ? this.sources : [],
      ...this.settings,
    };
    writeFileSync(path.join(own, 'keyhound.yaml'), JSON.stringify(config));
    const child = start(['run', '--role', role, '--json'], { cwd: own, env: this.env });
    this.children.add(child);
    void child.ended.then(() => {
      this.children.delete(child);
      this.logs.push(`${role} ${child.pid}\n${child.stderr}`);
    });
    const told = (await child.told(/"listeners":(\{[^}]*\})/))[1]!;
    const listeners = JSON.parse(told) as { console: string; intake?: string; decide?: string };
    const token = readFileSync(path.join(own, 'state/api-token'), 'utf8').trim();
    const get = async (url: string): Promise<string> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${listeners.console}${url}`, { headers })).text();
    };
    const post = async (url: string, body: string): Promise<string> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const asked = fetch(`${listeners.console}${url}`, { method: 'POST', headers, body });
      return (await asked).text();
    };
    return {
      child,
      folder: own,
      stateDir: path.join(own, 'state'),
      console: listeners.console,
      get,
      post,
      intake: listeners.intake ?? '',
      decide: listeners.decide ?? '',
      async read(records) {
        const summary = async () => JSON.parse(await get('/api/v1/summary')) as { records: number };
        await until(summary, ({ records: read }) => read >= records, AS_LONG_AS_IT_TAKES);
      },
    };
  }

  /** Every message of the topic of events so far. */
  events(): Promise<Message[]> {
    return readTopic(this.kafkaConfig, topicNames(this.prefix).events);
  }

  /** Every message of the topic of incidents so far; a row of usage stands for itself. */
  async results(): Promise<Record<string, unknown>[]> {
    const messages = await readTopic(this.kafkaConfig, topicNames(this.prefix).incidents);
    return messages.flatMap(({ value }) => {
      const line = JSON.parse(value.toString('utf8')) as Record<string, unknown>;
      if (line['type'] !== 'usage') return [line];
      const { rows, ...shared } = line;
      return (rows as object[]).map((row) => ({ ...shared, ...row }));
    });
  }

  async end(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await Promise.all([...this.children].map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Message {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
}

/** All messages of one topic, by partition and offset. */
export async function readTopic(config: KafkaConfig, topic: string): Promise<Message[]> {
  const client = createClient(config, { role: 'test' });
  const admin = client.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(
    ends
      .filter(({ low, high }) => low !== high)
      .map(({ partition, high }) => [partition, Number(high)]),
  );
  const lines: Message[] = [];
  if (left.size === 0) return [];
  const consumer = client.consumer({ groupId: `test-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { offset, value } of batch.messages) {
          lines.push({ partition: batch.partition, offset: Number(offset), value: value! });
        }
        if (Number(batch.lastOffset()) + 1 >= (left.get(batch.partition) ?? 0))
          left.delete(batch.partition);
        if (left.size === 0) resolve();
      },
    });
  });
  await consumer.disconnect();
  lines.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  return lines;
}

/** Messages that are to be applied yet, of all partitions that the members have; and how many partitions that are. */
export async function lagOf(
  members: readonly Member[],
  topic: string,
): Promise<{ readonly partitions: number; readonly messages: number }> {
  let partitions = 0;
  let messages = 0;
  for (const member of members) {
    const text = await member.get('/metrics').catch(() => '');
    const lines = text.matchAll(/^keyhound_partition_lag_messages\{topic="(\w+)"[^}]*\} (\d+)/gm);
    for (const [, name, count] of lines) {
      if (name !== topic) continue;
      partitions++;
      messages += Number(count);
    }
  }
  return { partitions, messages };
}

/** Resolves once the members have all partitions and nothing is left to apply, three times in a row. */
export async function drained(
  members: () => readonly Member[],
  topic: string,
  partitions: number,
  everyMs = 500,
): Promise<void> {
  for (let calm = 0; calm < 3; ) {
    await sleep(everyMs);
    const lag = await lagOf(members(), topic);
    calm = lag.partitions === partitions && lag.messages === 0 ? calm + 1 : 0;
  }
}
