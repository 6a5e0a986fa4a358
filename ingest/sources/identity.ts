/**
 * What a file is known by, whatever it is called today: the hash of its beginning, and its inode.
 *
 *   stream := source ":" inode "-" hash        e.g. access-log:131586-9f86d081884c7d65
 *   hash   := first 8 bytes of SHA-256, in hex, of the bytes up to the end of the first record that is
 *             no comment (`#…`), at most 64 KiB
 *
 * So the name is a function of the content: a file that was short when first seen keeps its name as it
 * grows, a file that was truncated and written anew gets another one although the inode is the same, and a
 * copy (copytruncate, cp, gzip) is recognised by the same hash under another inode. The whole record
 * counts, because what tells two files apart may stand late in it: the first KiB of a printed CloudTrail
 * event is the caller's session, the same in every file of that session.
 */
import { createHash } from 'node:crypto';
import type { Framing } from '../../core/format.ts';
import type { StreamPosition } from '../../core/source.ts';
import { Framer } from '../framing.ts';
import { HEAD_BYTES } from '../json-head.ts';
import { type Head, isCutShort } from './content.ts';

export const IDENTITY_BYTES = HEAD_BYTES;

export interface Identity {
  readonly hash: string;
  /** Bytes that the hash covers. */
  readonly length: number;
}

/** Undefined while the first record is not complete. `complete`: the file has no more bytes than these. */
export function identify(
  framing: Framing,
  beginning: Uint8Array,
  complete: boolean,
): Identity | undefined {
  const bytes = beginning.subarray(0, IDENTITY_BYTES);
  const framer = new Framer(framing);
  framer.push(bytes);
  framer.cut(complete && beginning.length < IDENTITY_BYTES);
  let length = bytes.length === IDENTITY_BYTES ? IDENTITY_BYTES : 0;
  for (let i = 0; i < framer.count; i++) {
    if (bytes[framer.starts[i]!] === COMMENT) continue;
    length = framer.ends[i]!;
    break;
  }
  if (length === 0) return complete ? { hash: 'empty', length: 0 } : undefined;
  return { hash: hashOf(bytes.subarray(0, length)), length };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
const COMMENT = 0x23;

/** As `identify`; what is damaged before the end of its first record is known by the bytes of the file itself. */
export function identifyHead(framing: Framing, head: Head): Identity | undefined {
  const identity = identify(framing, head.bytes, head.complete);
  if (identity !== undefined || head.broken === undefined || isCutShort(head.broken))
    return identity;
  return { hash: hashOf(head.raw), length: 0 };
}

export function streamName(source: string, inode: number, hash: string): string {
  return `${source}:${inode}-${hash}`;
}

/** The saved stream of this file: the same inode and hash; else the same hash, of which it is a copy. */
export function findSaved(
  saved: readonly StreamPosition[],
  inode: number,
  hash: string,
): StreamPosition | undefined {
  const copies = saved.filter((stream) => stream.stream.endsWith(`-${hash}`));
  const exact = copies.find((stream) => stream.stream.endsWith(`:${inode}-${hash}`));
  return exact ?? copies.toSorted((a, b) => b.position - a.position)[0];
}
