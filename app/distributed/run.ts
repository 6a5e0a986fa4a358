/**
 * The service with its roles apart: any number of processes of each, joined by Kafka, with state in Redis and results
 * in Elasticsearch. A role that can go on no more ends the process, so that its supervisor starts it again.
 *
 * What only some roles need is loaded with them: all of it takes a third of a second.
 */
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createApi } from '../../console/api.ts';
import type { ConsoleData } from '../../console/contract.ts';
import { createMetrics } from '../../console/metrics.ts';
import { systemClock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { ResultStore } from '../../core/store.ts';
import { openGeography } from '../../enrich/geography.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { watchTopics } from '../../store/kafka/topic-watch.ts';
import { Ending } from '../close-all.ts';
import { type LoadedConfig, ROLES, type Role, type Run, type RunOptions } from '../contract.ts';
import { listenerTls } from '../listener-tls.ts';
import { geographyPaths } from '../session.ts';
import { announceApi, apiToken, openStateFolder, type StatePaths } from '../state-folder.ts';
import { VERSION } from '../version.ts';
import { createDistributedData } from './data.ts';
import { redisMissing, topicsOf } from './needs.ts';
import { findOwnState } from './own-state.ts';
import { createDistributedClient } from './response-client.ts';
import { metricsOf, type RunningRoles, readinessOf, summaryNow } from './status.ts';

/** What is not saved by then, after a signal or a failure, is applied again at the next start. */
const CLOSE_MS = 25_000;

export const runDistributed: Run = async (options) => {
  // Processes share the cores here: several threads that look for what is alive take a tenth more of them than one.
  setFlagsFromString('--no-parallel-scavenge');
  const stop = new AbortController();
  const until = AbortSignal.any([options.signal, stop.signal]);
  const ending = new Ending(options.logger);
  await inTime(runRoles({ ...options, signal: until }, stop, ending), until, ending);
  ending.done(path.resolve(options.config.config.state.dir));
};

/** Servers that are away must not keep a process long after the signal. */
async function inTime(work: Promise<void>, signal: AbortSignal, ending: Ending): Promise<void> {
  const late = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setTimeout(() => late.reject(closedLate()), CLOSE_MS);
  };
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  try {
    await Promise.race([work, late.promise]);
  } catch (error) {
    ending.fail(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', begin);
  }
}

function closedLate(): KeyhoundError {
  return new KeyhoundError('operating', `not all could be saved within ${CLOSE_MS / 1000} s`, {
    code: 'closed-late',
    hint: 'Nothing is lost: it is read again at the next start. The log says which server is away.',
  });
}

async function runRoles(options: RunOptions, stop: AbortController, ending: Ending): Promise<void> {
  const { config: loaded, logger } = options;
  const { config } = loaded;
  const roles = rolesOf(options);
  const kafka = config.kafka!;
  const paths = openStateFolder(config.state.dir);
  const notes: string[] = [];
  const startedAt = systemClock.now();
  const running: { -readonly [K in keyof RunningRoles]: RunningRoles[K] } = {
    lack: { name: 'start', detail: 'the roles are being opened' },
  };
  const results = await openResults(options);
  const closing: (() => Promise<void>)[] = [async () => results?.close()];
  const data = createDistributedData({
    results,
    detectors: config.detectors,
    directory: loadRegistry(config.keys, loaded.folder, config.consumers),
    partitions: kafka.partitions,
    coverage: {},
    readiness: () => readinessOf(running),
    summary: () => summaryNow(running, startedAt),
    console: () => running.console,
    response: createDistributedClient({
      acting: () => running.respond?.client(),
      standby: () => running.respond?.standby,
      stores: async () => running.respond?.stores ?? running.console?.response(),
    }),
  });
  const api = createApi({
    data,
    metrics: createMetrics(() => metricsOf(running)),
    token: apiToken(paths).token,
    tls: listenerTls(config.tls.console),
    version: VERSION,
    logger,
  });
  const parts = { roles, options, kafka, paths, running, closing, notes, results, data };
  await live(parts, api, stop, ending).catch((error: unknown) => ending.fail(error));
  await ending.close(closing);
}

/** Opens the roles, and is done when the signal came or one has failed; what it has opened is in `closing`. */
async function live(
  parts: Omit<Opening, 'url'>,
  api: ReturnType<typeof createApi>,
  stop: AbortController,
  ending: Ending,
): Promise<void> {
  const { closing, kafka, notes, options, paths, roles, running } = parts;
  const { config: loaded, logger } = options;
  // First: whoever waits for the stores can be asked what it lacks.
  const url = await api.listen(loaded.config.listen.console);
  closing.push(() => api.close());
  if (roles.includes('console') || roles.includes('respond')) {
    const takeBack = announceApi(paths, url);
    closing.push(async () => takeBack());
  }
  const names = topicsOf(roles, kafka.prefix);
  if (names.length > 0) {
    const topics = watchTopics(kafka, names, logger);
    running.topics = topics;
    closing.push(() => topics.close());
  }
  if (!(await findState(roles, options, kafka, running))) return;
  await openRoles({ ...parts, url });
  running.lack = undefined;
  options.onReady?.({
    listeners: { console: url, ...listenersOf(running) },
    stateDir: paths.folder,
    sources: running.ingest?.watch.sources.map(({ name }) => name) ?? [],
    notes,
    ...(await actsOf(roles, loaded)),
  });
  await work(running, options.signal, stop, ending);
}

/** Of the role that acts; no other process knows whether anything is acted upon. */
async function actsOf(
  roles: readonly Role[],
  { config, folder }: LoadedConfig,
): Promise<{ acts: string }> {
  if (!roles.includes('respond'))
    return { acts: 'What is acted upon is for the role respond to say.' };
  const { ladderInWords } = await import('../response/acting.ts');
  const { policySource } = await import('../response/policy-file.ts');
  return { acts: ladderInWords(policySource(config.policy, folder).read()) };
}

function listenersOf({ ingest, decide }: RunningRoles): Record<string, string> {
  const intake = ingest?.live.intake?.url;
  return {
    ...(intake === undefined ? {} : { intake }),
    ...(decide === undefined ? {} : { decide: decide.endpoint.url }),
  };
}

/** False when the signal came before Redis did. */
async function findState(
  roles: readonly Role[],
  { config, logger, signal }: RunOptions,
  kafka: KafkaConfig,
  running: { lack?: RunningRoles['lack'] },
): Promise<boolean> {
  const { redis } = config.config;
  if (redis === undefined || !roles.some(needsState)) return true;
  const onWait = (detail: string) => {
    running.lack = { name: 'redis', detail };
  };
  return findOwnState({ kafka, redis, env: process.env, logger, signal, onWait });
}

interface Opening {
  readonly roles: readonly Role[];
  readonly options: RunOptions;
  readonly kafka: KafkaConfig;
  readonly paths: StatePaths;
  /** Of the API. */
  readonly url: string;
  readonly running: { -readonly [K in keyof RunningRoles]: RunningRoles[K] };
  readonly closing: (() => Promise<void>)[];
  readonly notes: string[];
  readonly results: ResultStore | undefined;
  readonly data: Pick<ConsoleData, 'closeIncident'>;
}

async function openRoles(opening: Opening): Promise<void> {
  const { closing, kafka, notes, options, paths, roles, running } = opening;
  const { config: loaded, logger } = options;
  const { redis } = loaded.config;
  await openTellers(opening);
  if (roles.includes('detect')) {
    const { openDetect } = await import('./detect.ts');
    const detect = await openDetect({
      config: loaded,
      kafka,
      redis: redis!,
      env: process.env,
      clock: systemClock,
      logger,
      onIncident: options.onIncident,
    });
    running.detect = detect;
    closing.push(() => detect.close());
  }
  if (roles.includes('respond')) await openResponding(opening);
  if (roles.includes('decide')) {
    const { openDecide } = await import('./decide.ts');
    const decide = await openDecide({
      ...{ config: loaded, redis: redis!, partitions: kafka.partitions, folder: paths.folder },
      ...{ env: process.env, clock: systemClock, logger },
    });
    running.decide = decide;
    closing.push(() => decide.close());
  }
  if (roles.includes('ingest')) {
    const { openIngest } = await import('./ingest.ts');
    const ingest = await openIngest(options, kafka, paths, (note) => notes.push(note));
    running.ingest = ingest;
    closing.push(() => ingest.close());
  }
}

/** What writes results, and what tells all partitions what people say; the role respond says things too. */
async function openTellers(opening: Opening): Promise<void> {
  const { closing, kafka, options, roles, running } = opening;
  const { config: loaded, logger } = options;
  const { elasticsearch, redis } = loaded.config;
  if (roles.includes('console') && elasticsearch !== undefined) {
    const { openIndexWriter } = await import('./index-writer.ts');
    const index = openIndexWriter({
      kafka,
      elasticsearch,
      logger,
      clock: systemClock,
      usageMonthsMax: loaded.config.state.usageMonthsMax,
    });
    running.index = index;
    closing.push(() => index.close());
  }
  const tells = roles.includes('console') || roles.includes('respond');
  if (tells && redis !== undefined) {
    const { openConsole } = await import('./console.ts');
    const opened = openConsole({ kafka, redis, clock: systemClock, logger });
    running.console = opened;
    closing.push(() => opened.close());
  }
}

async function openResponding(opening: Opening): Promise<void> {
  const { closing, data, kafka, options, paths, results, running, url } = opening;
  const { config: loaded, logger } = options;
  const { openRespond } = await import('./respond.ts');
  const respond = await openRespond({
    ...{ config: loaded, kafka, redis: loaded.config.redis!, folder: paths.folder },
    ...{ url, env: process.env, clock: systemClock, logger, results },
    geographyBuiltAt: openGeography(geographyPaths(loaded)).info(systemClock.now()).builtAt,
    steered: running.console!.steered,
    state: () => running.console!.state(),
    async closeIncident(id, as, by, reason) {
      await data.closeIncident(id, { as, by, reason });
    },
  });
  running.respond = respond;
  closing.push(() => respond.close());
}

/** Until the signal, or until a role fails. */
async function work(
  running: RunningRoles,
  signal: AbortSignal,
  stop: AbortController,
  ending: Ending,
): Promise<void> {
  const { ingest, detect, respond, index } = running;
  const ended = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined));
  });
  const failures = [
    detect?.failed,
    respond?.failed,
    index?.failed,
    running.console?.failed,
  ].flatMap((one) => one ?? []);
  const failed = Promise.race([ended, ...failures]);
  const reading = ingest?.serve(signal).catch((error: unknown) => {
    ending.fail(error);
    stop.abort();
  });
  const error = await failed;
  if (error !== undefined) ending.fail(error);
  stop.abort();
  await reading;
}

async function openResults({ config }: RunOptions): Promise<ResultStore | undefined> {
  const { elasticsearch } = config.config;
  if (elasticsearch === undefined) return undefined;
  const { connect } = await import('../../store/elasticsearch/connection.ts');
  const { createResultReader } = await import('../../store/elasticsearch/reader.ts');
  return createResultReader(connect(elasticsearch));
}

/** `detect` and `respond` keep their state in Redis; `ingest` asks there whether its pepper is that of the others. */
function needsState(role: Role): boolean {
  return role === 'detect' || role === 'respond' || role === 'ingest';
}

/** `decide` starts without it, from what it has on disk. */
function needsRedis(role: Role): boolean {
  return needsState(role) || role === 'decide';
}

/** Throws `usage` when what a role needs is not configured. */
function rolesOf({ config, roles = ROLES }: RunOptions): readonly Role[] {
  const needy = roles.find(needsRedis);
  if (needy !== undefined && config.config.redis === undefined) {
    throw redisMissing(`the role ${needy}`);
  }
  return roles;
}
