/**
 * What is open and what is due, subject by subject: turns scores into findings and incidents, judges absence,
 * and closes what has been quiet. Works on the record that the judge stands on.
 */
import { type ApiEvent, KEY_GROUPS } from '../../core/event.ts';
import { atLeast, type Finding, type Incident } from '../../core/finding.ts';
import { isFrom } from '../baselines/networks.ts';
import type { Detector } from '../detector.ts';
import { stuffing } from '../stuffing.ts';
import { CaseBook, type SubjectId } from './case-book.ts';
import type { EngineOptions } from './contract.ts';
import { Crowds } from './crowds.ts';
import { FirstDue } from './due-heap.ts';
import { subjectOf } from './fleet-watch.ts';
import {
  closesAt,
  incidentClosesAt,
  KEEP_SCORE,
  OPEN_SCORE,
  type OpenIncident,
  SUSPICION_RISK,
} from './incidents.ts';
import type { Judge } from './judge.ts';
import { keyFacts } from './key-facts.ts';
import type { KeyGroup } from './key-group.ts';
import type { Outbox } from './outbox.ts';
import { layoutVersion, roundScore } from './recompute.ts';
import { isShared } from './risk.ts';
import { settingsOf } from './settings.ts';
import { SharedCauses, VOTE_SCORE } from './shared-causes.ts';
import type { Shard } from './spans.ts';
import type { Steering } from './steering.ts';
import type { Streams } from './streams.ts';
import { endSuspicion } from './suspicion.ts';
import { Tally } from './tally.ts';
import { useOf } from './top-uses.ts';

const DAY_MS = 86_400_000;
/** How far ahead absence is looked for, and how soon it is looked for again when nothing is in sight. */
const LOOK_AHEAD_SECONDS = 86_400;
export const LOOK_AGAIN_MS = 6 * 3_600_000;
/** A key silent for longer is not looked at until it speaks. */
const LOOK_UNTIL_MS = 7 * 24 * 3_600_000;

const ENCODER = new TextEncoder();

export class Docket {
  readonly findingCounts: Record<string, number> = {};
  readonly tally = new Tally();
  /** Earliest instant at which something of a key is due, epoch ms. */
  nextDueAt = Number.POSITIVE_INFINITY;
  private readonly firstDue = new FirstDue(KEY_GROUPS);
  /** Spans of event time that end at or before this instant have been told (exchange.ts), epoch ms. */
  closedUpTo = Number.NEGATIVE_INFINITY;
  /** Shared with the subjects that are no keys. */
  readonly cases: CaseBook;
  /** Networks and consumers whose keys fail to authenticate. */
  readonly crowds: Crowds;
  /** Keys that deviate together. */
  readonly shared: SharedCauses;
  private readonly options: EngineOptions;
  private readonly judge: Judge;
  private readonly groups: readonly KeyGroup[];
  private readonly shard: Shard;
  private readonly streams: Streams;
  private readonly outbox: Outbox;

  constructor(
    options: EngineOptions,
    shard: Shard,
    judge: Judge,
    groups: readonly KeyGroup[],
    streams: Streams,
    outbox: Outbox,
    steering: Steering,
  ) {
    this.options = options;
    this.shard = shard;
    this.judge = judge;
    this.groups = groups;
    this.streams = streams;
    this.outbox = outbox;
    const { directory, geographyVersion } = options;
    const facts = { directory, geographyVersion, steering };
    this.cases = new CaseBook({
      ...facts,
      onFinding: (finding) => this.tellFinding(finding),
      onIncident: (incident) => this.tell(incident),
    });
    // Every engine comes to the same conclusion about the fleet, and one of them says so.
    const fleetCases = this.tellsFleet
      ? this.cases
      : new CaseBook({ ...facts, onFinding: () => {}, onIncident: () => {} });
    const { detectors, durable } = options;
    this.crowds = new Crowds(
      stuffing,
      settingsOf(stuffing, detectors),
      this.cases,
      outbox,
      durable,
    );
    this.shared = new SharedCauses(detectors, judge, groups, this.cases, fleetCases, outbox);
  }

  /** Whether this engine has the fleet's key group. */
  private get tellsFleet(): boolean {
    return this.shard.index === 0;
  }

  get open(): number {
    return this.tally.open;
  }

  openIncidents(): Incident[] {
    return [...this.everyOpen()].map(([open, subject]) => this.cases.line(open, subject));
  }

  private *everyOpen(): Generator<readonly [OpenIncident, SubjectId]> {
    for (const group of this.groups)
      for (const [slot, open] of group.open) yield [open, subjectAt(group, slot)];
    yield* this.crowds.open();
    if (!this.tellsFleet) return;
    for (const [name, open] of this.shared.fleet.open) yield [open, subjectOf(name)];
  }

  /** After a restore: what was open and due is so again. */
  resume(): void {
    for (const group of this.groups) {
      this.firstDue.at[group.index] = group.heap.first;
    }
    this.nextDueAt = this.firstDue.least();
    for (const [open] of this.everyOpen()) this.tally.resume(open.id);
  }

