/**
 * Topics: what there should be, what would be created, what is wrong. A topic that exists is never altered: another
 * number of partitions would send keys elsewhere than their state is, and another retention may be the operator's.
 */
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createClient, type KafkaLogger } from './connection.ts';
import { retried, rootOf } from './errors.ts';

export interface TopicNames {
  /** Events, heartbeats and control records of each key group, in one order. */
  readonly events: string;
  /** Short reports between detect processes. */
  readonly exchange: string;
  readonly incidents: string;
  readonly audit: string;
  readonly actions: string;
  readonly control: string;
  readonly deadLetters: string;
}

export function topicNames(prefix: string): TopicNames {
  return Object.freeze({
    events: `${prefix}.events`,
    exchange: `${prefix}.exchange`,
    incidents: `${prefix}.incidents`,
    audit: `${prefix}.audit`,
    actions: `${prefix}.actions`,
    control: `${prefix}.control`,
    deadLetters: `${prefix}.dead-letters`,
  });
}

export interface WantedTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly settings: Readonly<Record<string, string>>;
}

const WEEK_MS = 7 * 86_400_000;
const DEAD_LETTER_BYTES_MAX = 1 << 30;

export function wantedTopics(config: KafkaConfig): readonly WantedTopic[] {
  const names = topicNames(config.prefix);
  // With three copies one may be away; with two, both must have it, or a killed leader loses events.
  const inSync = String(Math.min(2, config.replication));
  const kept = (ms: number) => ({ 'cleanup.policy': 'delete', 'retention.ms': String(ms) });
  const latest = { 'cleanup.policy': 'compact' };
  const topic = (name: string, partitions: number, settings: Record<string, string>) => ({
    name,
    partitions,
    replication: config.replication,
    settings: { ...settings, 'min.insync.replicas': inSync },
  });
  const { partitions, retentionMs } = config;
  return [
    topic(names.events, partitions, kept(retentionMs)),
    topic(names.exchange, 1, kept(retentionMs)),
    topic(names.incidents, partitions, kept(retentionMs)),
    topic(names.audit, 1, kept(-1)),
    topic(names.actions, partitions, latest),
    topic(names.control, 1, latest),
    topic(names.deadLetters, 1, {
      ...kept(WEEK_MS),
      'retention.bytes': String(DEAD_LETTER_BYTES_MAX),
    }),
  ];
}

export interface TopicFault {
  readonly topic: string;
  readonly setting: string;
  readonly wanted: string;
  readonly found: string;
  /** Nothing may run with it. Else it is told, and left to the operator. */
  readonly fatal: boolean;
  readonly hint: string;
}

export interface TopicPlan {
  readonly create: readonly WantedTopic[];
  readonly faults: readonly TopicFault[];
}

/** What exists, beside what is wanted. Changes nothing. */
export async function planTopics(config: KafkaConfig, logger?: KafkaLogger): Promise<TopicPlan> {
  return withAdmin(config, logger, async (admin) => {
    const wanted = wantedTopics(config);
    const existing = new Set(await retried('list topics', () => admin.listTopics()));
    const present = wanted.filter(({ name }) => existing.has(name));
    const shapes = await shapesOf(admin, present);
    const settings = await settingsOf(admin, present);
    return {
      create: wanted.filter(({ name }) => !existing.has(name)),
      faults: present.flatMap((topic) => [
        ...shapeFaults(topic, shapes.get(topic.name)),
        ...settingFaults(topic, settings.get(topic.name) ?? new Map()),
      ]),
    };
  });
}

/** Creates what the plan says. Throws before creating anything if the plan has a fatal fault. */
export async function applyTopics(
  config: KafkaConfig,
  plan: TopicPlan,
  logger?: KafkaLogger,
): Promise<void> {
  refuseFatal(plan);
  if (plan.create.length === 0) return;
  await withAdmin(config, logger, async (admin) => {
    const topics: ITopicConfig[] = plan.create.map((topic) => ({
      topic: topic.name,
      numPartitions: topic.partitions,
      replicationFactor: topic.replication,
      configEntries: Object.entries(topic.settings).map(([name, value]) => ({ name, value })),
    }));
    // Answers false for a topic that somebody else made meanwhile: it is looked at below, like all of them.
    await retried('create topics', () => admin.createTopics({ topics, waitForLeaders: true }));
    await retried('see the new topics', () =>
      admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) }),
    );
  });
  refuseFatal(await planTopics(config, logger));
}

export function refuseFatal(plan: TopicPlan): void {
  const fatal = plan.faults.filter((fault) => fault.fatal);
  if (fatal.length === 0) return;
  const list = fatal.map(
    (fault) => `${fault.topic} has ${fault.found} ${fault.setting}, not ${fault.wanted}`,
  );
  throw new KeyhoundError('operating', `Kafka: ${list.join('; ')}`, {
    code: 'kafka-topic-shape',
    hint: fatal[0]!.hint,
  });
}

