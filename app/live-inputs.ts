/** The sources of `run` as sequences of events: followed files, stdin, and the spool of the HTTP intake. */
import path from 'node:path';
import type { Config, SourceConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Format } from '../core/format.ts';
import { FORMATS, formatById } from '../ingest/formats/list.ts';
import type { IntakeSource } from '../ingest/intake.ts';
import { type IntakeServer, startIntakeServer } from '../ingest/intake-server.ts';
import { createCounters, type EventStream } from '../ingest/reader.ts';
import { createFollowSource } from '../ingest/sources/follow.ts';
import { createStdinSource } from '../ingest/sources/stdin.ts';
import { openSpool, type Spool } from '../ingest/spool.ts';
import { highestPosition, SpoolReader } from '../ingest/spool-reader.ts';
import { isLoopback } from './config/rules.ts';
import type { LoadedConfig, Logger } from './contract.ts';
import { createReader, formatOptions, type InputOptions, traitsOf } from './inputs.ts';
import type { Session } from './session.ts';
import type { SourceWatch, WatchedSource } from './source-watch.ts';

export interface LiveOptions {
  readonly session: Session;
  readonly config: LoadedConfig;
  readonly watch: SourceWatch;
  readonly logger: Logger;
  readonly clock: InputOptions['clock'];
  /** Folder of the spool. */
  readonly spoolDir: string;
  /** For the intake source that exists when the configuration names no source. */
  defaultToken(): string;
}

export interface LiveInput {
  readonly source: WatchedSource;
  /** Opens it anew, e.g. after a failure. */
  open(): EventStream;
}

export interface LiveInputs {
  readonly inputs: readonly LiveInput[];
  readonly intake: IntakeServer | undefined;
  readonly spool: Spool | undefined;
  /** Position in the spool before which everything has been applied. */
  spoolApplied(): number;
}

const INTAKE_NAME = 'intake';

export async function openLiveInputs(options: LiveOptions): Promise<LiveInputs> {
  const { config } = options.config;
  const sources = config.sources.length > 0 ? config.sources : [defaultSource(options)];
  const inputs = sources.filter((s) => s.kind !== 'http').map((s) => readInput(s, options));
  const pushed = sources.filter((s) => s.kind === 'http');
  if (pushed.length === 0) {
    return { inputs, intake: undefined, spool: undefined, spoolApplied: () => 0 };
  }
  return openIntake(pushed, inputs, config, options);
}

/** Takes every format: the path of the push says which. */
function defaultSource(options: LiveOptions): SourceConfig {
  return { name: INTAKE_NAME, kind: 'http', format: 'any', token: options.defaultToken() };
}

function watched(name: string, watch: SourceWatch): WatchedSource {
  const source: WatchedSource = { name, counters: createCounters(), state: 'starting', detail: '' };
  watch.add(source);
  return source;
}

function readInput(source: SourceConfig, options: LiveOptions): LiveInput {
  const { session, config, clock, logger, watch } = options;
  const { intake } = config.config;
  const format = formatById(source.format);
  const known = watched(source.name, watch);
  return {
    source: known,
    open: () =>
      createReader(createSource(source, format, options), format, source, {
        session,
        clock,
        counters: known.counters,
        recordBytesMax: intake.recordBytesMax,
        futureMs: intake.futureMs,
        onNote: (text) => logger.warn({ source: source.name }, text),
        onApplied: (stream, ended) => watch.heard(source.name, stream, ended),
        onDamage: ({ position, error }) =>
          logger.error(
            { source: source.name, code: error.code, position },
            `${error.message}; read up to byte ${position} of its text, and the rest when it is repaired`,
          ),
      }),
  };
}

function createSource(source: SourceConfig, format: Format, options: LiveOptions) {
  const { framing } = format;
  const { recordBytesMax } = options.config.config.intake;
  if (source.kind === 'stdin')
    return createStdinSource({ name: source.name, framing, recordBytesMax });
  const given = source.path ?? [];
  const patterns = (typeof given === 'string' ? [given] : given).map((pattern) =>
    path.resolve(options.config.folder, pattern),
  );
  const { saved } = options.session;
  return createFollowSource({ name: source.name, patterns, framing, saved, recordBytesMax });
}

async function openIntake(
  pushed: readonly SourceConfig[],
  inputs: readonly LiveInput[],
  config: Config,
  options: LiveOptions,
): Promise<LiveInputs> {
  const { session, watch, clock, logger } = options;
  const { intake } = config;
  const known = new Map(pushed.map((source) => [source.name, watched(source.name, watch)]));
  const spool = await openSpool({
    folder: options.spoolDir,
    bytesMax: intake.spoolBytesMax,
    commitMs: intake.commitMs,
    applied: highestPosition(session.saved),
  });
  const { host, port } = hostAndPort(config.listen.intake);
  const server = await startIntakeServer({
    host,
    port,
    sources: pushed.flatMap((source) => intakeSources(source, known.get(source.name)!, config)),
    bodyBytesMax: intake.bodyBytesMax,
    recordBytesMax: intake.recordBytesMax,
    futureMs: intake.futureMs,
    spool,
    enricher: session.enricher,
    deadLetters: session.deadLetters,
    clock,
    onError: (error) => logger.error({ err: error }, 'the intake failed'),
  });
  const reader = new SpoolReader({
    spool,
    saved: session.saved,
    openStream: (source, stream) => {
      const lateness = Math.max(...formatsOf(pushed, source).map((format) => format.latenessMs));
      return session.engine.openStream(source, stream, lateness);
    },
    onApplied: ({ stream, index, position }) => {
      session.engine.advance(index, position);
      watch.heard(stream.slice(0, stream.indexOf(':')), index, false);
    },
  });
  // One sequence for all pushed sources: the spool's.
  const input: LiveInput = { source: known.get(pushed[0]!.name)!, open: () => reader };
  return {
    inputs: [...inputs, input],
    intake: server,
    spool,
    spoolApplied: () => reader.appliedTo,
  };
}

function formatsOf(pushed: readonly SourceConfig[], name: string): readonly Format[] {
  const formats = pushed.filter((source) => source.name === name).flatMap(pushableFormats);
  return formats.length > 0 ? formats : FORMATS;
}

/** Formats that a source may push: its own, or any that needs no more to be said. */
function pushableFormats(source: SourceConfig): readonly Format[] {
  if (source.format !== 'any') return [formatById(source.format)];
  return FORMATS.filter((format) => format.needs === undefined);
}

function intakeSources(source: SourceConfig, known: WatchedSource, config: Config): IntakeSource[] {
  const isSafe = source.token !== undefined && isLoopback(config.listen.intake);
  const trust = source.trust ?? (isSafe ? 'act' : 'observe');
  return pushableFormats(source).map((format) => ({
    token: source.token,
    traits: traitsOf({ ...source, trust }, format),
    formatOptions: formatOptions(source),
    counters: known.counters,
  }));
}

export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (!(port <= 65_535)) {
    throw new KeyhoundError('usage', `${address}: there is no such port`, { code: 'port' });
  }
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}
