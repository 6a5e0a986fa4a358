/** Checks of what is read: files that can be opened, and whether they look like their format. */
import type { SourceConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import { type Detection, detectFormat } from '../../ingest/detection.ts';
import { envelopeById } from '../../ingest/envelope.ts';
import { openFile, readHead } from '../../ingest/sources/content.ts';
import { expandPaths, type FoundFile } from '../../ingest/sources/paths.ts';
import { tryListen } from '../../ingest/sources/syslog.ts';
import { syslogAddress } from '../config/addresses.ts';
import type { Check, LoadedConfig } from '../contract.ts';
import { check, failed } from './check.ts';
import { checkTopics } from './kafka-source.ts';

/** `isRunning`: an instance uses the state, and has its listeners open. */
export async function* checkSources(
  loaded: LoadedConfig,
  isRunning: boolean,
): AsyncGenerator<Check> {
  const { config } = loaded;
  if (config.sources.length === 0) {
    yield check('sources', true, `none configured: HTTP intake on ${config.listen.intake}`);
  }
  for (const source of config.sources) {
    const name = `source ${source.name}`;
    if (source.kind === 'file') yield await checkFiles(name, source);
    else if (source.kind === 'syslog') yield await checkSyslog(name, source, isRunning);
    else if (source.kind === 'kafka') yield await checkTopics(name, source, loaded);
    else yield check(name, true, `${source.kind}, ${source.format}`);
  }
}

async function checkSyslog(name: string, source: SourceConfig, isRunning: boolean): Promise<Check> {
  const { listen = '', format } = source;
  if (isRunning) return check(name, true, `${listen}, ${format}: open, if that process has it`);
  try {
    await tryListen(syslogAddress(listen));
    return check(name, true, `${listen}, ${format}: free`);
  } catch (error) {
    return failed(name, error);
  }
}

async function checkFiles(name: string, source: SourceConfig): Promise<Check> {
  try {
    const patterns = typeof source.path === 'string' ? [source.path] : (source.path ?? []);
    const { files } = await expandPaths(patterns);
    const newest = files.at(-1);
    if (newest === undefined) return check(name, false, 'no log file there', WAITS);
    return await checkHead(name, source, newest, files.length);
  } catch (error) {
    if (error instanceof KeyhoundError && error.code === 'no-such-file') {
      return check(name, false, error.message, WAITS);
    }
    return failed(name, error);
  }
}

const WAITS = '`run` waits for it; nothing is read, and nothing is judged, until it appears.';

async function checkHead(
  name: string,
  source: SourceConfig,
  file: FoundFile,
  fileCount: number,
): Promise<Check> {
  const handle = await openFile(file.path);
  try {
    const { bytes } = await readHead(handle, file.path);
    const count = fileCount === 1 ? '1 file' : `${fileCount} files`;
    const files = `${count}, ${said(source.format, source.envelope)}`;
    if (bytes.length === 0) return check(name, true, `${files}, the last one still empty`);
    const { format, why } = looksLike(bytes, source);
    // The user may know better (a log_format of their own); only another certain format is a fault.
    const other = format !== undefined && !isAs(source, format) && needsNoHelp(source);
    const detail = other
      ? `${file.path} looks like ${said(format.id, format.envelope)}: ${why}`
      : files;
    return check(name, !other, detail, `Is format: ${said(source.format, source.envelope)} right?`);
  } finally {
    await handle.close();
  }
}

function looksLike(head: Uint8Array, { envelope }: SourceConfig): Detection {
  const given = envelope === undefined ? {} : { envelope: envelopeById(envelope) };
  const found = detectFormat(head, given);
  return found.format === undefined ? detectFormat(head) : found;
}

function isAs(source: SourceConfig, format: Format): boolean {
  return format.id === source.format && format.envelope === source.envelope;
}

function said(format: string, envelope: string | undefined): string {
  return envelope === undefined ? format : `${format} with envelope: ${envelope}`;
}

function needsNoHelp(source: SourceConfig): boolean {
  return source.logFormat === undefined && source.fields === undefined;
}
