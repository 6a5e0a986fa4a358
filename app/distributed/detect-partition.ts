/**
 * One partition of the topic of events, with the engine that has its key groups: applies what comes, tells the other
 * engines what they have to know, and saves state and offset together. What it has found is in its topic before
 * the state is saved, so after a crash nothing is missing, and what is told again is the same.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OwnedPartition, ReceivedMessage } from '../../core/broker.ts';
import type { Clock } from '../../core/clock.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createEvent } from '../../core/event.ts';
import type { Checkpoint, LoadedState } from '../../core/store.ts';
import { Turns } from '../../core/turns.ts';
import { ITEM, type StreamIdentity } from '../../core/wire/layout.ts';
import type { KnownParts } from '../../core/wire/parts.ts';
import { EventBatchReader } from '../../core/wire/reader.ts';
import type { Report } from '../../detectors/engine/exchange.ts';
import type { ShardEngine } from '../../detectors/engine/shard-engine.ts';
import type { PartitionState } from '../../store/redis/state.ts';
import type { Logger } from '../contract.ts';
import { recordOf } from './control-record.ts';
import type { ExchangeEar, ExchangeFeed } from './exchange-feed.ts';
import type { ExchangeTeller } from './exchange-teller.ts';
import { PatientCommit } from './patient-commit.ts';
import type { ResultSender } from './results.ts';

/** Applying gives way to the rest of the process after so long, ms. */
const SLICE_MS = 10;
const AHEAD = 32;
/** Nobody is waited for longer who says nothing: a process that is gone has been replaced by then. */
const PATIENCE_MS = 120_000;
const LISTEN_MS = 200;
const LOOK_MS = 500;

export interface PartitionParts {
  readonly partition: number;
  readonly engine: ShardEngine;
  readonly state: PartitionState;
  readonly loaded: LoadedState | undefined;
  /** Shared by the partitions of the process. */
  readonly known: KnownParts;
  readonly feed: ExchangeFeed;
  readonly teller: ExchangeTeller;
  readonly results: ResultSender;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly checkpointMs: number;
  readonly checkpointDirty: number;
  readonly silentMs: number;
  /** Servers are away, for this process at least. */
  isCutOff(): boolean;
  /** It can go on no more, and nothing is being applied that could say so. */
  onFailed(error: Error): void;
  /** Redis does not have what it had confirmed. */
  onLost(error: Error): void;
  onClosed(): void;
}

export class DetectPartition implements OwnedPartition, ExchangeEar {
  readonly nextOffset: number | 'earliest';
  heardTo: number;
  /** Batches that could not be read. */
  damaged = 0;
  /** Spans that went on without what another engine should have told. */
  unheard = 0;
  checkpointAt: number | undefined;
  /** Wall clock of the last batch; -Infinity before the first. */
  heardOfAt = Number.NEGATIVE_INFINITY;
  private readonly parts: PartitionParts;
  private readonly reader: EventBatchReader;
  /** Events read ahead, and the latest second of their streams before each. */
  private readonly ring = Array.from({ length: AHEAD }, createEvent);
  private readonly seconds = new Float64Array(AHEAD);
  private readonly streams = new Map<StreamIdentity, number>();
  /** Looks so far at which something could have been heard. */
  private looks = 0;
  /** At which of them each stream was heard of last, by index. */
  private readonly heardAt: number[] = [];
  private isLooking = false;
  private readonly turns = new Turns();
  private appliedTo: number;
  /** Given up within a batch: no offset says what the records hold, so it is not saved, and applied again. */
  private isHalfway = false;
  private saved: number;
  private triedAt: number;
  private sliceAt = 0;
  private closing = false;
  private readonly looking: NodeJS.Timeout;
  private readonly commits: PatientCommit;

  constructor(parts: PartitionParts) {
    const { clock, loaded } = parts;
    this.parts = parts;
    this.reader = new EventBatchReader(parts.known);
    this.commits = new PatientCommit({ ...parts, isClosing: () => this.closing });
    this.nextOffset = loaded?.logPosition ?? 'earliest';
    this.appliedTo = loaded?.logPosition ?? 0;
    this.saved = this.appliedTo;
    this.heardTo = (loaded?.meta['exchange'] as { heardTo: number } | undefined)?.heardTo ?? 0;
    this.triedAt = clock.now();
    this.looking = setInterval(() => void this.look(), LOOK_MS);
    this.looking.unref();
  }

  get engine(): ShardEngine {
    return this.parts.engine;
  }

  /** Why its state is not saved; undefined while it is. */
  get unsaved(): string | undefined {
    return this.commits.trouble;
  }

  hear(reports: readonly Report[]): void {
    this.engine.receive(reports);
  }

