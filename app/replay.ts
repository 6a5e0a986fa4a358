/** Past logs through the same path as live ones, in event time. */
import { systemClock } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { parseKeySpec } from '../core/key-spec.ts';
import { censusOf } from '../detectors/engine/census.ts';
import { createMerge } from '../ingest/merge.ts';
import { addCounters, createCounters, type EventStream } from '../ingest/reader.ts';
import type { DamagedFile, Replay, ReplayOptions } from './contract.ts';
import { fileInputs, type Inputs, type ReplayInputOptions, stdinInputs } from './inputs.ts';
import { applySome } from './pump.ts';
import { toldReading } from './readings.ts';
import { checkSaid } from './recognise.ts';
import { openSession, type Session } from './session.ts';
import { summaryOf } from './summary.ts';

const PROGRESS_MS = 250;
/** Portions of events between two looks at the clock. */
const LOOK_EVERY = 128;

export const replay: Replay = async (options) => {
  // Before anything is made: a mistyped name must leave nothing behind.
  checkSaid(options);
  if (options.key !== undefined) parseKeySpec(options.key);
  const startedAt = systemClock.now();
  const cpuBefore = process.cpuUsage();
  const session = await openSession({
    config: options.config,
    stateDir: options.stateDir,
    env: process.env,
    clock: systemClock,
    command: 'replay',
    onFinding: options.onFinding,
    onIncident: options.onIncident,
    onNote: options.onNote,
  });
  try {
    const damaged: DamagedFile[] = [];
    const found = await openInputs(options, session, damaged);
    const stream = createMerge(found.inputs);
    try {
      await pump(stream, session, options, progressTeller(options, session, found, startedAt));
    } finally {
      await stream.close();
    }
    await session.checkpoint();
    const cpu = process.cpuUsage(cpuBefore);
    const spent = {
      counters: found.readings.map(({ counters }) => counters),
      elapsedMs: systemClock.now() - startedAt,
      cpuMicros: cpu.user + cpu.system,
      alertsPerDay: options.config.config.alerts.perDay,
      readiness: censusOf(session.engine, { geographyBuiltAt: session.geographyBuiltAt }).total,
    };
    return {
      ...summaryOf(session, spent),
      sources: found.readings.map(toldReading),
      ...(damaged.length > 0 && { damaged }),
    };
  } finally {
    await session.close();
  }
};

/** What a run over past logs reads. */
export async function openInputs(
  options: Pick<ReplayOptions, 'paths' | 'format' | 'envelope' | 'key' | 'config' | 'onNote'>,
  session: Session,
  damaged: DamagedFile[],
): Promise<Inputs> {
  const { config } = options.config;
  const input: ReplayInputOptions = {
    session,
    clock: systemClock,
    recordBytesMax: config.intake.recordBytesMax,
    onNote: options.onNote,
    onDamage: ({ position, error: { message, code } }) =>
      damaged.push({ message, code, textBytes: position }),
  };
  const given = {
    name: 'replay',
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.envelope === undefined ? {} : { envelope: options.envelope }),
    ...(options.key === undefined ? {} : { key: options.key }),
  };
  if (options.paths.length === 1 && options.paths[0] === '-') return stdinInputs(given, input);
  if (options.paths.includes('-')) {
    throw new KeyhoundError('usage', '- is stdin, and stands alone', {
      code: 'stdin-alone',
      hint: 'Replay the files in a second run; with --state DIR it goes on from the first.',
    });
  }
  if (options.paths.length > 0) return fileInputs(options.paths, given, input);
  const parts: Inputs[] = [];
  for (const source of config.sources) {
    if (source.kind !== 'file' || source.path === undefined) continue;
    const paths = typeof source.path === 'string' ? [source.path] : source.path;
    parts.push(await fileInputs(paths, { ...source, ...given, name: source.name }, input));
  }
  return {
    inputs: parts.flatMap((part) => part.inputs),
    readings: parts.flatMap((part) => part.readings),
    bytesTotal: parts.reduce((sum, part) => sum + (part.bytesTotal ?? 0), 0),
  };
}

/** Reads to the end, or until aborted. What was applied is applied; the caller saves it. */
async function pump(
  stream: EventStream,
  session: Session,
  options: ReplayOptions,
  tell: () => void,
): Promise<void> {
  const { engine } = session;
  const { signal } = options;
  let sinceLook = 0;
  try {
    while (await stream.fill(signal)) {
      // Between batches: what was read and what was applied agree.
      if (session.isCheckpointDue()) await session.checkpoint();
      while (applySome(stream, engine)) {
        if (++sinceLook < LOOK_EVERY) continue;
        sinceLook = 0;
        tell();
      }
      tell();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Tells how far it is, a few times a second at most. */
export function progressTeller(
  options: Pick<ReplayOptions, 'onProgress'>,
  session: Session,
  found: Inputs,
  startedAt: number,
): () => void {
  let toldAt = startedAt;
  let toldRecords = 0;
  return () => {
    const now = systemClock.now();
    if (now - toldAt < PROGRESS_MS) return;
    const sum = createCounters();
    for (const { counters } of found.readings) addCounters(counters, sum);
    options.onProgress({
      bytesDone: sum.bytes,
      bytesTotal: found.bytesTotal,
      records: sum.records,
      eventsPerSecond: ((sum.records - toldRecords) * 1000) / (now - toldAt),
      atMs: session.engine.lastAt,
    });
    toldAt = now;
    toldRecords = sum.records;
  };
}
