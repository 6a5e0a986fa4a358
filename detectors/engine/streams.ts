/**
 * Streams as the engine sees them: how far each has been applied, and the watermark they allow.
 *
 * The watermark is the least, over live streams, of the latest event time less the format's lateness. It
 * never moves back. Streams that ended or fell silent do not hold it; one that has not spoken yet does.
 */
import type { StreamPosition } from '../../core/source.ts';

export interface Stream {
  readonly name: string;
  readonly source: string;
  readonly sourceIndex: number;
  readonly latenessMs: number;
  /** Latest event time met, epoch ms. */
  latestAt: number;
  /** Highest position applied; repeats at or below it are dropped. */
  applied: number;
  /** The same of attempts: they come by another way (NetworkAttempt). */
  appliedAttempts: number;
  /** Position to go on from after a restart. */
  next: number;
  finished: boolean;
  silent: boolean;
  changed: boolean;
  /** Counters since the start of the process (see EngineStats). */
  late: number;
  /** Uses that prove no key. */
  claimed: number;
  duplicates: number;
  repeats: number;
}

/** Counters of all streams of a source. */
export type SourceTotals = Pick<Stream, 'late' | 'claimed' | 'duplicates' | 'repeats' | 'latestAt'>;

/** The watermark moves in steps of a second, so that it is looked at once per second of event time. */
const STEP_MS = 1000;

export class Streams {
  readonly list: Stream[] = [];
  /** Epoch ms; -Infinity before the first. */
  watermark = Number.NEGATIVE_INFINITY;
  /** The watermark stands here, whatever the streams allow, until other engines have caught up. */
  limit = Number.POSITIVE_INFINITY;
  /** What the streams allow, epoch ms: beyond `limit` while it holds the watermark back. */
  allowed = Number.NEGATIVE_INFINITY;
  private readonly byName = new Map<string, number>();
  private readonly sources: string[] = [];
  /** Streams that hold the watermark back: neither finished nor silent. */
  private holding: Stream[] = [];
  private nextLookAt = Number.NEGATIVE_INFINITY;
  /** Sources that have not spoken in this run. Nobody knows how far behind the others they go on. */
  private readonly awaited = new Set<string>();

  /** The watermark stands until `release` was called for the source, too. */
  await(source: string): void {
    this.awaited.add(source);
  }

  /** The source has spoken, and its streams hold the watermark themselves; or it will not. */
  release(source: string): boolean {
    return this.awaited.delete(source) && this.move();
  }

  open(source: string, name: string, latenessMs: number): number {
    const known = this.byName.get(name);
    if (known !== undefined) {
      const old = this.list[known]!;
      const sourceIndex = this.sourceIndex(source);
      this.list[known] = {
        ...old,
        source,
        latenessMs,
        sourceIndex,
        finished: false,
        silent: false,
      };
      this.refresh();
      return known;
    }
    const index = this.list.length;
    this.list.push({
      name,
      source,
      sourceIndex: this.sourceIndex(source),
      latenessMs,
      latestAt: Number.NEGATIVE_INFINITY,
      applied: -1,
      appliedAttempts: -1,
      next: 0,
      finished: false,
      silent: false,
      changed: true,
      late: 0,
      claimed: 0,
      duplicates: 0,
      repeats: 0,
    });
    this.byName.set(name, index);
    this.refresh();
    return index;
  }

  find(name: string): Stream | undefined {
    const index = this.byName.get(name);
    return index === undefined ? undefined : this.list[index];
  }

  /** False for a repeat: the position was applied before. */
  accept(index: number, position: number): boolean {
    const stream = this.list[index]!;
    if (position <= stream.applied) {
      stream.repeats++;
      return false;
    }
    stream.applied = position;
    stream.changed = true;
    return true;
  }

  /** As `accept`, of an attempt. */
  acceptAttempt(index: number, position: number): boolean {
    const stream = this.list[index]!;
    if (position <= stream.appliedAttempts) return false;
    stream.appliedAttempts = position;
    return true;
  }

  /** Notes an event time; true when the watermark moved. */
  arrive(index: number, at: number): boolean {
    const stream = this.list[index]!;
    if (at <= stream.latestAt) return false;
    stream.latestAt = at;
    if (at < this.nextLookAt) return false;
    return this.move();
  }

