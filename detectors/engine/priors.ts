/**
 * Priors: made from the sample of a closed day, and applied from the second day after it. Two steps, as in the
 * distributed form the first is done by one process for all, and what it made travels as a control record.
 */
import type { RecordedPrior } from '../../core/finding.ts';
import { NO_PRIOR, type Prior, priorOf } from '../baselines/prior.ts';
import { type PeerSample, priorAppliesAt } from './peers.ts';

const DAY_MS = 86_400_000;
/** Fewer peers than this have nothing to say. */
const KEYS_MIN = 5;
/** Plans and consumers that have a prior of their own: those with most keys. */
const PLANS_MAX = 16;
const CONSUMERS_MAX = 64;
const COUNTRIES_MAX = 32;
/** Priors kept: the one in force, and those to come. */
const KEPT = 4;

/** The prior of one group of peers: what scores read, and what a new key's record starts with. */
export interface PeerPrior {
  /** Days since the epoch. */
  readonly day: number;
  readonly facts: RecordedPrior;
  /** What the median rate is worth in events: more, the more alike the peers are. 1..4. */
  readonly worth: number;
  readonly dispersion: readonly number[];
  readonly starts: readonly number[];
}

/** Whose a key is, '' where nobody says. */
export interface Owner {
  readonly consumer: string;
  readonly plan: string;
}

/** Body of a `prior` record. */
export interface PriorBody {
  /** Days since the epoch. */
  readonly day: number;
  readonly fleet: PeerPrior;
  readonly plans: Readonly<Record<string, PeerPrior>>;
  readonly consumers: Readonly<Record<string, PeerPrior>>;
}

/** Makes the prior of a day; undefined when there are too few keys. The same for any order of the sample. */
export function makePrior(day: number, sample: readonly PeerSample[]): PriorBody | undefined {
  if (sample.length < KEYS_MIN) return undefined;
  const group = (nameOf: (peer: PeerSample) => string, kind: string, most: number) => {
    const byName = new Map<string, PeerSample[]>();
    for (const peer of sample) {
      const name = nameOf(peer);
      if (name !== '') byName.set(name, [...(byName.get(name) ?? []), peer]);
    }
    const largest = [...byName]
      .filter(([, peers]) => peers.length >= KEYS_MIN)
      .sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
      .slice(0, most);
    return Object.fromEntries(largest.map(([name, peers]) => [name, summarise(day, kind, peers)]));
  };
  return {
    day,
    fleet: summarise(day, 'fleet', sample),
    plans: group((peer) => peer.plan, 'plan', PLANS_MAX),
    consumers: group((peer) => peer.consumer, 'consumer', CONSUMERS_MAX),
  };
}

function summarise(day: number, kind: string, peers: readonly PeerSample[]): PeerPrior {
  const counts = new Map<number, number>();
  for (const { countries } of peers) {
    for (const code of countries) counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const logs = peers.map(({ rate }) => Math.log(rate));
  const middle = median(logs);
  // Robust, as one wild key must not make the rest strangers to each other.
  const spread = 1.4826 * median(logs.map((log) => Math.abs(log - middle)));
  return {
    day,
    facts: {
      version: `${dayName(day)} ${kind}`,
      keys: peers.length,
      rate: median(peers.map(({ rate }) => rate)),
      routesPerMinute: median(peers.flatMap(({ routes }) => (routes > 0 ? [routes] : []))),
      countries: [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, COUNTRIES_MAX),
    },
    worth: Number(Math.min(4, Math.max(1, 1 / (spread * spread + 0.01))).toPrecision(4)),
    dispersion: medians(peers.map(({ dispersion }) => dispersion)),
    starts: medians(peers.map(({ starts }) => starts)),
  };
}

export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function medians(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => median(rows.map((row) => row[i]!)));
}

/** The lower of two in the middle: a value that some key has. 0 of none. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

/** The priors that are known, and who reads which. */
export class PriorTable {
  changed = false;
  private bodies: PriorBody[] = [];
  private made = new Map<PeerPrior, Prior>();

  add(body: PriorBody): void {
    this.bodies = [...this.bodies.filter(({ day }) => day !== body.day), body]
      .sort((a, b) => b.day - a.day)
      .slice(0, KEPT);
    this.made = new Map();
    this.changed = true;
  }

  /** The prior of a key's peers in force at an instant, epoch ms. */
  of({ consumer, plan }: Owner, at: number): PeerPrior | undefined {
    const body = this.bodies.find(({ day }) => priorAppliesAt(day) <= at);
    return body?.consumers[consumer] ?? body?.plans[plan] ?? body?.fleet;
  }

  /** The same as detectors read it. */
  read(owner: Owner, at: number): Prior {
    const found = this.bodies.length === 0 ? undefined : this.of(owner, at);
    if (found === undefined) return NO_PRIOR;
    const prior = this.made.get(found) ?? priorOf(found.facts);
    this.made.set(found, prior);
    return prior;
  }

  /** As JSON. */
  save(): readonly PriorBody[] {
    this.changed = false;
    return this.bodies;
  }

  restore(saved: readonly PriorBody[]): void {
    this.bodies = [...saved];
    this.made = new Map();
  }
}
