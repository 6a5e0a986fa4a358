/**
 * Files that are being written: growth, partial last lines, rotation by rename-and-create or copytruncate,
 * compression, files that appear later.
 *
 * Names mean nothing here but where to look. A file is held open from the moment it is seen, so that what
 * is written to it after a rename is still read, and is known by its content (identity.ts), so that a copy
 * is not read twice and goes on where a truncated original stopped.
 *
 * What is lost: lines written and truncated away between two looks when no copy of them is among the files
 * looked at, and the same for files renamed out of sight while Keyhound was down.
 */
import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { RecordBatch, Source, StreamPosition } from '../../core/source.ts';
import { openFile } from './content.ts';
import { FollowedFile, type FollowedFileOptions } from './followed-file.ts';
import { type KnownStream, KnownStreams } from './known-streams.ts';
import { expandPaths, isMissing, isUnreadable } from './paths.ts';

export interface FollowSourceOptions extends FollowedFileOptions {
  readonly name: string;
  /** Files, folders, globs. What is not there yet is looked for again and again. */
  readonly patterns: readonly string[];
  /** Where reading stopped before, by stream. */
  readonly saved?: readonly StreamPosition[] | undefined;
  /**
   * Waits until it is time to read on; then it also looks for new files. Default: what is open is read on after
   * 50 ms, as who is contained by it waits for it, and a look, which reads folders, is taken every fifth time.
   */
  readonly idle?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Looks without growth after which a file that lost its name is closed. Default 120 (30 s). */
  readonly goneLooksMax?: number | undefined;
}

/** Rounds over all files between two looks for new ones while there is always something to read. */
const ROUNDS_PER_LOOK = 16;
const IDLE_MS = 50;
const IDLES_PER_LOOK = 5;

/**
 * Follows files for ever: `read` answers undefined never, and rejects when the signal is aborted. `ended` is
 * told of a stream whose file is gone, or compressed and read whole or up to its damage.
 */
export function createFollowSource(options: FollowSourceOptions): Source {
  return new FollowSource(options);
}

class FollowSource implements Source {
  readonly name: string;
  readonly #options: FollowSourceOptions;
  readonly #streams: KnownStreams<FollowedFile>;
  readonly #files = new Map<string, FollowedFile>();
  /** Files left in this round. */
  #round: FollowedFile[] = [];
  #rounds = 0;
  #idles = 0;
  #hasProgress = false;
  #hasLooked = false;

  constructor(options: FollowSourceOptions) {
    this.name = options.name;
    this.#options = options;
    this.#streams = new KnownStreams(options.name, options.saved ?? []);
  }

