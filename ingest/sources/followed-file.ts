/** One file that is followed: its open handle, what it is, and how far it has been read. */
import type { FileHandle } from 'node:fs/promises';
import type { KeyhoundError } from '../../core/errors.ts';
import type { Framing } from '../../core/format.ts';
import type { Damage } from '../../core/source.ts';
import { CHUNK_BYTES, dependsOnHead, Framer } from '../framing.ts';
import { HEAD_BYTES } from '../json-head.ts';
import {
  type Content,
  compressedContent,
  endsAt,
  isBroken,
  isCutShort,
  plainContent,
  readAt,
  readHead,
} from './content.ts';
import { IDENTITY_BYTES, type Identity, identifyHead } from './identity.ts';
import type { KnownStream } from './known-streams.ts';

export interface FollowedFileOptions {
  readonly framing: Framing;
  readonly chunkBytes?: number | undefined;
  readonly recordBytesMax?: number | undefined;
}

/**
 * `grown`: bytes were read. `same`: none. `replaced`: it was truncated or written anew. `damaged`: it cannot be
 * read on.
 */
export type Growth = 'grown' | 'same' | 'replaced' | 'complete' | 'damaged';

export class FollowedFile {
  path: string;
  readonly inode: number;
  /** The stream it owns, or that it is a copy of. */
  known: KnownStream<FollowedFile> | undefined;
  /** Looks since its name is gone without new bytes in it; 0 while it has a name. */
  goneLooks = 0;
  isListed = true;
  framer: Framer;
  /** Where it cannot be read on. */
  damage: Damage | undefined;
  readonly #options: FollowedFileOptions;
  readonly #handle: FileHandle;
  #content: Content | undefined;
  #compression: 'gzip' | 'zstd' | undefined;
  /** The bytes that the identity covers: they tell whether the file was written anew. */
  #beginning: Buffer = Buffer.alloc(0);
  #sizeSeen = 0;
  /** Compressed: read to its end when it had this size, and when it still had it a look later. */
  #sizeAtEnd = -1;
  #sizeDone = -1;
  #sizeCompared = -1;
  #mediumBytes = 0;
  /** Its compressed data broke off in the middle of the record that the framer holds. */
  #isTorn = false;
  /** Last change, epoch ms, and whether the beginning was looked at since. */
  #touchedAt = 0;
  #isTouched = false;

  constructor(path: string, handle: FileHandle, inode: number, options: FollowedFileOptions) {
    this.path = path;
    this.inode = inode;
    this.#handle = handle;
    this.#options = options;
    this.framer = new Framer(options.framing);
  }

  get isOwner(): boolean {
    return this.known?.owner === this;
  }

