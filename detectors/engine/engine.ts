/**
 * The detection engine: applies events in the order of the sequence, subject by subject.
 *
 * Event time only. An event is judged by all detectors before any learns; absence is judged when the watermark
 * passes, and in any case before the subject's next event, with the same result (design.md §4.3).
 */
import { isRegistered, type KeyDirectory } from '../../core/directory.ts';
import { type ApiEvent, KEY_GROUPS, type KeyIdentity } from '../../core/event.ts';
import type { FindingInputs, Incident } from '../../core/finding.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import { LIMITED_BY } from '../../core/record.ts';
import type { ControlRecord, LoadedState } from '../../core/store.ts';
import type { Detector } from '../detector.ts';
import { fleet } from '../fleet.ts';
import { CROWD_DETECTORS, DETECTORS, REPORT_DETECTORS } from '../list.ts';
import { stuffing } from '../stuffing.ts';
import { drainCheckpoint, restoreState } from './checkpoint.ts';
import { ColdStart } from './cold-start.ts';
import { Containment } from './containment.ts';
import type {
  Engine,
  EngineOptions,
  EngineStats,
  ExpectedHour,
  KeyState,
  Recomputed,
} from './contract.ts';
import { isFailure } from './crowds.ts';
import { Docket, LOOK_AGAIN_MS } from './docket.ts';
import { expectedHours } from './expected.ts';
import { Interventions } from './interventions.ts';
import { Judge } from './judge.ts';
import { KeyGroup } from './key-group.ts';
import { profileOf } from './key-profile.ts';
import { keyStateOf, keyStates } from './key-states.ts';
import { Lineage } from './lineage.ts';
import { Outbox } from './outbox.ts';
import { Pages } from './pages.ts';
import { Proofs } from './proofs.ts';
import { compared, recompute } from './recompute.ts';
import { checkIds } from './settings.ts';
import { type Shard, Spans } from './spans.ts';
import { statsOf } from './stats.ts';
import { Steering } from './steering.ts';
import { Streams } from './streams.ts';
import { VariableRoutes } from './variable-routes.ts';

/** Slots of the events that are read ahead. */
const AHEAD = new Int32Array(64);

/** Counters of EngineStats that only grow. */
export interface Counters {
  events: number;
  claimed: number;
  duplicates: number;
  repeats: number;
  late: number;
  unadmitted: number;
}

export class DetectionEngine implements Engine {
  readonly judge: Judge;
  readonly streams = new Streams();
  readonly groups: KeyGroup[] = [];
  readonly outbox: Outbox;
  readonly steering = new Steering();
  /** Keys that were acted upon. */
  readonly containment: Containment;
  private readonly interventions: Interventions;
  readonly options: EngineOptions;
  readonly counters: Counters = {
    events: 0,
    claimed: 0,
    duplicates: 0,
    repeats: 0,
    late: 0,
    unadmitted: 0,
  };
  firstAt = Number.POSITIVE_INFINITY;
  lastAt = Number.NEGATIVE_INFINITY;
  /** Event time up to which another process had applied, epoch ms. */
  resumedAt = Number.NEGATIVE_INFINITY;
  subjects = 0;
  private readonly limit: number;
  readonly docket: Docket;
  readonly routes = new VariableRoutes();
  readonly coldStart: ColdStart;
  readonly lineage: Lineage;
  readonly spans: Spans;
  readonly shard: Shard;

  constructor(options: EngineOptions, detectors: readonly Detector[]) {
    checkIds(
      [...detectors, ...CROWD_DETECTORS, ...REPORT_DETECTORS].map(({ id }) => id),
      options.detectors,
    );
    this.options = options;
    this.judge = new Judge(detectors, options.detectors, options.calendar);
    this.containment = new Containment(options.onVerdict);
    this.outbox = new Outbox(options.durable, options.onInputs);
    this.limit = Math.ceil(options.subjectsMax / KEY_GROUPS);
    const digest = this.judge.layout.parts[0]!.fields.find((field) => field.name === 'digest0')!;
    const pages = new Pages(this.judge.layout.size);
    const horizon = { firstAt: Number.POSITIVE_INFINITY };
    for (let i = 0; i < KEY_GROUPS; i++) {
      this.groups.push(new KeyGroup(i, pages, digest.offset / 4, options.durable, horizon));
    }
    const shard = options.shard ?? { index: 0, count: 1 };
    this.shard = shard;
    this.docket = new Docket(
      options,
      shard,
      this.judge,
      this.groups,
      this.streams,
      this.outbox,
      this.steering,
    );
    const { containment, docket, groups, judge, outbox, routes, steering } = this;
    this.coldStart = new ColdStart(groups, judge);
    this.lineage = new Lineage(judge, options.directory);
    const proofs = new Proofs(options.detectors, docket, groups, judge, outbox, steering);
    const steered = [docket, groups, judge, steering, shard, containment, proofs] as const;
    this.interventions = new Interventions(...steered);
    this.spans = new Spans({
      shard,
      groups: groups.filter(({ index }) => index % shard.count === shard.index),
      horizon,
      docket,
      coldStart: this.coldStart,
      routes,
      lineage: this.lineage,
    });
  }

