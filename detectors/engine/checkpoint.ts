/**
 * Engine state out and in: what changed goes out, and all of it comes back.
 *
 * Records are written as they lie in memory; the layout stands beside them, so that a record of another
 * version is converted part by part, or refused clearly.
 */
import { KeyhoundError } from '../../core/errors.ts';
import type { KeyIdentity } from '../../core/event.ts';
import type { LoadedState, SubjectRow, UsageRow } from '../../core/store.ts';
import { AdmissionSketch } from './admission.ts';
import type { SavedWatches } from './containment.ts';
import type { Engine } from './contract.ts';
import type { DetectionEngine } from './engine.ts';
import type { SavedFleet } from './fleet-watch.ts';
import type { OpenIncident } from './incidents.ts';
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import { copyPart, type Memory, type PlacedPart } from './layout.ts';
import type { SavedLineage } from './lineage.ts';
import type { PriorBody } from './priors.ts';
import type { SavedSpans } from './spans.ts';
import type { SavedSteering } from './steering.ts';
import type { SavedRoutes } from './variable-routes.ts';

const GEOGRAPHY_DAMPED_SECONDS = 86_400;
const PEERS_PART = 'peers';
const NEWS_PART = 'news';
const SKETCH_PART = 'admission';
const CROWDS_PART = 'crowds';

interface Meta {
  readonly layout: readonly PlacedPart[];
  readonly sources: readonly string[];
  readonly ahead: Readonly<Record<string, number>>;
  /** Null before the first event. */
  readonly watermark: number | null;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  readonly attempts: Readonly<Record<string, number>>;
  /** What follows is of the engine as a whole; left out while it is as it was saved last. */
  readonly fleet?: SavedFleet;
  readonly spans?: SavedSpans;
  /** Not `steering`: that name is what the session that saves the state keeps beside it. */
  readonly rules?: SavedSteering;
  readonly routes?: SavedRoutes;
  readonly priors?: readonly PriorBody[];
  readonly lineage?: SavedLineage;
  readonly watches?: SavedWatches;
  /** Version of the geography data, and until which second places are damped after its last change. */
  readonly geography?: { readonly version: string; readonly dampedUntil: number };
}

export function drainCheckpoint(engine: DetectionEngine): ReturnType<Engine['checkpoint']> {
  const { outbox, groups, judge } = engine;
  const dirty = groups.map((group) => group.drainDirty());
  const open: { digest: Uint8Array; body: string | null }[] = [];
  const parts: { group: number; part: string; bytes: Uint8Array }[] = [];
  const removedGroupParts: { group: number; part: string }[] = [];
  for (const group of groups) {
    for (const slot of group.openChanged) {
      const incident = group.open.get(slot);
      const body = incident === undefined ? null : JSON.stringify(incident);
      open.push({ digest: group.slab.digestOf(slot), body });
    }
    group.openChanged.clear();
    const { written, removed } = group.duplicates.drain();
    for (const part of removed) removedGroupParts.push({ group: group.index, part });
    for (const { part, bytes } of written) parts.push({ group: group.index, part, bytes });
    if (group.peers.changed) {
      parts.push({ group: group.index, part: PEERS_PART, bytes: group.peers.bytes() });
    }
    if (group.news.changed) {
      parts.push({ group: group.index, part: NEWS_PART, bytes: group.news.bytes() });
    }
    if (group.sketch?.changed) {
      group.sketch.changed = false;
      parts.push({ group: group.index, part: SKETCH_PART, bytes: group.sketch.bytes() });
    }
  }
  for (const { group, bytes } of engine.docket.crowds.drain()) {
    parts.push({ group, part: CROWDS_PART, bytes });
  }
  for (const [i, slots] of dirty.entries()) {
    for (const slot of slots) {
      if (groups[i]!.ids[slot] === '') continue;
      groups[i]!.bring(judge, slot);
      outbox.hour(judge.header);
    }
  }
  const usage: UsageRow[] = outbox.usage;
  const result = {
    meta: { ...metaOf(engine) },
    streams: engine.streams.drain(),
    groups: parts,
    removedGroupParts,
    subjects: rows(groups, dirty),
    removedSubjects: outbox.removed,
    open,
    findings: [...outbox.findings.values()],
    inputs: outbox.inputs,
    incidents: [...outbox.incidents.values()],
    usage,
    controls: engine.coldStart.drain().map((draft) => ({ ...draft, sequence: 0 })),
  };
  outbox.findings = new Map();
  outbox.incidents = new Map();
  outbox.inputs = [];
  outbox.usage = [];
  outbox.removed = [];
  return result;
}

