/**
 * One key group: the unit of order, admission, subject limit and snapshot (design.md §2).
 */
import { type Declared, isRegistered } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import { AdmissionSketch } from './admission.ts';
import { DueHeap } from './due-heap.ts';
import { Duplicates } from './duplicates.ts';
import type { OpenIncident } from './incidents.ts';
import type { Judge } from './judge.ts';
import { GroupNews, type Horizon } from './news.ts';
import type { Pages } from './pages.ts';
import { PeerSamples } from './peers.ts';
import { Slab } from './slab.ts';

/** A key unused for this long gives way when the table is full; a key hardly used at all much sooner. */
const IDLE_MS = 30 * 86_400_000;
const IDLE_ONE_OFF_MS = 86_400_000;
const ONE_OFF_EVENTS = 8;
/** Slots looked at per refused key, so that a flood costs a bounded effort. */
const SCAN = 16;

export class KeyGroup {
  readonly index: number;
  readonly slab: Slab;
  readonly heap = new DueHeap();
  readonly duplicates: Duplicates;
  /** Keys that speak for others, of the days that are not closed yet. */
  readonly peers = new PeerSamples();
  /** What other groups are told when a span of event time is over. */
  readonly news: GroupNews;
  /** Made when it is first needed: a group under a quarter of its limit has none. */
  sketch: AdmissionSketch | undefined;
  /** Id and consumer by slot. */
  readonly ids: string[] = [''];
  readonly consumers: string[] = [''];
  /** What is declared about the key, by slot. */
  readonly declared: (Declared | undefined)[] = [undefined];
  readonly open = new Map<number, OpenIncident>();
  /** Slots whose open incident changed since the last checkpoint. */
  readonly openChanged = new Set<number>();
  readonly dirtySlots: number[] = [];
  private dirtyFlags = new Uint8Array(16);
  private hand = 1;

  constructor(index: number, pages: Pages, digestWord: number, durable: boolean, horizon: Horizon) {
    this.index = index;
    this.news = new GroupNews(horizon);
    this.slab = new Slab(pages, digestWord);
    this.duplicates = new Duplicates(durable);
  }

  /** Counts an event of a key without a record; true when it has earned one. */
  earns(event: ApiEvent): boolean {
    this.sketch ??= new AdmissionSketch();
    return this.sketch.earns(event.key, event.at);
  }

  admit(event: ApiEvent, declared: Declared | undefined): number {
    const slot = this.slab.add(event.key);
    this.ids[slot] = event.key.id;
    this.consumers[slot] = event.consumer;
    this.declared[slot] = declared;
    return slot;
  }

  /** The registry knows better than the log; '' when neither says. */
  consumerOf(slot: number): string {
    return this.declared[slot]?.entry?.consumer ?? this.consumers[slot]!;
  }

  /** Moves the judge to the record in a slot. */
  bring(judge: Judge, slot: number): void {
    const { slab, declared, consumers, ids } = this;
    judge.moveTo(slab.memoryOf(slot), slab.offset(slot), declared[slot], consumers[slot]);
    if (!judge.exceptions.exist) return;
    const label = declared[slot]?.entry?.label ?? '';
    judge.exceptions.face({ id: ids[slot]!, label, consumer: this.consumerOf(slot) });
  }

  markDirty(slot: number): void {
    if (slot >= this.dirtyFlags.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.dirtyFlags.length * 2));
      grown.set(this.dirtyFlags);
      this.dirtyFlags = grown;
    }
    if (this.dirtyFlags[slot] === 1) return;
    this.dirtyFlags[slot] = 1;
    this.dirtySlots.push(slot);
  }

  /** Slots changed since the last call. */
  drainDirty(): number[] {
    const slots = this.dirtySlots.splice(0);
    for (const slot of slots) this.dirtyFlags[slot] = 0;
    return slots;
  }

  /** Frees the slot of a key long unused, if one is near; answers its digest. */
  evict(judge: Judge, at: number): Uint8Array | undefined {
    for (let i = 0; i < SCAN; i++) {
      this.hand = this.hand + 1 >= this.slab.end ? 1 : this.hand + 1;
      const slot = this.hand;
      if (this.ids[slot] === '' || isRegistered(this.declared[slot]) || this.open.has(slot))
        continue;
      this.bring(judge, slot);
      const idle = at - judge.header.lastAt;
      if (idle < IDLE_ONE_OFF_MS) continue;
      if (idle < IDLE_MS && judge.header.events >= ONE_OFF_EVENTS) continue;
      const digest = this.slab.digestOf(slot);
      judge.header.dueAt = 0;
      this.slab.remove(slot);
      this.ids[slot] = '';
      this.consumers[slot] = '';
      return digest;
    }
    return undefined;
  }
}
