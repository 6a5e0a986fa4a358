/** The ingest role: sources → decoded, hashed events → the topic of events. */
import { systemClock } from '../../core/clock.ts';
import type { KafkaConfig } from '../../core/config.ts';
import { Turns } from '../../core/turns.ts';
import { closeEach } from '../close-all.ts';
import type { RunOptions } from '../contract.ts';
import { beginSave, type LiveInputs, openLiveInputs } from '../live-inputs.ts';
import { applySome } from '../pump.ts';
import { sourceTroubles } from '../run-status.ts';
import { serve, Unmendable } from '../serve.ts';
import { SourceWatch } from '../source-watch.ts';
import { intakeToken, type StatePaths } from '../state-folder.ts';
import { type IngestSession, openIngestSession } from './ingest-session.ts';

/** What was read is on its way at the latest after this, ms. */
const LINGER_MS = 10;
/**
 * While the process has no pause and events come this fast, it reads a backlog: then they wait so long for more of
 * their partition. Whoever reads a batch pays for it and for each key in it, whether it has ten events or a thousand.
 * Without the pace, a machine that is short of processors would make what is live wait longer still.
 */
const BACKLOG_LINGER_MS = 250;
const BACKLOG_BUSY = 0.95;
const BACKLOG_EVENTS_PER_MS = 10;
/** Partitions without events are told how far the streams are so often, ms. */
const HEARTBEAT_MS = 500;
const HOPELESS_MS = 10_000;

export interface IngestRole {
  readonly session: IngestSession;
  readonly watch: SourceWatch;
  readonly live: LiveInputs;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  /** Until the signal; then all that was read is safe and saved. */
  serve(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export async function openIngest(
  options: RunOptions,
  kafka: KafkaConfig,
  paths: StatePaths,
  onNote: (text: string) => void,
): Promise<IngestRole> {
  const { config: loaded, logger } = options;
  const session = await openIngestSession({
    config: loaded,
    kafka,
    redis: loaded.config.redis!,
    stateDir: paths.folder,
    env: process.env,
    clock: systemClock,
    logger,
    onNote,
  });
  const { engine } = session;
  const watch = new SourceWatch({
    engine,
    clock: systemClock,
    silentMs: loaded.config.intake.silentMs,
    onState: ({ name, state, detail }) => {
      const facts = { source: name, state };
      if (state === 'failed') logger.error(facts, `source ${name} failed: ${detail}`);
      else if (state === 'silent') logger.warn(facts, `source ${name} is silent`);
      else logger.info(facts, `source ${name} is ${state}`);
    },
  });
  let live: LiveInputs;
  try {
    live = await openLiveInputs({
      session,
      config: loaded,
      watch,
      logger,
      clock: systemClock,
      spoolDir: paths.spool,
      shared: true,
      defaultToken: () => {
        const { token, file, created } = intakeToken(paths);
        if (created) onNote(`made a token for the intake: ${file}`);
        return token;
      },
    });
  } catch (error) {
    await session.close();
    throw error;
  }
  return {
    session,
    watch,
    live,
    trouble: () => troubles(session, watch, live),
    serve: (signal) => serveIngest(session, watch, live, loaded.config.state.checkpointMs, signal),
    close: () =>
      closeEach([() => session.close(), () => live.spool?.close(), () => closeListeners(live)]),
  };
}

function troubles(session: IngestSession, watch: SourceWatch, live: LiveInputs) {
  const ofSources = sourceTroubles({ watch, live });
  const { unconfirmedMs } = session.engine;
  if (unconfirmedMs < HOPELESS_MS) return ofSources;
  const seconds = Math.round(unconfirmedMs / 1000);
  const detail = `nothing that was sent was confirmed for ${seconds} s; ${session.lastLog}`;
  return [...ofSources, { name: 'kafka', detail }];
}

async function closeListeners({ intake, syslog }: LiveInputs): Promise<void> {
  await Promise.all([intake, ...syslog.values()].map((listener) => listener?.close()));
}

async function serveIngest(
  session: IngestSession,
  watch: SourceWatch,
  live: LiveInputs,
  lookMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = session;
  const turns = new Turns();
  const lingering = setInterval(lingerer(engine), LINGER_MS);
  const beating = setInterval(() => {
    if (engine.hasNews) engine.flush(true);
  }, HEARTBEAT_MS);
  try {
    await serve(
      {
        inputs: live.inputs,
        watch,
        turns,
        apply: async (stream) => {
          while (applySome(stream, engine));
          await engine.relief().catch((error: unknown) => {
            throw new Unmendable(error);
          });
        },
        save: async () => {
          const saved = beginSave(live);
          await session.checkpoint();
          await saved();
        },
        isSaveDue: () => session.isCheckpointDue(),
        lookMs,
        stopIntake: () => closeListeners(live),
      },
      signal,
    );
  } finally {
    clearInterval(lingering);
    clearInterval(beating);
  }
}

/** To be called every LINGER_MS. */
function lingerer(engine: IngestSession['engine']): () => void {
  const { eventLoopUtilization } = performance;
  let before = eventLoopUtilization();
  let { events } = engine;
  let lookedAt = performance.now();
  let sentAt = lookedAt;
  return () => {
    const now = performance.now();
    const since = eventLoopUtilization();
    const isBacklog =
      engine.events - events > BACKLOG_EVENTS_PER_MS * (now - lookedAt) &&
      eventLoopUtilization(since, before).utilization > BACKLOG_BUSY;
    before = since;
    ({ events } = engine);
    lookedAt = now;
    if (isBacklog && now - sentAt < BACKLOG_LINGER_MS) return;
    sentAt = now;
    engine.flush(false);
  };
}