function metaOf(engine: DetectionEngine): Meta {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    layout: engine.judge.layout.parts,
    sources: engine.streams.sourceNames,
    ahead: engine.streams.ahead(),
    watermark: finite(engine.streams.watermark),
    firstAt: finite(engine.firstAt),
    lastAt: finite(engine.lastAt),
    attempts: engine.streams.attempts(),
    ...changesOf(engine),
    geography: {
      version: engine.options.geographyVersion,
      dampedUntil: engine.judge.placesDampedUntil,
    },
  };
}

/** State that is no key group's, where it has changed. */
function changesOf({
  containment,
  docket,
  judge,
  lineage,
  routes,
  spans,
  steering,
}: DetectionEngine) {
  const { fleet } = docket.shared;
  const { table } = judge.peers;
  return {
    ...(containment.changed ? { watches: containment.save() } : {}),
    ...(fleet.changed ? { fleet: fleet.save() } : {}),
    ...(lineage.changed ? { lineage: lineage.save() } : {}),
    ...(table.changed ? { priors: table.save() } : {}),
    ...(routes.changed ? { routes: routes.save() } : {}),
    ...(steering.changed ? { rules: steering.save() } : {}),
    spans: spans.save(),
  };
}

/** Rows of the changed subjects, made one by one while the store writes them. */
function* rows(groups: readonly KeyGroup[], dirty: readonly number[][]): Iterable<SubjectRow> {
  for (const [i, slots] of dirty.entries()) {
    const group = groups[i]!;
    for (const slot of slots) {
      if (group.ids[slot] === '') continue;
      yield {
        group: i,
        digest: group.slab.digestOf(slot),
        id: group.ids[slot]!,
        consumer: group.consumers[slot]!,
        record: group.slab.bytesOf(slot),
      };
    }
  }
}

export function restoreState(engine: DetectionEngine, state: LoadedState): void {
  const meta = state.meta as unknown as Meta;
  const { groups, judge, options } = engine;
  const watermark = meta.watermark ?? Number.NEGATIVE_INFINITY;
  engine.streams.restore(meta.sources, state.streams, meta.ahead, meta.attempts, watermark);
  engine.firstAt = meta.firstAt ?? engine.firstAt;
  engine.lastAt = meta.lastAt ?? engine.lastAt;
  judge.placesDampedUntil = dampedUntil(meta, options.geographyVersion);
  const { isSame, convert } = converter(judge, meta.layout);
  const slots = new Map<string, { group: KeyGroup; slot: number }>();
  for (const row of state.subjects) {
    const group = groups[row.group]!;
    const key = identityOf(row);
    const slot = group.slab.add(key);
    group.ids[slot] = row.id;
    group.consumers[slot] = row.consumer;
    group.declared[slot] = options.directory.declared(row.id, row.consumer);
    convert(row.record, group.slab.memoryOf(slot), group.slab.offset(slot));
    group.bring(judge, slot);
    // The next checkpoint says that all records are of our layout.
    if (!isSame) group.markDirty(slot);
    engine.lineage.locate(group, slot, judge.header.lastAt);
    if (judge.header.dueAt !== 0) group.heap.push(judge.header.dueAt, slot);
    if (judge.header.suspectSecond !== 0 || state.open.length > 0) {
      slots.set(keyOf(row.digest), { group, slot });
    }
    engine.subjects++;
  }
  for (const { digest, body } of state.open) {
    const found = slots.get(keyOf(digest));
    if (found !== undefined) found.group.open.set(found.slot, JSON.parse(body) as OpenIncident);
  }
  for (const { group, part, bytes } of state.groups) {
    if (part === NEWS_PART) groups[group]!.news.restore(bytes);
    else if (part === PEERS_PART) groups[group]!.peers.restore(bytes);
    else if (part === SKETCH_PART) groups[group]!.sketch = new AdmissionSketch(bytes);
    else if (part === CROWDS_PART) engine.docket.crowds.restore(group, bytes);
    else groups[group]!.duplicates.restore(part, bytes);
  }
  engine.coldStart.schedule();
  restoreWhole(engine, meta);
}

