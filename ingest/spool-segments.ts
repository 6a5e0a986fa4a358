/**
 * The files of a spool.
 *
 *   folder  := segment*
 *   segment := BASE ".spool1"      BASE: position of its first byte, 16 digits, so names sort by position
 *   content := frame*
 *   frame   := length:u32 crc:u32 payload        little-endian; crc: CRC-32 of the payload
 *
 * Positions count the bytes of all segments there ever were; they never go back, also when every segment
 * was deleted.
 */
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { KeyhoundError } from '../core/errors.ts';

export const FRAME_HEADER_BYTES = 8;

export interface Segment {
  readonly path: string;
  readonly base: number;
  /** Bytes of whole frames. */
  size: number;
}

export function frameHeader(payload: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt32LE(crc32(payload), 4);
  return header;
}

/** Bytes of the whole frame at `offset`; 0 when it is not whole within `end`, -1 when it is damaged. */
export function frameBytes(bytes: Buffer, offset: number, end: number): number {
  if (end - offset < FRAME_HEADER_BYTES) return 0;
  const length = bytes.readUInt32LE(offset);
  const total = FRAME_HEADER_BYTES + length;
  // No frame is empty; zeros are what a file system leaves behind after a power cut.
  if (length === 0) return -1;
  if (total > end - offset) return 0;
  const payload = bytes.subarray(offset + FRAME_HEADER_BYTES, offset + total);
  return crc32(payload) === bytes.readUInt32LE(offset + 4) ? total : -1;
}

/** The segments in the folder, which is made if need be; the last one's torn tail is cut off. */
export async function openSegments(folder: string): Promise<Segment[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => /^\d{16}\.spool1$/.test(name)).sort();
  const segments: Segment[] = [];
  for (const [i, name] of names.entries()) {
    const path = join(folder, name);
    const handle = await open(path, 'r+');
    try {
      let { size } = await handle.stat();
      if (i === names.length - 1) size = await cutTornTail(handle, size);
      segments.push({ path, base: Number(name.slice(0, 16)), size });
    } finally {
      await handle.close();
    }
  }
  return segments;
}

/** Makes an empty segment whose name survives a power cut. */
export async function createSegment(
  folder: string,
  base: number,
): Promise<{ segment: Segment; handle: FileHandle }> {
  const path = join(folder, `${String(base).padStart(16, '0')}.spool1`);
  const handle = await open(path, 'w+', 0o600);
  try {
    await syncFolder(folder);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { segment: { path, base, size: 0 }, handle };
}

export async function deleteSegment(segment: Segment): Promise<void> {
  await unlink(segment.path);
}

/** What was written last before a crash and never acknowledged. */
async function cutTornTail(handle: FileHandle, size: number): Promise<number> {
  let whole = 0;
  while (whole < size) {
    const bytes = await readFrames(handle, whole, size - whole, 1 << 20);
    const total = wholeFrames(bytes);
    if (total === 0) break;
    whole += total;
  }
  if (whole < size) {
    await handle.truncate(whole);
    await handle.datasync();
  }
  return whole;
}

/** Bytes of the whole and undamaged frames at the beginning of `bytes`. */
export function wholeFrames(bytes: Buffer): number {
  let offset = 0;
  for (;;) {
    const length = frameBytes(bytes, offset, bytes.length);
    if (length <= 0) return offset;
    offset += length;
  }
}

/** About `bytesWanted` bytes at `offset`, at most `bytesMax`; more where the first frame alone is longer. */
export async function readFrames(
  handle: FileHandle,
  offset: number,
  bytesMax: number,
  bytesWanted: number,
): Promise<Buffer> {
  const bytes = await readFully(handle, offset, Math.min(bytesMax, bytesWanted));
  if (bytes.length < FRAME_HEADER_BYTES) return bytes;
  const first = FRAME_HEADER_BYTES + bytes.readUInt32LE(0);
  if (first <= bytes.length || first > bytesMax) return bytes;
  return readFully(handle, offset, first);
}

async function readFully(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function spoolDamaged(path: string, position: number): KeyhoundError {
  return new KeyhoundError('operating', `the spool is damaged at position ${position}`, {
    code: 'spool-damaged',
    hint: `Check the disk. To go on without what follows in it, move ${path} away.`,
  });
}
