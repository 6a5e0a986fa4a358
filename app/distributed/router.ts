/**
 * Events of the ingest role into the topic of events: each into the partition of its key's group, and every
 * authentication result that matters also into that of its network's (stuffing). An event says how far its stream
 * had come before it; heartbeats say it where no event comes, so that every partition's watermark goes on.
 *
 * Repeats are harmless: whoever applies them knows the highest position of each stream. So after a crash it is
 * enough to read on from the positions saved last.
 */
import type { LogProducer } from '../../core/broker.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { type ApiEvent, KEY_GROUPS, type KeyIdentity } from '../../core/event.ts';
import { LIMITED_BY } from '../../core/record.ts';
import type { StreamPosition } from '../../core/source.ts';
import { type Attempt, createAttempt, type WireStream } from '../../core/wire/layout.ts';
import { EventBatchWriter } from '../../core/wire/writer.ts';
import { groupOfNetwork, isFailure } from '../../detectors/engine/crowds.ts';
import { consumerOf } from '../../detectors/engine/engine.ts';
import type { SourceTotals } from '../../detectors/engine/streams.ts';
import type { Sequence } from '../sequence.ts';

/** A batch is cut at this size. */
const BATCH_BYTES = 128 << 10;
const BATCH_ITEMS = 4096;
/** Partitions that are told less often than this, in event time, get a heartbeat with every flush. */
const TELL_EVENT_MS = 10_000;
/** Batches not confirmed yet, bytes: beyond it reading waits. */
const HELD_BYTES_MAX = 32 << 20;
const NETWORK_BITS = 16;

export interface RouterOptions {
  readonly producer: LogProducer & { readonly heldBytes: number };
  readonly topic: string;
  readonly partitions: number;
  readonly directory: KeyDirectory;
  /** Tells streams of this process from those of others with the same name. */
  readonly instance: string;
}

/** As JSON, saved with the positions. */
export interface SavedRouter {
  readonly streams: readonly (readonly [
    name: string,
    source: string,
    latestAt: number | null,
    latenessMs: number,
  ])[];
  /** Networks that have failed, one bit each, base64. */
  readonly failing: string;
}

interface Stream extends WireStream {
  /** As the source names it. */
  readonly own: string;
  position: number;
  finished: boolean;
  changed: boolean;
  isNews: boolean;
}

interface Lane {
  readonly writer: EventBatchWriter;
  /** Latest event time, of any stream, when it was told last. */
  toldAt: number;
}

export class EventRouter implements Sequence {
  readonly streams = { totals: (source: string) => this.totals(source) };
  events = 0;
  private readonly options: RouterOptions;
  private readonly list: Stream[] = [];
  private readonly byName = new Map<string, number>();
  private readonly lanes: Lane[];
  private failing = new Uint8Array(1 << (NETWORK_BITS - 3));
  private readonly attempt: Attempt = createAttempt();
  private latestAt = Number.NEGATIVE_INFINITY;
  private readonly sending = new Set<Promise<void>>();
  private confirmedAt = 0;
  private failed: { readonly error: unknown } | undefined;

  constructor(options: RouterOptions) {
    this.options = options;
    this.lanes = Array.from({ length: options.partitions }, () => ({
      writer: new EventBatchWriter(),
      toldAt: Number.NEGATIVE_INFINITY,
    }));
  }

  openStream(source: string, own: string, latenessMs: number): number {
    const known = this.byName.get(own);
    if (known !== undefined) {
      const stream = this.list[known]!;
      if (stream.latenessMs === latenessMs && stream.source === source) {
        stream.state = 'live';
        stream.finished = false;
        return known;
      }
      this.list[known] = { ...stream, source, latenessMs, state: 'live', finished: false };
      return known;
    }
    // What Kafka holds is the same stream whoever reads it.
    const name = own.startsWith('kafka:') ? own : `${this.options.instance}/${own}`;
    this.byName.set(own, this.list.length);
    this.list.push({
      name,
      own,
      source,
      latenessMs,
      state: 'live',
      latestAt: Number.NEGATIVE_INFINITY,
      position: 0,
      finished: false,
      changed: true,
      isNews: true,
    });
    return this.list.length - 1;
  }

  // Who waits for a source that has not spoken is the reader of the topic.
  awaitSource(): void {}
  releaseSource(): void {}

  closeStream(index: number, position: number): void {
    const stream = this.list[index]!;
    stream.position = position;
    stream.finished = true;
    stream.changed = true;
    stream.state = 'ended';
    stream.isNews = true;
  }

  setSilent(index: number, silent: boolean): void {
    const stream = this.list[index]!;
    if (stream.finished) return;
    stream.state = silent ? 'silent' : 'live';
    stream.isNews = true;
  }

  advance(index: number, position: number): void {
    const stream = this.list[index]!;
    stream.position = position;
    stream.changed = true;
  }

  knows(_key: KeyIdentity): boolean {
    return false;
  }

  touch(): number {
    return 0;
  }

  observe(event: ApiEvent): void {
    const stream = this.list[event.stream]!;
    const { partitions } = this.options;
    this.events++;
    const latestSecond = Math.floor(stream.latestAt / 1000);
    const partition = (event.key.digest0 & (KEY_GROUPS - 1)) % partitions;
    this.roomIn(partition).addEvent(event, stream, latestSecond);
    this.countAttempt(event, stream, latestSecond);
    if (event.at > stream.latestAt) {
      stream.latestAt = event.at;
      stream.isNews = true;
      if (event.at > this.latestAt) this.latestAt = event.at;
    }
  }

