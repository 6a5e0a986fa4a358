/**
 * What a process of the console role knows beside the results in Elasticsearch: the rules that hold, out of the topic
 * of controls; state, out of Redis; and how to tell all partitions what people say.
 */
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import type { Incident } from '../../core/finding.ts';
import { groupOfIncident } from '../../detectors/engine/subject-group.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import { networksIn } from '../../enrich/network-range.ts';
import { followLog } from '../../store/kafka/follower.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { type ControlNumbers, openControlNumbers } from '../../store/redis/control.ts';
import { openStateReader, type StateReader } from '../../store/redis/reader.ts';
import type { Logger } from '../contract.ts';
import type { Steered } from '../steering-data.ts';
import { ControlLog } from './control-log.ts';
import { Late } from './late.ts';

/** A person waits for the answer: what brokers do not take in this time is sent later, ms. */
const DELIVERY_MS = 15_000;

export interface ConsoleOptions {
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ConsoleRole {
  readonly steered: Steered;
  /** Connects to Redis where that is not done yet. */
  state(): Promise<StateReader>;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

export function openConsole({ kafka, redis, clock, logger }: ConsoleOptions): ConsoleRole {
  const topics = topicNames(kafka.prefix);
  const numbers = new Late<ControlNumbers>(() => openControlNumbers(redis));
  const state = new Late<StateReader>(() => openStateReader(redis));
  const log = new ControlLog({
    numbers: () => numbers.get(),
    producer: new KafkaProducer(kafka, { role: 'console', deliveryMs: DELIVERY_MS, logger }),
    topics,
    partitions: kafka.partitions,
    logger,
    follow: (apply) =>
      followLog(kafka, { topic: topics.control, from: 'earliest', apply, role: 'console', logger }),
  });
  const lastAt = async () => lastAtOf(await state.get(), kafka.partitions);
  const steered: Steered = {
    clock,
    rules: () => log.rules(),
    lastAt,
    groupOf,
    async control(kind, body) {
      await log.say({ at: (await lastAt()) ?? clock.now(), kind, body });
    },
  };
  return {
    steered,
    state: () => state.get(),
    failed: log.failed,
    trouble() {
      const detail = log.trouble();
      return detail === undefined ? [] : [{ name: 'kafka', detail }];
    },
    async close() {
      await log.close();
      (await numbers.opened())?.close();
      (await state.opened())?.close();
    },
  };
}

/** Latest event time of all partitions, as of their last checkpoints. */
async function lastAtOf(state: StateReader, partitions: number): Promise<number | undefined> {
  const metas = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => state.meta(partition, ['lastAt'])),
  );
  const known = metas.flatMap(({ lastAt }) => (typeof lastAt === 'number' ? [lastAt] : []));
  return known.length === 0 ? undefined : Math.max(...known);
}

function groupOf(incident: Incident): number | undefined {
  return groupOfIncident(incident, {
    digest0: (id) => savedIdentity(id).digest0,
    network: (id) => networksIn(id)?.[0],
  });
}
