/**
 * The whole product on a made gateway: four weeks of history through the real path (log lines, decoder,
 * enrichment, engine, checkpoints), then live traffic and attacks at the pace of the wall clock.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../core/clock.ts';
import { configSchema } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Finding, Incident } from '../core/finding.ts';
import { kong } from '../ingest/formats/kong.ts';
import { createCounters, type EventReader, type ReaderCounters } from '../ingest/reader.ts';
import type { Traffic } from '../traffic/contract.ts';
import { registryEntries } from '../traffic/registry.ts';
import { createTraffic } from '../traffic/traffic.ts';
import type { Demo, DemoOptions, DemoSummary, LoadedConfig } from './contract.ts';
import { type DemoActing, type DemoActingOptions, openDemoActing } from './demo/acting.ts';
import { type DemoModel, liveEvents, modelOf } from './demo/model.ts';
import { createTicker, type Ticker } from './demo/ticker.ts';
import { createTrafficSource, type Pace, type TrafficSource } from './demo/traffic-source.ts';
import { createReader } from './inputs.ts';
import { openSession, type Session } from './session.ts';
import { openStateFolder, statePaths } from './state-folder.ts';
import { summaryOf } from './summary.ts';

const SOURCE_NAME = 'demo-gateway';
/** Of made keys only, and gone with the state: nobody's own pepper is touched. */
const PEPPER = 'the pepper of the demo, of made keys only';

export const demo: Demo = (options) =>
  runDemo(options, {
    clock: systemClock,
    sleep: async (ms, signal) => wait(ms, undefined, { signal }),
    acts: true,
  });

/** `pace`: the wall clock, or a test's. */
export async function runDemo(options: DemoOptions, pace: Pace): Promise<DemoSummary> {
  const { stateDir } = options;
  if (stateDir !== undefined) refuseUsed(stateDir);
  const folder = stateDir ?? (await mkdtemp(path.join(tmpdir(), 'keyhound-demo-')));
  try {
    return await play(options, pace, folder);
  } finally {
    if (stateDir === undefined) await rm(folder, { recursive: true, force: true });
  }
}

function refuseUsed(stateDir: string): void {
  if (!existsSync(statePaths(stateDir).database)) return;
  throw new KeyhoundError('usage', `${path.resolve(stateDir)} already has a state`, {
    code: 'state-exists',
    hint: 'Name a new folder: the demo mixes its made keys with nobody else.',
  });
}

async function play(options: DemoOptions, pace: Pace, folder: string): Promise<DemoSummary> {
  const startedAt = pace.clock.now();
  const cpuBefore = process.cpuUsage();
  const model = modelOf(options, startedAt);
  const past = createTraffic({ ...model.options, attacks: model.plan.past });
  const config = configOf(past, folder, options);
  const heard: { acting: DemoActing | undefined } = { acting: undefined };
  const env = options.stateDir === undefined ? { KEYHOUND_PEPPER: PEPPER } : process.env;
  const session = await openSession({
    config,
    stateDir: folder,
    // A state that is kept is looked into later, with the pepper of this installation.
    env,
    clock: pace.clock,
    command: 'demo',
    onFinding(finding: Finding) {
      options.onFinding?.(finding);
      heard.acting?.response.finding(finding);
    },
    onIncident(incident: Incident) {
      options.onIncident(incident);
      heard.acting?.response.incident(incident);
    },
    onVerdict: (verdict) => void heard.acting?.response.verdict(verdict),
    onNote: (text) => options.onNote?.(text),
  });
  try {
    const source = createTrafficSource(SOURCE_NAME, pace);
    const counters = createCounters();
    const reader = readerOf(source, { session, pace, config, counters });
    const ticker = createTicker(options, session.engine, pace.clock);
    try {
      await history(options, { model, past, source, reader, session, ticker, pace });
      if (pace.acts === true)
        heard.acting = await act(options, { config, session, folder, env, pace });
      source.refuses = heard.acting?.gateway.refuses;
      await live(options, { model, past, source, reader, session, ticker, pace });
    } catch (error) {
      if (!options.signal.aborted) throw error;
    } finally {
      await heard.acting?.close();
      await reader.close();
    }
    await session.checkpoint();
    const { user, system } = process.cpuUsage(cpuBefore);
    const elapsedMs = pace.clock.now() - startedAt;
    return summaryOf(session, { counters: [counters], elapsedMs, cpuMicros: user + system });
  } finally {
    await session.close();
  }
}

