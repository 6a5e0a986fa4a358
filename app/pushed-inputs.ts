/** What is sent to us: the HTTP intake and syslog, and the spool that both go through. */
import type { Config, SourceConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Format } from '../core/format.ts';
import { FORMATS } from '../ingest/formats/list.ts';
import { Intake, type IntakeOptions, type IntakeSource } from '../ingest/intake.ts';
import { type IntakeServer, startIntakeServer } from '../ingest/intake-server.ts';
import { type SyslogListener, startSyslog } from '../ingest/sources/syslog.ts';
import { openSpool } from '../ingest/spool.ts';
import { highestPosition, SpoolReader } from '../ingest/spool-reader.ts';
import { isLoopback, mayAct, syslogAddress } from './config/addresses.ts';
import { formatOptions, traitsOf } from './inputs.ts';
import { listenerTls } from './listener-tls.ts';
import type { LiveInputs, LiveOptions } from './live-inputs.ts';
import { formatOf } from './recognise.ts';
import type { WatchedSource } from './source-watch.ts';

/** A source of kind http or syslog. */
export interface Pushed {
  readonly source: SourceConfig;
  readonly known: WatchedSource;
}

/** Listens for all of them; the one sequence of events that they share is that of the spool. */
export async function openPushed(
  pushed: readonly Pushed[],
  options: LiveOptions,
): Promise<LiveInputs> {
  const { session, watch, clock } = options;
  const { intake } = options.config.config;
  const spool = await openSpool({
    folder: options.spoolDir,
    bytesMax: intake.spoolBytesMax,
    commitMs: intake.commitMs,
    applied: highestPosition(session.saved),
  });
  const { recordBytesMax, futureMs } = intake;
  const { enricher, deadLetters } = session;
  const shared = { spool, enricher, deadLetters, clock, futureMs, recordBytesMax };
  const server = await openIntake(pushed, shared, options);
  const syslog = await openSyslog(pushed, shared, options);
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
  return {
    inputs: [{ source: pushed[0]!.known, open: () => reader }],
    intake: server,
    syslog,
    spool,
    spoolApplied: () => reader.appliedTo,
  };
}

async function openIntake(
  pushed: readonly Pushed[],
  shared: IntakeOptions,
  { config: { config }, logger }: LiveOptions,
): Promise<IntakeServer | undefined> {
  const own = pushed.filter(({ source }) => source.kind === 'http');
  if (own.length === 0) return undefined;
  const { host, port } = hostAndPort(config.listen.intake);
  return startIntakeServer({
    ...shared,
    host,
    port,
    tls: listenerTls(config.tls.intake),
    sources: own.flatMap(({ source, known }) => intakeSources(source, known, config)),
    bodyBytesMax: config.intake.bodyBytesMax,
    onError: (error) => logger.error({ err: error }, 'the intake failed'),
  });
}

async function openSyslog(
  pushed: readonly Pushed[],
  shared: IntakeOptions,
  { logger }: LiveOptions,
): Promise<ReadonlyMap<string, SyslogListener>> {
  const listeners = new Map<string, SyslogListener>();
  for (const { source, known } of pushed) {
    if (source.kind !== 'syslog') continue;
    const listen = syslogAddress(source.listen ?? '');
    const trust = source.trust === 'act' && mayAct(listen) ? 'act' : 'observe';
    const traits = traitsOf({ ...source, trust }, formatOf(source));
    const { counters } = known;
    const own = { token: undefined, traits, formatOptions: formatOptions(source), counters };
    const listener = await startSyslog({
      listen,
      intake: new Intake(own, shared),
      recordBytesMax: shared.recordBytesMax,
      onError: (error) => logger.error({ source: source.name, err: error }, 'syslog failed'),
    });
    known.losses = () => ({ ...listener.losses() });
    known.refused = () => listener.refused;
    listeners.set(source.name, listener);
  }
  return listeners;
}

function formatsOf(pushed: readonly Pushed[], name: string): readonly Format[] {
  const formats = pushed
    .filter(({ source }) => source.name === name)
    .flatMap(({ source }) => pushableFormats(source));
  return formats.length > 0 ? formats : FORMATS;
}

/** Formats that a source may push: its own, or any that needs no more to be said. */
function pushableFormats(source: SourceConfig): readonly Format[] {
  if (source.format !== 'any') return [formatOf(source)];
  const { envelope } = source;
  return FORMATS.filter((format) => format.needs === undefined).map(({ id }) =>
    formatOf({ format: id, envelope }),
  );
}

function intakeSources(source: SourceConfig, known: WatchedSource, config: Config): IntakeSource[] {
  const isPrivate = isLoopback(config.listen.intake) || config.tls.intake !== undefined;
  const isSafe = source.token !== undefined && isPrivate;
  const trust = source.trust ?? (isSafe ? 'act' : 'observe');
  return pushableFormats(source).map((format) => ({
    token: source.token,
    traits: traitsOf({ ...source, trust }, format),
    formatOptions: formatOptions(source),
    counters: known.counters,
  }));
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (!(port <= 65_535)) {
    throw new KeyhoundError('usage', `${address}: there is no such port`, { code: 'port' });
  }
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}
