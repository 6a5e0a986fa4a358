/** One file, read to its end once: `replay`. For files that grow see follow.ts. */
import type { FileHandle } from 'node:fs/promises';
import type { Framing } from '../../core/format.ts';
import type { Damage, RecordBatch, Source, StreamPosition } from '../../core/source.ts';
import { CHUNK_BYTES, Framer } from '../framing.ts';
import {
  type Content,
  compressedContent,
  endsAt,
  isBroken,
  openFile,
  plainContent,
  readHead,
} from './content.ts';
import { findSaved, identifyHead, streamName } from './identity.ts';
import { createStreamSource } from './stream.ts';

export interface FileSourceOptions {
  /** Name of the source; several files may share it. */
  readonly name: string;
  readonly path: string;
  readonly framing: Framing;
  /** Bytes read at a time. Default 1 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Default 1 MiB. */
  readonly recordBytesMax?: number | undefined;
  /** Where reading stopped before, by stream. A file that was finished and has not grown is not read. */
  readonly saved?: readonly StreamPosition[] | undefined;
}

/**
 * A file from its saved position (else its beginning) to its end. The last batch says `ended`; a partial last
 * line is a record, but for one that broken data tears: there the stream ends with a `damage`. Pipes and devices
 * are read as they come. Nothing is opened before the first `read`.
 */
export function createFileSource(options: FileSourceOptions): Source {
  return new FileSource(options);
}

class FileSource implements Source {
  readonly name: string;
  readonly #options: FileSourceOptions;
  #handle: FileHandle | undefined;
  #content: Content | undefined;
  #framer: Framer | undefined;
  #pipe: Source | undefined;
  #stream = '';
  #bytesLeft = 0;
  #mediumBytes = 0;
  #isDone = false;
  #damage: Damage | undefined;

  constructor(options: FileSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async read(signal: AbortSignal): Promise<RecordBatch | undefined> {
    signal.throwIfAborted();
    if (this.#handle === undefined && !this.#isDone) await this.#open();
    if (this.#pipe !== undefined) return this.#pipe.read(signal);
    const content = this.#content;
    const framer = this.#framer;
    if (this.#isDone || content === undefined || framer === undefined) return undefined;
    for (;;) {
      signal.throwIfAborted();
      const length = await this.#fill(content, framer);
      if (this.#damage !== undefined) return this.#batch(framer);
      this.#bytesLeft = Math.max(0, this.#bytesLeft - length);
      this.#isDone = length === 0;
      framer.cut(this.#isDone);
      if (this.#isDone || framer.count > 0 || framer.tooLong.length > 0) return this.#batch(framer);
    }
  }

  async close(): Promise<void> {
    this.#isDone = true;
    await this.#pipe?.close();
    await this.#content?.close();
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #batch(framer: Framer): RecordBatch {
    const medium = (this.#content?.mediumBytes ?? 0) - this.#mediumBytes;
    this.#mediumBytes += medium;
    const batch = framer.batch(this.#stream, medium, this.#isDone);
    return { ...batch, damage: this.#damage };
  }

  /** Bytes read into the framer. Where the data is broken the stream ends with the last whole record. */
  async #fill(content: Content, framer: Framer): Promise<number> {
    try {
      return await content.read(framer, this.#nextLength());
    } catch (error) {
      if (!isBroken(error)) throw error;
      framer.cut(false);
      this.#damage = framer.torn(error);
      this.#isDone = true;
      return 0;
    }
  }

  /** No more space than the file needs: thousands of small files may be open at a time. */
  #nextLength(): number {
    const chunk = this.#options.chunkBytes ?? CHUNK_BYTES;
    return Math.min(chunk, Math.max(this.#bytesLeft, 4096));
  }

  async #open(): Promise<void> {
    const { name, path, framing, saved = [], recordBytesMax } = this.#options;
    const handle = await openFile(path);
    this.#handle = handle;
    const stats = await handle.stat();
    if (!stats.isFile()) {
      const input = handle.createReadStream({ autoClose: false });
      this.#pipe = createStreamSource({ ...this.#options, input });
      return;
    }
    const beginning = await readHead(handle, path);
    const { bytes: head, compression } = beginning;
    const hash = identifyHead(framing, beginning)?.hash ?? 'empty';
    const known = findSaved(saved, stats.ino, hash);
    const position = known?.position ?? 0;
    this.#stream = known?.stream ?? streamName(name, stats.ino, hash);
    if (known?.finished === true && (await endsAt(handle, path, compression, position))) {
      this.#isDone = true;
      return;
    }
    this.#bytesLeft = compression === undefined ? stats.size - position : CHUNK_BYTES;
    this.#framer = new Framer(framing, { position, head, recordBytesMax });
    this.#content =
      compression === undefined
        ? plainContent(handle, path, position)
        : compressedContent(handle, path, compression, position);
  }
}
