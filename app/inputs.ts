/** What a replay reads: files with their formats, or stdin, as readers of one merged sequence of events. */

import type { Clock } from '../core/clock.ts';
import type { SourceConfig } from '../core/config.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Format, FormatOptions } from '../core/format.ts';
import { parseKeySpec } from '../core/key-spec.ts';
import type { Damage, Source } from '../core/source.ts';
import type { SourceTraits } from '../enrich/contract.ts';
import type { DeadLetters } from '../ingest/dead-letters.ts';
import { detectFormat, FORMATS, formatById } from '../ingest/formats/list.ts';
import { firstTime, type MergeInput, mergeChunkBytes } from '../ingest/merge.ts';
import { KEY_NAMES } from '../ingest/raw-key.ts';
import { EventReader, type ReaderCounters } from '../ingest/reader.ts';
import { openFile, readHead } from '../ingest/sources/content.ts';
import { createFileSource } from '../ingest/sources/file.ts';
import { expandPaths, type FoundFile } from '../ingest/sources/paths.ts';
import { createStdinSource } from '../ingest/sources/stdin.ts';
import type { SourceReading } from './contract.ts';
import type { Sequence } from './sequence.ts';
import type { Session } from './session.ts';

/** What a source is read as. A path given on the command line has only some of it. */
export type SourceSettings = Pick<SourceConfig, 'name'> &
  Partial<
    Pick<
      SourceConfig,
      | 'format'
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

const SAMPLE_BYTES = 65_536;
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

export interface Inputs {
  readonly inputs: readonly MergeInput[];
  readonly readings: readonly SourceReading[];
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
  options: InputOptions,
): Promise<Inputs> {
  const { files, skipped } = await expandPaths(paths);
  for (const { path, why } of skipped) options.onNote(`${path}: skipped, ${why}`);
  const chosen: { file: FoundFile; format: Format }[] = [];
  const isEmpty = files.length > 0 && files.every((file) => file.size === 0);
  const readings = new Map<string, { why: string; files: number }>();
  let lastBroken: KeyhoundError | undefined;
  for (const file of files) {
    const { format, why, broken } = await formatOf(file, settings, files.length, options);
    if (broken !== undefined) {
      lastBroken = broken;
      options.onDamage?.({ position: 0, length: 0, error: broken });
    }
    if (format === undefined) continue;
    chosen.push({ file, format });
    const known = readings.get(format.id);
    readings.set(format.id, { why: known?.why ?? why, files: (known?.files ?? 0) + 1 });
  }
  if (chosen.length === 0 && lastBroken !== undefined) throw lastBroken;
  if (chosen.length === 0) {
    throw new KeyhoundError(
      'usage',
      `${paths.join(', ')}: nothing there that can be read as a log`,
      {
        code: 'no-log',
        hint: hintForNothing(files.length, isEmpty),
      },
    );
  }
  const chunkBytes = mergeChunkBytes(chosen.length);
  const ahead = chosen.length > AHEAD_FILES_MAX ? 1 : undefined;
  return {
    inputs: chosen.map(({ file, format }) =>
      fileInput(file, format, settings, chunkBytes, { ...options, ahead }),
    ),
    readings: [...readings].map(([format, { why, files: count }]) => ({
      source: settings.name,
      format,
      why,
      files: count,
    })),
    bytesTotal: chosen.reduce((sum, { file }) => sum + file.size, 0),
  };
}

const FORMAT_HINT = `Name the format with --format: ${FORMATS.map(({ id }) => id).join(', ')}.`;

function hintForNothing(fileCount: number, isEmpty: boolean): string {
  if (fileCount === 0) return 'Name a folder that holds logs, or the files themselves.';
  if (isEmpty) return 'What is there is empty: there is nothing to judge yet.';
  return FORMAT_HINT;
}

async function formatOf(
  file: FoundFile,
  settings: SourceSettings,
  fileCount: number,
  options: InputOptions,
): Promise<{ format: Format | undefined; why: string; broken?: KeyhoundError | undefined }> {
  if (settings.format !== undefined) {
    return { format: formatById(settings.format), why: `given: ${settings.format}` };
  }
  const handle = await openFile(file.path);
  try {
    if (!(await handle.stat()).isFile()) throw pipeWithoutFormat(file.path);
    const head = await readHead(handle, file.path, SAMPLE_BYTES);
    const { format, why } = detectFormat(head.bytes);
    if (format !== undefined) return { format, why };
    // So little of it can be read that it does not tell what it is.
    if (head.broken !== undefined) return { format, why, broken: head.broken };
    if (fileCount === 1 && head.bytes.length > 0) {
      throw new KeyhoundError('usage', `${file.path}: ${why}`, {
        code: 'unknown-format',
        hint: FORMAT_HINT,
      });
    }
    options.onNote(`${file.path}: skipped, ${head.bytes.length === 0 ? 'empty' : why}`);
    return { format: undefined, why };
  } finally {
    await handle.close();
  }
}

/** A pipe can be read once only, and is looked at before it is read. */
function pipeWithoutFormat(path: string): KeyhoundError {
  return new KeyhoundError('usage', `${path} is a pipe, whose format cannot be looked up in it`, {
    code: 'unknown-format',
    hint: 'Name it with --format, or send it to stdin, where it is recognised: … | keyhound replay -',
  });
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
  options: InputOptions,
): Promise<Inputs> {
  let why = `given: ${settings.format}`;
  let format: Format | undefined;
  if (settings.format !== undefined) format = formatById(settings.format);
  else {
    const head = await stdinHead();
    const detected = detectFormat(head);
    format = detected.format;
    why = detected.why;
    if (format === undefined) {
      throw new KeyhoundError('usage', `stdin: ${head.length === 0 ? 'it is empty' : why}`, {
        code: head.length === 0 ? 'no-log' : 'unknown-format',
        hint: hintForNothing(1, head.length === 0),
      });
    }
  }
  const chosen = format;
  const source = createStdinSource({ name: settings.name, framing: chosen.framing });
  return {
    inputs: [
      {
        name: 'stdin',
        open: () => createReader(source, chosen, settings, options),
        peek: () => Promise.resolve(Number.NEGATIVE_INFINITY),
      },
    ],
    readings: [{ source: settings.name, format: chosen.id, why, files: 0 }],
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
