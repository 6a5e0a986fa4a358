/**
 * Where priors come from and go to: samples keys as their days end, tells the sample when the watermark passes
 * (exchange.ts), and makes the prior of what all have told. Costs an event one comparison.
 */
import type { ControlRecord } from '../../core/store.ts';
import type { SpanFacts } from './exchange.ts';
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import {
  dayClosesAt,
  type PeerSample,
  priorAppliesAt,
  readStarts,
  sampledDay,
  short,
} from './peers.ts';
import { makePrior } from './priors.ts';

const DAY_MS = 86_400_000;
/** A key speaks for others from this age on, and so many days after it was last suspected. */
const AGE_MS = 14 * DAY_MS;
const CALM_DAYS = 14;

/** A control record before the installation has numbered it. */
export type ControlDraft = Omit<ControlRecord, 'sequence'>;

export class ColdStart {
  private readonly groups: readonly KeyGroup[];
  private readonly judge: Judge;
  /** When the first day that was sampled is closed, epoch ms; Infinity without one. */
  closesAt = Number.POSITIVE_INFINITY;
  private made: ControlDraft[] = [];

  constructor(groups: readonly KeyGroup[], judge: Judge) {
    this.groups = groups;
    this.judge = judge;
  }

  /** The key at hand was used on a new day: it may speak for others as it has come to the end of the day before. */
  sample({ peers }: KeyGroup, at: number): void {
    const day = sampledDay(at);
    if (day < 0 || !peers.wants(day, this.judge.header.digest1)) return;
    const sample = peerOf(this.judge, at);
    if (sample === undefined) return;
    peers.add(day, sample);
    this.closesAt = Math.min(this.closesAt, dayClosesAt(day));
  }

  /** Takes out the sample of the day that closes at an instant; undefined where none does. */
  close(at: number): SpanFacts['peers'] {
    if (at < this.closesAt) return undefined;
    const day = this.firstDay();
    const sample = this.groups.flatMap(({ peers }) => peers.take(day));
    this.schedule();
    return { day, sample };
  }

  /** Makes the prior of a day of what all engines have sampled. */
  add(day: number, sample: readonly PeerSample[]): void {
    const prior = makePrior(day, sample);
    if (prior === undefined) return;
    this.judge.peers.table.add(prior);
    this.made.push({ at: priorAppliesAt(day), kind: 'prior', body: { ...prior } });
  }

  /** Control records of the priors made since the last call. */
  drain(): ControlDraft[] {
    const made = this.made;
    this.made = [];
    return made;
  }

  /** After a restore. */
  schedule(): void {
    this.closesAt = dayClosesAt(this.firstDay());
  }

  private firstDay(): number {
    return this.groups.reduce(
      (first, { peers }) => Math.min(first, peers.firstDay),
      Number.POSITIVE_INFINITY,
    );
  }
}

/** The key at hand as it is told to others; undefined where it may not speak for them. */
function peerOf({ header, rate, places, seats, peers }: Judge, at: number): PeerSample | undefined {
  const day = Math.floor(at / DAY_MS);
  if (at - header.firstAt < AGE_MS) return undefined;
  if (header.suspectDay !== 0 && day - header.suspectDay < CALM_DAYS) return undefined;
  const routes = seats.map(({ detector, state }) => detector.routesInFirstMinute?.(state) ?? 0);
  const { ab } = rate.state;
  return {
    ...peers.owner,
    order: header.digest1,
    rate: short(rate.base()),
    routes: Math.max(0, ...routes),
    countries: places.countryCodes(),
    dispersion: Array.from({ length: ab.length }, (_, i) => short(ab.get(i))),
    starts: readStarts(seats),
  };
}
