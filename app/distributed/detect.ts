/**
 * The detect role: a member of the consumer group of the topic of events. Each partition that the group gives to this
 * process is an engine with its state out of Redis (detect-partition.ts).
 */
import path from 'node:path';
import type { OwnedPartition, PartitionConsumer, PartitionOwner } from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import { KEY_GROUPS } from '../../core/event.ts';
import type { Incident } from '../../core/finding.ts';
import { KnownParts } from '../../core/wire/parts.ts';
import { createShardEngine, type ShardEngine } from '../../detectors/engine/shard-engine.ts';
import { loadCalendars } from '../../enrich/calendars.ts';
import { geographyVersion } from '../../enrich/geography.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { consumePartitions } from '../../store/kafka/consumer.ts';
import { followLog } from '../../store/kafka/follower.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { openRedisState, type RedisState } from '../../store/redis/state.ts';
import { closeEach } from '../close-all.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { geographyPaths } from '../session.ts';
import { DetectPartition } from './detect-partition.ts';
import { ExchangeFeed } from './exchange-feed.ts';
import { ExchangeTeller } from './exchange-teller.ts';
import { ResultSender } from './results.ts';
import { StateLosses } from './state-losses.ts';

/** While brokers are away nothing new comes to be told, so that what waits is bounded without a time. */
const DELIVERY_MS = 24 * 3_600_000;

export interface DetectOptions {
  readonly config: LoadedConfig;
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  onIncident(incident: Incident): void;
}

export interface DetectRole {
  readonly partitions: readonly DetectPartition[];
  readonly consumer: PartitionConsumer;
  /** Reports of other partitions that were deleted before they were heard. */
  readonly lost: number;
  /** What is wrong, in words, by what it is about. */
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  /** Settles when this process can go on no more. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

export async function openDetect(options: DetectOptions): Promise<DetectRole> {
  const { kafka, logger } = options;
  const topics = topicNames(kafka.prefix);
  const state = await openState(options);
  const deliveryMs = DELIVERY_MS;
  const producer = new KafkaProducer(kafka, { role: 'detect', lingerMs: 1, deliveryMs, logger });
  const feed = exchangeOf(options);
  const teller = new ExchangeTeller((messages) => producer.send(topics.exchange, 0, messages));
  const open = new Map<number, DetectPartition>();
  const known = new KnownParts();
  const makeEngine = engineMaker(options);
  const failed = Promise.withResolvers<Error>();
  const reading = { topic: topics.events, groupId: `${kafka.prefix}-detect` };
  const losses = new StateLosses({ ...options, ...reading });
  const owner: PartitionOwner = {
    async open(partition): Promise<OwnedPartition> {
      const results = new ResultSender(producer, topics.incidents, partition);
      const owned = await openPartition(partition, state, kafka.partitions, (shard) =>
        makeEngine(shard, results),
      );
      const one: DetectPartition = new DetectPartition({
        ...owned,
        partition,
        known,
        feed,
        teller,
        results,
        ...boundsOf(options),
        isCutOff: () => troubles(consumer, state, feed).length > 0,
        onFailed: failed.resolve,
        onLost: (error) => losses.noted(partition, error),
        onClosed: () => {
          if (open.get(partition) === one) open.delete(partition);
        },
      });
      feed.add(one);
      open.set(partition, one);
      void losses.compare(partition, () => one.savedOffset());
      return one;
    },
  };
  const consumer: PartitionConsumer = consumePartitions(kafka, {
    ...reading,
    owner,
    role: 'detect',
    logger,
    onRebalance: (partitions) => logger.info({ partitions }, 'partitions assigned'),
  });
  return {
    get partitions() {
      return [...open.values()];
    },
    consumer,
    get lost() {
      return feed.missed;
    },
    failed: Promise.race([consumer.failed, feed.failed, failed.promise]),
    trouble: () => [
      ...troubles(consumer, state, feed, losses),
      ...unsaved(state, [...open.values()]),
    ],
    close: () =>
      closeEach([
        () => state.close(),
        () => producer.close(),
        () => feed.close(),
        () => consumer.close(),
      ]),
  };
}

function openState({ env, kafka, redis }: DetectOptions): Promise<RedisState> {
  const pepper = loadPepper({ env, stateDir: undefined, mayCreate: false });
  return openRedisState({
    config: redis,
    partitions: kafka.partitions,
    pepperFingerprint: pepper.fingerprint,
    previousFingerprint: pepper.previous?.fingerprint,
  });
}

function exchangeOf({ kafka, logger }: DetectOptions): ExchangeFeed {
  const { exchange: topic } = topicNames(kafka.prefix);
  return new ExchangeFeed(
    (from, apply) => followLog(kafka, { topic, from, apply, role: 'detect', logger }),
    (messages) => {
      const text = `${messages} reports of other partitions were deleted before they were heard`;
      logger.error({ messages }, `${text}: what many keys did together may be missed`);
    },
  );
}

function boundsOf({ config, clock, logger }: DetectOptions) {
  const { state, intake } = config.config;
  const { checkpointMs, checkpointDirty } = state;
  return { clock, logger, checkpointMs, checkpointDirty, silentMs: intake.silentMs };
}

function troubles(
  consumer: PartitionConsumer,
  state: RedisState,
  feed: ExchangeFeed,
  losses?: StateLosses,
): { readonly name: string; readonly detail: string }[] {
  const found = [
    { name: 'kafka', detail: consumer.trouble() },
    { name: 'redis', detail: state.trouble()?.message },
    { name: 'exchange', detail: feed.trouble() },
    { name: 'lost state', detail: losses?.trouble() },
  ];
  return found.flatMap(({ name, detail }) => (detail === undefined ? [] : [{ name, detail }]));
}

/** Redis answers, and takes nothing: it is full, or its primary has become a replica. */
function unsaved(
  state: RedisState,
  partitions: readonly DetectPartition[],
): { readonly name: string; readonly detail: string }[] {
  if (state.trouble() !== undefined) return [];
  const reasons = partitions.flatMap((one) => one.unsaved ?? []);
  if (reasons.length === 0) return [];
  const which = `the state of ${reasons.length} of ${partitions.length} partitions is not saved`;
  return [{ name: 'state', detail: `${which}, their events wait in Kafka: ${reasons[0]}` }];
}

async function openPartition(
  partition: number,
  redis: RedisState,
  count: number,
  makeEngine: (shard: ShardEngine['shard']) => ShardEngine,
) {
  const groups = Array.from({ length: KEY_GROUPS }, (_, group) => group).filter(
    (group) => group % count === partition,
  );
  const state = await redis.partition(partition, groups);
  const loaded = await state.load();
  const engine = makeEngine({ index: partition, count });
  if (loaded !== undefined) engine.restore(loaded);
  return { state, loaded, engine };
}

function engineMaker({ config: loaded, onIncident }: DetectOptions) {
  const { config, folder } = loaded;
  const directory = loadRegistry(config.keys, folder, config.consumers);
  const calendar = loadCalendars(config.calendars, path.resolve(folder));
  const version = geographyVersion(geographyPaths(loaded));
  return (shard: ShardEngine['shard'], results: ResultSender): ShardEngine =>
    createShardEngine({
      subjectsMax: config.engine.subjectsMax,
      detectors: config.detectors,
      directory,
      calendar,
      geographyVersion: version,
      durable: true,
      shard,
      onFinding: (finding) => results.line(finding),
      onVerdict: (verdict) => results.watch(verdict),
      onIncident: (incident) => {
        results.line(incident);
        onIncident(incident);
      },
    });
}