  /** The subject spoke: an absence is over, and its finding closes after quiet. */
  spoke(group: KeyGroup, slot: number, at: number): void {
    const incident = group.open.get(slot);
    if (incident === undefined) return;
    for (const episode of incident.episodes) {
      if (!episode.absent) continue;
      episode.absent = false;
      episode.lastAt = Math.max(episode.lastAt, at);
      group.openChanged.add(slot);
    }
  }

  /** The subject was used while an incident of it may be open. */
  witness(group: KeyGroup, slot: number, event: ApiEvent): void {
    this.spoke(group, slot, event.at);
    const incident = group.open.get(slot);
    if (incident === undefined || incident.move === null) return;
    const use = { event, second: this.judge.subject.second, rate: this.judge.rate.lambda };
    this.cases.witness(incident, use, subjectAt(group, slot));
    group.openChanged.add(slot);
    // Who moved shall be known at the new place, not held off from it.
    if (incident.migration) this.judge.header.suspectSecond = 0;
  }

  /** Takes the scores of the event at hand into the subject's incident. */
  raise(group: KeyGroup, slot: number, event: ApiEvent): void {
    const { scores, seats } = this.judge;
    for (let i = 0; i < seats.length; i++) {
      const score = scores[i]!;
      if (score < VOTE_SCORE) continue;
      const { detector } = seats[i]!;
      this.shared.vote(group, slot, detector, score, event.at, this.closedUpTo);
      if (score < KEEP_SCORE) continue;
      const open = group.open.get(slot);
      if (open === undefined && score < OPEN_SCORE) continue;
      const opened = this.take(group, slot, open, detector, score, event.at, event);
      if (opened === undefined || !this.options.durable) continue;
      this.outbox.input({
        findingId: opened,
        detector: detector.id,
        score: roundScore(score),
        kind: 'event',
        at: event.at,
        layoutVersion: layoutVersion(this.judge),
        record: group.slab.scratchCopy(),
        event: ENCODER.encode(JSON.stringify(event)),
        context: this.judge.context(detector, event.at),
      });
    }
  }

  /** `event` undefined: an absence. Answers the id of a finding that was opened. */
  private take(
    group: KeyGroup,
    slot: number,
    open: OpenIncident | undefined,
    detector: Detector,
    score: number,
    at: number,
    event: ApiEvent | undefined,
  ): string | undefined {
    const { judge } = this;
    const { header, subject } = judge;
    const digest = hex(group.slab.digestOf(slot));
    const incident = open ?? this.cases.open(digest, at, header.events);
    const seat = judge.seats.find((other) => other.detector === detector)!;
    const mayShare = score >= OPEN_SCORE && isShared(detector);
    const opened = this.cases.take(
      incident,
      {
        detector,
        score,
        at,
        absent: event === undefined,
        prior: judge.peers.versionFor(detector, header, subject.second * 1000),
        mayAct: event === undefined || (event.mayAct && event.attested),
        origin: event === undefined ? 0 : this.originOf(event, incident),
        partOf: mayShare ? this.shared.explains(group, slot, incident, detector.id, at) : undefined,
        ...(event === undefined
          ? {}
          : {
              place: { country: event.place.country, network: event.network },
              use: () => useOf(event),
            }),
        describe: () => {
          const second = Math.floor(at / 1000);
          const evidence =
            event === undefined
              ? detector.absence!.describeAt(subject, seat.state, second, seat.settings)
              : detector.describe(seat.state, event, subject, seat.settings);
          return judge.exceptions.noted(evidence, detector.id, second);
        },
      },
      {
        ...subjectAt(group, slot),
        digest,
        events: header.events,
        facts: (ids, before) =>
          keyFacts(judge, Math.floor(at / 1000), ids, before, group.consumerOf(slot)),
      },
    );
    if (incident.episodes.length === 0) return undefined;
    if (open === undefined) group.open.set(slot, incident);
    group.openChanged.add(slot);
    // A claim accuses nobody: or who only knows a key's id could keep it from learning.
    const isProven = event === undefined || event.attested;
    const isSuspect = isProven && incident.risk >= SUSPICION_RISK && !incident.migration;
    if (isSuspect && header.suspectSecond === 0) {
      header.suspectSecond = Math.floor(at / 1000);
      header.suspectDay = Math.floor(at / DAY_MS);
      subject.weight = 0;
    }
    const due = closesAt(incident);
    if (header.dueAt === 0 || due < header.dueAt) this.arm(group, slot, due);
    return opened;
  }

  /** The network that the incident knows as new stays so while it is open. */
  private originOf(event: ApiEvent, { move }: OpenIncident): number {
    if (move !== null && isFrom(event, move.origin)) return move.origin;
    return this.judge.networks.originOf(event);
  }

  arm(group: KeyGroup, slot: number, at: number): void {
    this.judge.header.dueAt = at;
    group.heap.push(at, slot);
    this.firstDue.note(group.index, at);
    if (at < this.nextDueAt) this.nextDueAt = at;
  }

