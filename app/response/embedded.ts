/** The response of the embedded form: SQLite beside the state of detection, in the same process as the engine. */
import path from 'node:path';
import type { ResponseMetrics } from '../../console/response-metrics.ts';
import type { Clock } from '../../core/clock.ts';
import type { GatewayAdapter } from '../../core/gateway.ts';
import type { ActingRung } from '../../core/ladder.ts';
import type { Turns } from '../../core/turns.ts';
import { type DecideEndpoint, startDecide } from '../../decide/endpoint.ts';
import { createKeyNames, type KeyNames } from '../../decide/key-names.ts';
import { consumerNameOf } from '../../detectors/engine/key-states.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import type { HealthFacts } from '../../responders/alert-texts.ts';
import { createGateway } from '../../responders/gateways/create.ts';
import { createSealBox, sealKeys } from '../../responders/gateways/seal.ts';
import { sealFiles } from '../../responders/gateways/seal-files.ts';
import { openSqliteResponseStore, type ResponseStore } from '../../store/sqlite/response.ts';
import { createStateData } from '../console-data.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import type { KeyResponse } from '../key-data.ts';
import { listenerTls } from '../listener-tls.ts';
import type { Session } from '../session.ts';
import type { StatePaths } from '../state-folder.ts';
import type { Commit } from '../steering-data.ts';
import { type Acting, type ActingOptions, createActing } from './acting.ts';
import { embeddedDetection } from './embedded-detection.ts';
import { responseFigures } from './figures.ts';
import { type Leaks, startLeaks } from './leaks.ts';
import { createLimitFacts, knownUse } from './limit-facts.ts';

/** What there is without a gateway in the configuration: whoever asks the decision endpoint is one. */
const ASKED_ONLY = { name: 'decide', kind: 'decide' } as const;

export interface EmbeddedResponseOptions {
  readonly config: LoadedConfig;
  readonly session: Session;
  readonly paths: StatePaths;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False: nothing listens; for commands on a state at rest. */
  readonly listens: boolean;
  readonly commit: Commit;
  /** What is to be told of Keyhound itself, once a second. */
  health?(now: number): readonly HealthFacts[];
  /** What gateways can, where that is less than they could. */
  readonly rungs?: readonly ActingRung[];
  /** Who is told beside the channels. */
  readonly teller?: ActingOptions['teller'];
}

export interface EmbeddedResponse extends Acting {
  /** URLs by listener name. */
  readonly listeners: Readonly<Record<string, string>>;
  readonly decide: DecideEndpoint | undefined;
  readonly store: ResponseStore;
  /** What it says of a key. */
  readonly ofKey: KeyResponse;
  figures(): ResponseMetrics;
  close(): Promise<void>;
}

