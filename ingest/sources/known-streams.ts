/**
 * Which stream a file belongs to, while files are renamed, copied, truncated and compressed.
 *
 * A stream belongs to at most one file at a time, its owner. A file with the same beginning is a copy of
 * it, and waits: when the owner is truncated or deleted, the copy is where the rest of the stream stands.
 */
import type { StreamPosition } from '../../core/source.ts';
import { streamName } from './identity.ts';

export interface KnownStream<Owner> {
  readonly stream: string;
  /** The source that read it last. */
  readonly source: string;
  readonly inode: number;
  readonly hash: string;
  /** Everything before this has been handed on. */
  position: number;
  owner: Owner | undefined;
  /** How often somebody looked since it has had no owner. */
  looks: number;
  /** Its end has been told. */
  ended: boolean;
}

/** Streams remembered without a file; older ones are forgotten, and their copies read anew. */
const ORPHANS_MAX = 4096;

export class KnownStreams<Owner> {
  readonly #source: string;
  readonly #streams = new Map<string, KnownStream<Owner>>();

  constructor(source: string, saved: readonly StreamPosition[]) {
    this.#source = source;
    for (const { stream, source: by, position, finished } of saved) {
      const [, inode, hash] = /:(\d+)-([0-9a-f]{16}|empty)$/.exec(stream) ?? [];
      if (inode === undefined || hash === undefined) continue;
      const owner = undefined;
      const known = { stream, source: by, inode: Number(inode), hash, position, owner, looks: 0 };
      this.#streams.set(stream, { ...known, ended: finished });
    }
  }

  /**
   * The streams with this hash; this source's own first, so that two sources may follow one file; then the one of
   * this inode, then those without an owner. Another source's may be gone on with: a replay has read the file
   * before, or the source was renamed.
   */
  withHash(hash: string, inode: number): KnownStream<Owner>[] {
    const found = [...this.#streams.values()].filter((known) => known.hash === hash);
    const rank = (known: KnownStream<Owner>) =>
      (known.source === this.#source ? 0 : 3) +
      (known.inode === inode ? 0 : known.owner === undefined ? 1 : 2);
    return found.sort((a, b) => rank(a) - rank(b) || b.position - a.position);
  }

  add(inode: number, hash: string, owner: Owner): KnownStream<Owner> {
    const stream = streamName(this.#source, inode, hash);
    const source = this.#source;
    const known = { stream, source, inode, hash, position: 0, owner, looks: 0, ended: false };
    this.#streams.set(stream, known);
    if (this.#streams.size > ORPHANS_MAX) this.#forgetOldest();
    return known;
  }

  /** Streams of this source without an owner whose end has not been told. Those of others are theirs to end. */
  *orphans(): Generator<KnownStream<Owner>> {
    for (const known of this.#streams.values()) {
      if (known.source === this.#source && known.owner === undefined && !known.ended) yield known;
    }
  }

  #forgetOldest(): void {
    for (const known of this.#streams.values()) {
      if (known.owner !== undefined || !known.ended) continue;
      this.#streams.delete(known.stream);
      return;
    }
  }
}
