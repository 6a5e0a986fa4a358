/**
 * The service, embedded: sources → engine in one process, with the HTTP intake, the API and the checkpoints.
 *
 * Nothing here decides anything: sources read, the engine judges, and between batches state and positions are
 * saved together, so that a kill at any instant costs no event and repeats none.
 */
import { createApi } from '../console/api.ts';
import { createMetrics } from '../console/metrics.ts';
import { systemClock } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { Turns } from '../core/turns.ts';
import type { Coverage } from '../detectors/engine/contract.ts';
import { Ending } from './close-all.ts';
import { createConsoleData } from './console-data.ts';
import { ROLES, type Run, type RunOptions } from './contract.ts';
import { listenerTls } from './listener-tls.ts';
import { beginSave, type LiveInputs, openLiveInputs } from './live-inputs.ts';
import { applySome } from './pump.ts';
import { ReadinessBoard } from './readiness-board.ts';
import { createRecent, type Recent } from './recent.ts';
import { actsInWords } from './response/acting.ts';
import { openEmbeddedResponse } from './response/embedded.ts';
import type { Response } from './response/response.ts';
import { metricsOf, readinessOf, type StatusParts, summaryNow } from './run-status.ts';
import { type Serving, serve } from './serve.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { sourceAlerts } from './source-alerts.ts';
import { coverageOf } from './source-health.ts';
import { SourceWatch } from './source-watch.ts';
import { apiToken, intakeToken, openStateFolder, type StatePaths } from './state-folder.ts';
import type { Commit } from './steering-data.ts';
import { VERSION } from './version.ts';

export const run: Run = async (options) => {
  if (options.config.config.kafka !== undefined) {
    return (await import('./distributed/run.ts')).runDistributed(options);
  }
  checkRoles(options);
  const { config: loaded, logger } = options;
  const paths = openStateFolder(loaded.config.state.dir);
  const notes: string[] = [];
  const recent = createRecent();
  const heard: Heard = { response: undefined };
  const session = await openSession({
    config: loaded,
    stateDir: paths.folder,
    env: process.env,
    clock: systemClock,
    command: 'run',
    ...hearing(recent, heard, options),
    onNote: (text) => notes.push(text),
  });
  const closing: (() => Promise<void>)[] = [() => session.close()];
  const ending = new Ending(logger);
  try {
    const watch = createWatch(session, options);
    const live = await openInputs(session, watch, options, paths, notes);
    closing.push(() => closeInputs(live));
    const turns = new Turns();
    const coverage = coverageOf({ session, watch });
    const parts = statusParts(session, watch, live, coverage, options, () => acting.figures());
    const commit = commitIn(turns, session, live);
    const acting = await openEmbeddedResponse({
      ...{ config: loaded, session, paths, turns, logger, clock: systemClock },
      ...{ env: process.env, listens: true },
      health: (now) => sourceAlerts(watch.sources, now),
      commit,
    });
    closing.push(() => acting.close());
    heard.response = acting.response;
    const api = createApi({
      data: acting.tellingAllowances(
        createConsoleData(session, {
          ...{ recent, commit, coverage, response: acting.client },
          ofKey: acting.ofKey,
          readiness: () => readinessOf(parts),
          summary: () => summaryNow(parts),
        }),
      ),
      metrics: createMetrics(() => metricsOf(parts)),
      token: apiToken(paths).token,
      tls: listenerTls(loaded.config.tls.console),
      ...{ version: VERSION, logger },
    });
    const address = await api.listen(loaded.config.listen.console);
    closing.push(() => api.close());
    session.lock?.announce(address);
    options.onReady?.({
      listeners: { console: address, ...acting.listeners, ...listenersOf(live) },
      ...{ stateDir: paths.folder, notes, acts: actsInWords(acting) },
      sources: watch.sources.map((source) => source.name),
    });
    await acting.start();
    await together(
      (signal) => serve(serving(parts, turns, loaded.config.state.checkpointMs), signal),
      (signal) => acting.run(signal),
      options.signal,
    );
  } catch (error) {
    ending.fail(error);
  }
  await ending.end(closing, paths.folder);
};

/** Who is told what detection tells; nobody until the response is open. */
interface Heard {
  response: Response | undefined;
}