  close(index: number, position: number): boolean {
    const stream = this.list[index]!;
    stream.next = position;
    stream.finished = true;
    stream.changed = true;
    this.refresh();
    return this.move();
  }

  setSilent(index: number, silent: boolean): boolean {
    this.list[index]!.silent = silent;
    this.refresh();
    return this.move();
  }

  /** True while a source has a stream that speaks. */
  isLive(sourceIndex: number): boolean {
    for (const stream of this.list) {
      if (stream.sourceIndex === sourceIndex && !stream.silent) return true;
    }
    return false;
  }

  get sourceNames(): readonly string[] {
    return this.sources;
  }

  totals(source: string): SourceTotals {
    const totals = {
      late: 0,
      claimed: 0,
      duplicates: 0,
      repeats: 0,
      latestAt: Number.NEGATIVE_INFINITY,
    };
    for (const stream of this.list) {
      if (stream.source !== source) continue;
      totals.late += stream.late;
      totals.claimed += stream.claimed;
      totals.duplicates += stream.duplicates;
      totals.repeats += stream.repeats;
      totals.latestAt = Math.max(totals.latestAt, stream.latestAt);
    }
    return totals;
  }

  /** Streams of which more has been applied than the position to go on from says, and how far. */
  ahead(): Record<string, number> {
    const ahead: Record<string, number> = {};
    for (const stream of this.list) {
      if (!stream.finished && stream.applied >= stream.next) ahead[stream.name] = stream.applied;
    }
    return ahead;
  }

  /** The highest attempts applied, by stream. */
  attempts(): Record<string, number> {
    const attempts: Record<string, number> = {};
    for (const { name, appliedAttempts } of this.list) {
      if (appliedAttempts >= 0) attempts[name] = appliedAttempts;
    }
    return attempts;
  }

  restore(
    sources: readonly string[],
    positions: readonly StreamPosition[],
    ahead: Readonly<Record<string, number>>,
    attempts: Readonly<Record<string, number>>,
    watermark: number,
  ): void {
    for (const name of sources) this.sourceIndex(name);
    for (const saved of positions) {
      const index = this.open(saved.source, saved.stream, 0);
      const stream = this.list[index]!;
      stream.next = saved.position;
      stream.applied = ahead[saved.stream] ?? saved.position - 1;
      stream.appliedAttempts = attempts[saved.stream] ?? -1;
      stream.finished = saved.finished;
      // Not opened in this run: it must not hold the watermark back.
      stream.silent = true;
      stream.changed = false;
    }
    this.refresh();
    this.watermark = watermark;
  }

  /** Positions that changed since the last call. */
  drain(): StreamPosition[] {
    const changed: StreamPosition[] = [];
    for (const stream of this.list) {
      if (!stream.changed) continue;
      stream.changed = false;
      const { name, source, next, finished } = stream;
      changed.push({ stream: name, source, position: next, finished });
    }
    return changed;
  }

  private refresh(): void {
    this.holding = this.list.filter((stream) => !stream.finished && !stream.silent);
    this.nextLookAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * A function of the latest times alone, in whole seconds, so that a run that was cut anywhere comes to the
   * same watermark.
   */
  private move(): boolean {
    if (this.awaited.size > 0) return false;
    let least = Number.POSITIVE_INFINITY;
    let nextLook = Number.POSITIVE_INFINITY;
    for (const stream of this.holding) {
      const second = Math.floor(stream.latestAt / STEP_MS) * STEP_MS;
      least = Math.min(least, second - stream.latenessMs);
      nextLook = Math.min(nextLook, second + STEP_MS);
    }
    this.nextLookAt = nextLook;
    if (!Number.isFinite(least)) return false;
    this.allowed = least;
    return this.rise();
  }

  /** Moves the watermark as far as streams and limit allow; true when it moved. */
  rise(): boolean {
    const to = Math.min(this.allowed, this.limit);
    if (to <= this.watermark) return false;
    this.watermark = to;
    return true;
  }

  private sourceIndex(source: string): number {
    const known = this.sources.indexOf(source);
    if (known >= 0) return known;
    this.sources.push(source);
    return this.sources.length - 1;
  }
}
