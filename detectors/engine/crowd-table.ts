/** Records of the networks and consumers of one key group. */
import type { KeyIdentity } from '../../core/event.ts';
import type { Crowd } from '../crowd-detector.ts';
import { DueHeap } from './due-heap.ts';
import type { OpenIncident } from './incidents.ts';
import type { Cursor } from './layout.ts';
import type { Pages } from './pages.ts';
import { Slab } from './slab.ts';

/** 65,536 in all key groups. */
const RECORDS_MAX = 256;

/** One record as the snapshot holds it. */
export interface SavedCrowd {
  readonly crowd: Crowd;
  /** Base64. */
  readonly record: string;
  readonly open?: OpenIncident;
}

export class CrowdTable {
  readonly slab: Slab;
  readonly heap = new DueHeap();
  readonly crowds: (Crowd | undefined)[] = [undefined];
  readonly open = new Map<number, OpenIncident>();
  changed = false;
  private readonly digestWord: number;

  constructor(pages: Pages, digestWord: number) {
    this.slab = new Slab(pages, digestWord);
    this.digestWord = digestWord;
  }

  /** Moves a cursor to a record; false when the slot is free. */
  bring(cursor: Cursor, slot: number): boolean {
    cursor.moveTo(this.slab.memoryOf(slot), this.slab.offset(slot));
    return this.crowds[slot] !== undefined;
  }

  /** A record for a subject that has none; -1 when nobody may give way. */
  add(identity: KeyIdentity, crowd: Crowd, lastAtOf: (slot: number) => number): number {
    if (this.slab.size >= RECORDS_MAX && !this.giveWay(lastAtOf)) return -1;
    const slot = this.slab.add(identity);
    this.crowds[slot] = crowd;
    return slot;
  }

  save(): SavedCrowd[] {
    const rows: SavedCrowd[] = [];
    for (let slot = 1; slot < this.slab.end; slot++) {
      const crowd = this.crowds[slot];
      if (crowd === undefined) continue;
      const record = Buffer.from(this.slab.bytesOf(slot)).toString('base64');
      const open = this.open.get(slot);
      rows.push(open === undefined ? { crowd, record } : { crowd, record, open });
    }
    return rows;
  }

  restore({ crowd, record, open }: SavedCrowd): number {
    const bytes = Buffer.from(record, 'base64');
    const word = (i: number): number => bytes.readInt32LE((this.digestWord + i) * 4);
    const digests = { digest0: word(0), digest1: word(1), digest2: word(2), digest3: word(3) };
    const slot = this.slab.add({ id: '', ...digests });
    this.slab.write(slot, bytes);
    this.crowds[slot] = crowd;
    if (open !== undefined) this.open.set(slot, open);
    return slot;
  }

  /** Frees the slot idle longest that has no open incident; all are looked at, so that the order of slots is none. */
  private giveWay(lastAtOf: (slot: number) => number): boolean {
    let idlest = -1;
    let idleSince = Number.POSITIVE_INFINITY;
    for (let slot = 1; slot < this.slab.end; slot++) {
      const crowd = this.crowds[slot];
      if (crowd === undefined || this.open.has(slot)) continue;
      const lastAt = lastAtOf(slot);
      if (lastAt > idleSince) continue;
      if (lastAt === idleSince && crowd.id > this.crowds[idlest]!.id) continue;
      idlest = slot;
      idleSince = lastAt;
    }
    if (idlest < 0) return false;
    this.slab.remove(idlest);
    this.crowds[idlest] = undefined;
    return true;
  }
}