  /** Successes count only where there were failures: which of them do, the network's engine knows. */
  private countAttempt(event: ApiEvent, stream: Stream, latestSecond: number): void {
    const { network, key } = event;
    if (network === 0 || event.limitedBy !== LIMITED_BY.nobody) return;
    const failed = isFailure(event);
    const bit = network & ((1 << NETWORK_BITS) - 1);
    if (!failed && (this.failing[bit >>> 3]! & (1 << (bit & 7))) === 0) return;
    if (failed && key.id.startsWith('ip:')) return;
    if (failed) this.failing[bit >>> 3] = this.failing[bit >>> 3]! | (1 << (bit & 7));
    const { attempt } = this;
    attempt.at = event.at;
    attempt.network = network;
    attempt.networkId = event.networkId;
    attempt.member = key.digest2 >>> 0;
    attempt.failed = failed;
    attempt.consumer = consumerOf(event, this.options.directory);
    attempt.position = event.position;
    const partition = groupOfNetwork(network) % this.options.partitions;
    this.roomIn(partition).addAttempt(attempt, stream, latestSecond);
  }

  private roomIn(partition: number): EventBatchWriter {
    const { writer } = this.lanes[partition]!;
    if (writer.items >= BATCH_ITEMS || writer.isFull || writer.bytes >= BATCH_BYTES) {
      this.cut(partition);
      this.tellOthers();
    }
    return writer;
  }

  /**
   * Sends what there is. `all`: every partition is told how far the streams have come, else those that have not
   * heard of it for long, in event time.
   */
  flush(all: boolean): void {
    if (all) this.tell(this.lanes.keys());
    else this.tellOthers();
    for (const partition of this.lanes.keys()) this.cut(partition);
    if (all) for (const stream of this.list) stream.isNews = false;
  }

  /** For how long nothing has been confirmed although something waits for it, ms. */
  get unconfirmedMs(): number {
    return this.sending.size === 0 ? 0 : performance.now() - this.confirmedAt;
  }

  /** Something has happened that partitions have not been told. */
  get hasNews(): boolean {
    return this.list.some(({ isNews }) => isNews);
  }

  private tellOthers(): void {
    const behind: number[] = [];
    for (const [partition, { toldAt }] of this.lanes.entries()) {
      if (this.latestAt - toldAt >= TELL_EVENT_MS) behind.push(partition);
    }
    this.tell(behind);
    for (const partition of behind) this.cut(partition);
  }

  private tell(partitions: Iterable<number>): void {
    for (const partition of partitions) {
      const { writer } = this.lanes[partition]!;
      for (const stream of this.list) {
        if (stream.finished && !stream.isNews) continue;
        if (writer.isFull) this.cut(partition);
        writer.heartbeat(stream);
      }
    }
  }

  private cut(partition: number): void {
    const lane = this.lanes[partition]!;
    const value = lane.writer.take();
    if (value === undefined) return;
    lane.toldAt = this.latestAt;
    const { producer, topic } = this.options;
    const sent = producer.send(topic, partition, [{ key: null, value }]).catch((error: unknown) => {
      this.failed ??= { error };
    });
    if (this.sending.size === 0) this.confirmedAt = performance.now();
    this.sending.add(sent);
    void sent.then(() => {
      this.sending.delete(sent);
      this.confirmedAt = performance.now();
    });
  }

  /** Waits while too much is on its way. Throws what sending failed with: then nothing more may be read. */
  async relief(): Promise<void> {
    while (this.options.producer.heldBytes > HELD_BYTES_MAX && this.failed === undefined) {
      await Promise.race(this.sending);
    }
    if (this.failed !== undefined) throw this.failed.error;
  }

  /** Sends all there is, and waits until it is safe. */
  async settle(): Promise<void> {
    this.flush(true);
    await Promise.all(this.sending);
    if (this.failed !== undefined) throw this.failed.error;
  }

  /** Where to go on: positions that changed since the last call, and what goes with them. */
  drain(): { readonly streams: StreamPosition[]; readonly router: SavedRouter } {
    const streams: StreamPosition[] = [];
    for (const stream of this.list) {
      if (!stream.changed) continue;
      stream.changed = false;
      const { own, source, position, finished } = stream;
      streams.push({ stream: own, source, position, finished });
    }
    const router: SavedRouter = {
      streams: this.list
        .filter(({ finished }) => !finished)
        .map(
          ({ own, source, latestAt, latenessMs }) =>
            [own, source, finite(latestAt), latenessMs] as const,
        ),
      failing: Buffer.from(this.failing).toString('base64'),
    };
    return { streams, router };
  }

  restore({ streams, failing }: SavedRouter): void {
    this.failing = Uint8Array.from(Buffer.from(failing, 'base64'));
    for (const [own, source, latestAt, latenessMs] of streams) {
      const stream = this.list[this.openStream(source, own, latenessMs)]!;
      stream.latestAt = latestAt ?? Number.NEGATIVE_INFINITY;
      // Told as live once its source has opened it.
      stream.state = 'silent';
      stream.changed = false;
      stream.isNews = false;
      if (stream.latestAt > this.latestAt) this.latestAt = stream.latestAt;
    }
  }

  private totals(source: string): SourceTotals {
    let latestAt = Number.NEGATIVE_INFINITY;
    for (const stream of this.list) {
      if (stream.source === source) latestAt = Math.max(latestAt, stream.latestAt);
    }
    return { late: 0, claimed: 0, duplicates: 0, repeats: 0, latestAt };
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
