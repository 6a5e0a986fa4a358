/** What a replay reads: files with their formats, or stdin, as readers of one merged sequence of events. */

import type { Clock } from '../core/clock.ts';
import type { SourceConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Format, FormatOptions } from '../core/format.ts';
import { parseKeySpec } from '../core/key-spec.ts';
import type { Damage, Source } from '../core/source.ts';
import type { SourceTraits } from '../enrich/contract.ts';
import type { DeadLetters } from '../ingest/dead-letters.ts';
import { firstTime, type MergeInput, mergeChunkBytes } from '../ingest/merge.ts';
import { KEY_NAMES } from '../ingest/raw-key.ts';
import { EventReader, type ReaderCounters } from '../ingest/reader.ts';
import { createFileSource } from '../ingest/sources/file.ts';
import { expandPaths, type FoundFile } from '../ingest/sources/paths.ts';
import { createStdinSource } from '../ingest/sources/stdin.ts';
import { createReading, type Reading } from './readings.ts';
import { hintForNothing, recogniseFile, recogniseStdin, SAMPLE_BYTES } from './recognise.ts';
import type { Sequence } from './sequence.ts';
import type { Session } from './session.ts';

/** What a source is read as. A path given on the command line has only some of it, and no kind. */
export type SourceSettings = Pick<SourceConfig, 'name'> &
  Partial<
    Pick<
      SourceConfig,
      | 'kind'
      | 'format'
      | 'envelope'
      | 'key'
      | 'keyNames'
      | 'logFormat'
      | 'timeZone'
      | 'fields'
      | 'identity'
      | 'trust'
      | 'environment'
    >
  >;

/** With more files than this, what one reads ahead is gone from the caches before its turn comes. */
const AHEAD_FILES_MAX = 8;

/** What sources need of a session. */
export type InputSession = Pick<Session, 'enricher' | 'deadLetters' | 'saved'> & {
  readonly engine: Sequence;
};

export interface InputOptions {
  readonly session: InputSession;
  readonly clock: Clock;
  readonly counters: ReaderCounters;
  readonly recordBytesMax: number;
  onNote(text: string): void;
  /** A batch of a stream was applied. */
  onApplied?(stream: number, ended: boolean): void;
  /** A file cannot be read on; the others are. */
  onDamage?(damage: Damage): void;
}

/** Of inputs that count by what they are read as. */
export type ReplayInputOptions = Omit<InputOptions, 'counters'>;

export interface Inputs {
  readonly inputs: readonly MergeInput[];
  /** Filled as the inputs are read. */
  readonly readings: readonly Reading[];
  /** Undefined when it cannot be known (stdin). */
  readonly bytesTotal: number | undefined;
}

export function traitsOf(settings: SourceSettings, format: Format): SourceTraits {
  return {
    name: settings.name,
    format,
    key: settings.key === undefined ? undefined : parseKeySpec(settings.key),
    keyField: ['key', 'keyId'].some((name) => settings.fields?.[name] !== undefined),
    identity: settings.identity,
    trust: settings.trust ?? 'act',
    environment: settings.environment,
    keyNames: settings.keyNames?.map((name) => name.toLowerCase()) ?? KEY_NAMES,
  };
}

export function formatOptions(settings: SourceSettings): FormatOptions {
  return {
    key: settings.key === undefined ? undefined : parseKeySpec(settings.key),
    logFormat: settings.logFormat,
    timeZone: settings.timeZone,
    fields: settings.fields,
    keyNames: settings.keyNames,
  };
}

/** Files under `paths`, each in the format given or recognised. */
export async function fileInputs(
  paths: readonly string[],
  settings: SourceSettings,
  options: ReplayInputOptions,
): Promise<Inputs> {
  const { files, skipped } = await expandPaths(paths);
  for (const { path, why } of skipped) options.onNote(`${path}: skipped, ${why}`);
  const isEmpty = files.length > 0 && files.every((file) => file.size === 0);
  const readings: Reading[] = [];
  const chosen: { file: FoundFile; reading: Reading }[] = [];
  let lastBroken: KeyhoundError | undefined;
  for (const file of files) {
    const { format, why, broken, isEmpty: holdsNothing } = await recogniseFile(file.path, settings);
    if (broken !== undefined && format === undefined) {
      // So little of it can be read that it does not tell what it is.
      lastBroken = broken;
      options.onDamage?.({ position: 0, length: 0, error: broken });
    } else if (format === undefined) {
      if (files.length === 1 && holdsNothing !== true) throw unknownFormat(file.path, why);
      options.onNote(`${file.path}: skipped, ${holdsNothing === true ? 'empty' : why}`);
    } else {
      const reading = readingOf(readings, settings.name, format, why);
      reading.files.push(file);
      chosen.push({ file, reading });
    }
  }
  if (readings.length === 0) throw lastBroken ?? noLog(paths, files.length, isEmpty);
  const chunkBytes = mergeChunkBytes(chosen.length);
  const ahead = chosen.length > AHEAD_FILES_MAX ? 1 : undefined;
  return {
    inputs: chosen.map(({ file, reading: { format, counters } }) =>
      fileInput(file, format, settings, chunkBytes, { ...options, counters, ahead }),
    ),
    readings,
    bytesTotal: chosen.reduce((sum, { file }) => sum + file.size, 0),
  };
}

