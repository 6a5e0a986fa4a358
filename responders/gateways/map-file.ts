/**
 * Map files that a gateway looks keys up in: `"key" value;` for NGINX, `key value` for HAProxy. Each entry of ours
 * stands below a comment with its tag, so that it is found again; lines of a person stay as they are.
 *
 * A file is replaced whole, by rename, and is on disk when `write` returns: a gateway that reads it at any moment
 * finds the old or the new one.
 */
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyhoundError } from '../../core/errors.ts';

export interface MapEntry {
  readonly key: string;
  readonly value: string;
  /** Undefined: a person wrote it. */
  readonly tag?: string;
}

export interface MapSyntax {
  /** Undefined: not an entry (a comment, or what a person wrote in a way of their own). */
  parse(line: string): { key: string; value: string } | undefined;
  print(entry: MapEntry): string;
}

const HEADER =
  '# Keyhound writes this file and keeps lines of others. Reload the gateway after a change by hand.';
const TAG = /^# keyhound ([a-z0-9_]{1,40})$/;
/** More than any gateway should look through; a file beyond is somebody else's. */
const BYTES_MAX = 8 * 1024 * 1024;

/** Entries in order; of a file that is not there none. */
export async function readMap(path: string, syntax: MapSyntax): Promise<MapEntry[]> {
  return entriesOf(linesOf(await textOf(path)), syntax).map(({ entry }) => entry);
}

/** The file's text with the entries of this key replaced by these; the text as it was when they are there already. */
export function withEntries(
  text: string,
  key: string,
  wanted: readonly MapEntry[],
  syntax: MapSyntax,
): string {
  const lines = linesOf(text);
  const present = entriesOf(lines, syntax).filter(({ entry }) => entry.key === key);
  const same = (a: MapEntry, b: MapEntry | undefined) => a.value === b?.value && a.tag === b.tag;
  if (present.length === wanted.length && present.every(({ entry }, i) => same(entry, wanted[i]))) {
    return text;
  }
  const gone = new Set(present.flatMap(({ at, entry }) => (entry.tag ? [at - 1, at] : [at])));
  const kept = lines.filter((_, at) => !gone.has(at));
  if (kept[0] !== HEADER) kept.unshift(HEADER);
  for (const entry of wanted) {
    if (entry.tag !== undefined) kept.push(`# keyhound ${entry.tag}`);
    kept.push(syntax.print(entry));
  }
  return `${kept.join('\n')}\n`;
}

/** Empty where there is no file. */
export async function textOf(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= BYTES_MAX) return bytes.toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw unusable(path, 'read', error);
  }
  throw new KeyhoundError('operating', `${path} is larger than 8 MiB: no map of Keyhound`, {
    code: 'gateway-file',
  });
}

export async function replaceFile(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    // The gateway's own user has to read it.
    const file = await open(part, 'w', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw unusable(path, 'written', error);
  }
}

/** An empty file, there or not; not forced to disk. */
export async function markFile(path: string, present: boolean): Promise<void> {
  try {
    if (!present) return await rm(path, { force: true });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
  } catch (error) {
    throw unusable(path, present ? 'written' : 'removed', error);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

function entriesOf(lines: readonly string[], syntax: MapSyntax): { at: number; entry: MapEntry }[] {
  return lines.flatMap((line, at) => {
    const pair = syntax.parse(line);
    if (pair === undefined) return [];
    const tag = TAG.exec(lines[at - 1] ?? '')?.[1];
    return [{ at, entry: tag === undefined ? pair : { ...pair, tag } }];
  });
}

function unusable(path: string, done: string, cause: unknown): KeyhoundError {
  const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return new KeyhoundError('operating', `${path} cannot be ${done} (${reason})`, {
    code: 'gateway-file',
    hint: 'The process that acts needs to read and write the folder of the map files.',
    cause,
    retryable: true,
  });
}
