/**
 * What the ingest role keeps: identity, geography and registry as every form has them, and a state folder of its own
 * with the positions of its sources, dead letters and the bindings of raw keys to credentials. Positions are saved
 * when all that was read before them is safe in the topic of events.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import type { StreamPosition } from '../../core/source.ts';
import { EMPTY_CHECKPOINT } from '../../core/store.ts';
import { createEnricher, type FullEnricher } from '../../enrich/enricher.ts';
import { openGeography } from '../../enrich/geography.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { createDeadLetters, type DeadLetters } from '../../ingest/dead-letters.ts';
import { KafkaProducer } from '../../store/kafka/producer.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { closeEach } from '../close-all.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { ALIASES_PART, geographyPaths, type Kept, openKept, tellPepper } from '../session.ts';
import { AliasTeller } from './aliases.ts';
import { EventRouter, type SavedRouter } from './router.ts';

/** Brokers may stay away for so long: pushes wait in the spool, files where they are. */
const DELIVERY_MS = 24 * 3_600_000;

export interface IngestOptions {
  readonly config: LoadedConfig;
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  onNote(text: string): void;
}

export interface IngestSession {
  readonly engine: EventRouter;
  readonly enricher: FullEnricher;
  readonly deadLetters: DeadLetters;
  readonly saved: readonly StreamPosition[];
  readonly checkpointAt: number | undefined;
  /** Bytes that the brokers have not confirmed. */
  readonly heldBytes: number;
  /** Last that was said of the connection to the brokers. */
  readonly lastLog: string;
  checkpoint(): Promise<void>;
  isCheckpointDue(): boolean;
  close(): Promise<void>;
}

/** As JSON, in the meta of the state. */
interface Meta {
  readonly instance: string;
  readonly router?: SavedRouter;
}

export async function openIngestSession(options: IngestOptions): Promise<IngestSession> {
  const { config: loaded, kafka } = options;
  const { config } = loaded;
  const folder = path.resolve(options.stateDir);
  const directory = loadRegistry(config.keys, loaded.folder, config.consumers);
  const pepper = loadPepper({ env: options.env, stateDir: folder, mayCreate: false });
  tellPepper(pepper, options);
  const enricher = createEnricher({
    pepper,
    previousPepper: pepper.previous,
    knowsKey: () => false,
    geography: openGeography(geographyPaths(loaded)),
    directory,
    trustedProxies: config.trustedProxies,
  });
  const kept = await openKept(folder, pepper, { ...options, command: 'run' });
  const producer = new KafkaProducer(kafka, {
    role: 'ingest',
    deliveryMs: DELIVERY_MS,
    logger: options.logger,
  });
  try {
    const aliasTeller = new AliasTeller(options.redis, enricher.aliases, options.logger);
    const state = await kept.store.load();
    const aliases = state?.groups.find(({ part }) => part === ALIASES_PART);
    if (aliases !== undefined) enricher.restoreAliases(aliases.bytes);
    const meta = (state?.meta ?? {}) as Partial<Meta>;
    const instance = meta.instance ?? randomBytes(4).toString('hex');
    // Before anything is sent: a process that comes after this one has to call its streams the same.
    if (meta.instance === undefined)
      await kept.store.commit({ ...EMPTY_CHECKPOINT, meta: { instance } });
    const engine = new EventRouter({
      producer,
      topic: topicNames(kafka.prefix).events,
      partitions: kafka.partitions,
      directory,
      instance,
    });
    if (meta.router !== undefined) engine.restore(meta.router);
    return sessionOf(options, {
      kept,
      producer,
      engine,
      enricher,
      aliasTeller,
      instance,
      saved: state?.streams ?? [],
    });
  } catch (error) {
    await kept.store.close();
    kept.lock.release();
    throw error;
  }
}

interface Parts {
  readonly kept: Kept;
  readonly producer: KafkaProducer;
  readonly engine: EventRouter;
  readonly enricher: FullEnricher;
  readonly aliasTeller: AliasTeller;
  readonly instance: string;
  readonly saved: readonly StreamPosition[];
}

function sessionOf({ clock, config }: IngestOptions, parts: Parts): IngestSession {
  const { kept, producer, engine, enricher, aliasTeller, instance, saved } = parts;
  const deadLetters = createDeadLetters();
  let aliasVersion = enricher.aliases.version;
  let checkpointAt: number | undefined;
  let lastTriedAt = clock.now();
  return {
    engine,
    enricher,
    deadLetters,
    saved,
    get checkpointAt() {
      return checkpointAt;
    },
    get heldBytes() {
      return producer.heldBytes;
    },
    get lastLog() {
      return producer.lastLog;
    },
    async checkpoint() {
      lastTriedAt = clock.now();
      const { streams, router } = engine.drain();
      const letters = deadLetters.drain();
      const isNew = enricher.aliases.version !== aliasVersion;
      aliasVersion = enricher.aliases.version;
      const bytes = isNew ? enricher.aliases.snapshot() : undefined;
      const groups = bytes === undefined ? [] : [{ group: 0, part: ALIASES_PART, bytes }];
      await engine.settle();
      const own: Meta = { instance, router };
      await kept.store.commit({
        ...EMPTY_CHECKPOINT,
        meta: { ...own },
        streams,
        groups,
        deadLetters: letters,
      });
      checkpointAt = clock.now();
      aliasTeller.flush();
    },
    isCheckpointDue: () => clock.now() - lastTriedAt >= config.config.state.checkpointMs,
    close: () =>
      closeEach([
        () => kept.lock.release(),
        () => kept.store.close(),
        () => producer.close(),
        () => aliasTeller.close(),
      ]),
  };
}