  protected passWatermark(): void {
    this.spans.pass(this.streams.watermark);
    this.containment.passWatermark(this.streams.watermark);
  }

  openStream(source: string, stream: string, latenessMs: number): number {
    return this.streams.open(source, stream, latenessMs);
  }

  awaitSource(source: string): void {
    this.streams.await(source);
  }

  releaseSource(source: string): void {
    if (this.streams.release(source)) this.passWatermark();
  }

  closeStream(stream: number, position: number): void {
    if (this.streams.close(stream, position)) this.passWatermark();
  }

  setSilent(stream: number, silent: boolean): void {
    if (this.streams.setSilent(stream, silent)) this.passWatermark();
  }

  position(stream: string): { position: number; finished: boolean } {
    const known = this.streams.find(stream);
    return { position: known?.next ?? 0, finished: known?.finished ?? false };
  }

  advance(stream: number, position: number): void {
    const known = this.streams.list[stream]!;
    known.next = position;
    known.changed = true;
  }

  /**
   * Reads the records of the events to come, so that their cache misses overlap: at many keys an event costs what
   * it waits for memory. Changes nothing.
   */
  touch(events: readonly ApiEvent[], count: number): number {
    const { groups } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const { key } = events[i]!;
      AHEAD[i] = groups[key.digest0 & (KEY_GROUPS - 1)]!.slab.guess(key);
    }
    for (let i = 0; i < count; i++) {
      sum ^= groups[events[i]!.key.digest0 & (KEY_GROUPS - 1)]!.slab.touch(AHEAD[i]!);
    }
    return sum;
  }

  knows(key: KeyIdentity): boolean {
    return this.groups[key.digest0 & (KEY_GROUPS - 1)]!.slab.find(key) > 0;
  }

  observe(event: ApiEvent): void {
    if (!this.isNew(event)) return;
    this.countAttempt(event);
    this.take(event);
    if (this.streams.arrive(event.stream, event.at)) this.passWatermark();
  }

  /** False for an event that came before: the same place of its stream, or the same request. */
  protected isNew(event: ApiEvent): boolean {
    if (this.streams.accept(event.stream, event.position)) return true;
    this.counters.repeats++;
    return false;
  }

  protected take(event: ApiEvent): void {
    const { counters } = this;
    const group = this.groups[event.key.digest0 & (KEY_GROUPS - 1)]!;
    if (
      (event.fingerprint0 | event.fingerprint1) !== 0 &&
      group.duplicates.seen(event.fingerprint0, event.fingerprint1, event.at)
    ) {
      counters.duplicates++;
      this.streams.list[event.stream]!.duplicates++;
      return;
    }
    counters.events++;
    if (event.at < this.firstAt) this.firstAt = event.at;
    if (event.at > this.lastAt) this.lastAt = event.at;
    const isOurs = this.containment.isWatching && this.containment.see(event);
    const slot = this.slotFor(group, event);
    if (slot > 0) this.apply(group, slot, event, isOurs);
  }

  /** Slot of the event's key; a record is made when the key has a right to one; else -1. */
  private slotFor(group: KeyGroup, event: ApiEvent): number {
    const { slab } = group;
    const found = slab.find(event.key);
    if (found > 0) return found;
    if (!event.attested) {
      this.counters.claimed++;
      this.streams.list[event.stream]!.claimed++;
      return -1;
    }
    const { directory } = this.options;
    const declared = directory.declared(event.key.id, event.consumer);
    const free = isRegistered(declared) || slab.size < this.limit / 4;
    if (!free && !group.earns(event)) {
      this.counters.unadmitted++;
      return -1;
    }
    if (slab.size >= this.limit) {
      const removed = group.evict(this.judge, event.at);
      if (removed !== undefined) {
        this.subjects--;
        if (this.options.durable) this.outbox.removed.push(removed);
      } else if (!isRegistered(declared)) {
        this.counters.unadmitted++;
        return -1;
      }
    }
    const slot = group.admit(event, declared);
    this.subjects++;
    group.bring(this.judge, slot);
    // One that comes too late is not learned, and makes nobody old: a log of the past after the live one.
    this.judge.init(Math.max(event.at, this.streams.watermark));
    this.lineage.locate(group, slot, event.at);
    this.lineage.inherit(group, slot);
    return slot;
  }

  /** `isOurs`: refused by what we did. */
  private apply(group: KeyGroup, slot: number, event: ApiEvent, isOurs: boolean): void {
    const { judge } = this;
    const { header } = judge;
    if (event.consumer !== '' && group.consumers[slot] === '') {
      group.consumers[slot] = event.consumer;
      group.declared[slot] = this.options.directory.declared(event.key.id, event.consumer);
    }
    group.bring(judge, slot);
    if (this.options.durable) group.markDirty(slot);
    this.outbox.use(header, event);
    const isLimited = isOurs || event.limitedBy !== LIMITED_BY.nobody;
    if (event.status >= 400 && !isLimited && isFailure(event)) {
      if (event.at >= this.streams.watermark) this.countFailure(group, slot, event);
    }
    header.source = this.streams.list[event.stream]!.sourceIndex;
    if (!event.attested) {
      this.counters.claimed++;
      this.streams.list[event.stream]!.claimed++;
      if (event.status === 401 && !isOurs) this.applyFailure(group, slot, event);
      return;
    }
    if (event.at < this.streams.watermark) {
      this.countLate(event);
      return;
    }
    this.docket.settleBefore(group, slot, event);
    // What we or the gateway's limiter refused is not learned, and accuses nobody.
    if (isLimited) {
      judge.observeRefusal(event);
      this.docket.spoke(group, slot, event.at);
    } else {
      if (this.options.durable) group.slab.copyToScratch(slot);
      judge.observe(event, this.routes.resolve(event));
      if (judge.isDayOver) this.coldStart.sample(group, event.at);
      this.docket.shared.countUse(group, slot, event.at);
      if (group.open.size > 0) this.docket.witness(group, slot, event);
      this.docket.raise(group, slot, event);
      judge.learn(event);
    }
    if (header.dueAt === 0) this.docket.arm(group, slot, event.at + LOOK_AGAIN_MS);
  }

  private applyFailure(group: KeyGroup, slot: number, event: ApiEvent): void {
    if (event.at < this.streams.watermark) {
      this.countLate(event);
      return;
    }
    if (this.options.durable) group.slab.copyToScratch(slot);
    this.judge.observeFailure(event);
    this.docket.raise(group, slot, event);
  }

  private countLate(event: ApiEvent): void {
    this.counters.late++;
    this.streams.list[event.stream]!.late++;
  }

  /** Every authentication result also counts for its network; while many keys fail together, theirs do not. */
  private countAttempt(event: ApiEvent): void {
    const { at, key, network } = event;
    if (event.limitedBy !== LIMITED_BY.nobody || at < this.streams.watermark) return;
    const { crowds } = this.docket;
    const failed = isFailure(event);
    if (!crowds.concerns(network, failed) || (failed && key.id.startsWith('ip:'))) return;
    if (this.docket.shared.isSharedFailure(consumerOf(event, this.options.directory), at)) return;
    crowds.observeNetwork(event.networkId, network, key.digest2, at, failed);
  }

  /** A failure of a known key also counts for its consumer. */
  private countFailure(group: KeyGroup, slot: number, { at, key, network }: ApiEvent): void {
    const consumer = group.consumerOf(slot);
    if (consumer === '' || network === 0 || key.id.startsWith('ip:')) return;
    group.news.failure({ at, consumer, network }, this.docket.closedUpTo);
  }

  get dirty(): number {
    let dirty = this.outbox.size;
    for (const group of this.groups) dirty += group.dirtySlots.length;
    return dirty;
  }

  checkpoint(): ReturnType<Engine['checkpoint']> {
    return drainCheckpoint(this);
  }

  restore(state: LoadedState): void {
    restoreState(this, state);
    this.resumedAt = this.lastAt;
    this.docket.resume();
  }

  stats(): EngineStats {
    return statsOf(this);
  }

  keys(options: { readonly limit: number; readonly prefix?: string }): KeyState[] {
    return keyStates(this, options);
  }

  key(id: string): KeyState | undefined {
    return keyStateOf(this, id);
  }

  openIncidents(): Incident[] {
    return this.docket.openIncidents();
  }

  control(record: ControlRecord): void {
    this.interventions.control(record);
  }

  expected(inputs: FindingInputs, hours: readonly number[]): ExpectedHour[] | undefined {
    return expectedHours(this.judge, inputs, hours);
  }

  profileOf(inputs: FindingInputs): KeyProfile | undefined {
    return profileOf(this.judge, inputs);
  }

  recompute(inputs: FindingInputs): Recomputed {
    const { crowds, shared } = this.docket;
    if (inputs.detector === fleet.id) return compared(shared.fleet.recompute(inputs), inputs);
    if (inputs.detector === stuffing.id) return compared(crowds.recompute(inputs), inputs);
    return recompute(this.judge, inputs);
  }
}

/** Whose a key is, as it is known before its record is looked at. */
export function consumerOf(event: ApiEvent, directory: KeyDirectory): string {
  return directory.declared(event.key.id, event.consumer)?.entry?.consumer ?? event.consumer;
}

/** Engine over the product's detectors. Throws `usage` on unknown detectors or settings. */
export function createEngine(options: EngineOptions): DetectionEngine {
  return new DetectionEngine(options, DETECTORS);
}
