/** What the user names (files, folders, globs) → the files to read, in a fixed order. */
import type { Stats } from 'node:fs';
import { glob, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KeyhoundError } from '../../core/errors.ts';

export interface FoundFile {
  readonly path: string;
  /** Bytes on disk (compressed where compressed). */
  readonly size: number;
  /** Device and inode: the same as long as the file lives, whatever it is called. */
  readonly id: string;
}

export interface FoundFiles {
  /** In the order of the patterns; within a folder or glob by name. Each file once. */
  readonly files: readonly FoundFile[];
  /**
   * Files in folders that are no logs (hidden, documents, binary), and what may not be read there. A file named
   * itself is never skipped.
   */
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

export interface ExpandOptions {
  /** A pattern that names nothing is no error: the file may appear later. */
  readonly mayBeMissing?: boolean;
  /** Files by id that are known to be logs: they are not looked into again. */
  readonly known?: { has(id: string): boolean };
}

/** Throws a usage error when a pattern names nothing. */
export async function expandPaths(
  patterns: readonly string[],
  options: ExpandOptions = {},
): Promise<FoundFiles> {
  const search = new Search(options.known);
  for (const pattern of patterns) {
    const before = search.seen.size + search.skipped.length;
    await search.pattern(pattern);
    const found = search.seen.size + search.skipped.length > before || search.hit;
    if (!found && options.mayBeMissing !== true) {
      throw new KeyhoundError('usage', `${pattern}: no such file or folder`, {
        code: 'no-such-file',
        hint: 'Name a file, a folder or a pattern in quotes, e.g. "logs/access*.log".',
      });
    }
  }
  return { files: search.files, skipped: search.skipped };
}

class Search {
  readonly files: FoundFile[] = [];
  readonly skipped: { path: string; why: string }[] = [];
  /** Device and inode: the same file under two names is read once. */
  readonly seen = new Set<string>();
  /** The last pattern named something that exists. */
  hit = false;
  readonly #known: { has(id: string): boolean } | undefined;

  constructor(known: { has(id: string): boolean } | undefined) {
    this.#known = known;
  }

  async pattern(pattern: string): Promise<void> {
    const named = await unlessMissing(pattern, stat(pattern));
    this.hit = named !== undefined;
    if (named !== undefined) return this.#entry(pattern, named, true);
    if (!/[*?[{]/.test(pattern)) return;
    const matches: string[] = [];
    for await (const match of glob(pattern)) matches.push(match);
    for (const path of matches.sort(byName)) {
      await this.#found(path, (stats) => this.#entry(path, stats, stats.isFile()));
    }
  }

  /** What was found, not named: one that may not be read does not keep the others from being read. */
  async #found(path: string, use: (stats: Stats) => Promise<void>): Promise<void> {
    try {
      const stats = await unlessMissing(path, stat(path));
      if (stats !== undefined) await use(stats);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.skipped.push({ path, why: 'cannot be read' });
    }
  }

  async #entry(path: string, stats: Stats, isNamed: boolean): Promise<void> {
    if (stats.isDirectory()) return this.#folder(path);
    const id = `${stats.dev}:${stats.ino}`;
    if (this.seen.has(id)) return;
    if (!isNamed && this.#known?.has(id) !== true) {
      const why = await whyNoLog(path, stats);
      if (why !== undefined) {
        this.skipped.push({ path, why });
        return;
      }
    }
    this.seen.add(id);
    this.files.push({ path, size: stats.size, id });
  }

  async #folder(folder: string): Promise<void> {
    const entries = await unlessMissing(folder, readdir(folder, { withFileTypes: true }));
    for (const entry of entries?.sort((a, b) => byName(a.name, b.name)) ?? []) {
      const path = join(folder, entry.name);
      await this.#found(path, async (stats) => {
        // A linked folder may lead back to here.
        const isOff = entry.isSymbolicLink() || entry.name.startsWith('.');
        if (!(isOff && stats.isDirectory())) await this.#entry(path, stats, false);
      });
    }
  }
}

const DOCUMENT_NAME = /^(licen[cs]e|readme|notice|copying|changelog|authors|contributing)\b/i;
const DOCUMENT_END = /\.(md|rst|ya?ml|toml|html?|pdf|png|sha\d+|md5|sig|asc|idx)$/i;

async function whyNoLog(path: string, stats: Stats): Promise<string | undefined> {
  const name = basename(path);
  if (name.startsWith('.')) return 'hidden';
  if (!stats.isFile()) return 'not a regular file';
  if (DOCUMENT_NAME.test(name) || DOCUMENT_END.test(name)) return 'a document, by its name';
  return (await isBinary(path)) ? 'binary' : undefined;
}

/** A NUL byte near the beginning, in a file that is not compressed with a method we read. */
async function isBinary(path: string): Promise<boolean> {
  const handle = await unlessMissing(path, open(path, 'r'));
  // Gone since it was listed: whoever opens it will notice.
  if (handle === undefined) return false;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1024), 0, 1024, 0);
    const head = buffer.subarray(0, bytesRead);
    return compressionOf(head) === undefined && head.includes(0);
  } finally {
    await handle.close();
  }
}

/** By the file's own magic number, whatever its name says. */
export function compressionOf(head: Uint8Array): 'gzip' | 'zstd' | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const isZstd = head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  return isZstd || isSkippable(head) ? 'zstd' : undefined;
}

/** A frame that holds no text; pzstd begins its files with one. */
function isSkippable(head: Uint8Array): boolean {
  const [first = 0] = head;
  return (first & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}

/** Undefined when there is no such file, or no longer: logs are rotated while we look. */
async function unlessMissing<T>(path: string, looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new KeyhoundError('operating', `${path}: cannot be read`, {
      code: 'source-unreadable',
      hint: 'Give the user that Keyhound runs as permission to read it.',
      cause,
    });
  }
}

/** True for the error that says: it is there, and may not be read. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof KeyhoundError && error.code === 'source-unreadable';
}

/** True for the errors that say: there is no such file. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function byName(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
