/**
 * What a process of the console role knows beside the results in Elasticsearch: the rules that hold, out of the topic
 * of controls; state, out of Redis; and how to tell all partitions what people say.
 */
import { type Clock, toIsoOrNull } from '../../core/clock.ts';
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
import { openResponseStores, type ResponseStores } from '../../store/redis/response/open.ts';
import type { Logger } from '../contract.ts';
import type { Steered } from '../steering-data.ts';
import { ControlLog } from './control-log.ts';
import { Late } from './late.ts';
import { StateMatch } from './state-match.ts';

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
  /** Decisions and actions as they are kept. Connects where that is not done yet. */
  response(): Promise<ResponseStores>;
  /** Of the whole installation, as of the last checkpoints. */
  facts(): Promise<{ subjects: number; firstAt: string | null; lastAt: string | null }>;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

export function openConsole({ kafka, redis, clock, logger }: ConsoleOptions): ConsoleRole {
  const topics = topicNames(kafka.prefix);
  const numbers = new Late<ControlNumbers>(() => openControlNumbers(redis));
  const state = new Late<StateReader>(() => openStateReader(redis));
  const response = new Late<ResponseStores>(() => openResponseStores({ config: redis }));
  const log = new ControlLog({
    numbers: () => numbers.get(),
    producer: new KafkaProducer(kafka, { role: 'console', deliveryMs: DELIVERY_MS, logger }),
    topics,
    partitions: kafka.partitions,
    logger,
    follow: (apply) =>
      followLog(kafka, { topic: topics.control, from: 'earliest', apply, role: 'console', logger }),
  });
  const { partitions } = kafka;
  const check = async () => (await state.get()).refuse({ partitions });
  const match = new StateMatch({ check, logger, follows: 'nothing that people say is passed on' });
  const looking = new AbortController();
  void match.run(looking.signal);
  const spanned = async () => {
    await check();
    return spanOf(await state.get(), partitions);
  };
  const lastAt = async () => (await spanned()).lastAt;
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
    response: () => response.get(),
    failed: log.failed,
    async facts() {
      const [{ firstAt, lastAt }, subjects] = await Promise.all([
        spanned(),
        state.get().then((reader) => reader.count()),
      ]);
      return { subjects, firstAt: toIsoOrNull(firstAt), lastAt: toIsoOrNull(lastAt) };
    },
    trouble() {
      // Asked again and again by probes. Not awaited: incidents are told without it.
      if (state.value === undefined) void state.get().catch(() => undefined);
      const found = [
        { name: 'kafka', detail: log.trouble() },
        { name: 'redis', detail: state.trouble ?? state.value?.trouble() },
        { name: 'state', detail: match.trouble },
      ];
      return found.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
    },
    async close() {
      looking.abort();
      await log.close();
      numbers.value?.close();
      state.value?.close();
      await response.value?.close();
    },
  };
}

/** First and latest event time of all partitions, as of their last checkpoints. */
async function spanOf(state: StateReader, partitions: number) {
  const names = ['firstAt', 'lastAt'];
  const metas = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => state.meta(partition, names)),
  );
  const known = (name: string) =>
    metas.flatMap(({ [name]: at }) => (typeof at === 'number' ? [at] : []));
  const [firsts, lasts] = [known('firstAt'), known('lastAt')];
  return {
    firstAt: firsts.length === 0 ? undefined : Math.min(...firsts),
    lastAt: lasts.length === 0 ? undefined : Math.max(...lasts),
  };
}

function groupOf(incident: Incident): number | undefined {
  return groupOfIncident(incident, {
    digest0: (id) => savedIdentity(id).digest0,
    network: (id) => networksIn(id)?.[0],
  });
}