  savedOffset(): number {
    return this.saved;
  }

  /** Whoever waits in `apply` gives up: the partition is about to be another's. */
  interrupt(): void {
    this.closing = true;
  }

  apply(messages: readonly ReceivedMessage[]): Promise<void> {
    return this.turns
      .take(() => this.applyAll(messages))
      .catch((error: unknown) => {
        // Whoever comes next will see what the trouble is.
        const passes = error instanceof KeyhoundError && error.retryable;
        throw this.closing && passes ? interrupted() : error;
      });
  }

  private async applyAll(messages: readonly ReceivedMessage[]): Promise<void> {
    this.sliceAt = performance.now();
    for (const message of messages) {
      await this.applyOne(message);
      this.appliedTo = message.offset + 1;
      if (performance.now() - this.sliceAt < SLICE_MS) continue;
      this.parts.results.flush();
      this.report();
      if (this.isSaveDue()) await this.save();
      await nextTurn();
      this.sliceAt = performance.now();
    }
    this.parts.results.flush();
    this.report();
    if (this.isSaveDue()) await this.save();
  }

  async close(): Promise<void> {
    this.closing = true;
    clearInterval(this.looking);
    const { feed, logger, onClosed, partition, state } = this.parts;
    try {
      await this.turns.take(() => this.save());
    } catch (error) {
      if (!(error instanceof KeyhoundError) || error.kind !== 'operating') throw error;
      // What is not saved is applied again by who comes next.
      if (error.code !== 'fenced') {
        logger.warn({ partition, code: error.code }, `let go without saving: ${error.message}`);
      }
    } finally {
      feed.remove(this);
      onClosed();
      await state.close();
    }
  }

  private isSaveDue(): boolean {
    const { checkpointDirty, checkpointMs, clock } = this.parts;
    if (this.appliedTo === this.saved) return false;
    return clock.now() - this.triedAt >= checkpointMs || this.engine.dirty >= checkpointDirty;
  }

  private async look(): Promise<void> {
    // A look for each tick of a long `apply` would come in one go, and take that time for silence.
    if (this.isLooking) return;
    this.isLooking = true;
    await this.turns
      .take(async () => {
        if (this.closing) return;
        this.silence();
        this.report();
        if (this.isSaveDue()) await this.save();
      })
      .catch((error: unknown) => {
        // Whoever took it over goes on; and what comes next is refused to us.
        if (error instanceof KeyhoundError && error.code === 'fenced') return;
        this.parts.onFailed(error instanceof Error ? error : new Error(String(error)));
      });
    this.isLooking = false;
  }

  private async applyOne({ offset, value }: ReceivedMessage): Promise<void> {
    const { reader, ring, seconds } = this;
    try {
      reader.open(value);
    } catch (error) {
      if (!(error instanceof KeyhoundError) || error.code !== 'event-damaged') throw error;
      this.damaged++;
      const { logger, partition } = this.parts;
      logger.error({ partition, offset }, `a batch of events cannot be read: ${error.message}`);
      return;
    }
    // What people say is no traffic.
    if (reader.streams.length > 0) this.heardOfAt = this.parts.clock.now();
    const indices = reader.streams.map((stream, i) => this.indexOf(stream, i));
    this.isHalfway = true;
    for (;;) {
      const count = this.readAhead(indices);
      this.engine.touch(ring, count);
      for (let i = 0; i < count; i++) {
        const event = ring[i]!;
        if (!this.engine.reach(event.stream, seconds[i]! * 1000)) {
          await this.wait();
        }
        this.engine.observeShared(event);
      }
      if (count === AHEAD) continue;
      const kind = this.pending;
      this.pending = undefined;
      if (kind === undefined) break;
      if (kind === ITEM.attempt) await this.applyAttempt(indices);
      if (kind === ITEM.control) this.applyControl(offset);
    }
    for (const [i, index] of indices.entries()) await this.heartbeat(i, index);
    this.isHalfway = false;
  }

  /** What stopped reading ahead, and is at hand in the reader. */
  private pending: number | undefined;

  /** Reads events up to the next item of another kind. */
  private readAhead(indices: readonly number[]): number {
    const { reader, ring, seconds } = this;
    let count = 0;
    while (count < AHEAD) {
      const event = ring[count]!;
      const kind = reader.next(event);
      if (kind !== ITEM.event) {
        this.pending = kind === ITEM.none ? undefined : kind;
        break;
      }
      event.stream = indices[event.stream]!;
      seconds[count++] = reader.latestSecond;
    }
    return count;
  }

  private async applyAttempt(indices: readonly number[]): Promise<void> {
    const { attempt, latestSecond } = this.reader;
    attempt.stream = indices[attempt.stream]!;
    if (!this.engine.reach(attempt.stream, latestSecond * 1000)) await this.wait();
    this.engine.observeAttempt(attempt);
  }

