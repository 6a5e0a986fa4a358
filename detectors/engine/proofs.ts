/** What was proven of a key outside of its traffic, applied at its place in the sequence. */

import type { Config } from '../../core/config.ts';
import type { LeakNotice } from '../../core/control.ts';
import { leak } from '../leak.ts';
import { type Docket, subjectAt } from './docket.ts';
import { closesAt, SUSPICION_RISK } from './incidents.ts';
import type { Judge } from './judge.ts';
import { keyFacts } from './key-facts.ts';
import type { KeyGroup } from './key-group.ts';
import type { Outbox } from './outbox.ts';
import { layoutVersion, roundScore } from './recompute.ts';
import { settingsOf } from './settings.ts';
import type { Steering } from './steering.ts';

const DAY_MS = 86_400_000;

export class Proofs {
  private readonly enabled: boolean;
  private readonly docket: Docket;
  private readonly groups: readonly KeyGroup[];
  private readonly judge: Judge;
  private readonly outbox: Outbox;
  private readonly steering: Steering;

  constructor(
    detectors: Config['detectors'],
    docket: Docket,
    groups: readonly KeyGroup[],
    judge: Judge,
    outbox: Outbox,
    steering: Steering,
  ) {
    this.enabled = settingsOf(leak, detectors).enabled;
    this.docket = docket;
    this.groups = groups;
    this.judge = judge;
    this.outbox = outbox;
    this.steering = steering;
  }

  /** Of a key without a record, one meant to be seen, or a report that came before, nothing is told. */
  leaked(notice: LeakNotice, at: number): void {
    if (!this.steering.isNewReport(`${notice.sender} ${notice.deliveryId} ${notice.key}`)) return;
    const group = this.groups.find(({ ids }) => ids.indexOf(notice.key, 1) > 0);
    if (!this.enabled || group === undefined) return;
    const slot = group.ids.indexOf(notice.key, 1);
    if (group.declared[slot]?.entry?.exposure === 'public') return;
    group.bring(this.judge, slot);
    group.markDirty(slot);
    this.judge.face(this.judge.rate.state.second);
    this.open(group, slot, notice, at);
  }

  private open(group: KeyGroup, slot: number, notice: LeakNotice, at: number): void {
    const { docket, judge } = this;
    const { header } = judge;
    const second = Math.floor(at / 1000);
    const record = group.slab.bytesOf(slot);
    // Two reports may come without an event between them: the ids are made of the report too.
    const key = Buffer.from(group.slab.digestOf(slot)).toString('hex');
    const digest = `${key}|${notice.sender}|${notice.deliveryId}`;
    const incident = group.open.get(slot) ?? docket.cases.open(digest, at, header.events);
    const score = leak.score(notice);
    const opened = docket.cases.take(
      incident,
      {
        detector: leak,
        score,
        at,
        absent: false,
        mayAct: true,
        origin: 0,
        describe: () => leak.describe(notice, at),
      },
      {
        ...subjectAt(group, slot),
        digest,
        events: header.events,
        facts: (ids, before) => keyFacts(judge, second, ids, before, group.consumerOf(slot)),
      },
    );
    if (incident.episodes.length === 0) return;
    group.open.set(slot, incident);
    group.openChanged.add(slot);
    // Whoever uses it from now on may be the finder: nothing of it is learned at first.
    if (incident.risk >= SUSPICION_RISK && header.suspectSecond === 0) {
      header.suspectSecond = second;
      header.suspectDay = Math.floor(at / DAY_MS);
    }
    const due = closesAt(incident);
    if (header.dueAt === 0 || due < header.dueAt) docket.arm(group, slot, due);
    if (opened === undefined) return;
    this.outbox.input({
      findingId: opened,
      detector: leak.id,
      score: roundScore(score),
      kind: 'tick',
      at,
      layoutVersion: layoutVersion(judge),
      record,
      event: null,
      context: { leak: notice },
    });
  }
}
