/**
 * What the HTTP intake has accepted and detection has not applied yet, on disk. `append` resolves when the
 * bytes would survive a power cut; all that wait at the same time share one write and one sync.
 *
 * Bounded: over `bytesMax` on disk, and over PENDING_BYTES_MAX in memory, `append` rejects at once with code
 * `spool-full`, which the intake answers as 429. A full disk is the same to a sender.
 */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { KeyhoundError } from '../core/errors.ts';
import {
  createSegment,
  deleteSegment,
  FRAME_HEADER_BYTES,
  frameHeader,
  openSegments,
  readFrames,
  type Segment,
  spoolDamaged,
  wholeFrames,
} from './spool-segments.ts';

export interface SpoolOptions {
  readonly folder: string;
  /** Most bytes on disk. */
  readonly bytesMax: number;
  /** How long an append waits for others, ms. Default 10. */
  readonly commitMs?: number | undefined;
  /** Highest position that the saved state knows (`highestPosition`). New ones never go below it. */
  readonly applied?: number | undefined;
  /** Size at which a new file is begun, bytes. Default 64 MiB, at most an eighth of bytesMax. */
  readonly segmentBytes?: number | undefined;
  /** For tests: how bytes reach the disk. */
  readonly disk?: SpoolDisk | undefined;
}

export interface SpoolDisk {
  write(handle: FileHandle, bytes: Buffer, offset: number): Promise<void>;
  sync(handle: FileHandle): Promise<void>;
}

/** Frames read from the spool. */
export interface SpoolFrames {
  /** Whole frames; the first byte stands at `position`. */
  readonly bytes: Buffer;
  readonly position: number;
}

const SEGMENT_BYTES = 64 << 20;
const PENDING_BYTES_MAX = 32 << 20;
/**
 * A refusal is a trouble for so long. Not until something is kept: where a balancer sends to those that are ready
 * only, nothing would come any more that could be kept.
 */
const REFUSED_MS = 60_000;

interface Waiting {
  readonly payloads: readonly Uint8Array[];
  resolve(position: number): void;
  reject(error: unknown): void;
}

