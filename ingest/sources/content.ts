/** The bytes of one file from a position on, decompressed. Positions count decompressed bytes. */
import { type FileHandle, open } from 'node:fs/promises';
import { KeyhoundError } from '../../core/errors.ts';
import type { Framer } from '../framing.ts';
import { HEAD_BYTES } from '../json-head.ts';
import { BrokenData, type Compression, decompressed } from './decompress.ts';
import { compressionOf } from './paths.ts';

/** True for the errors after which the same data cannot be read further. */
export function isBroken(error: unknown): error is KeyhoundError {
  return error instanceof KeyhoundError && (isCutShort(error) || error.code === 'source-damaged');
}

/** True for a file that may still be written. */
export function isCutShort(error: unknown): boolean {
  return error instanceof KeyhoundError && error.code === 'source-cut-short';
}

export interface Content {
  /** Bytes read from the medium since the start (compressed where compressed). */
  readonly mediumBytes: number;
  /** Reads the next bytes, at most `bytesMax`, into the framer. 0: there are no more, for now. */
  read(framer: Framer, bytesMax: number): Promise<number>;
  close(): Promise<void>;
}

export interface Head {
  /** The first bytes as they stand in the file. */
  readonly raw: Buffer;
  /** The first bytes, decompressed, at most HEAD_BYTES. */
  readonly bytes: Buffer;
  /** They are all there are. */
  readonly complete: boolean;
  readonly compression: Compression | undefined;
  /** Why there are no more, where the compressed data is broken. A file that is being written ends too early. */
  readonly broken: KeyhoundError | undefined;
}

/** Reads the beginning of an open file, `bytesMax` bytes of it. */
export async function readHead(
  handle: FileHandle,
  path: string,
  bytesMax: number = HEAD_BYTES,
): Promise<Head> {
  const raw = await readAt(handle, path, bytesMax, 0);
  const compression = compressionOf(raw);
  if (compression === undefined) {
    const complete = raw.length < bytesMax;
    return { raw, bytes: raw, complete, compression, broken: undefined };
  }
  const chunks: Buffer[] = [];
  let length = 0;
  let broken: KeyhoundError | undefined;
  try {
    for await (const chunk of decompressed(handle, compression, { bytesRead: 0 })) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytesMax) break;
    }
  } catch (cause) {
    if (!(cause instanceof BrokenData)) throw unreadable(path, cause);
    broken = brokenAt(path, compression, cause);
  }
  const bytes = Buffer.concat(chunks).subarray(0, bytesMax);
  const complete = length < bytesMax && broken === undefined;
  return { raw, bytes, complete, compression, broken };
}

/** Trailers of smaller files are not believed: members of the same size would look alike. */
const TRAILER_BYTES_MIN = 8 << 20;

/**
 * True when an open file surely holds no text after `position`, without decompressing it: a large gzip file whose
 * trailer tells just that size. Any other may have grown, and has to be read to be sure.
 */
export async function endsAt(
  handle: FileHandle,
  path: string,
  compression: Compression | undefined,
  position: number,
): Promise<boolean> {
  const { size } = await handle.stat();
  if (compression === undefined) return size <= position;
  if (compression !== 'gzip' || size < TRAILER_BYTES_MIN) return false;
  const trailer = await readAt(handle, path, 4, size - 4);
  return trailer.length === 4 && trailer.readUInt32LE(0) === position % 2 ** 32;
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

/**
 * A compressed file. Does not own the handle. After everything that could be read, `read` rejects with code
 * `source-cut-short` where the data ends too early, and with `source-damaged` where it is damaged.
 */
export function compressedContent(
  handle: FileHandle,
  path: string,
  compression: Compression,
  position: number,
): Content {
  const medium = { bytesRead: 0 };
  const iterator = decompressed(handle, compression, medium);
  let skip = position;
  let rest: Buffer | undefined;
  return {
    get mediumBytes() {
      return medium.bytesRead;
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
      await iterator.return(undefined);
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

async function nextChunk(
  iterator: AsyncIterator<Buffer>,
  path: string,
  compression: Compression,
): Promise<Buffer | undefined> {
  try {
    const next = await iterator.next();
    return next.done === true ? undefined : next.value;
  } catch (cause) {
    if (!(cause instanceof BrokenData)) throw unreadable(path, cause);
    throw brokenAt(path, compression, cause);
  }
}

const WIDE = 'needs a window of more than 128 MiB';
const WIDE_HINT = 'Write it anew: `zstd -dc --long=31 FILE | zstd > NEW.zst`.';

function brokenAt(path: string, compression: Compression, cause: BrokenData): KeyhoundError {
  const what = cause.isCutShort ? 'ends too early' : 'is damaged';
  return new KeyhoundError(
    'operating',
    `${path}: the ${compression} data ${cause.isTooWide ? WIDE : what}`,
    {
      code: cause.isCutShort ? 'source-cut-short' : 'source-damaged',
      hint: cause.isTooWide ? WIDE_HINT : 'Everything before that place has been read.',
      cause,
    },
  );
}

function unreadable(path: string, cause: unknown): KeyhoundError {
  return new KeyhoundError('operating', `${path}: cannot be read`, {
    code: 'source-unreadable',
    hint: 'Check that it exists and that the user Keyhound runs as may read it.',
    cause,
  });
}