function hearing(
  recent: Recent,
  heard: Heard,
  options: RunOptions,
): Pick<SessionOptions, 'onFinding' | 'onIncident' | 'onVerdict'> {
  return {
    onFinding(finding) {
      recent.finding(finding);
      heard.response?.finding(finding);
    },
    onIncident(incident) {
      recent.incident(incident);
      heard.response?.incident(incident);
      options.onIncident(incident);
    },
    onVerdict(verdict) {
      heard.response?.verdict(verdict).catch((error: unknown) => {
        options.logger.error({ err: error, action: verdict.action }, 'a verdict is not kept');
      });
    },
  };
}

function openInputs(
  session: Session,
  watch: SourceWatch,
  { config, logger }: RunOptions,
  paths: StatePaths,
  notes: string[],
): Promise<LiveInputs> {
  return openLiveInputs({
    ...{ session, config, watch, logger, clock: systemClock },
    spoolDir: paths.spool,
    defaultToken: () => {
      const { token, file, created } = intakeToken(paths);
      if (created) notes.push(`made a token for the intake: ${file}`);
      return token;
    },
  });
}

/** Both until the signal; where one fails the other ends too. */
async function together(
  a: (signal: AbortSignal) => Promise<void>,
  b: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  const results = await Promise.allSettled(
    [a, b].map((work) => work(until).finally(() => stop.abort())),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function listenersOf({ intake, syslog }: LiveInputs): Record<string, string> {
  const ofSources = [...syslog].map(([name, { url }]) => [`source ${name}`, url]);
  return {
    ...(intake === undefined ? {} : { intake: intake.url }),
    ...Object.fromEntries(ofSources),
  };
}

async function closeInputs(live: LiveInputs): Promise<void> {
  await closeListeners(live);
  await live.spool?.close();
}

/** What they have received is in the spool then. */
async function closeListeners({ intake, syslog }: LiveInputs): Promise<void> {
  await Promise.all([intake, ...syslog.values()].map((listener) => listener?.close()));
}

function serving({ live, session, watch }: StatusParts, turns: Turns, lookMs: number): Serving {
  return {
    inputs: live.inputs,
    watch,
    turns,
    apply: (stream) => {
      while (applySome(stream, session.engine));
    },
    save: () => save(session, live),
    isSaveDue: () => session.isCheckpointDue(),
    lookMs,
    stopIntake: () => closeListeners(live),
  };
}

/**
 * A change takes its turn with the events, and is saved before it is answered. Until a checkpoint is written no event
 * may be applied: positions and records of it would be of different instants.
 */
function commitIn(turns: Turns, session: Session, live: LiveInputs): Commit {
  return (change) =>
    turns.take(async () => {
      const answer = await change();
      await save(session, live);
      return answer;
    });
}

function statusParts(
  session: Session,
  watch: SourceWatch,
  live: LiveInputs,
  coverage: Coverage,
  { config }: RunOptions,
  response: StatusParts['response'],
): StatusParts {
  const clock = systemClock;
  const board = new ReadinessBoard(session.engine, coverage, clock);
  return {
    session,
    watch,
    live,
    board,
    clock,
    startedAt: clock.now(),
    alertsPerDay: config.config.alerts.perDay,
    response,
  };
}

function checkRoles({ roles }: RunOptions): void {
  if (roles === undefined || ROLES.every((role) => roles.includes(role))) return;
  throw new KeyhoundError('usage', 'the embedded form runs all roles in one process', {
    code: 'roles',
    hint: 'Leave --role out, or configure `kafka` and `redis`, which join roles in processes of their own.',
  });
}

function createWatch(session: Session, { config, logger }: RunOptions): SourceWatch {
  return new SourceWatch({
    engine: session.engine,
    clock: systemClock,
    silentMs: config.config.intake.silentMs,
    onState: ({ name, state, detail }) => {
      session.control('source-state', { source: name, state });
      const facts = { source: name, state };
      if (state === 'failed') logger.error(facts, `source ${name} failed: ${detail}`);
      else if (state === 'silent') logger.warn(facts, `source ${name} is silent`);
      else logger.info(facts, `source ${name} is ${state}`);
    },
    onLoss: ({ name, losses }, lost) => {
      logger.warn({ source: name, ...losses?.() }, `source ${name} lost ${lost} records`);
    },
  });
}

async function save(session: Session, live: LiveInputs): Promise<void> {
  const saved = beginSave(live);
  await session.checkpoint();
  await saved();
}
