/**
 * Subjects that are no keys: source networks and consumers whose members fail to authenticate (stuffing). A network
 * is shown every result of its own, in the order of the sequence; a consumer what key groups tell of its keys.
 *
 * Only what fails makes a record, at most RECORDS_MAX in a key group; who was idle longest gives way. A success
 * costs one bit test unless its network has a record.
 */
import type { Closing } from '../../core/control.ts';
import { type ApiEvent, KEY_GROUPS, type KeyIdentity } from '../../core/event.ts';
import type { FindingInputs } from '../../core/finding.ts';
import { finish, hashText, mix32 } from '../../core/hash.ts';
import { AUTH } from '../../core/record.ts';
import type { Attempt, Crowd, CrowdDetector } from '../crowd-detector.ts';
import type { DetectorSettings } from '../detector.ts';
import type { CaseBook } from './case-book.ts';
import { CrowdTable, type SavedCrowd } from './crowd-table.ts';
import type { Failure } from './exchange.ts';
import { byOpening, closesAt, KEEP_SCORE, OPEN_SCORE, type OpenIncident } from './incidents.ts';
import { bindingOf, type Cursor, type Layout, Memory, placeParts, type StateOf } from './layout.ts';
import type { Outbox } from './outbox.ts';
import { Pages } from './pages.ts';
import { roundScore } from './recompute.ts';

export const CROWD_HEADER = {
  digest0: 'u32',
  digest1: 'u32',
  digest2: 'u32',
  digest3: 'u32',
  /** Last attempt, epoch ms. */
  lastAt: 'f64',
  /** Instant at which something closes, epoch ms; 0 for nothing. */
  dueAt: 'f64',
  attempts: 'u32',
} as const;

const FILTER_BITS = 16;
const TEXT = { encoder: new TextEncoder(), decoder: new TextDecoder() };

interface Saved {
  readonly layout: string;
  readonly rows: readonly SavedCrowd[];
}

export class Crowds {
  private readonly detector: CrowdDetector;
  private readonly settings: DetectorSettings;
  private readonly cases: CaseBook;
  private readonly outbox: Outbox;
  private readonly durable: boolean;
  private readonly tables: CrowdTable[] = [];
  private readonly cursor: Cursor;
  private readonly header: StateOf<typeof CROWD_HEADER>;
  private readonly state: StateOf<Layout>;
  private readonly layoutVersion: string;
  /** One bit for each network that has a record, by its hash; others may share it. */
  private readonly filter = new Uint8Array(1 << (FILTER_BITS - 3));
  private readonly attempt: Attempt = { at: 0, member: 0, failed: false };
  private nextDueAt = Number.POSITIVE_INFINITY;

  constructor(
    detector: CrowdDetector,
    settings: DetectorSettings,
    cases: CaseBook,
    outbox: Outbox,
    durable: boolean,
  ) {
    this.detector = detector;
    this.settings = settings;
    this.cases = cases;
    this.outbox = outbox;
    this.durable = durable;
    const placed = placeParts([{ id: 'crowd', version: 1, layout: CROWD_HEADER }, detector]);
    const binding = bindingOf(placed);
    this.cursor = binding.cursor;
    this.header = binding.part(0, CROWD_HEADER);
    this.state = binding.part(1, detector.layout);
    this.layoutVersion = `${detector.id}@${detector.version}:${placed.size}`;
    const digest = placed.parts[0]!.fields.find((field) => field.name === 'digest0')!;
    const pages = new Pages(placed.size);
    for (let i = 0; i < KEY_GROUPS; i++) this.tables.push(new CrowdTable(pages, digest.offset / 4));
  }

  /** Whether an authentication result tells anything here: a failure, or a success where there were failures. */
  concerns(network: number, failed: boolean): boolean {
    if (!this.settings.enabled || network === 0) return false;
    return failed || this.mayHave(network);
  }

  /** Counts an authentication result for its network. `member` stands for the key. */
  observeNetwork(id: string, network: number, member: number, at: number, failed: boolean): void {
    this.count('network', id, network, member, at, failed);
  }

  /** Counts a failure of one of a consumer's keys. */
  observeConsumer({ consumer, network, at }: Failure): void {
    this.count('consumer', consumer, hashText(consumer), network, at, true);
  }