type Shape = ReadonlyArray<{
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}>;

async function shapesOf(
  admin: Admin,
  topics: readonly WantedTopic[],
): Promise<ReadonlyMap<string, Shape>> {
  if (topics.length === 0) return new Map();
  const names = topics.map(({ name }) => name);
  const found = await retried('describe topics', () => admin.fetchTopicMetadata({ topics: names }));
  return new Map(found.topics.map(({ name, partitions }) => [name, partitions]));
}

async function settingsOf(
  admin: Admin,
  topics: readonly WantedTopic[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  if (topics.length === 0) return new Map();
  const { resources } = await retried('read the settings of topics', () =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map(({ name, settings }) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: Object.keys(settings),
      })),
    }),
  );
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

function shapeFaults(topic: WantedTopic, shape: Shape = []): TopicFault[] {
  const faults: TopicFault[] = [];
  if (shape.length !== topic.partitions) {
    faults.push({
      topic: topic.name,
      setting: 'partitions',
      wanted: String(topic.partitions),
      found: String(shape.length),
      fatal: true,
      hint:
        'Set kafka.partitions to what the topics have, or kafka.prefix to another name. ' +
        'Partitions in use cannot be changed: saved state belongs to them.',
    });
  }
  const copies = Math.min(...shape.map(({ replicas }) => replicas.length));
  if (shape.length > 0 && copies !== topic.replication) {
    faults.push({
      topic: topic.name,
      setting: 'replication',
      wanted: String(topic.replication),
      found: String(copies),
      fatal: false,
      hint: 'Set kafka.replication to it, or change it with kafka-reassign-partitions.sh.',
    });
  }
  return faults;
}

function settingFaults(topic: WantedTopic, found: ReadonlyMap<string, string>): TopicFault[] {
  return Object.entries(topic.settings)
    .filter(([setting, wanted]) => found.get(setting) !== wanted)
    .map(([setting, wanted]) => ({
      topic: topic.name,
      setting,
      wanted,
      found: found.get(setting) ?? 'unknown',
      // A compacted events topic would throw events away, and a deleting control topic the latest values.
      fatal: setting === 'cleanup.policy',
      hint: `kafka-configs.sh --alter --topic ${topic.name} --add-config ${setting}=${wanted}`,
    }));
}

export interface TopicState {
  readonly name: string;
  /** Some of its partitions have no leader and can be neither read nor written; the rest is not known then. */
  readonly isOffline: boolean;
  readonly partitions: number;
  readonly replication: number;
  /** Partitions with copies that are behind. */
  readonly underReplicated: number;
}

export interface ClusterState {
  readonly clusterId: string;
  /** Undefined while there is none. */
  readonly controller: number | undefined;
  readonly brokers: ReadonlyArray<{ readonly id: number; readonly address: string }>;
  /** Those of ours that exist. */
  readonly topics: readonly TopicState[];
}

/** For `doctor`. */
export async function describeTopics(
  config: KafkaConfig,
  logger?: KafkaLogger,
): Promise<ClusterState> {
  return withAdmin(config, logger, async (admin) => {
    const cluster = await retried('describe the cluster', () => admin.describeCluster());
    const existing = new Set(await retried('list topics', () => admin.listTopics()));
    const present = wantedTopics(config).filter(({ name }) => existing.has(name));
    const topics: TopicState[] = [];
    for (const { name } of present) topics.push(await stateOf(admin, name));
    return {
      clusterId: cluster.clusterId,
      controller: cluster.controller ?? undefined,
      brokers: cluster.brokers.map(({ nodeId, host, port }) => ({
        id: nodeId,
        address: `${host}:${port}`,
      })),
      topics,
    };
  });
}

async function stateOf(admin: Admin, name: string): Promise<TopicState> {
  try {
    const { topics } = await retried(
      `describe ${name}`,
      () => admin.fetchTopicMetadata({ topics: [name] }),
      2,
    );
    const partitions = topics[0]!.partitions;
    return {
      name,
      isOffline: false,
      partitions: partitions.length,
      replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      underReplicated: partitions.filter(({ isr, replicas }) => isr.length < replicas.length)
        .length,
    };
  } catch (error) {
    if (rootOf(error).type !== 'LEADER_NOT_AVAILABLE') throw error;
    return { name, isOffline: true, partitions: 0, replication: 0, underReplicated: 0 };
  }
}

async function withAdmin<T>(
  config: KafkaConfig,
  logger: KafkaLogger | undefined,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = createClient(config, { role: 'admin', logger }).admin();
  try {
    await retried('connect', () => admin.connect(), 1);
    return await use(admin);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}
