/**
 * Keys that deviate together: takes their votes, and makes their incidents part of the one of the fleet or of a
 * consumer that explains them. `vote` and `countUse` work on the record that the judge stands on.
 */
import type { Config } from '../../core/config.ts';
import type { Detector } from '../detector.ts';
import { fleet } from '../fleet.ts';
import type { CaseBook } from './case-book.ts';
import { ACTIVE_MS } from './exchange.ts';
import { FleetWatch } from './fleet-watch.ts';
import { byOpening, OPEN_SCORE, type OpenIncident } from './incidents.ts';
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import type { Outbox } from './outbox.ts';
import { isShared } from './risk.ts';
import { settingsOf } from './settings.ts';

/** A key that scores as much has a vote; most of them have no finding. */
export const VOTE_SCORE = 2;
/** Age from which a key has a normal life, and so a vote. */
const AGED_HOURS = 48;

interface Joining {
  readonly group: KeyGroup;
  readonly slot: number;
  readonly open: OpenIncident;
  readonly partOf: string;
}

export class SharedCauses {
  readonly fleet: FleetWatch;
  private readonly judge: Judge;
  private readonly groups: readonly KeyGroup[];
  private readonly cases: CaseBook;

  constructor(
    config: Config['detectors'],
    judge: Judge,
    groups: readonly KeyGroup[],
    cases: CaseBook,
    fleetCases: CaseBook,
    outbox: Outbox,
  ) {
    this.judge = judge;
    this.groups = groups;
    this.cases = cases;
    this.fleet = new FleetWatch(settingsOf(fleet, config), fleetCases, outbox);
  }

  /** The key at hand deviates. `after`: what happened before it belongs to closed spans. */
  vote(
    group: KeyGroup,
    slot: number,
    detector: Detector,
    score: number,
    at: number,
    after: number,
  ): void {
    if (!isShared(detector)) return;
    // What judges absence scores by the law of counts alone: below its own threshold that says little.
    if (score < (detector.absence === undefined ? VOTE_SCORE : OPEN_SCORE)) return;
    const { header, rate } = this.judge;
    if (rate.ageHours < AGED_HOURS) return;
    const key = `${header.digest0},${header.digest1}`;
    group.news.vote({ at, key, consumer: group.consumerOf(slot), cause: detector.id }, after);
  }

  /** The key at hand is about to be used: the first time within five minutes it is counted. */
  countUse(group: KeyGroup, slot: number, at: number): void {
    const { header, rate } = this.judge;
    if (Math.floor(header.lastAt / ACTIVE_MS) >= Math.floor(at / ACTIVE_MS)) return;
    if (rate.ageHours >= AGED_HOURS) group.news.inUse(group.consumerOf(slot), at);
  }

  /** The incident of many keys that explains all of an incident and one more detector; null for none. */
  explains(
    group: KeyGroup,
    slot: number,
    { episodes, openedAt }: OpenIncident,
    detector: string,
    at: number,
  ): string | null {
    const causes = [detector, ...episodes.map((episode) => episode.detector)];
    return this.fleet.covering(group.consumerOf(slot), causes, openedAt, at) ?? null;
  }

  /** While many keys fail together, none of those failures speaks of guessing. */
  isSharedFailure(consumer: string, at: number): boolean {
    if (consumer === '' || this.fleet.open.size === 0) return false;
    return this.fleet.covering(consumer, ['error-rate'], at, at) !== undefined;
  }

  /** What is open and explained becomes part of it, and is suspicious no more. */
  joinAll(at: number): void {
    for (const { group: other, slot: i, open, partOf } of this.joining(at)) {
      this.cases.join(open, partOf, { kind: 'key', id: other.ids[i]! }, at);
      other.openChanged.add(i);
      other.bring(this.judge, i);
      this.judge.header.suspectSecond = 0;
      other.markDirty(i);
    }
  }

  /** In an order that does not hang on that of the table. */
  private joining(at: number): Joining[] {
    const found: Joining[] = [];
    for (const group of this.groups) {
      for (const [slot, open] of group.open) {
        if (open.partOf !== null || !open.episodes.every(isShared)) continue;
        const causes = open.episodes.map(({ detector }) => detector);
        const partOf = this.fleet.covering(group.consumerOf(slot), causes, open.openedAt, at);
        if (partOf !== undefined) found.push({ group, slot, open, partOf });
      }
    }
    return found.sort((a, b) => byOpening(a.open, b.open));
  }
}
