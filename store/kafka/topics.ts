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
/** Answered for as long as a partition has no leader; the client has asked again for some seconds then. */
const LEADERLESS = 'LEADER_NOT_AVAILABLE';

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

/**
 * What exists, beside what is wanted. Changes nothing. While a partition of any topic has no leader, settings cannot
 * be compared, and faults are of shapes alone.
 */
export async function planTopics(config: KafkaConfig, logger?: KafkaLogger): Promise<TopicPlan> {
  return withAdmin(config, logger, async (admin) => {
    const wanted = wantedTopics(config);
    const shapes = await shapesOf(admin, wanted);
    const present = wanted.filter(({ name }) => shapes.has(name));
    const settings = present.length === 0 ? undefined : await settingsOf(admin, present);
    return {
      create: wanted.filter(({ name }) => !shapes.has(name)),
      faults: present.flatMap((topic) => [
        ...shapeFaults(topic, shapes.get(topic.name)!),
        ...(settings === undefined ? [] : settingFaults(topic, settings.get(topic.name))),
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

/** Of a topic that exists, while a partition of it has no leader: brokers do not tell its shape then. */
export const OFFLINE = 'offline';

/**
 * Of those that exist. Each is asked for by its name: brokers cannot list or describe all of them while a partition
 * of any topic, ours or not, has no leader.
 */
async function shapesOf(
  admin: Admin,
  topics: readonly WantedTopic[],
): Promise<ReadonlyMap<string, Shape | typeof OFFLINE>> {
  // All at once: the client asks for some seconds before it says that one has no leader.
  const shapes = await Promise.all(
    topics.map(async ({ name }) => {
      const shape = await retried(`describe ${name}`, () => shapeOf(admin, name));
      return shape === undefined ? [] : [[name, shape] as const];
    }),
  );
  return new Map(shapes.flat());
}

/** Undefined where there is no such topic, or this user may not see it. */
export async function shapeOf(
  admin: Admin,
  name: string,
): Promise<Shape | typeof OFFLINE | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
    return topics[0]!.partitions;
  } catch (error) {
    const { type } = rootOf(error);
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
    if (type === LEADERLESS) return OFFLINE;
    throw error;
  }
}

/** Undefined while a partition of any topic has no leader: the client asks for all of them first. */
async function settingsOf(
  admin: Admin,
  topics: readonly WantedTopic[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>> | undefined> {
  const resources = topics.map(({ name, settings }) => ({
    type: kafkajs.ConfigResourceTypes.TOPIC,
    name,
    configNames: Object.keys(settings),
  }));
  const found = await retried('read the settings of topics', async () => {
    try {
      return await admin.describeConfigs({ includeSynonyms: false, resources });
    } catch (error) {
      if (rootOf(error).type === LEADERLESS) return undefined;
      throw error;
    }
  });
  return (
    found &&
    new Map(
      found.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    )
  );
}

function shapeFaults(topic: WantedTopic, shape: Shape | typeof OFFLINE): TopicFault[] {
  if (shape === OFFLINE) return [];
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

function settingFaults(
  topic: WantedTopic,
  found: ReadonlyMap<string, string> = new Map(),
): TopicFault[] {
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
  /** Undefined while a partition of some topic, ours or not, has no leader: brokers are not told then. */
  readonly members: ClusterMembers | undefined;
  /** Those of ours that exist. */
  readonly topics: readonly TopicState[];
}

export interface ClusterMembers {
  /** Undefined while there is none. */
  readonly controller: number | undefined;
  readonly brokers: ReadonlyArray<{ readonly id: number; readonly address: string }>;
}

/** For `doctor`. */
export async function describeTopics(
  config: KafkaConfig,
  logger?: KafkaLogger,
): Promise<ClusterState> {
  return withAdmin(config, logger, async (admin) => {
    const members = await retried('describe the cluster', () => membersOf(admin));
    const shapes = await shapesOf(admin, wantedTopics(config));
    return { members, topics: [...shapes].map(([name, shape]) => stateOf(name, shape)) };
  });
}

async function membersOf(admin: Admin): Promise<ClusterMembers | undefined> {
  try {
    const { controller, brokers } = await admin.describeCluster();
    return {
      controller: controller ?? undefined,
      brokers: brokers.map(({ nodeId, host, port }) => ({
        id: nodeId,
        address: `${host}:${port}`,
      })),
    };
  } catch (error) {
    if (rootOf(error).type === LEADERLESS) return undefined;
    throw error;
  }
}

function stateOf(name: string, shape: Shape | typeof OFFLINE): TopicState {
  if (shape === OFFLINE) {
    return { name, isOffline: true, partitions: 0, replication: 0, underReplicated: 0 };
  }
  return {
    name,
    isOffline: false,
    partitions: shape.length,
    replication: Math.min(...shape.map(({ replicas }) => replicas.length)),
    underReplicated: shape.filter(({ isr, replicas }) => isr.length < replicas.length).length,
  };
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