function restoreWhole(engine: DetectionEngine, meta: Meta): void {
  const { containment, docket, judge, lineage, routes, spans, steering } = engine;
  if (meta.watches !== undefined) containment.restore(meta.watches);
  if (meta.fleet !== undefined) docket.shared.fleet.restore(meta.fleet);
  if (meta.spans !== undefined) spans.restore(meta.spans);
  if (meta.rules !== undefined) steering.restore(meta.rules);
  if (meta.routes !== undefined) routes.restore(meta.routes);
  if (meta.priors !== undefined) judge.peers.table.restore(meta.priors);
  const watermark = meta.watermark ?? 0;
  lineage.restore(meta.lineage ?? { layout: '', told: [] }, watermark);
}

/** An update takes effect after the last event that was applied before it, like its control record. */
function dampedUntil({ geography, lastAt }: Meta, version: string): number {
  if (geography === undefined) return 0;
  if (geography.version === version || lastAt === null) return geography.dampedUntil;
  return Math.floor(lastAt / 1000) + GEOGRAPHY_DAMPED_SECONDS;
}

interface Converter {
  /** Saved records are laid out as ours are. */
  readonly isSame: boolean;
  /** Writes a saved record into the slab, part by part. */
  convert(record: Uint8Array, memory: Memory, offset: number): void;
}

function converter(judge: Judge, saved: readonly PlacedPart[]): Converter {
  if (JSON.stringify(saved) === JSON.stringify(judge.layout.parts)) {
    return {
      isSame: true,
      convert: (record, memory, offset) => memory.bytes.set(record, offset),
    };
  }
  for (const part of judge.layout.parts) {
    const old = saved.find((other) => other.id === part.id);
    const seat = judge.seats.find((other) => other.detector.id === part.id);
    if (old === undefined || old.version === part.version) continue;
    if (seat?.detector.migrate === undefined || old.version > part.version) {
      throw refusal(old, part);
    }
  }
  const convert: Converter['convert'] = (record, memory, offset) => {
    judge.moveTo(memory, offset, undefined);
    for (const part of judge.layout.parts) {
      const old = saved.find((other) => other.id === part.id);
      const seat = judge.seats.find((other) => other.detector.id === part.id);
      if (old === undefined) {
        seat?.detector.init(seat.state, seat.settings);
        continue;
      }
      copyPart(old, record, part, memory, offset);
      if (old.version === part.version) continue;
      if (!seat!.detector.migrate!(seat!.state, old.version)) throw refusal(old, part);
    }
  };
  return { isSame: false, convert };
}

function refusal(old: PlacedPart, part: PlacedPart): KeyhoundError {
  return new KeyhoundError(
    'usage',
    `the state holds version ${old.version} of "${part.id}", this program reads ${part.version}`,
    {
      code: 'state-layout',
      hint: 'Run the version that wrote it, or start from a new state folder.',
    },
  );
}

function identityOf(row: SubjectRow): KeyIdentity {
  const view = new DataView(row.digest.buffer, row.digest.byteOffset, 16);
  return {
    id: row.id,
    digest0: view.getInt32(0, true),
    digest1: view.getInt32(4, true),
    digest2: view.getInt32(8, true),
    digest3: view.getInt32(12, true),
  };
}

function keyOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, 16).toString('latin1');
}