  async read(signal: AbortSignal): Promise<RecordBatch | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const file = this.#round.pop();
      if (file !== undefined) {
        const batch = await this.#step(file);
        if (batch === undefined) continue;
        this.#hasProgress = true;
        return batch;
      }
      const ended = await this.#nextRound(signal);
      if (ended !== undefined) return ended;
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    this.#round = [];
    for (const file of files) await file.close();
  }

  /** Waits if the last round found nothing, looks for new files, and begins another round. */
  async #nextRound(signal: AbortSignal): Promise<RecordBatch | undefined> {
    const isIdle = this.#hasLooked && !this.#hasProgress;
    if (isIdle) await this.#idle(signal);
    if (isIdle ? this.#isLookDue() : this.#rounds++ % ROUNDS_PER_LOOK === 0) await this.#look();
    this.#hasLooked = true;
    this.#hasProgress = false;
    const ended = isIdle ? await this.#giveUp() : undefined;
    // The last is taken first; and a file that lost its name is older than what took its place.
    const files = [...this.#files.values()].reverse();
    this.#round = files.sort((a, b) => Number(a.goneLooks > 0) - Number(b.goneLooks > 0));
    return ended;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const { idle } = this.#options;
    if (idle === undefined) await wait(IDLE_MS, undefined, { signal, ref: true });
    else await idle(signal);
  }

  #isLookDue(): boolean {
    return this.#options.idle !== undefined || ++this.#idles % IDLES_PER_LOOK === 0;
  }

  /** Finds new files; notes new names of known ones, and which have lost theirs. */
  async #look(): Promise<void> {
    const { patterns } = this.#options;
    const found = await expandPaths(patterns, { mayBeMissing: true, known: this.#files });
    for (const file of this.#files.values()) file.isListed = false;
    let refusal: unknown;
    for (const { path, id } of found.files) {
      try {
        const file = this.#files.get(id) ?? (await this.#open(path, id));
        if (file === undefined) continue;
        file.path = path;
        file.isListed = true;
      } catch (error) {
        if (!isUnreadable(error) || patterns.includes(path)) throw error;
        refusal = error;
      }
    }
    // One file of many that may not be read must not stop the others; if it is all there is, it must be said.
    if (refusal !== undefined && this.#files.size === 0) throw refusal;
    for (const file of this.#files.values()) {
      file.goneLooks = file.isListed ? 0 : file.goneLooks + 1;
    }
  }

  async #open(path: string, id: string): Promise<FollowedFile | undefined> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      // It was there a moment ago.
      if (isMissing(error)) return undefined;
      return openFile(path);
    });
    if (handle === undefined) return undefined;
    const stats = await handle.stat();
    if (!stats.isFile() || `${stats.dev}:${stats.ino}` !== id) {
      await handle.close();
      return undefined;
    }
    const file = new FollowedFile(path, handle, stats.ino, this.#options);
    this.#files.set(id, file);
    return file;
  }

  async #step(file: FollowedFile): Promise<RecordBatch | undefined> {
    if (await file.shrank()) file.disown();
    if (file.known === undefined) await this.#recognise(file);
    const { known } = file;
    if (known === undefined) return undefined;
    if (known.owner === undefined) await file.own(known);
    if (known.owner !== file) {
      if (file.mustCompare) await this.#recognise(file);
      if (!file.isOwner) return undefined;
    }
    return this.#readOn(file);
  }

  async #readOn(file: FollowedFile): Promise<RecordBatch | undefined> {
    const { known } = file;
    const growth = await file.readOn();
    const { framer } = file;
    if (growth === 'replaced') file.disown();
    if (growth === 'replaced' || known === undefined) {
      this.#hasProgress = true;
      return undefined;
    }
    const isEmpty = growth === 'same' || (framer.count === 0 && framer.tooLong.length === 0);
    if (growth === 'grown') this.#hasProgress = true;
    const isDamaged = growth === 'damaged';
    const ended = growth === 'complete' || isDamaged;
    // Looked through after a restart, and found as it was.
    if (growth === 'complete' && isEmpty && known.ended) return undefined;
    if (!ended && isEmpty) return undefined;
    known.position = framer.nextPosition;
    known.ended = ended;
    const batch = framer.batch(known.stream, file.mediumBytes(), ended);
    return isDamaged ? { ...batch, damage: file.damage } : batch;
  }

  /** Finds out which stream the file belongs to: its own, one that it goes on with, one it is a copy of. */
  async #recognise(file: FollowedFile): Promise<void> {
    const identity = await file.identify();
    if (identity === undefined) return;
    for (const known of this.#streams.withHash(identity.hash, file.inode)) {
      const { owner } = known;
      if (owner === undefined) return file.own(known);
      if (owner === file) return;
      if (await file.isCopyOf(owner)) {
        // The original, seen after its copy: it is the one that grows.
        if (known.inode === file.inode) await file.own(known);
        else file.known = known;
        return;
      }
    }
    await file.own(this.#streams.add(file.inode, identity.hash, file));
  }

  /** After a look that found nothing to read: closes what is gone for good. */
  async #giveUp(): Promise<RecordBatch | undefined> {
    const looksMax = this.#options.goneLooksMax ?? 120;
    for (const [id, file] of this.#files) {
      if (file.goneLooks <= looksMax) continue;
      this.#files.delete(id);
      const { known, isOwner } = file;
      await file.close();
      const hasCopy = [...this.#files.values()].some((other) => other.known === known);
      if (known === undefined || !isOwner) continue;
      known.owner = undefined;
      if (hasCopy) continue;
      known.ended = true;
      file.finish();
      known.position = file.framer.nextPosition;
      return file.framer.batch(known.stream, file.mediumBytes(), true);
    }
    for (const known of this.#streams.orphans()) {
      if (++known.looks <= looksMax) continue;
      known.ended = true;
      return endOf(known);
    }
    return undefined;
  }
}

function endOf({ stream, position }: KnownStream<FollowedFile>): RecordBatch {
  return {
    stream,
    bytes: new Uint8Array(0),
    count: 0,
    starts: new Int32Array(0),
    ends: new Int32Array(0),
    positions: new Float64Array(0),
    nextPosition: position,
    mediumBytes: 0,
    tooLong: [],
    ended: true,
  };
}
