/**
 * A rotated key goes on where the key that it replaces has left off: the registry says so (`predecessor`).
 *
 * What was learned is copied at its first use: the baselines and the state of every detector but those that hold a
 * key against its own declaration (family `credential`). Its header is its own, so its uses count from 0; the age
 * of its baseline is the predecessor's. The two keys are of different key groups, so the record of a predecessor is
 * told as it stands at the end of each hour in which the key was used, and at the end of the first hour in which it
 * is declared (exchange.ts); the heir takes the one told last. Where there is none, the key starts as any new key does.
 */
import type { KeyDirectory } from '../../core/directory.ts';
import type { SpanFacts } from './exchange.ts';
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import { copyPart } from './layout.ts';
import { layoutVersion } from './recompute.ts';

const HOUR_MS = 3_600_000;

/** As JSON: records by id, base64, and the layout that they are in. */
export interface SavedLineage {
  readonly layout: string;
  readonly told: readonly (readonly [string, string])[];
}

export class Lineage {
  changed = false;
  /** The next hour that ends, epoch ms; Infinity where nobody is replaced. */
  closesAt = Number.POSITIVE_INFINITY;
  private readonly judge: Judge;
  /** Keys that others replace. */
  private readonly names: ReadonlySet<string>;
  /** Those of them that have a record here. */
  private readonly located = new Map<string, { readonly group: KeyGroup; readonly slot: number }>();
  private readonly told = new Map<string, Uint8Array>();

  constructor(judge: Judge, directory: KeyDirectory) {
    this.judge = judge;
    const names = new Set<string>();
    for (const { predecessor } of directory.all()) {
      if (predecessor !== undefined) names.add(predecessor);
    }
    this.names = names;
  }

  /** A key has a record now, in use at an instant. */
  locate(group: KeyGroup, slot: number, at: number): void {
    const id = group.ids[slot]!;
    if (!this.names.has(id)) return;
    this.located.set(id, { group, slot });
    const closesAt = hourEnd(at);
    if (closesAt < this.closesAt) this.closesAt = closesAt;
  }

  /**
   * Records of predecessors used within the hour that ends at an instant, or never told: one may be declared after
   * its last use. Undefined where there is none.
   */
  close(at: number): SpanFacts['predecessors'] {
    if (at < this.closesAt) return undefined;
    const records: (readonly [string, string])[] = [];
    this.closesAt = hourEnd(at);
    for (const [id, { group, slot }] of this.located) {
      group.bring(this.judge, slot);
      if (this.judge.header.lastAt < at - HOUR_MS && this.told.has(id)) continue;
      records.push([id, Buffer.from(group.slab.bytesOf(slot)).toString('base64')]);
    }
    if (records.length === 0) return undefined;
    records.sort(([a], [b]) => (a < b ? -1 : 1));
    return { layout: layoutVersion(this.judge), records };
  }

  /** Those of another layout are left out: their keys are told again within the hour. */
  add({ layout, records }: NonNullable<SpanFacts['predecessors']>): void {
    if (layout !== layoutVersion(this.judge)) return;
    for (const [id, record] of records) {
      this.told.set(id, Uint8Array.from(Buffer.from(record, 'base64')));
    }
    this.changed = true;
  }

  /** The judge stands on the new record in `slot`, begun at this event. */
  inherit(group: KeyGroup, slot: number): void {
    const predecessor = group.declared[slot]?.entry?.predecessor;
    const record = predecessor === undefined ? undefined : this.told.get(predecessor);
    if (record === undefined) return;
    const { judge } = this;
    const memory = group.slab.memoryOf(slot);
    const offset = group.slab.offset(slot);
    const { parts } = judge.layout;
    for (const part of parts) {
      if (part === parts[0] || ownParts(judge).has(part.id)) continue;
      copyPart(part, record, part, memory, offset);
    }
    judge.header.priorDay = 0;
  }

  save(): SavedLineage {
    this.changed = false;
    return {
      layout: layoutVersion(this.judge),
      told: [...this.told].map(([id, record]) => [id, Buffer.from(record).toString('base64')]),
    };
  }

  /** After the records: `watermark` is where the hours go on. */
  restore(saved: SavedLineage, watermark: number): void {
    this.add({ layout: saved.layout, records: saved.told });
    this.changed = false;
    this.closesAt = this.located.size === 0 ? Number.POSITIVE_INFINITY : hourEnd(watermark);
  }
}

function hourEnd(at: number): number {
  return (Math.floor(at / HOUR_MS) + 1) * HOUR_MS;
}

function ownParts({ seats }: Judge): Set<string> {
  const own = seats.filter(({ detector }) => detector.family === 'credential');
  return new Set(own.map(({ detector }) => detector.id));
}
