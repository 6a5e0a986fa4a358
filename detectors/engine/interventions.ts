/**
 * What is no traffic, applied at its place in the sequence: rules that people change, incidents that somebody closes,
 * whoever the subject is, what was done at gateways, and what others have proven.
 */
import type {
  Closing,
  Innocent,
  LeakNotice,
  RuleChange,
  WatchRequest,
} from '../../core/control.ts';
import { aboutOf } from '../../core/finding.ts';
import type { ControlRecord } from '../../core/store.ts';
import type { Containment } from './containment.ts';
import { type Docket, subjectAt } from './docket.ts';
import { byOpening, closesAt, type OpenIncident } from './incidents.ts';
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import type { Proofs } from './proofs.ts';
import type { Shard } from './spans.ts';
import type { Steering } from './steering.ts';
import { endSuspicion } from './suspicion.ts';

const HANDLED: readonly ControlRecord['kind'][] = ['silence', 'allow', 'close', 'action', 'leak'];

export class Interventions {
  private readonly docket: Docket;
  private readonly groups: readonly KeyGroup[];
  private readonly judge: Judge;
  private readonly steering: Steering;
  private readonly shard: Shard;
  private readonly containment: Containment;
  private readonly proofs: Proofs;

  constructor(
    docket: Docket,
    groups: readonly KeyGroup[],
    judge: Judge,
    steering: Steering,
    shard: Shard,
    containment: Containment,
    proofs: Proofs,
  ) {
    this.docket = docket;
    this.groups = groups;
    this.judge = judge;
    this.steering = steering;
    this.shard = shard;
    this.containment = containment;
    this.proofs = proofs;
  }

  control({ kind, at, sequence, body }: ControlRecord): void {
    if (!HANDLED.includes(kind) || !this.steering.begins(sequence)) return;
    if (kind === 'action') this.watch(body as unknown as WatchRequest);
    else if (kind === 'close') this.close(body as unknown as Closing, at);
    else if (kind === 'leak') this.leaked(body as unknown as LeakNotice, at);
    else {
      this.steering.change(body as unknown as RuleChange, at);
      this.resilence(at);
    }
  }

  /** What is open may be silenced now, or no longer. Told in an order that does not hang on that of the tables. */
  private resilence(at: number): void {
    const { cases, crowds, shared } = this.docket;
    const all = this.groups.flatMap((group) =>
      [...group.open].map(([slot, open]) => ({ group, slot, open })),
    );
    for (const { group, slot, open } of all.sort((a, b) => byOpening(a.open, b.open))) {
      if (!cases.resilence(open, subjectAt(group, slot), at)) continue;
      group.openChanged.add(slot);
      group.markDirty(slot);
      group.bring(this.judge, slot);
      const due = closesAt(open);
      const { dueAt } = this.judge.header;
      if (dueAt === 0 || due < dueAt) this.docket.arm(group, slot, due);
    }
    crowds.resilence(at);
    shared.fleet.resilence(at);
  }

  /** Also of an incident that closed by itself: people look at what happened at night in the morning. */
  private close(closing: Closing, at: number): void {
    const { as, by, reason, incident, untilAt } = closing;
    const { tally } = this.docket;
    const isOurs = this.isOurs(closing);
    if (isOurs) tally.closedAs[as]++;
    const open = this.closeOpen(closing, at);
    if (open === undefined && isOurs) {
      const revision = incident.revision + 1;
      this.docket.tell({ ...incident, revision, closedAs: as, closedBy: by, closedReason: reason });
    }
    if (as !== 'false-alarm') return;
    // Of many keys together every engine finds by itself, whoever tells it.
    const { kind } = incident.subject;
    if (!isOurs && kind !== 'fleet' && kind !== 'consumer') return;
    const evidence = open === undefined ? closing.evidence : open.episodes.map(innocent);
    this.steering.falseAlarms.remember(incident.subject.id, evidence, at, untilAt);
  }

  private leaked(notice: LeakNotice, at: number): void {
    if (this.isOurs(notice)) this.proofs.leaked(notice, at);
  }

  private watch(request: WatchRequest): void {
    if (this.isOurs(request)) this.containment.begin(request, this.lastUseOf(request.key));
  }

  private lastUseOf(key: string): number | null {
    for (const group of this.groups) {
      const slot = group.ids.indexOf(key, 1);
      if (slot <= 0) continue;
      group.bring(this.judge, slot);
      return this.judge.header.lastAt;
    }
    return null;
  }

  /** Of the engines that share the key groups one counts it, and tells it again when it is closed already. */
  private isOurs({ group }: Pick<Closing, 'group'>): boolean {
    return group === undefined || group % this.shard.count === this.shard.index;
  }

  /** Answers the incident where it was open. */
  private closeOpen(closing: Closing, at: number): OpenIncident | undefined {
    const { cases, crowds, shared } = this.docket;
    const { id } = closing.incident;
    for (const group of this.groups) {
      for (const [slot, open] of group.open) {
        if (open.id !== id) continue;
        cases.closeBy(open, closing, subjectAt(group, slot), at);
        group.open.delete(slot);
        group.openChanged.add(slot);
        group.markDirty(slot);
        group.bring(this.judge, slot);
        endSuspicion(this.judge, at, closing.as === 'resolved' ? 'bad' : 'innocent');
        return open;
      }
    }
    return crowds.closeBy(closing, at) ?? shared.fleet.closeBy(closing, at);
  }
}

function innocent(episode: OpenIncident['episodes'][number]): Innocent {
  return { detector: episode.detector, about: aboutOf(episode), score: episode.score };
}