  /** Closes what is due. */
  passWatermark(watermark: number): void {
    if (watermark < this.nextDueAt) return;
    let next = Number.POSITIVE_INFINITY;
    for (const table of this.tables) {
      while (table.heap.first <= watermark) {
        const slot = table.heap.pop();
        if (!table.bring(this.cursor, slot)) continue;
        const { dueAt } = this.header;
        if (dueAt !== 0 && dueAt <= watermark) this.settle(table, slot, dueAt);
      }
      next = Math.min(next, table.heap.first);
    }
    this.nextDueAt = next;
  }

  /** Every open incident, and whose it is. */
  *open(): Generator<readonly [OpenIncident, Crowd]> {
    for (const table of this.tables)
      for (const [slot, open] of table.open) yield [open, table.crowds[slot]!];
  }

  /** Tables that changed since the last call, as bytes by key group. */
  drain(): { group: number; bytes: Uint8Array }[] {
    const parts: { group: number; bytes: Uint8Array }[] = [];
    for (const [group, table] of this.tables.entries()) {
      if (!table.changed) continue;
      table.changed = false;
      const saved: Saved = { layout: this.layoutVersion, rows: table.save() };
      parts.push({ group, bytes: TEXT.encoder.encode(JSON.stringify(saved)) });
    }
    return parts;
  }

  /** Takes back what `drain` gave; of another layout nothing is taken, it is learned anew. */
  restore(group: number, bytes: Uint8Array): void {
    const saved = JSON.parse(TEXT.decoder.decode(bytes)) as Saved;
    if (saved.layout !== this.layoutVersion) return;
    const table = this.tables[group]!;
    for (const row of saved.rows) {
      const slot = table.restore(row);
      table.bring(this.cursor, slot);
      if (row.crowd.kind === 'network') this.remember(this.header.digest2);
      if (this.header.dueAt !== 0) this.arm(table, slot, this.header.dueAt);
    }
  }

  /** Judges an attempt again from a copy of the record before it. */
  recompute(inputs: FindingInputs): number {
    if (inputs.layoutVersion !== this.layoutVersion || inputs.event === null) return 0;
    const attempt = JSON.parse(TEXT.decoder.decode(inputs.event)) as Attempt;
    this.cursor.moveTo(new Memory(Uint8Array.from(inputs.record).buffer), 0);
    return this.detector.observe(this.state, attempt, this.settings);
  }

  /** See Interventions. */
  resilence(at: number): void {
    const all = this.tables.flatMap((table) =>
      [...table.open].map(([slot, open]) => ({ table, slot, open })),
    );
    for (const { table, slot, open } of all.sort((a, b) => byOpening(a.open, b.open))) {
      if (!this.cases.resilence(open, table.crowds[slot]!, at)) continue;
      table.changed = true;
      table.bring(this.cursor, slot);
      const due = closesAt(open);
      if (this.header.dueAt === 0 || due < this.header.dueAt) this.arm(table, slot, due);
    }
  }

  /** Answers the incident that a person closes where it is one of these. */
  closeBy(closing: Closing, at: number): OpenIncident | undefined {
    for (const table of this.tables) {
      for (const [slot, open] of table.open) {
        if (open.id !== closing.incident.id) continue;
        this.cases.closeBy(open, closing, table.crowds[slot]!, at);
        table.open.delete(slot);
        table.changed = true;
        return open;
      }
    }
    return undefined;
  }

  private count(
    kind: Crowd['kind'],
    id: string,
    code: number,
    member: number,
    at: number,
    failed: boolean,
  ): void {
    const identity = identityOf(kind, code);
    const table = this.tables[identity.digest0 & (KEY_GROUPS - 1)]!;
    let slot = table.slab.find(identity);
    if (slot < 0) {
      if (!failed) return;
      slot = table.add(identity, { kind, id }, (other) => this.lastAtOf(table, other));
      if (slot < 0) return;
      if (kind === 'network') this.remember(code);
    }
    table.changed = true;
    table.bring(this.cursor, slot);
    const { header, attempt } = this;
    while (header.dueAt !== 0 && header.dueAt <= at) this.settle(table, slot, header.dueAt);
    const before = this.durable && failed ? table.slab.bytesOf(slot) : undefined;
    header.attempts++;
    if (at > header.lastAt) header.lastAt = at;
    attempt.at = at;
    attempt.member = member >>> 0;
    attempt.failed = failed;
    const score = this.detector.observe(this.state, attempt, this.settings);
    if (score >= KEEP_SCORE) this.raise(table, slot, table.crowds[slot]!, score, before);
  }

