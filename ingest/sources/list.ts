/** Every kind of source that reads bytes. A new one is one file and one line here. */
import type { Readable } from 'node:stream';
import type { Framing } from '../../core/format.ts';
import type { Source, StreamPosition } from '../../core/source.ts';
import { createFileSource } from './file.ts';
import { createFollowSource } from './follow.ts';
import { createStdinSource } from './stdin.ts';

export interface SourceOptions {
  readonly name: string;
  readonly framing: Framing;
  /** Files, folders or globs; for kinds that read one file its path. */
  readonly paths: readonly string[];
  /** stdin: another input. */
  readonly input?: Readable | undefined;
  readonly chunkBytes?: number | undefined;
  readonly recordBytesMax?: number | undefined;
  readonly saved?: readonly StreamPosition[] | undefined;
  /** Endless kinds: waits until it is time for another look. */
  readonly idle?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

export interface SourceKind {
  readonly id: string;
  readonly summary: string;
  /** Goes on at a saved position; else it begins anew, and repeats are dropped by position. */
  readonly resumes: boolean;
  /** `read` never answers undefined. */
  readonly endless: boolean;
  open(options: SourceOptions): Source;
}

export const SOURCES: readonly SourceKind[] = Object.freeze([
  {
    id: 'file',
    summary: 'one file to its end, .gz and .zst too',
    resumes: true,
    endless: false,
    open: (options) => createFileSource({ ...options, path: options.paths[0] ?? '' }),
  },
  {
    id: 'follow',
    summary: 'files that are being written, through rotation',
    resumes: true,
    endless: true,
    open: (options) => createFollowSource({ ...options, patterns: options.paths }),
  },
  {
    id: 'stdin',
    summary: 'standard input to its end',
    resumes: false,
    endless: false,
    open: (options) => createStdinSource(options),
  },
]);
