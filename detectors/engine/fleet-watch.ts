/**
 * Who deviates together: takes the votes of keys that score, span by span, opens the incident of the fleet or of a
 * consumer when there are enough of them, and says which incidents of keys are part of it.
 *
 * A function of what all engines have told (exchange.ts), so that each of them comes to the same by itself; the
 * one that has the fleet's key group tells it.
 */
import type { Closing } from '../../core/control.ts';
import type { FindingInputs } from '../../core/finding.ts';
import { hashText } from '../../core/hash.ts';
import { type Deviation, type FleetConfig, fleet } from '../fleet.ts';
import type { CaseBook, CaseSubject } from './case-book.ts';
import { ACTIVE_MS, type Vote } from './exchange.ts';
import { byOpening, closesAt, OPEN_SCORE, type OpenIncident } from './incidents.ts';
import type { Outbox } from './outbox.ts';
import { roundScore } from './recompute.ts';

const WINDOW_MS = 300_000;
/** Votes kept of one cause; more than this many keys at once are counted as this many. */
const VOTES_MAX = 4096;
/** Incidents of fleet and consumers open at once. */
const OPEN_MAX = 256;
/** Consumers that must take part before it is the fleet's; with fewer it is the one consumer's own. */
const CONSUMERS_MIN = 3;
/** Share of the votes that one consumer may have in the fleet's. */
const ONE_CONSUMER_MAX = 0.8;

/** From the first vote to the last that was weighed, epoch ms. */
interface Span {
  fromAt: number;
  lastAt: number;
}

/** As JSON. */
export interface SavedFleet {
  readonly votes: readonly Vote[];
  readonly open: readonly (readonly [string, OpenIncident])[];
  readonly spans: readonly (readonly [string, Span])[];
  /** Aged keys in use by consumer, of the last two times five minutes: when they ended, and how many. */
  readonly active: readonly ActiveKeys[];
}

type ActiveKeys = readonly [
  at: number,
  counts: readonly (readonly [consumer: string, keys: number])[],
];

/** The fleet's own name among the consumers. */
const ALL = '';
const TEXT = { encoder: new TextEncoder(), decoder: new TextDecoder() };

export class FleetWatch {
  private readonly config: FleetConfig;
  private readonly cases: CaseBook;
  private readonly outbox: Outbox;
  /** By cause, then by key. */
  private votes = new Map<string, Map<string, Vote>>();
  /** By consumer; the fleet's under ''. */
  readonly open = new Map<string, OpenIncident>();
  /** When a cause was found, by consumer and cause. */
  private spans = new Map<string, Span>();
  private active = new Map<number, Map<string, number>>();
  changed = false;

  constructor(config: FleetConfig, cases: CaseBook, outbox: Outbox) {
    this.config = config;
    this.cases = cases;
    this.outbox = outbox;
  }

  /** Aged keys that were in use within five minutes, by consumer, as one engine counted them. */
  count(at: number, active: readonly (readonly [string, number])[]): void {
    this.changed = true;
    let counts = this.active.get(at);
    if (counts === undefined) {
      counts = new Map();
      this.active.set(at, counts);
      for (const end of this.active.keys()) if (end <= at - 2 * ACTIVE_MS) this.active.delete(end);
    }
    for (const [consumer, keys] of active) counts.set(consumer, (counts.get(consumer) ?? 0) + keys);
  }

  /** Keys that deviated in a span, in order. True when an incident of many keys was opened or raised by them. */
  take(votes: readonly Vote[]): boolean {
    if (!this.config.enabled || votes.length === 0) return false;
    this.changed = true;
    const latest = new Map<string, number>();
    for (const vote of votes) {
      const known = this.votes.get(vote.cause) ?? new Map<string, Vote>();
      this.votes.set(vote.cause, known);
      if (known.has(vote.key) || known.size < VOTES_MAX) known.set(vote.key, vote);
      latest.set(vote.cause, vote.at);
    }
    let isNews = false;
    for (const [cause, at] of latest) {
      const known = this.votes.get(cause)!;
      for (const [key, vote] of known) if (vote.at <= at - WINDOW_MS) known.delete(key);
      if (known.size >= this.config.keysMin && this.weigh(known, cause, at)) isNews = true;
    }
    return isNews;
  }

  /**
   * Id of the open incident that explains what these detectors said of a consumer's key since `openedAt`; undefined
   * when one of them stands alone.
   */
  covering(
    consumer: string,
    causes: readonly string[],
    openedAt: number,
    at: number,
  ): string | undefined {
    for (const name of consumer === ALL ? [ALL] : [ALL, consumer]) {
      const open = this.open.get(name);
      if (open === undefined) continue;
      const covers = (cause: string): boolean => {
        const span = this.spans.get(spanName(name, cause));
        return (
          span !== undefined && openedAt >= span.fromAt - WINDOW_MS && at <= span.lastAt + WINDOW_MS
        );
      };
      if (causes.every(covers)) return open.id;
    }
    return undefined;
  }

  passWatermark(watermark: number): void {
    if (this.open.size === 0) return;
    for (const [name, incident] of this.open) {
      if (closesAt(incident) > watermark) continue;
      this.changed = true;
      if (this.cases.close(incident, watermark, subjectOf(name))) this.forget(name);
    }
  }

  /** See Interventions. */
  resilence(at: number): void {
    const all = [...this.open].sort(([, a], [, b]) => byOpening(a, b));
    for (const [name, open] of all) {
      if (this.cases.resilence(open, subjectOf(name), at)) this.changed = true;
    }
  }