  /** Takes effect here, between two events of this partition; one that was applied before is dropped. */
  private applyControl(offset: number): void {
    const { logger, partition } = this.parts;
    const record = recordOf(this.reader.control);
    if (record !== undefined) {
      this.engine.control(record);
      return;
    }
    this.damaged++;
    logger.error({ partition, offset }, 'a control record cannot be read');
  }

  private async heartbeat(i: number, index: number): Promise<void> {
    const { reader, engine } = this;
    const latestAt = reader.latestAt(i);
    const state = reader.streamState(i);
    const stream = engine.streams.list[index]!;
    if (state === 'ended') {
      if (!engine.reach(index, latestAt)) await this.wait();
      if (!stream.finished) engine.closeStream(index, stream.next);
      return;
    }
    const isSilent = state === 'silent' || state === 'failed';
    if (stream.silent !== isSilent) engine.setSilent(index, isSilent);
    if (!engine.reach(index, latestAt)) await this.wait();
  }

  /** `i`: its place in the batch. */
  private indexOf(identity: StreamIdentity, i: number): number {
    const { engine, reader, streams } = this;
    const { source, name, latenessMs } = identity;
    let index = streams.get(identity);
    let stream = index === undefined ? undefined : engine.streams.list[index];
    if (index === undefined || stream?.finished || stream?.latenessMs !== latenessMs) {
      index = engine.openStream(source, name, latenessMs);
      stream = engine.streams.list[index]!;
      streams.set(identity, index);
    }
    this.heardAt[index] = this.looks;
    // The watermark has to go with what is to be applied, not to follow after it.
    const speaks = reader.streamState(i) === 'live' || reader.events > 0;
    if (stream.silent && speaks) engine.setSilent(index, false);
    return index;
  }

  /**
   * A stream of a process that is gone must not hold the watermark for ever. Looks are counted, not time: what was not
   * heard while this process was frozen, or cut off from its servers, says nothing of the stream.
   */
  private silence(): void {
    const { isCutOff, silentMs } = this.parts;
    if (isCutOff()) return;
    this.looks++;
    for (const [index, at] of this.heardAt.entries()) {
      if (at === undefined || (this.looks - at) * LOOK_MS < silentMs) continue;
      const stream = this.engine.streams.list[index]!;
      if (!stream.silent && !stream.finished) this.engine.setSilent(index, true);
    }
  }

  /** Until the watermark may rise as far as this engine's own streams allow. */
  private async wait(): Promise<void> {
    const { clock, engine, feed, isCutOff, logger, partition } = this.parts;
    this.parts.results.flush();
    let watermark = engine.streams.watermark;
    let waitedMs = 0;
    while (engine.isHeld) {
      if (this.closing) throw interrupted();
      this.report();
      if (!engine.isHeld) return;
      const beganAt = clock.now();
      await feed.wait(LISTEN_MS);
      // A process that was frozen has listened to nobody meanwhile.
      waitedMs += Math.min(LISTEN_MS, clock.now() - beganAt);
      if (engine.streams.watermark > watermark || isCutOff()) waitedMs = 0;
      watermark = engine.streams.watermark;
      if (waitedMs < PATIENCE_MS) continue;
      const missing = engine.giveUpWaiting();
      this.unheard += missing;
      logger.warn(
        { partition, missing },
        `${missing} partitions have not told what this one waits for; going on without`,
      );
    }
    this.sliceAt = performance.now();
  }

  private report(): void {
    const report = this.engine.report();
    if (report !== undefined) this.parts.teller.tell(report);
  }

  private async save(): Promise<void> {
    const { clock, engine, results, teller } = this.parts;
    this.triedAt = clock.now();
    if (this.appliedTo === this.saved || this.isHalfway) return;
    this.report();
    const changed = engine.checkpoint();
    const position = this.appliedTo;
    for (const input of changed.inputs) results.inputs(input);
    results.usage(changed.usage);
    const checkpoint: Checkpoint = {
      ...changed,
      // Read again if it has to be tried again.
      subjects: [...changed.subjects],
      meta: { ...changed.meta, exchange: { heardTo: this.heardTo } },
      logPosition: position,
      findings: [],
      incidents: [],
      inputs: [],
      usage: [],
      controls: [],
      deadLetters: [],
    };
    await Promise.all([results.settle(), teller.settle()]);
    await this.commits.commit(checkpoint);
    this.saved = position;
    this.checkpointAt = clock.now();
  }
}

function interrupted(): KeyhoundError {
  return new KeyhoundError('operating', 'the partition is given up', { code: 'fenced' });
}