/** Opens the response as the live phase begins: what history told is over. */
async function act(
  options: DemoOptions,
  {
    pace,
    ...of
  }: Omit<DemoActingOptions, 'clock' | 'onDecision' | 'onAction' | 'onNote'> & { pace: Pace },
): Promise<DemoActing> {
  const { automaticAfterMs, signal } = options;
  const acting = await openDemoActing({
    ...of,
    clock: pace.clock,
    onDecision: (decision) => options.onDecision?.(decision),
    onAction: (action) => options.onAction?.(action),
    onNote: (text) => options.onNote?.(text),
  });
  if (automaticAfterMs !== undefined) {
    pace.sleep(automaticAfterMs, signal).then(
      () => {
        acting.switchOn();
        options.onAutomatic?.();
      },
      () => undefined,
    );
  }
  return acting;
}

function configOf(traffic: Traffic, folder: string, options: DemoOptions): LoadedConfig {
  const keys = registryEntries(traffic, 'kong', undefined);
  if (options.stateDir !== undefined) {
    const { folder: made } = openStateFolder(folder);
    writeFileSync(path.join(made, 'keys.json'), `${JSON.stringify(keys, null, 1)}\n`);
    writeFileSync(path.join(made, 'keyhound.yaml'), 'state:\n  dir: .\nkeys: keys.json\n');
  }
  const config = configSchema.parse({ state: { dir: folder }, keys });
  return { config, path: undefined, folder };
}

function readerOf(
  source: TrafficSource,
  {
    session,
    pace: { clock },
    config: { config },
    counters,
  }: { session: Session; pace: Pace; config: LoadedConfig; counters: ReaderCounters },
): EventReader {
  return createReader(
    source,
    kong,
    { name: SOURCE_NAME },
    {
      session,
      clock,
      counters,
      recordBytesMax: config.intake.recordBytesMax,
      futureMs: config.intake.futureMs,
      onNote: () => {},
    },
  );
}

interface Stage {
  readonly model: DemoModel;
  readonly past: Traffic;
  readonly source: TrafficSource;
  readonly reader: EventReader;
  readonly session: Session;
  readonly ticker: Ticker;
  readonly pace: Pace;
}

async function history(options: DemoOptions, stage: Stage): Promise<void> {
  const { model, past, source, ticker } = stage;
  const { fromAt, keys } = past;
  options.onPhase({ phase: 'history', keys: keys.length, days: model.days, fromAt });
  source.play(past.events({ toAt: model.endAt }), false);
  ticker.begin('history', { fromAt, toAt: model.endAt });
  await pump(options, stage);
}

async function live(options: DemoOptions, stage: Stage): Promise<void> {
  const { model, past, source, session, ticker, pace } = stage;
  const { engine } = session;
  options.onPhase({
    phase: 'live',
    keys: past.keys.length,
    days: model.days,
    fromAt: model.endAt,
    history: { events: engine.stats().events, seconds: ticker.seconds },
  });
  // Told again, so that what began in the last hours is seen to close.
  for (const incident of engine.openIncidents()) options.onIncident(incident);
  source.play(liveEvents(model, pace.clock.now()), true);
  ticker.begin('live', undefined);
  await pump(options, stage);
}

async function pump(options: DemoOptions, stage: Stage): Promise<void> {
  const { reader, session, ticker } = stage;
  const { engine } = session;
  while (await reader.fill(options.signal)) {
    if (session.isCheckpointDue()) await session.checkpoint();
    while (reader.next()) engine.observe(reader.event);
    ticker.look();
  }
}