/** Opens the spool in a folder, making it if need be, and cuts off what a crash left half-written. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const segments = await openSegments(options.folder);
  const last = segments.at(-1);
  const end = last === undefined ? 0 : last.base + last.size;
  const applied = options.applied ?? 0;
  if (last !== undefined && end >= applied) {
    return new Spool(options, segments, await open(last.path, 'r+'));
  }
  const { segment, handle } = await createSegment(options.folder, Math.max(end, applied));
  return new Spool(options, [...segments, segment], handle);
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #segments: Segment[];
  readonly #disk: SpoolDisk;
  readonly #segmentBytes: number;
  #handle: FileHandle;
  #waiting: Waiting[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #commit: Promise<void> | undefined;
  /** A write failed and could not be taken back. */
  #isBroken = false;
  /** The last thing that happened to an append, if it was refused. */
  #refusal: { readonly error: KeyhoundError; readonly at: number } | undefined;
  #isClosed = false;
  #growth = Promise.withResolvers<void>();
  #reading: { readonly segment: Segment; readonly handle: FileHandle } | undefined;

  constructor(options: SpoolOptions, segments: Segment[], handle: FileHandle) {
    this.#options = options;
    this.#segments = segments;
    this.#handle = handle;
    this.#disk = options.disk ?? DISK;
    const eighth = Math.max(4096, Math.floor(options.bytesMax / 8));
    this.#segmentBytes = options.segmentBytes ?? Math.min(SEGMENT_BYTES, eighth);
  }

  /** Position of the oldest byte that is still there. */
  get begin(): number {
    return this.#segments[0]!.base;
  }

  /** Position after the last byte that is safe. */
  get end(): number {
    const last = this.#segments.at(-1)!;
    return last.base + last.size;
  }

  /** Most bytes on disk. */
  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.end - this.begin;
  }

  /** Why senders are refused: what was appended last was, and not long ago. */
  get trouble(): KeyhoundError | undefined {
    const refusal = this.#refusal;
    if (refusal === undefined || performance.now() - refusal.at > REFUSED_MS) return undefined;
    return refusal.error;
  }

  /**
   * Keeps the payloads (1 byte each at least, not changed until then), a frame each, and answers the position of
   * the first one when they are safe. Rejects with code `spool-full` or `spool-failed`, both retryable, having
   * kept none of them.
   */
  append(...payloads: readonly Uint8Array[]): Promise<number> {
    const bytes = framesBytes(payloads);
    if (this.#isBroken || this.#isClosed) return Promise.reject(this.#refused(failed(undefined)));
    const pending = this.#pendingBytes + bytes;
    if (this.bytes + pending > this.#options.bytesMax || pending > PENDING_BYTES_MAX) {
      return Promise.reject(this.#refused(full(undefined)));
    }
    this.#pendingBytes = pending;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payloads, resolve, reject });
      this.#schedule();
    });
  }

  /**
   * Whole frames at `position` (the begin of a frame), about `bytesWanted` bytes of them; none at the end.
   * The position answered is higher where nothing was ever written between the two.
   */
  async read(position: number, bytesWanted = 1 << 20): Promise<SpoolFrames> {
    const none = { bytes: Buffer.alloc(0), position };
    if (position >= this.end) return none;
    const segment = this.#segments.findLast(({ base }) => base <= position);
    if (segment === undefined) return this.read(this.begin, bytesWanted);
    if (position >= segment.base + segment.size) return this.#afterGap(position, bytesWanted);
    const handle = await this.#openForReading(segment);
    const left = segment.base + segment.size - position;
    const bytes = await readFrames(handle, position - segment.base, left, bytesWanted);
    const whole = wholeFrames(bytes);
    if (whole === 0) throw spoolDamaged(segment.path, position);
    return { bytes: bytes.subarray(0, whole), position };
  }

  /** Begin of the frame that holds `position`, or of the first one after it. */
  async frameAt(position: number): Promise<number> {
    const segment = this.#segments.findLast(({ base }) => base <= position);
    let at = segment?.base ?? this.begin;
    for (;;) {
      const { bytes, position: from } = await this.read(at);
      if (bytes.length === 0) return at;
      let offset = 0;
      while (offset < bytes.length) {
        const next = offset + FRAME_HEADER_BYTES + bytes.readUInt32LE(offset);
        if (from + next > position) return from + offset;
        offset = next;
      }
      at = from + offset;
    }
  }

  /** Resolves when there is something after `position`. Rejects when the signal is aborted. */
  async grown(position: number, signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', abort, { once: true });
    try {
      while (this.end <= position) await Promise.race([this.#growth.promise, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Deletes the files that lie wholly before `position`; the one being written once it is large enough. */
  async release(position: number): Promise<void> {
    if (position >= this.end) await this.#rollIdle();
    for (;;) {
      const [first, second] = this.#segments;
      if (first === undefined || second === undefined || second.base > position) return;
      if (this.#reading?.segment === first) await this.#closeReading();
      this.#segments.shift();
      await deleteSegment(first);
    }
  }

  /** Waits for what has been appended, then closes. Later appends are refused. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#commit !== undefined || this.#waiting.length > 0) await this.#flush();
    await this.#closeReading();
    await this.#handle.close();
  }

  #refused(error: KeyhoundError): KeyhoundError {
    this.#refusal = { error, at: performance.now() };
    return error;
  }

  #schedule(): void {
    if (this.#commit !== undefined || this.#timer !== undefined) return;
    const commitMs = this.#options.commitMs ?? 10;
    this.#timer = setTimeout(() => void this.#flush(), commitMs);
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#commit ??= this.#commitAll().finally(() => {
      this.#commit = undefined;
      // Those that came meanwhile have waited long enough.
      if (this.#waiting.length > 0) void this.#flush();
    });
    return this.#commit;
  }

  /** One write and one sync for all that wait. Never rejects: the waiting are told. */
  async #commitAll(): Promise<void> {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    const payloads = group.flatMap((waiting) => waiting.payloads);
    const bytes = Buffer.concat(payloads.flatMap((payload) => [frameHeader(payload), payload]));
    try {
      await this.#roll();
      await this.#write(bytes);
    } catch (cause) {
      const error = this.#refused(isDiskFull(cause) ? full(cause) : failed(cause));
      for (const { reject } of group) reject(error);
      return;
    } finally {
      this.#pendingBytes -= bytes.length;
    }
    this.#refusal = undefined;
    const last = this.#segments.at(-1)!;
    let position = last.base + last.size;
    last.size += bytes.length;
    for (const waiting of group) {
      waiting.resolve(position);
      position += framesBytes(waiting.payloads);
    }
    this.#growth.resolve();
    this.#growth = Promise.withResolvers<void>();
  }

  async #write(bytes: Buffer): Promise<void> {
    const { size } = this.#segments.at(-1)!;
    try {
      await this.#disk.write(this.#handle, bytes, size);
      await this.#disk.sync(this.#handle);
    } catch (error) {
      // Half a group must not stand before the next one: its senders are told that it was refused.
      await this.#handle.truncate(size).catch(() => {
        this.#isBroken = true;
      });
      throw error;
    }
  }

  /** Begins a new file where the last one is large enough. */
  async #roll(): Promise<void> {
    if (this.#segments.at(-1)!.size < this.#segmentBytes) return;
    const { segment, handle } = await createSegment(this.#options.folder, this.end);
    const before = this.#handle;
    this.#handle = handle;
    this.#segments.push(segment);
    await before.close();
  }

  /** As #roll, between commits: a spool that is all applied must not be full for want of a write. */
  async #rollIdle(): Promise<void> {
    while (this.#commit !== undefined) await this.#commit;
    if (this.#isClosed || this.#isBroken) return;
    // Where no file can be made the next append says so.
    this.#commit = this.#roll()
      .catch(() => undefined)
      .finally(() => {
        this.#commit = undefined;
        if (this.#waiting.length > 0) void this.#flush();
      });
    await this.#commit;
  }

  async #openForReading(segment: Segment): Promise<FileHandle> {
    if (this.#reading?.segment !== segment) {
      await this.#closeReading();
      this.#reading = { segment, handle: await open(segment.path, 'r') };
    }
    return this.#reading.handle;
  }

  async #closeReading(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    await reading?.handle.close();
  }

  /** Between two files positions may jump, where the folder was emptied and the state was not. */
  #afterGap(position: number, bytesWanted: number): Promise<SpoolFrames> {
    const next = this.#segments.find(({ base, size }) => base > position && size > 0);
    if (next !== undefined) return this.read(next.base, bytesWanted);
    return Promise.resolve({ bytes: Buffer.alloc(0), position: this.end });
  }
}

function framesBytes(payloads: readonly Uint8Array[]): number {
  return payloads.reduce((sum, payload) => sum + FRAME_HEADER_BYTES + payload.length, 0);
}

const DISK: SpoolDisk = {
  async write(handle, bytes, offset) {
    let written = 0;
    while (written < bytes.length) {
      const left = bytes.length - written;
      const { bytesWritten } = await handle.write(bytes, written, left, offset + written);
      written += bytesWritten;
    }
  },
  sync: (handle) => handle.datasync(),
};

function isDiskFull(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function full(cause: unknown): KeyhoundError {
  return new KeyhoundError('operating', 'the spool is full', {
    code: 'spool-full',
    retryable: true,
    hint: 'Detection is behind, or the disk is full. intake.spoolBytesMax is the bound.',
    cause,
  });
}

function failed(cause: unknown): KeyhoundError {
  return new KeyhoundError('operating', 'the spool cannot be written', {
    code: 'spool-failed',
    retryable: true,
    hint: 'Check the disk of the state folder.',
    cause,
  });
}
