/** The bytes of one file from a position on, decompressed. Positions count decompressed bytes. */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { KeyhoundError } from '../../core/errors.ts';
import type { Framer } from '../framing.ts';
import { HEAD_BYTES } from '../json-head.ts';
import { compressionOf } from './paths.ts';
import { ZstdFrames } from './zstd-frames.ts';

export interface Content {
  /** Bytes read from the medium since the start (compressed where compressed). */
  readonly mediumBytes: number;
  /** Reads the next bytes, at most `bytesMax`, into the framer. 0: there are no more, for now. */
  read(framer: Framer, bytesMax: number): Promise<number>;
  close(): Promise<void>;
}

export interface Head {
  /** The first bytes, decompressed, at most HEAD_BYTES. */
  readonly bytes: Buffer;
  /** They are all there are. */
  readonly complete: boolean;
  readonly compression: 'gzip' | 'zstd' | undefined;
}

type Compression = 'gzip' | 'zstd';

/** Reads the beginning of an open file, `bytesMax` bytes of it. */
export async function readHead(
  handle: FileHandle,
  path: string,
  bytesMax: number = HEAD_BYTES,
): Promise<Head> {
  const raw = await readAt(handle, path, bytesMax, 0);
  const compression = compressionOf(raw);
  if (compression === undefined) {
    return { bytes: raw, complete: raw.length < bytesMax, compression };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  const stream = decompressed(handle, compression);
  try {
    for await (const chunk of stream.output as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytesMax) break;
    }
  } catch (cause) {
    // A file that is still being written ends too early. What there is of it may be enough.
    if (length === 0 && !isCutShort(cause)) throw broken(path, compression, cause);
    return { bytes: Buffer.concat(chunks), complete: false, compression };
  }
  const bytes = Buffer.concat(chunks).subarray(0, bytesMax);
  return { bytes, complete: length < bytesMax, compression };
}

/** A plain file. Does not own the handle. */
export function plainContent(handle: FileHandle, path: string, position: number): Content {
  let at = position;
  return {
    get mediumBytes() {
      return at - position;
    },
    async read(framer, bytesMax) {
      try {
        const { bytesRead } = await handle.read(framer.room(bytesMax), 0, bytesMax, at);
        framer.filled(bytesRead);
        at += bytesRead;
        return bytesRead;
      } catch (cause) {
        throw unreadable(path, cause);
      }
    },
    async close() {},
  };
}

/** A compressed file. Does not own the handle. Rejects with code `source-cut-short` where it ends too early. */
export function compressedContent(
  handle: FileHandle,
  path: string,
  compression: Compression,
  position: number,
): Content {
  const stream = decompressed(handle, compression);
  const iterator = (stream.output as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let skip = position;
  let rest: Buffer | undefined;
  return {
    get mediumBytes() {
      return stream.medium.bytesRead;
    },
    async read(framer, bytesMax) {
      for (;;) {
        let chunk = rest;
        rest = undefined;
        if (chunk === undefined) {
          const next = await nextChunk(iterator, path, compression);
          if (next === undefined) return 0;
          chunk = next.subarray(Math.min(skip, next.length));
          skip -= next.length - chunk.length;
        }
        if (chunk.length === 0) continue;
        framer.push(chunk.subarray(0, bytesMax));
        if (chunk.length > bytesMax) rest = chunk.subarray(bytesMax);
        return Math.min(chunk.length, bytesMax);
      }
    },
    async close() {
      stream.output.destroy();
    },
  };
}

/** Opens a file for reading; undefined when there is none. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

export async function readAt(
  handle: FileHandle,
  path: string,
  length: number,
  position: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  try {
    while (filled < length) {
      const at = position + filled;
      const { bytesRead } = await handle.read(buffer, filled, length - filled, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return buffer.subarray(0, filled);
}

interface Medium {
  bytesRead: number;
}

function decompressed(handle: FileHandle, compression: Compression) {
  const medium: Medium = { bytesRead: 0 };
  const options = { chunkSize: 256 * 1024 };
  // Errors of the parts before it reach the reader of `output`.
  if (compression === 'gzip') {
    const output = createGunzip(options);
    pipeline(chunksOf(handle, medium), output, () => {});
    return { medium, output };
  }
  const output = createZstdDecompress(options);
  pipeline(chunksOf(handle, medium), framesOf, output, () => {});
  return { medium, output };
}

/** By the handle, because the path may name another file by now; a stream would close the handle. */
async function* chunksOf(handle: FileHandle, medium: Medium): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, medium.bytesRead);
    if (bytesRead === 0) return;
    medium.bytesRead += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

async function* framesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames();
  for await (const chunk of chunks) yield* frames.cut(chunk);
}

async function nextChunk(
  iterator: AsyncIterator<Buffer>,
  path: string,
  compression: Compression,
): Promise<Buffer | undefined> {
  try {
    const next = await iterator.next();
    return next.done === true ? undefined : next.value;
  } catch (cause) {
    throw broken(path, compression, cause);
  }
}

function isCutShort(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong';
}

function broken(path: string, compression: Compression, cause: unknown): KeyhoundError {
  const isShort = isCutShort(cause);
  const what = isShort ? 'ends too early' : 'is damaged';
  return new KeyhoundError('operating', `${path}: the ${compression} data ${what}`, {
    code: isShort ? 'source-cut-short' : 'source-damaged',
    hint: 'Everything before that place has been read.',
    cause,
  });
}

function unreadable(path: string, cause: unknown): KeyhoundError {
  return new KeyhoundError('operating', `${path}: cannot be read`, {
    code: 'source-unreadable',
    hint: 'Check that it exists and that the user Keyhound runs as may read it.',
    cause,
  });
}
