/** While a process responds: the response over Redis and Kafka, from what is kept until somebody else goes on. */
import path from 'node:path';
import type { ResponseMetrics } from '../../console/response-metrics.ts';
import type { PartitionConsumer } from '../../core/broker.ts';
import type { ResponseClient } from '../../core/response.ts';
import { loadCalendars } from '../../enrich/calendars.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { createGateway } from '../../responders/gateways/create.ts';
import { createSealBox, sealKeys } from '../../responders/gateways/seal.ts';
import { sealFiles } from '../../responders/gateways/seal-files.ts';
import type { HolderFacts } from '../../responders/policy-holder.ts';
import { committedOffsets } from '../../store/kafka/committed.ts';
import { topicNames } from '../../store/kafka/topics.ts';
import { type Acting, createActing } from '../response/acting.ts';
import { responseFigures } from '../response/figures.ts';
import type { OpenCase } from '../response/response.ts';
import { RespondCases } from './respond-cases.ts';
import { type RespondDetection, respondDetection } from './respond-detection.ts';
import { Freshness, openRespondFeed } from './respond-feed.ts';
import { RespondFleet } from './respond-fleet.ts';
import { RespondKeys } from './respond-keys.ts';
import { openRespondLeaks } from './respond-leaks.ts';
import type { RespondTermOptions } from './respond-options.ts';
import { keepOf, sealedTwice } from './response-keep.ts';
import { openSharedFacts, type SharedFacts } from './shared-facts.ts';

/** Of what is kept for all: since when rungs are on. */
const RUNGS_ON = 'rungs-on';

export interface RespondTerm {
  readonly client: ResponseClient;
  readonly consumer: PartitionConsumer;
  figures(): ResponseMetrics;
  /** Of reports of leaks; undefined where nobody may send any. */
  readonly hooks: string | undefined;
  trouble(): readonly { readonly name: string; readonly detail: string | undefined }[];
  /** Resolves after `until`, when nothing of it runs any more. Rejects when it can go on no more. */
  readonly ended: Promise<void>;
}

export async function openRespondTerm(options: RespondTermOptions): Promise<RespondTerm> {
  const { kafka, logger, losses, publisher, stores, until } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([until, stop.signal]);
  const freshness = new Freshness(options.clock);
  const { keys, fleet } = await factsOf(options);
  const cases = casesOf(options);
  const rungs = await openSharedFacts(stores.flag<HolderFacts>(RUNGS_ON), logger, signal);
  const { acting, detection } = actingOf(options, { freshness, cases, keys, fleet, rungs });
  await acting.start();
  await publisher.resend(stores.actions);
  const { response } = acting;
  const leaks = await openRespondLeaks(options, acting, keys);
  const told = { freshness, losses, cases, keys, fleet };
  const consumer = openRespondFeed({ kafka, logger, response, ...told, signal });
  const allowed = () => response.desk.allowanceAdded(response.now());
  const recall = ({ incident, findings }: OpenCase) => {
    keys.heard(incident);
    for (const finding of findings) response.finding(finding);
    response.incident(incident);
  };
  const work = async () => {
    const running = Promise.all([
      acting.run(signal),
      detection.follow(signal, allowed),
      cases.follow(signal, recall),
      fleet.run(signal),
      leaks?.run(signal),
    ]);
    const failure = await Promise.race([consumer.failed, running.then(() => undefined)]);
    stop.abort();
    await running;
    acting.keepFacts();
    await consumer.close();
    if (failure !== undefined) throw failure;
  };
  return {
    ...{ client: acting.client, consumer, hooks: leaks?.url, ended: work() },
    figures: () => responseFigures(acting, undefined, leaks?.stats()),
    trouble: () => [
      { name: 'kafka', detail: consumer.trouble() },
      { name: 'results', detail: losses.trouble() },
      { name: 'elasticsearch', detail: cases.trouble },
      { name: 'hooks', detail: leaks?.trouble() },
      { name: 'policy', detail: policyTrouble(acting.policyFault()) },
    ],
  };
}

/** What holds is the one before, in this process alone: nobody else could take over from it. */
export function policyTrouble(fault: string | undefined): string | undefined {
  if (fault === undefined) return undefined;
  const text = fault.replaceAll(/\s*\n\s*/g, '; ');
  return `what was in force stays in force until this process ends, and none can start: ${text}`;
}

interface Facts {
  readonly freshness: Freshness;
  readonly cases: RespondCases;
  readonly keys: RespondKeys;
  readonly fleet: RespondFleet;
  readonly rungs: SharedFacts;
}

/** What detection has saved, before anything is decided. */
async function factsOf(options: RespondTermOptions): Promise<Pick<Facts, 'keys' | 'fleet'>> {
  const { config: loaded, kafka, clock, state } = options;
  const { detectors, keys, consumers } = loaded.config;
  const { partitions } = kafka;
  const directory = loadRegistry(keys, loaded.folder, consumers);
  const fleet = new RespondFleet({ partitions, clock, state });
  await fleet.read();
  return { fleet, keys: new RespondKeys({ detectors, directory, partitions, state }) };
}

function casesOf({ kafka, logger, results }: RespondTermOptions): RespondCases {
  const { incidents } = topicNames(kafka.prefix);
  const offsetsOf = (group: string) =>
    committedOffsets(kafka, `${kafka.prefix}-${group}`, incidents, logger);
  let told: ReadonlyMap<number, number> | undefined;
  return new RespondCases({
    ...{ results, logger },
    async isCaughtUp() {
      told ??= await offsetsOf('respond');
      const indexed = await offsetsOf('index');
      return [...told].every(([partition, offset]) => (indexed.get(partition) ?? 0) >= offset);
    },
  });
}

function actingOf(
  options: RespondTermOptions,
  { freshness, cases, keys, fleet, rungs }: Facts,
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
    ...{ steered: options.steered, cases, directory, clock, logger },
    ...{ keys, fleet },
    geographyBuiltAt: options.geographyBuiltAt,
    lagMs: () => freshness.lagMs,
    storesAway: () => (stores.trouble() === undefined ? [] : ['redis']),
  });
  const tools = { seals, verdicts: stores.verdicts, folder: loaded.folder, now: () => clock.now() };
  const acting = createActing({
    ...{ config: loaded, stateFolder: folder, seals, directory, detection, clock, logger },
    facts: rungs,
    health: (now) => [
      options.losses.health(
        now,
        'health-lost-results',
        'results were deleted before they were read',
      ),
    ],
    keep: keepOf(stores, (action) => publisher.action(action)),
    adapters: config.gateways.map((gateway) => createGateway(gateway, tools)),
    asks: () => true,
    calendar: loadCalendars(config.calendars, path.resolve(loaded.folder)),
    closeIncident: (id, as, by, why) => options.closeIncident(id, as, by, why),
  });
  return { acting, detection };
}