/** The reading of this format and envelope; a new one where there is none. */
function readingOf(readings: Reading[], source: string, format: Format, why: string): Reading {
  const known = readings.find(
    (reading) => reading.format.id === format.id && reading.format.envelope === format.envelope,
  );
  if (known !== undefined) return known;
  const reading = createReading(source, format, why);
  readings.push(reading);
  return reading;
}

function unknownFormat(name: string, why: string): KeyhoundError {
  return new KeyhoundError('usage', `${name}: ${why}`, {
    code: 'unknown-format',
    hint: hintForNothing(1, false),
  });
}

function noLog(paths: readonly string[], fileCount: number, isEmpty: boolean): KeyhoundError {
  return new KeyhoundError(
    'usage',
    `${paths.join(', ')}: nothing there that can be read as a log`,
    { code: 'no-log', hint: hintForNothing(fileCount, isEmpty) },
  );
}

function fileInput(
  file: FoundFile,
  format: Format,
  settings: SourceSettings,
  chunkBytes: number,
  options: InputOptions & { readonly ahead: number | undefined },
): MergeInput {
  const open = (): Source =>
    createFileSource({
      name: settings.name,
      path: file.path,
      framing: format.framing,
      chunkBytes,
      recordBytesMax: options.recordBytesMax,
      saved: options.session.saved,
    });
  return {
    name: file.path,
    open: () => createReader(open(), format, settings, options),
    peek: (signal) => firstTime(open(), format.createDecoder(formatOptions(settings)), signal),
  };
}

/** The program's standard input as the only input; the format is recognised from its beginning. */
export async function stdinInputs(
  settings: SourceSettings,
  options: ReplayInputOptions,
): Promise<Inputs> {
  const { format, why, isEmpty } = await recogniseStdin(settings, stdinHead);
  if (format === undefined && isEmpty === true) {
    throw new KeyhoundError('usage', 'stdin: it is empty', {
      code: 'no-log',
      hint: hintForNothing(1, true),
    });
  }
  if (format === undefined) throw unknownFormat('stdin', why);
  const source = createStdinSource({ name: settings.name, framing: format.framing });
  const reading = createReading(settings.name, format, why);
  const { counters } = reading;
  return {
    inputs: [
      {
        name: 'stdin',
        open: () => createReader(source, format, settings, { ...options, counters }),
        peek: () => Promise.resolve(Number.NEGATIVE_INFINITY),
      },
    ],
    readings: [reading],
    bytesTotal: undefined,
  };
}

/** What comes first on stdin, put back for the source to read. */
async function stdinHead(): Promise<Uint8Array> {
  const { stdin } = process;
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < SAMPLE_BYTES) {
    const chunk = (stdin.read() as Buffer | null) ?? undefined;
    if (chunk !== undefined) {
      chunks.push(chunk);
      length += chunk.length;
      continue;
    }
    // Whole lines are enough: a live pipe must not have to fill the sample first.
    if (stdin.readableEnded || chunks.some((part) => part.includes(0x0a))) break;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        stdin.off('readable', wake);
        stdin.off('end', wake);
        resolve();
      };
      stdin.on('readable', wake);
      stdin.on('end', wake);
    });
  }
  const head = Buffer.concat(chunks);
  if (head.length > 0) stdin.unshift(head);
  return head;
}

export function createReader(
  source: Source,
  format: Format,
  settings: SourceSettings,
  options: InputOptions & {
    readonly futureMs?: number | undefined;
    readonly ahead?: number | undefined;
    /** Default: those of the session. */
    readonly deadLetters?: DeadLetters;
  },
): EventReader {
  const { session, clock, counters, futureMs, ahead } = options;
  const { engine, enricher } = session;
  const deadLetters = options.deadLetters ?? session.deadLetters;
  return new EventReader({
    source,
    traits: traitsOf(settings, format),
    decoder: format.createDecoder(formatOptions(settings)),
    enricher,
    counters,
    deadLetters,
    clock,
    futureMs,
    ahead,
    openStream: (stream) => engine.openStream(settings.name, stream, format.latenessMs),
    onApplied: ({ index, position, ended }) => {
      if (ended) engine.closeStream(index, position);
      else engine.advance(index, position);
      options.onApplied?.(index, ended);
    },
    onDamage: (damage) => options.onDamage?.(damage),
  });
}
