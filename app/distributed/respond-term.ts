/** While a process responds: the response over Redis and Kafka, from what is kept until somebody else goes on. */
import path from 'node:path';
import type { PartitionConsumer } from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import type { ClosedAs } from '../../core/control.ts';
import type { ResponseClient } from '../../core/response.ts';
import type { ResultStore } from '../../core/store.ts';
import { loadCalendars } from '../../enrich/calendars.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { createGateway } from '../../responders/gateways/create.ts';
import { createSealBox, sealKeys } from '../../responders/gateways/seal.ts';
import { sealFiles } from '../../responders/gateways/seal-files.ts';
import type { ResponseStores } from '../../store/redis/response/open.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { type Acting, createActing } from '../response/acting.ts';
import type { Steered } from '../steering-data.ts';
import { type RespondDetection, respondDetection } from './respond-detection.ts';
import { Freshness, openRespondFeed } from './respond-feed.ts';
import { keepOf, sealedTwice } from './response-keep.ts';
import type { ResponsePublisher } from './response-publisher.ts';

export interface RespondOptions {
  readonly config: LoadedConfig;
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  /** The state folder, which is there. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly steered: Steered;
  readonly results: ResultStore | undefined;
  /** When the geography data was made, epoch ms; undefined when nobody knows. */
  readonly geographyBuiltAt: number | undefined;
  /** Closes an incident as it was found to be. */
  closeIncident(id: string, as: ClosedAs, by: string, why: string): Promise<void>;
}

export interface RespondTermOptions extends RespondOptions {
  readonly publisher: ResponsePublisher;
  readonly stores: ResponseStores;
  /** Lost, or to be ended. */
  readonly until: AbortSignal;
}

export interface RespondTerm {
  readonly client: ResponseClient;
  readonly consumer: PartitionConsumer;
  /** Resolves after `until`, when nothing of it runs any more. Rejects when it can go on no more. */
  readonly ended: Promise<void>;
}

export async function openRespondTerm(options: RespondTermOptions): Promise<RespondTerm> {
  const { kafka, logger, publisher, stores, until } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([until, stop.signal]);
  const freshness = new Freshness(options.clock);
  const { acting, detection } = actingOf(options, freshness);
  await acting.start();
  await publisher.resend(stores.actions);
  const { response } = acting;
  const consumer = openRespondFeed({ kafka, logger, response, freshness, signal });
  const allowed = () => response.desk.allowanceAdded(response.now());
  const work = async () => {
    const running = Promise.all([acting.run(signal), detection.follow(signal, allowed)]);
    const failure = await Promise.race([consumer.failed, running.then(() => undefined)]);
    stop.abort();
    await running;
    acting.keepFacts();
    await consumer.close();
    if (failure !== undefined) throw failure;
  };
  return { client: acting.client, consumer, ended: work() };
}

function actingOf(
  options: RespondTermOptions,
  freshness: Freshness,
): { readonly acting: Acting; readonly detection: RespondDetection } {
  const { config: loaded, clock, env, folder, logger, publisher, stores } = options;
  const { config } = loaded;
  const pepper = loadPepper({ env, stateDir: undefined, mayCreate: false });
  const directory = loadRegistry(config.keys, loaded.folder, config.consumers);
  const seals = createSealBox({
    store: sealedTwice(stores.seals, sealFiles(path.join(folder, 'sealed'))),
    keys: sealKeys(env, pepper),
    now: () => clock.now(),
  });
  const detection = respondDetection({
    ...{ steered: options.steered, results: options.results, directory, clock, logger },
    geographyBuiltAt: options.geographyBuiltAt,
    lagMs: () => freshness.lagMs,
    storesAway: () => (stores.trouble() === undefined ? [] : ['redis']),
  });
  const tools = { seals, verdicts: stores.verdicts, folder: loaded.folder, now: () => clock.now() };
  const acting = createActing({
    ...{ config: loaded, stateFolder: folder, seals, directory, detection, clock, logger },
    keep: keepOf(stores, (action) => publisher.action(action)),
    adapters: config.gateways.map((gateway) => createGateway(gateway, tools)),
    asks: () => true,
    calendar: loadCalendars(config.calendars, path.resolve(loaded.folder)),
    closeIncident: (id, as, by, why) => options.closeIncident(id, as, by, why),
  });
  return { acting, detection };
}
