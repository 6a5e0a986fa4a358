/**
 * Who deviates together: collects the votes of keys that score, opens the incident of the fleet or of a consumer
 * when there are enough of them, and says which incidents of keys are part of it.
 *
 * All of it is a function of the sequence: votes are kept by event time for five minutes, and looked at when one
 * comes. In the distributed form the votes of a key group travel as events of the consumer and the fleet.
 */
import type { Closing } from '../../core/control.ts';
import type { FindingInputs } from '../../core/finding.ts';
import { hashText } from '../../core/hash.ts';
import { type Deviation, type FleetConfig, fleet } from '../fleet.ts';
import type { CaseBook, CaseSubject } from './case-book.ts';
import { byOpening, closesAt, OPEN_SCORE, type OpenIncident } from './incidents.ts';
import type { Outbox } from './outbox.ts';
import { roundScore } from './recompute.ts';

const SPAN_MS = 300_000;
/** Votes are weighed at most this often, in event time. */
const LOOK_MS = 1000;
/** Votes kept of one cause; more than this many keys at once are counted as this many. */
const VOTES_MAX = 4096;
/** Incidents of fleet and consumers open at once. */
const OPEN_MAX = 256;
/** Consumers that must take part before it is the fleet's; with fewer it is the one consumer's own. */
const CONSUMERS_MIN = 3;
/** Share of the votes that one consumer may have in the fleet's. */
const ONE_CONSUMER_MAX = 0.8;

interface Vote {
  readonly at: number;
  readonly consumer: string;
}

/** From the first vote to the last that was weighed, epoch ms. */
interface Span {
  fromAt: number;
  lastAt: number;
}

/** As JSON. */
export interface SavedFleet {
  readonly votes: readonly (readonly [string, readonly (readonly [string, Vote])[]])[];
  readonly open: readonly (readonly [string, OpenIncident])[];
  readonly spans: readonly (readonly [string, Span])[];
  readonly lookedAt: readonly (readonly [string, number])[];
  readonly counted: readonly (readonly [string, { at: number; active: number }])[];
}

/** How many aged keys were in use since an instant: of a consumer, or of all. */
export type ActiveKeys = (consumer: string | undefined, since: number) => number;

/** The fleet's own name among the consumers. */
const ALL = '';
const TEXT = { encoder: new TextEncoder(), decoder: new TextDecoder() };

export class FleetWatch {
  private readonly config: FleetConfig;
  private readonly cases: CaseBook;
  private readonly outbox: Outbox;
  private readonly activeKeys: ActiveKeys;
  /** By cause, then by key. */
  private votes = new Map<string, Map<string, Vote>>();
  /** By consumer; the fleet's under ''. */
  readonly open = new Map<string, OpenIncident>();
  /** When a cause was found, by consumer and cause. */
  private spans = new Map<string, Span>();
  private lookedAt = new Map<string, number>();
  private counted = new Map<string, { at: number; active: number }>();

  constructor(config: FleetConfig, cases: CaseBook, outbox: Outbox, activeKeys: ActiveKeys) {
    this.config = config;
    this.cases = cases;
    this.outbox = outbox;
    this.activeKeys = activeKeys;
  }

  /** An aged key deviates. True when an incident of many keys was opened or raised by it. */
  vote(key: string, consumer: string, cause: string, at: number): boolean {
    if (!this.config.enabled) return false;
    let votes = this.votes.get(cause);
    if (votes === undefined) {
      votes = new Map();
      this.votes.set(cause, votes);
    }
    if (votes.has(key) || votes.size < VOTES_MAX) votes.set(key, { at, consumer });
    const { keysMin } = this.config;
    if (votes.size < keysMin || at < (this.lookedAt.get(cause) ?? 0) + LOOK_MS) return false;
    this.lookedAt.set(cause, at);
    for (const [name, vote] of votes) if (vote.at <= at - SPAN_MS) votes.delete(name);
    return votes.size >= keysMin && this.weigh(votes, cause, at);
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
          span !== undefined && openedAt >= span.fromAt - SPAN_MS && at <= span.lastAt + SPAN_MS
        );
      };
      if (causes.every(covers)) return open.id;
    }
    return undefined;
  }

  passWatermark(watermark: number): void {
    for (const [name, incident] of this.open) {
      if (closesAt(incident) > watermark) continue;
      if (this.cases.close(incident, watermark, subjectOf(name))) this.forget(name);
    }
  }

  /** See Interventions. */
  resilence(at: number): void {
    const all = [...this.open].sort(([, a], [, b]) => byOpening(a, b));
    for (const [name, open] of all) this.cases.resilence(open, subjectOf(name), at);
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
    this.open.delete(name);
    for (const span of this.spans.keys()) if (span.startsWith(`${name}|`)) this.spans.delete(span);
  }

  save(): SavedFleet {
    return {
      votes: [...this.votes].map(([cause, votes]) => [cause, [...votes]] as const),
      open: [...this.open],
      spans: [...this.spans],
      lookedAt: [...this.lookedAt],
      counted: [...this.counted],
    };
  }

  restore(saved: SavedFleet): void {
    this.votes = new Map(saved.votes.map(([cause, votes]) => [cause, new Map(votes)]));
    for (const [name, incident] of saved.open) this.open.set(name, incident);
    this.spans = new Map(saved.spans);
    this.lookedAt = new Map(saved.lookedAt);
    this.counted = new Map(saved.counted);
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
    const active = Math.max(keys, this.countActive(name, at));
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
      if (open.openedAt < fleetIncident.openedAt - SPAN_MS) continue;
      this.cases.join(open, fleetIncident.id, subjectOf(name), at);
    }
  }

  /** Looking at every record is dear: the number is kept for five minutes. */
  private countActive(name: string, at: number): number {
    const known = this.counted.get(name);
    if (known !== undefined && at < known.at + SPAN_MS) return known.active;
    const active = this.activeKeys(name === ALL ? undefined : name, at - SPAN_MS);
    if (this.counted.size >= OPEN_MAX) this.counted.clear();
    this.counted.set(name, { at, active });
    return active;
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