  /** True when the file has fewer bytes than before. Notes its size. */
  async shrank(): Promise<boolean> {
    const { size, mtimeMs } = await this.#handle.stat();
    this.#isTouched ||= mtimeMs !== this.#touchedAt;
    this.#touchedAt = mtimeMs;
    const isLess = size < this.#sizeSeen;
    if (size > this.#sizeSeen) this.goneLooks = 0;
    this.#sizeSeen = size;
    return isLess;
  }

  /** Undefined until the first record is complete. */
  async identify(): Promise<Identity | undefined> {
    if (this.#sizeSeen === 0) return undefined;
    const { framing } = this.#options;
    const head = await readHead(this.#handle, this.path, IDENTITY_BYTES);
    this.#compression = head.compression;
    const complete = head.compression !== undefined && head.complete;
    const identity = identifyHead(framing, { ...head, complete });
    if (identity !== undefined) this.#beginning = head.bytes.subarray(0, identity.length);
    return identity;
  }

  /** Makes it the owner of a stream and goes on where that stands. */
  async own(known: KnownStream<FollowedFile>): Promise<void> {
    await this.#begin(known.position);
    const { position, ended } = known;
    const isDone = ended && (await endsAt(this.#handle, this.path, this.#compression, position));
    this.#sizeDone = isDone ? this.#sizeSeen : -1;
    this.known = known;
    known.owner = this;
    known.looks = 0;
  }

  /** Cuts what is left, now that nothing will follow. A torn record is none. */
  finish(): void {
    this.framer.cut(!this.#isTorn);
  }

  /** Lets go of its stream, because its bytes are no longer those of the stream. */
  disown(): void {
    if (this.known?.owner === this) this.known.owner = undefined;
    this.known = undefined;
    this.damage = undefined;
    this.#isTorn = false;
    this.framer = new Framer(this.#options.framing);
  }

  /** True when both begin with the same bytes, as far as both have them, up to 64 KiB. */
  async isCopyOf(other: FollowedFile): Promise<boolean> {
    this.#sizeCompared = this.#sizeSeen;
    const [a, b] = await Promise.all([
      readHead(this.#handle, this.path, HEAD_BYTES),
      readHead(other.#handle, other.path, HEAD_BYTES),
    ]);
    const length = Math.min(a.bytes.length, b.bytes.length);
    return a.bytes.subarray(0, length).equals(b.bytes.subarray(0, length));
  }

  /** A copy that grows may turn out to be none. */
  get mustCompare(): boolean {
    return this.#sizeSeen !== this.#sizeCompared && this.#sizeCompared < HEAD_BYTES;
  }

  /** Reads the next bytes of the stream it owns and cuts them. */
  async readOn(): Promise<Growth> {
    if (this.#compression !== undefined) return this.#readCompressed(this.#compression);
    this.#content ??= plainContent(this.#handle, this.path, this.framer.filledTo);
    const left = this.#sizeSeen - this.framer.filledTo;
    if (left <= 0) {
      this.framer.release();
      // Written anew to just the size it had before.
      if (this.#isTouched && !(await this.#beginsTheSame())) return 'replaced';
      this.#isTouched = false;
      return 'same';
    }
    const length = await this.#content.read(this.framer, Math.min(left, this.#chunkBytes));
    // Only now: had the file been written anew before these bytes were read, its beginning would show it.
    if (!(await this.#beginsTheSame())) return 'replaced';
    if (length === 0) return 'same';
    this.framer.cut(false);
    return 'grown';
  }

  /** Bytes of the medium since the last call. */
  mediumBytes(): number {
    const total = this.#content?.mediumBytes ?? this.#mediumBytes;
    const bytes = Math.max(0, total - this.#mediumBytes);
    this.#mediumBytes = total;
    return bytes;
  }

  async close(): Promise<void> {
    await this.#content?.close();
    await this.#handle.close();
  }

  get #chunkBytes(): number {
    return this.#options.chunkBytes ?? CHUNK_BYTES;
  }

  async #begin(position: number): Promise<void> {
    const { framing, recordBytesMax } = this.#options;
    const isInside = position > 0 && dependsOnHead(framing);
    const head = isInside ? (await readHead(this.#handle, this.path)).bytes : undefined;
    await this.#reopen();
    this.#isTorn = false;
    this.framer = new Framer(framing, { position, head, recordBytesMax });
  }

  async #beginsTheSame(): Promise<boolean> {
    const now = await readAt(this.#handle, this.path, this.#beginning.length, 0);
    return now.equals(this.#beginning);
  }

  async #readCompressed(compression: 'gzip' | 'zstd'): Promise<Growth> {
    if (this.#sizeDone === this.#sizeSeen) return 'same';
    // What could be read of the torn record may be rubbish.
    if (this.#isTorn) await this.#begin(this.framer.nextPosition);
    const { framer } = this;
    if (this.#sizeAtEnd >= 0 && this.#sizeAtEnd !== this.#sizeSeen) await this.#reopen();
    this.#content ??= compressedContent(this.#handle, this.path, compression, framer.filledTo);
    try {
      const length = await this.#content.read(framer, this.#chunkBytes);
      // Many members or frames may follow each other: the end of one is no end while the file grows.
      if (length === 0 && this.#sizeAtEnd !== this.#sizeSeen) {
        this.#sizeAtEnd = this.#sizeSeen;
        return 'same';
      }
      framer.cut(length === 0);
      if (length > 0) return 'grown';
      this.#sizeDone = this.#sizeSeen;
      await this.#reopen();
      return 'complete';
    } catch (error) {
      if (!isBroken(error)) throw error;
      return this.#stopAt(error);
    }
  }

  /** Whole records were handed on. It is read on, from the torn one, when it has another size. */
  async #stopAt(error: KeyhoundError): Promise<Growth> {
    const { framer } = this;
    await this.#reopen();
    this.#sizeDone = this.#sizeSeen;
    this.#isTorn = true;
    // Still being written.
    if (isCutShort(error)) return 'same';
    framer.cut(false);
    const damage = framer.torn(error);
    // As damaged as before, in a file that has grown behind it.
    if (damage.position === this.damage?.position) return 'same';
    this.damage = damage;
    return 'damaged';
  }

  /** A decompressor that has come to the end reads no more: what is added is read by another. */
  async #reopen(): Promise<void> {
    await this.#content?.close();
    this.#content = undefined;
    this.#mediumBytes = 0;
    this.#sizeAtEnd = -1;
  }
}
