/** What `doctor` asks the brokers: who is there, the topics, how far the readers are. Changes nothing. */
import type { Admin } from 'kafkajs';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createClient } from './connection.ts';
import { retried } from './errors.ts';
import {
  type ClusterState,
  describeTopics,
  planTopics,
  type TopicPlan,
  type TopicState,
  topicNames,
  type WantedTopic,
  wantedTopics,
} from './topics.ts';

/** As a line `{"type":"check"}` has it; a hint only with a failure. */
export interface BrokerCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint?: string;
}

/** Who reads our topics: the group's name after the prefix, and the role that is its members. */
const READERS = [
  { group: 'detect', topic: 'events', role: 'detect' },
  { group: 'index', topic: 'incidents', role: 'console' },
] as const;

/** One check after the other; nothing more is asked of brokers that do not answer. */
export async function* checkKafka(
  config: KafkaConfig,
  /** Whether results are written on, from the topic of incidents. */
  { indexes }: { readonly indexes: boolean },
): AsyncGenerator<BrokerCheck> {
  let state: ClusterState;
  try {
    state = await describeTopics(config);
    yield checkBrokers(config, state);
    const plan = await planTopics(config);
    for (const topic of wantedTopics(config)) yield checkTopic(topic, plan, state);
  } catch (error) {
    yield failed('kafka', error);
    return;
  }
  for (const reader of READERS) {
    const topic = topicNames(config.prefix)[reader.topic];
    if (reader.group === 'index' && !indexes) continue;
    if (!state.topics.some(({ name }) => name === topic)) continue;
    yield await checkReader(config, topic, reader);
  }
}

function check(name: string, fault: string | undefined, detail: string, hint = ''): BrokerCheck {
  if (fault === undefined) return { name, ok: true, detail };
  return { name, ok: false, detail: `${detail}; ${fault}`, ...(hint === '' ? {} : { hint }) };
}

function failed(name: string, error: unknown): BrokerCheck {
  if (!(error instanceof KeyhoundError)) throw error;
  const { message: detail, hint } = error;
  return { name, ok: false, detail, ...(hint === undefined ? {} : { hint }) };
}

function checkBrokers(
  { brokers: configured, replication, tls, sasl }: KafkaConfig,
  { members }: ClusterState,
): BrokerCheck {
  if (members === undefined) {
    const fault =
      'partitions without a leader, ours or of others; brokers cannot be listed meanwhile';
    return check('kafka', fault, configured.join(', '), 'Start the brokers that are away.');
  }
  const { brokers, controller } = members;
  const list = brokers.map(({ address }) => address).join(', ');
  const login = sasl === undefined ? 'no login' : `${sasl.mechanism} as ${sasl.username}`;
  const way = `${tls === undefined ? 'plaintext' : 'TLS'}, ${login}`;
  const detail = `${counted(brokers.length, 'broker')} (${list}), ${way}`;
  if (controller === undefined) {
    return check('kafka', 'no controller', detail, 'Look into the log of the controllers.');
  }
  if (brokers.length < replication) {
    const hint = `Start the brokers that are away, or set kafka.replication to ${brokers.length}.`;
    return check('kafka', `fewer than the ${replication} copies wanted`, detail, hint);
  }
  return check('kafka', undefined, `${detail}, controller ${controller}`);
}

function checkTopic(wanted: WantedTopic, plan: TopicPlan, { topics }: ClusterState): BrokerCheck {
  const name = `kafka topic ${wanted.name}`;
  const found = topics.find((topic) => topic.name === wanted.name);
  if (found === undefined || plan.create.includes(wanted)) {
    return { name, ok: false, detail: 'missing', hint: 'Make it: keyhound kafka init --yes' };
  }
  if (found.isOffline) {
    const hint = 'They can be neither read nor written: start the brokers that hold them.';
    return { name, ok: false, detail: 'partitions without a leader', hint };
  }
  const detail = shapeInWords(found, wanted);
  const faults = plan.faults.filter(({ topic }) => topic === wanted.name);
  if (faults[0] !== undefined) {
    const told = faults.map((fault) => `${fault.setting} ${fault.found}, not ${fault.wanted}`);
    return check(name, told.join('; '), detail, faults[0].hint);
  }
  if (found.underReplicated > 0) {
    const behind = `${counted(found.underReplicated, 'partition')} with a copy that is behind`;
    const hint = 'A broker is away or slow: bring it back before another one goes.';
    return check(name, behind, detail, hint);
  }
  return check(name, undefined, detail);
}

function shapeInWords({ partitions, replication }: TopicState, { settings }: WantedTopic): string {
  const copies = replication === 1 ? '1 copy' : `${replication} copies`;
  const kept = Number(settings['retention.ms']);
  const days =
    settings['retention.ms'] === undefined
      ? 'the latest of each key'
      : kept < 0
        ? 'kept for ever'
        : `kept ${Math.round((kept / 86_400_000) * 10) / 10} days`;
  const inSync = settings['min.insync.replicas'];
  return `${counted(partitions, 'partition')}, ${copies} (${inSync} must agree), ${days}`;
}

async function checkReader(
  config: KafkaConfig,
  topic: string,
  { group, role }: (typeof READERS)[number],
): Promise<BrokerCheck> {
  const groupId = `${config.prefix}-${group}`;
  const name = `kafka group ${groupId}`;
  const admin = createClient(config, { role: 'admin' }).admin();
  try {
    await retried('connect', () => admin.connect(), 1);
    const { members, lag, lost } = await retried(`look at the group ${groupId}`, () =>
      factsOf(admin, groupId, topic),
    );
    const behind = lag === 1 ? '1 message' : `${lag} messages`;
    const detail = `${counted(members, 'member')}, ${behind} behind`;
    if (lost > 0) {
      const hint =
        'They were deleted before they were read. Raise kafka.retentionMs, and start more processes.';
      return check(name, `${lost} lost in ${topic}`, detail, hint);
    }
    if (members === 0 && lag > 0) {
      return check(name, 'nobody reads', detail, `Start: keyhound run --role ${role}`);
    }
    return check(name, undefined, detail);
  } catch (error) {
    return failed(name, error);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

interface ReaderFacts {
  readonly members: number;
  /** Messages that are still there and not read. */
  readonly lag: number;
  /** Messages that were deleted before they were read. */
  readonly lost: number;
}

async function factsOf(admin: Admin, groupId: string, topic: string): Promise<ReaderFacts> {
  const { groups } = await admin.describeGroups([groupId]);
  const ranges = await admin.fetchTopicOffsets(topic);
  const [told] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const offsets = new Map(told?.partitions.map((one) => [one.partition, Number(one.offset)]));
  let lag = 0;
  let lost = 0;
  for (const { partition, low, high } of ranges) {
    const offset = offsets.get(partition) ?? -1;
    // A reader that has never told anything begins with what is there.
    if (offset >= 0) lost += Math.max(0, Number(low) - offset);
    lag += Number(high) - Math.max(Number(low), offset);
  }
  return { members: groups[0]?.members.length ?? 0, lag, lost };
}

function counted(count: number, one: string): string {
  return `${count} ${count === 1 ? one : `${one}s`}`;
}