  /** Answers the incident that a person closes where it is one of these. */
  closeBy(closing: Closing, at: number): OpenIncident | undefined {
    for (const [name, open] of this.open) {
      if (open.id !== closing.incident.id) continue;
      this.cases.closeBy(open, closing, subjectOf(name), at);
      this.forget(name);
      return open;
    }
    return undefined;
  }

  private forget(name: string): void {
    this.changed = true;
    this.open.delete(name);
    for (const span of this.spans.keys()) if (span.startsWith(`${name}|`)) this.spans.delete(span);
  }

  save(): SavedFleet {
    this.changed = false;
    return {
      votes: [...this.votes.values()].flatMap((votes) => [...votes.values()]),
      open: [...this.open],
      spans: [...this.spans],
      active: [...this.active].map(([at, counts]) => [at, [...counts]] as const),
    };
  }

  restore(saved: SavedFleet): void {
    for (const vote of saved.votes) {
      const known = this.votes.get(vote.cause) ?? new Map<string, Vote>();
      this.votes.set(vote.cause, known.set(vote.key, vote));
    }
    for (const [name, incident] of saved.open) this.open.set(name, incident);
    this.spans = new Map(saved.spans);
    this.active = new Map(saved.active.map(([at, counts]) => [at, new Map(counts)]));
  }

  recompute(inputs: FindingInputs): number {
    if (inputs.layoutVersion !== LAYOUT_VERSION || inputs.event === null) return 0;
    return fleet.score(JSON.parse(TEXT.decoder.decode(inputs.event)) as Deviation, this.config);
  }

  /** Whether enough keys deviate; of which consumer, or of the fleet. */
  private weigh(votes: ReadonlyMap<string, Vote>, cause: string, at: number): boolean {
    const byConsumer = new Map<string, number>();
    let fromAt = at;
    for (const vote of votes.values()) {
      byConsumer.set(vote.consumer, (byConsumer.get(vote.consumer) ?? 0) + 1);
      fromAt = Math.min(fromAt, vote.at);
    }
    let [most, mostKeys] = [ALL, 0];
    for (const [consumer, keys] of byConsumer)
      if (keys > mostKeys) [most, mostKeys] = [consumer, keys];
    const known = byConsumer.has(ALL) ? Number.POSITIVE_INFINITY : byConsumer.size;
    const isFleet = known >= CONSUMERS_MIN && mostKeys <= ONE_CONSUMER_MAX * votes.size;
    const name = isFleet || most === ALL ? ALL : most;
    const keys = name === ALL ? votes.size : mostKeys;
    const consumers = name === ALL ? byConsumer.size : 1;
    const active = Math.max(keys, this.countActive(name));
    return this.raise(name, { cause, keys, consumers, active, fromAt }, at);
  }

  private raise(name: string, deviation: Deviation, at: number): boolean {
    const score = fleet.score(deviation, this.config);
    const known = this.open.get(name);
    if (score < OPEN_SCORE || (known === undefined && this.open.size >= OPEN_MAX)) return false;
    const subject = subjectOf(name);
    const incident = known ?? this.cases.open(subject.digest, at, deviation.keys);
    const opened = this.cases.take(
      incident,
      {
        detector: fleet,
        score,
        at,
        absent: false,
        mayAct: false,
        origin: 0,
        describe: () => fleet.describe(deviation, name === ALL ? undefined : name),
      },
      { ...subject, events: deviation.keys },
    );
    // It may be allowed, or a false alarm before: then nothing was taken.
    if (incident.episodes.length === 0) return false;
    this.open.set(name, incident);
    if (name === ALL) this.joinConsumers(incident, at);
    const span = this.spans.get(spanName(name, deviation.cause));
    if (span === undefined) {
      this.spans.set(spanName(name, deviation.cause), { fromAt: deviation.fromAt, lastAt: at });
    } else span.lastAt = Math.max(span.lastAt, at);
    if (opened !== undefined) {
      this.outbox.input({
        findingId: opened,
        detector: fleet.id,
        score: roundScore(score),
        kind: 'event',
        at,
        layoutVersion: LAYOUT_VERSION,
        record: new Uint8Array(0),
        event: TEXT.encoder.encode(JSON.stringify(deviation)),
        context: {},
      });
    }
    return true;
  }

  /** What looked like one consumer's own turned out to be the fleet's. */
  private joinConsumers(fleetIncident: OpenIncident, at: number): void {
    for (const [name, open] of this.open) {
      if (name === ALL || open.partOf !== null) continue;
      if (open.openedAt < fleetIncident.openedAt - WINDOW_MS) continue;
      this.cases.join(open, fleetIncident.id, subjectOf(name), at);
    }
  }

  /** Aged keys that were in use in five minutes of late. */
  get activeKeys(): number {
    return this.countActive(ALL);
  }

  /** The more of the last two times five minutes: in an outage the last one has few. */
  private countActive(name: string): number {
    let most = 0;
    for (const counts of this.active.values()) {
      let keys = 0;
      if (name === ALL) for (const n of counts.values()) keys += n;
      else keys = counts.get(name) ?? 0;
      most = Math.max(most, keys);
    }
    return most;
  }
}

const LAYOUT_VERSION = `${fleet.id}@${fleet.version}`;

function spanName(name: string, cause: string): string {
  return `${name}|${cause}`;
}

export function subjectOf(name: string): CaseSubject {
  const kind = name === ALL ? 'fleet' : 'consumer';
  const id = name === ALL ? 'fleet' : name;
  const digest = [0, 1, 2, 3].map((seed) =>
    hashText(`${kind}:${id}`, seed).toString(16).padStart(8, '0'),
  );
  return { kind, id, digest: digest.join(''), events: 0 };
}