  private raise(
    table: CrowdTable,
    slot: number,
    crowd: Crowd,
    score: number,
    before: Uint8Array | undefined,
  ): void {
    const { cases, detector, attempt, header } = this;
    const known = table.open.get(slot);
    if (known === undefined && score < OPEN_SCORE) return;
    const digest = Buffer.from(table.slab.digestOf(slot)).toString('hex');
    const incident = known ?? cases.open(digest, attempt.at, header.attempts);
    const opened = cases.take(
      incident,
      {
        detector: { ...detector, usesPlaces: false },
        score,
        at: attempt.at,
        absent: false,
        mayAct: false,
        origin: 0,
        describe: () => detector.describe(this.state, crowd, attempt, this.settings),
      },
      { ...crowd, digest, events: header.attempts },
    );
    if (incident.episodes.length === 0) return;
    table.open.set(slot, incident);
    const due = closesAt(incident);
    if (header.dueAt === 0 || due < header.dueAt) this.arm(table, slot, due);
    if (opened === undefined || before === undefined) return;
    this.outbox.input({
      findingId: opened,
      detector: detector.id,
      score: roundScore(score),
      kind: 'event',
      at: attempt.at,
      layoutVersion: this.layoutVersion,
      record: before,
      event: TEXT.encoder.encode(JSON.stringify(attempt)),
      context: {},
    });
  }

  private settle(table: CrowdTable, slot: number, until: number): void {
    table.changed = true;
    this.header.dueAt = 0;
    const open = table.open.get(slot);
    if (open === undefined) return;
    if (closesAt(open) <= until && this.cases.close(open, until, table.crowds[slot]!))
      table.open.delete(slot);
    else this.arm(table, slot, Math.max(closesAt(open), until + 1));
  }

  private arm(table: CrowdTable, slot: number, at: number): void {
    this.header.dueAt = at;
    table.heap.push(at, slot);
    if (at < this.nextDueAt) this.nextDueAt = at;
  }

  private lastAtOf(table: CrowdTable, slot: number): number {
    table.bring(this.cursor, slot);
    return this.header.lastAt;
  }

  private mayHave(code: number): boolean {
    const bit = code & ((1 << FILTER_BITS) - 1);
    return (this.filter[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  }

  private remember(code: number): void {
    const bit = code & ((1 << FILTER_BITS) - 1);
    this.filter[bit >>> 3] = this.filter[bit >>> 3]! | (1 << (bit & 7));
  }
}

/** A key that nobody accepted: 401, or 403 where the gateway says so to a key that it does not know. */
export function isFailure(event: ApiEvent): boolean {
  return (
    event.status === 401 || event.auth === AUTH.failed || (event.status === 403 && !event.attested)
  );
}

/** Key group of a network. */
export function groupOfNetwork(network: number): number {
  return identityOf('network', network).digest0 & (KEY_GROUPS - 1);
}

/** Key group of a consumer. */
export function groupOfConsumer(consumer: string): number {
  return identityOf('consumer', hashText(consumer)).digest0 & (KEY_GROUPS - 1);
}

const SEEDS: Readonly<Record<Crowd['kind'], number>> = { network: 0x6e6574, consumer: 0x636f6e };

/** Reused by every look-up: the table copies what it keeps. */
const IDENTITY: Mutable<KeyIdentity> = { id: '', digest0: 0, digest1: 0, digest2: 0, digest3: 0 };
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function identityOf(kind: Crowd['kind'], code: number): KeyIdentity {
  const seed = SEEDS[kind];
  IDENTITY.digest0 = finish(mix32(seed, code)) | 0;
  IDENTITY.digest1 = finish(mix32(seed + 1, code)) | 0;
  IDENTITY.digest2 = code | 0;
  IDENTITY.digest3 = seed;
  return IDENTITY;
}