export async function openEmbeddedResponse(
  options: EmbeddedResponseOptions,
): Promise<EmbeddedResponse> {
  const { config: loaded, session, paths, clock, logger, env, listens } = options;
  const { config, folder } = loaded;
  const store = await openSqliteResponseStore({
    folder: paths.folder,
    clock,
    monthsMax: config.state.usageMonthsMax,
  });
  const closing: (() => Promise<void>)[] = [() => store.close()];
  try {
    const seals = createSealBox({
      store: sealFiles(path.join(paths.folder, 'sealed')),
      keys: sealKeys(env, session.pepper),
      now: () => clock.now(),
    });
    const decide = listens ? await listen(options, store) : undefined;
    if (decide !== undefined) closing.push(() => decide.close());
    const data = createStateData(session, options.commit);
    const acting = createActing({
      ...{ config: loaded, stateFolder: paths.folder, keep: store, seals, clock, logger },
      adapters: adaptersOf(options, {
        ...{ seals, verdicts: store, folder, now: () => clock.now() },
      }),
      asks: () => config.gateways.length > 0 || decide === undefined || isAsked(decide),
      ...(options.health === undefined ? {} : { health: options.health }),
      ...(options.teller === undefined ? {} : { teller: options.teller }),
      directory: session.directory,
      calendar: session.calendar,
      detection: embeddedDetection(session, options.turns, clock),
      closeIncident: async (id, as, by, reason) => {
        await data.closeIncident(id, { as, by, reason });
      },
    });
    closing.push(async () => acting.keepFacts());
    const leaks = listens ? await hearReports(options, store, acting) : undefined;
    if (leaks !== undefined) closing.push(() => leaks.close());
    return {
      ...acting,
      decide,
      store,
      ofKey: {
        rungOf: (id) => acting.response.rungOf(id),
        limitsOf: (id) => decide?.limitsOf(id),
      },
      figures: () => responseFigures(acting, decide?.status(), leaks?.stats()),
      listeners: {
        ...(decide === undefined ? {} : { decide: decide.url }),
        ...(leaks === undefined ? {} : { hooks: leaks.url }),
      },
      run: async (signal) => {
        await Promise.all([acting.run(signal), leaks?.run(signal)]);
      },
      async close() {
        for (const close of closing.reverse()) await close();
      },
    };
  } catch (error) {
    for (const close of closing.reverse()) await close();
    throw error;
  }
}

function adaptersOf(
  { config, rungs }: EmbeddedResponseOptions,
  tools: Parameters<typeof createGateway>[1],
): GatewayAdapter[] {
  const { gateways } = config.config;
  const adapters = (gateways.length === 0 ? [ASKED_ONLY] : gateways).map((gateway) =>
    createGateway(gateway, tools),
  );
  if (rungs === undefined) return adapters;
  return adapters.map((adapter) => ({ ...adapter, rungs: new Set(rungs) }));
}

function hearReports(
  { config: loaded, session, commit, clock, logger }: EmbeddedResponseOptions,
  store: ResponseStore,
  { response, telling }: Acting,
): Promise<Leaks | undefined> {
  const { engine, directory } = session;
  return startLeaks({
    ...{ config: loaded.config, store, directory, clock, logger },
    names: namesOf(session),
    known: async (ids) =>
      ids.map((id) => {
        const key = savedIdentity(id);
        return engine.knows(key) ? { consumer: consumerNameOf(engine, key) ?? '' } : undefined;
      }),
    async report(report) {
      response.report(report);
      await response.keeper.settle();
    },
    control: (notice) => commit(() => session.control('leak', { ...notice })),
    tell: (alert) => void telling.deliveries.tell(alert),
  });
}

function namesOf({ pepper, enricher }: Session): KeyNames {
  return createKeyNames({
    pepper: pepper.key,
    previous: pepper.previous?.key,
    aliases: enricher.aliases,
  });
}

function listen(
  { config: loaded, session, paths, clock, logger }: EmbeddedResponseOptions,
  store: ResponseStore,
): Promise<DecideEndpoint> {
  const { config } = loaded;
  const colon = config.listen.decide.lastIndexOf(':');
  const { calendar, directory, geography } = session;
  return startDecide({
    host: config.listen.decide.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(config.listen.decide.slice(colon + 1)),
    tls: listenerTls(config.tls.decide),
    settings: config.decide,
    trustedProxies: config.trustedProxies,
    geography,
    folder: paths.folder,
    store,
    names: namesOf(session),
    facts: createLimitFacts({
      ...{ directory, calendar, clock, detectors: config.detectors },
      known: (id) => knownUse(session.engine, id),
    }),
    clock,
    onError: (error) => logger.warn({ err: error }, 'the decision endpoint has trouble'),
  });
}

/** A gateway that has never asked is none: what is decided for it would hold nowhere. */
function isAsked(decide: DecideEndpoint): boolean {
  const { decisions } = decide.status().counters;
  return Object.values(decisions).some(
    ({ allow, throttle, refuse }) => allow + throttle + refuse > 0,
  );
}
