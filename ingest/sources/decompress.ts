/**
 * The text of a compressed file, up to the very place where it is damaged.
 *
 * Node's decompressors drop the text of the whole write in which they meet damage, which in a small file is all
 * of it. So the file is then decompressed a second time, and the chunk with the damage given byte by byte: it
 * costs as much again as what was read and up to a second for the bytes, for a damaged file only.
 * They also ignore what follows the end of a gzip member when it begins with a zero, and say so to nobody:
 * here only zeros up to the end of the file are padding, as for gzip itself, and anything else is damage.
 */
import type { FileHandle } from 'node:fs/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ZstdFrames } from './zstd-frames.ts';

export type Compression = 'gzip' | 'zstd';

/** Why decompression stopped. Reading the file itself failed where it rejects with anything else. */
export class BrokenData extends Error {
  /** The data is good and ends too early: it may still be written. */
  readonly isCutShort: boolean;
  /** The data may be good: it was packed with `zstd --long`, and unpacking takes more memory than is given to it. */
  readonly isTooWide: boolean;

  constructor(isCutShort: boolean, cause?: unknown) {
    super(isCutShort ? 'the data ends too early' : 'the data is damaged', { cause });
    this.isCutShort = isCutShort;
    this.isTooWide = codeOf(cause) === 'ZSTD_error_frameParameter_windowTooLarge';
  }
}

export interface Medium {
  bytesRead: number;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * By the handle, because the path may name another file by now. Rejects with BrokenData after everything that
 * can be decompressed before.
 */
export async function* decompressed(
  handle: FileHandle,
  compression: Compression,
  medium: Medium,
): AsyncGenerator<Buffer> {
  let handedOn = 0;
  try {
    for await (const text of decompress(chunksOf(handle, medium), handle, compression)) {
      handedOn += text.length;
      yield text;
    }
  } catch (cause) {
    if (!(cause instanceof BrokenData) || cause.isCutShort) throw cause;
    const chunkBegin = Math.max(0, Math.ceil(medium.bytesRead / CHUNK_BYTES) - 1) * CHUNK_BYTES;
    yield* after(handedOn, decompress(bytewise(handle, chunkBegin), handle, compression));
    throw cause;
  }
}

/** What follows the first `skip` bytes, until the data is broken. */
async function* after(skip: number, texts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = skip;
  try {
    for await (const text of texts) {
      const rest = text.subarray(Math.min(left, text.length));
      left -= text.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  } catch (cause) {
    if (!(cause instanceof BrokenData)) throw cause;
  }
}

async function* chunksOf(handle: FileHandle, medium: Medium): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    // Whole chunks, so that the one with the damage can be found again.
    for (let more = -1; more !== 0 && filled < chunk.length; filled += more) {
      const at = medium.bytesRead + filled;
      more = (await handle.read(chunk, filled, chunk.length - filled, at)).bytesRead;
    }
    if (filled === 0) return;
    medium.bytesRead += filled;
    yield chunk.subarray(0, filled);
  }
}

/** From `begin` on a byte at a time. */
async function* bytewise(handle: FileHandle, begin: number): AsyncGenerator<Buffer> {
  const medium = { bytesRead: 0 };
  for await (const chunk of chunksOf(handle, medium)) {
    if (medium.bytesRead <= begin) yield chunk;
    else for (let i = 0; i < chunk.length; i++) yield chunk.subarray(i, i + 1);
  }
}

async function* decompress(
  chunks: AsyncIterable<Buffer>,
  handle: FileHandle,
  compression: Compression,
): AsyncGenerator<Buffer> {
  const machine = new Machine(compression);
  const frames = new ZstdFrames();
  let given = 0;
  try {
    for await (const chunk of chunks) {
      const pieces = compression === 'gzip' ? [chunk] : frames.cut(chunk);
      for (const piece of pieces) {
        yield* machine.give(piece);
        given += piece.length;
        if (machine.taken === given) continue;
        if (await isPadding(handle, machine.taken)) return;
        throw new BrokenData(false);
      }
    }
    yield* machine.give(undefined);
  } finally {
    machine.close();
  }
}

/** Zeros up to the end of the file. */
async function isPadding(handle: FileHandle, from: number): Promise<boolean> {
  const medium = { bytesRead: from };
  for await (const chunk of chunksOf(handle, medium)) {
    if (chunk.some((byte) => byte !== 0)) return false;
  }
  return true;
}

/** A decompressor whose output can be read to its last byte, also when it then fails. */
class Machine {
  readonly #stream: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;
  #error: unknown;
  #wake: () => void = () => {};

  constructor(compression: Compression) {
    const options = { chunkSize: 256 * 1024 };
    this.#stream = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
    const wake = (): void => this.#wake();
    this.#stream.on('readable', wake).on('end', wake);
    this.#stream.on('error', (error) => {
      this.#error = error;
      wake();
    });
  }

  /** Bytes of the input it had use for. */
  get taken(): number {
    return this.#stream.bytesWritten;
  }

  /** Gives it a piece, undefined at the end, and answers the text that comes of it. */
  async *give(piece: Buffer | undefined): AsyncGenerator<Buffer> {
    const stream = this.#stream;
    let isTaken = false;
    if (piece === undefined) stream.end();
    else {
      stream.write(piece, () => {
        isTaken = true;
        this.#wake();
      });
    }
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const text = stream.read() as Buffer | null;
      if (text !== null) yield text;
      else if (this.#error !== undefined) throw new BrokenData(isShort(this.#error), this.#error);
      else if (isTaken || stream.readableEnded) return;
      else await promise;
    }
  }

  close(): void {
    this.#stream.destroy();
  }
}

function isShort(cause: unknown): boolean {
  const code = codeOf(cause);
  return code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong';
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
