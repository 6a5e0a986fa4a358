/**
 * Which sources speak. A source without records for longer than usual is silent: a state of its own, which says
 * nothing about the keys behind it, and does not hold back the watermark of others. One that has not spoken since
 * the start does: after a restart it may go on from far behind the others, and its events must not come too late.
 */
import type { Clock } from '../core/clock.ts';
import type { SourceState } from '../core/source.ts';
import type { DetectionEngine } from '../detectors/engine/engine.ts';
import type { ReaderCounters } from '../ingest/reader.ts';

export interface WatchedSource {
  readonly name: string;
  readonly counters: ReaderCounters;
  state: SourceState;
  /** Why it failed, for `readyz`. */
  detail: string;
  /** Wall clock less event time of the newest record, ms, at the moment it was applied; undefined before one. */
  skewMs?: number;
  /** Wall clock from which it is watched; from which it has been silent, where it is; and its last silence. */
  sinceAt?: number;
  silentSinceAt?: number;
  gap?: { readonly fromAt: number; readonly toAt: number };
  /** Records lost on their way since the start, by where; of sources that can lose any. */
  losses?: () => Losses;
  /** All of them, each counted once, as of the last look. */
  lost?: number;
  /** Connections refused since the start; of sources that have any. */
  refused?: () => number;
}

/** Undefined where it cannot be known. */
export type Losses = Readonly<Record<string, number | undefined>>;

interface Seen {
  readonly source: WatchedSource;
  /** Streams of it, by engine index → wall clock of the last batch. */
  readonly streams: Map<number, number>;
  readonly addedAt: number;
  records: number;
  changedAt: number;
  /** Event time of the newest record that skewMs speaks of. */
  newestAt: number;
  /** Losses that were told, and when. */
  lost: number;
  lossToldAt: number;
}

/** Losses are told at most so often: whoever can flood a source could else flood the log. */
const LOSS_TOLD_MS = 60_000;

export interface SourceWatchOptions {
  readonly engine: {
    readonly streams: Pick<DetectionEngine['streams'], 'totals'>;
    setSilent(stream: number, silent: boolean): void;
    awaitSource(source: string): void;
    releaseSource(source: string): void;
  };
  readonly clock: Clock;
  readonly silentMs: number;
  onState(source: WatchedSource): void;
  /** So many records more were lost since it was told the last time. */
  onLoss?(source: WatchedSource, lost: number): void;
}

export class SourceWatch {
  readonly #options: SourceWatchOptions;
  readonly #seen = new Map<string, Seen>();

  constructor(options: SourceWatchOptions) {
    this.#options = options;
  }

  get sources(): readonly WatchedSource[] {
    return [...this.#seen.values()].map(({ source }) => source);
  }

  add(source: WatchedSource): void {
    const addedAt = this.#options.clock.now();
    source.sinceAt = addedAt;
    this.#options.engine.awaitSource(source.name);
    this.#seen.set(source.name, {
      source,
      streams: new Map(),
      addedAt,
      records: 0,
      changedAt: addedAt,
      newestAt: -1,
      lost: 0,
      lossToldAt: Number.NEGATIVE_INFINITY,
    });
  }

  /** A batch of a stream was read. */
  heard(name: string, stream: number, ended: boolean): void {
    const seen = this.#seen.get(name);
    if (seen === undefined) return;
    this.#measureSkew(seen);
    if (ended) seen.streams.delete(stream);
    else {
      if (!seen.streams.has(stream)) this.#options.engine.setSilent(stream, false);
      seen.streams.set(stream, this.#options.clock.now());
      if (seen.source.state === 'silent') this.#wake(seen);
    }
    this.#options.engine.releaseSource(name);
  }

  /** Once for each newest record: measured later, the time that passed since would count as skew. */
  #measureSkew(seen: Seen): void {
    const { latestAt } = this.#options.engine.streams.totals(seen.source.name);
    if (!(latestAt > seen.newestAt)) return;
    seen.newestAt = latestAt;
    seen.source.skewMs = this.#options.clock.now() - latestAt;
  }

  fail(source: WatchedSource, detail: string): void {
    source.detail = detail;
    this.#change(source, 'failed');
  }

  end(source: WatchedSource): void {
    this.#change(source, 'ended');
  }

  /** Looks who spoke since the last look. Call it about once a second, between two events. */
  look(): void {
    const now = this.#options.clock.now();
    for (const seen of this.#seen.values()) {
      const { source } = seen;
      if (source.counters.records !== seen.records) {
        seen.records = source.counters.records;
        seen.changedAt = now;
        if (source.state !== 'live') this.#wake(seen);
      } else if (now - seen.changedAt >= this.#options.silentMs) this.#silence(seen);
      this.#tellLoss(seen, now);
      // It may speak without ever having a good record.
      if (now - seen.addedAt >= this.#options.silentMs)
        this.#options.engine.releaseSource(source.name);
    }
  }

  #tellLoss(seen: Seen, now: number): void {
    const { source } = seen;
    if (source.losses === undefined) return;
    const lost = lostOf(source.losses());
    source.lost = lost;
    if (lost <= seen.lost || now - seen.lossToldAt < LOSS_TOLD_MS) return;
    this.#options.onLoss?.(source, lost - seen.lost);
    seen.lost = lost;
    seen.lossToldAt = now;
  }

  #wake(seen: Seen): void {
    for (const stream of seen.streams.keys()) this.#options.engine.setSilent(stream, false);
    const { source } = seen;
    if (source.silentSinceAt !== undefined) {
      source.gap = { fromAt: source.silentSinceAt, toAt: this.#options.clock.now() };
      delete source.silentSinceAt;
    }
    this.#change(source, 'live');
  }

  #silence(seen: Seen): void {
    if (seen.source.state !== 'live' && seen.source.state !== 'starting') return;
    for (const stream of seen.streams.keys()) this.#options.engine.setSilent(stream, true);
    seen.source.silentSinceAt = seen.changedAt;
    this.#change(seen.source, 'silent');
  }

  #change(source: WatchedSource, state: SourceState): void {
    if (source.state === state) return;
    source.state = state;
    // A live one holds the watermark with its streams, from the first batch on.
    if (state !== 'live') this.#options.engine.releaseSource(source.name);
    this.#options.onState(source);
  }
}

/** What the sender's numbering misses is in part what was seen to be lost here. */
function lostOf({ full = 0, kernel = 0, missing = 0, torn = 0 }: Losses): number {
  return Math.max(full + kernel, missing) + torn;
}