  /** Judges absence, and closes what is due, up to an instant that the watermark has come to. */
  settleUpTo(at: number): void {
    this.shared.fleet.passWatermark(at);
    this.crowds.passWatermark(at);
    if (at < this.nextDueAt) return;
    for (let i = 0; i < KEY_GROUPS; i++) {
      if (this.firstDue.at[i]! <= at) this.settleGroup(this.groups[i]!, at);
    }
    this.nextDueAt = this.firstDue.least();
  }

  private settleGroup(group: KeyGroup, at: number): void {
    while (group.heap.first <= at) {
      const slot = group.heap.pop();
      group.bring(this.judge, slot);
      const { dueAt } = this.judge.header;
      // An older entry of a subject that was armed again since, or of a slot given to another key.
      if (dueAt === 0 || dueAt > at) continue;
      if (this.options.durable) group.markDirty(slot);
      // Each at its own instant: it must not matter how far the watermark has moved at once.
      this.settle(group, slot, dueAt);
    }
    this.firstDue.at[group.index] = group.heap.first;
  }

  /** What is due of the subject before its event is settled first, each at its own instant. */
  settleBefore(group: KeyGroup, slot: number, event: ApiEvent): void {
    const { header } = this.judge;
    while (header.dueAt !== 0 && header.dueAt <= event.at) this.settle(group, slot, header.dueAt);
    if (this.judge.suspectsAbsence(event)) this.settle(group, slot, event.at);
  }

  /**
   * Judges absence and closes what is due of the subject at hand, up to an instant, and arms it anew. The end of an
   * incident may roll the baseline back, so what was absent before it is judged before it.
   */
  settle(group: KeyGroup, slot: number, until: number): void {
    const open = group.open.get(slot);
    if (open !== undefined) {
      const closeAt = incidentClosesAt(open);
      if (closeAt < until) this.settleUntil(group, slot, closeAt);
    }
    this.settleUntil(group, slot, until);
  }

  private settleUntil(group: KeyGroup, slot: number, until: number): void {
    const { judge } = this;
    const { header } = judge;
    judge.face(judge.rate.state.second);
    let next = Number.POSITIVE_INFINITY;
    for (const { absence, detector, settings, state } of judge.absenceSeats) {
      const isAbsent = group.open
        .get(slot)
        ?.episodes.some((e) => e.detector === detector.id && e.absent && e.closedAt === null);
      if (isAbsent) continue;
      if (!absence.ready(judge.subject, settings) || !this.streams.isLive(header.source)) {
        next = Math.min(next, until + LOOK_AGAIN_MS);
        continue;
      }
      // One look ahead tells both: whether it is remarkable by now, and when it will be.
      const second = Math.floor(until / 1000);
      const found = absence.find(judge.subject, state, second + LOOK_AHEAD_SECONDS, settings);
      if (found > 0 && found <= second) {
        this.raiseAbsence(group, slot, detector, absence.scoreAt(), found * 1000);
      } else if (found > 0) next = Math.min(next, found * 1000);
      else if (until - header.lastAt < LOOK_UNTIL_MS) next = Math.min(next, until + LOOK_AGAIN_MS);
    }
    this.closeDue(group, slot, until);
    const open = group.open.get(slot);
    if (open !== undefined) next = Math.min(next, closesAt(open));
    header.dueAt = 0;
    if (Number.isFinite(next)) this.arm(group, slot, Math.max(next, until + 1));
  }

  private raiseAbsence(
    group: KeyGroup,
    slot: number,
    detector: Detector,
    score: number,
    at: number,
  ): void {
    this.closeDue(group, slot, at);
    this.shared.vote(group, slot, detector, score, at, this.closedUpTo);
    const record = this.options.durable ? group.slab.bytesOf(slot) : undefined;
    const opened = this.take(group, slot, group.open.get(slot), detector, score, at, undefined);
    if (opened === undefined || record === undefined) return;
    this.outbox.input({
      findingId: opened,
      detector: detector.id,
      score: roundScore(score),
      kind: 'tick',
      at,
      layoutVersion: layoutVersion(this.judge),
      record,
      event: null,
      context: this.judge.context(detector, at),
    });
  }

  private closeDue(group: KeyGroup, slot: number, until: number): void {
    const open = group.open.get(slot);
    if (open === undefined || closesAt(open) > until) return;
    group.openChanged.add(slot);
    if (!this.cases.close(open, until, subjectAt(group, slot))) return;
    group.open.delete(slot);
    // For want of a person who says so: what was high and has ended was bad.
    const end = atLeast(open.severity, 'high') ? 'high' : 'lower';
    endSuspicion(this.judge, open.closedAt ?? until, end);
  }

  tell(incident: Incident): void {
    this.tally.count(incident);
    this.outbox.incident(incident);
    this.options.onIncident(incident);
  }

  private tellFinding(finding: Finding): void {
    if (finding.revision === 1) {
      this.findingCounts[finding.detector] = (this.findingCounts[finding.detector] ?? 0) + 1;
    }
    this.outbox.finding(finding);
    this.options.onFinding(finding);
  }
}

export function subjectAt(group: KeyGroup, slot: number): SubjectId {
  return { kind: 'key', id: group.ids[slot]!, consumer: group.consumerOf(slot) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
