/** The sources of `run` as sequences of events: followed files, stdin, and the spool of what is sent to us. */
import path from 'node:path';
import type { SourceConfig } from '../core/config.ts';
import type { Format } from '../core/format.ts';
import type { IntakeServer } from '../ingest/intake-server.ts';
import { createCounters, type EventStream } from '../ingest/reader.ts';
import { createFollowSource } from '../ingest/sources/follow.ts';
import { createStdinSource } from '../ingest/sources/stdin.ts';
import type { SyslogListener } from '../ingest/sources/syslog.ts';
import type { Spool } from '../ingest/spool.ts';
import { kafkaTrust } from './config/kafka-rules.ts';
import type { LoadedConfig, Logger } from './contract.ts';
import { createReader, type InputOptions, type InputSession } from './inputs.ts';
import type { KafkaInput } from './kafka-input.ts';
import { openPushed } from './pushed-inputs.ts';
import { formatOf } from './recognise.ts';
import type { SourceWatch, WatchedSource } from './source-watch.ts';

export interface LiveOptions {
  readonly session: InputSession;
  readonly config: LoadedConfig;
  readonly watch: SourceWatch;
  readonly logger: Logger;
  readonly clock: InputOptions['clock'];
  /** Folder of the spool. */
  readonly spoolDir: string;
  /** Other processes read the other partitions of the same topics, as the ingest role does. Default: none. */
  readonly shared?: boolean;
  /** For the intake source that exists when the configuration names no source. */
  defaultToken(): string;
}

export interface LiveInput {
  readonly source: WatchedSource;
  /** Opens it anew, e.g. after a failure. */
  open(): EventStream;
  /** Of kind kafka. */
  readonly kafka?: KafkaInput;
}

export interface LiveInputs {
  readonly inputs: readonly LiveInput[];
  readonly intake: IntakeServer | undefined;
  /** By name of the source. */
  readonly syslog: ReadonlyMap<string, SyslogListener>;
  readonly spool: Spool | undefined;
  /** Position in the spool before which everything has been applied. */
  spoolApplied(): number;
}

/** Call it before the state is saved; and what it answers, once it is: sources are told what is safe. */
export function beginSave({ inputs, spool, spoolApplied }: LiveInputs): () => Promise<void> {
  const applied = spoolApplied();
  const saved = inputs.map(({ kafka }) => kafka?.beginSave());
  return async () => {
    for (const tell of saved) tell?.();
    await spool?.release(applied);
  };
}

const INTAKE_NAME = 'intake';

export async function openLiveInputs(options: LiveOptions): Promise<LiveInputs> {
  const { config } = options.config;
  const sources = config.sources.length > 0 ? config.sources : [defaultSource(options)];
  const isPushed = ({ kind }: SourceConfig): boolean => kind === 'http' || kind === 'syslog';
  const inputs: LiveInput[] = [];
  for (const source of sources) {
    if (isPushed(source)) continue;
    inputs.push(readInput(source, options, await kafkaInput(source, options)));
  }
  const pushed = sources.filter(isPushed);
  if (pushed.length === 0) return { inputs, ...NOTHING_PUSHED };
  const opened = await openPushed(
    pushed.map((source) => ({ source, known: watched(source.name, options.watch) })),
    options,
  );
  return { ...opened, inputs: [...inputs, ...opened.inputs] };
}

const NOTHING_PUSHED = {
  intake: undefined,
  syslog: new Map<string, SyslogListener>(),
  spool: undefined,
  spoolApplied: () => 0,
};

/** Takes every format: the path of the push says which. */
function defaultSource(options: LiveOptions): SourceConfig {
  return { name: INTAKE_NAME, kind: 'http', format: 'any', token: options.defaultToken() };
}

function watched(name: string, watch: SourceWatch): WatchedSource {
  const source: WatchedSource = { name, counters: createCounters(), state: 'starting', detail: '' };
  watch.add(source);
  return source;
}

function readInput(
  source: SourceConfig,
  options: LiveOptions,
  kafka: KafkaInput | undefined,
): LiveInput {
  const { session, config, clock, logger, watch } = options;
  const { intake } = config.config;
  const format = formatOf(source);
  const known = watched(source.name, watch);
  const trust = source.trust ?? (kafka === undefined ? 'act' : kafkaTrust(source, config.config));
  return {
    source: known,
    ...(kafka && { kafka }),
    open: () =>
      createReader(
        kafka?.open() ?? createSource(source, format, options),
        format,
        { ...source, trust },
        {
          session,
          clock,
          counters: known.counters,
          ...(kafka && { deadLetters: kafka.listening(session.deadLetters) }),
          recordBytesMax: intake.recordBytesMax,
          futureMs: intake.futureMs,
          onNote: (text) => logger.warn({ source: source.name }, text),
          onApplied: (stream, ended) => watch.heard(source.name, stream, ended),
          onDamage: ({ position, error }) =>
            logger.error(
              { source: source.name, code: error.code, position },
              `${error.message}; read up to byte ${position} of its text, and the rest when it is repaired`,
            ),
        },
      ),
  };
}

/** The client is loaded only where it is needed. */
async function kafkaInput(
  source: SourceConfig,
  options: LiveOptions,
): Promise<KafkaInput | undefined> {
  if (source.kind !== 'kafka') return undefined;
  const { KafkaInput: Input } = await import('./kafka-input.ts');
  const { config, session, clock, logger } = options;
  const { framing } = formatOf(source);
  const { saved } = session;
  const shared = options.shared === true;
  return new Input({ source, framing, config, saved, clock, logger, shared });
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
