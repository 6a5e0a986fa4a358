/**
 * What key groups tell each other: the only way in which one subject's past reaches another one.
 *
 * Event time is cut into spans of five seconds. When the watermark passes the end of a span, an engine tells what its
 * groups have to say of it (SpanFacts); what all engines have told of a span takes effect in every one of them when
 * its watermark passes that end by APPLIES_MS. So the effect stands at the same place of each group's sequence,
 * however the groups are shared out, and an engine waits for the others only where it is a minute of event time
 * ahead of them. Spans of which nobody has anything to say are not told.
 */
import type { PeerSample } from './peers.ts';

export const SPAN_MS = 5000;
/** From the end of a span to the instant at which it takes effect, event time. */
export const APPLIES_MS = 60_000;
/** Aged keys in use are counted for so long. A multiple of SPAN_MS. */
export const ACTIVE_MS = 300_000;

/** An aged key deviates. */
export interface Vote {
  /** Epoch ms. */
  readonly at: number;
  /** Stands for the key: its digest, as text. */
  readonly key: string;
  /** '' where nobody knows. */
  readonly consumer: string;
  /** Id of the detector. */
  readonly cause: string;
}

/** A key of a consumer failed to authenticate from a network. */
export interface Failure {
  readonly at: number;
  readonly consumer: string;
  readonly network: number;
}

/** All that one engine has to say of the span that ends at an instant. What is left out is nothing. */
export interface SpanFacts {
  /** End of the span, epoch ms. */
  readonly at: number;
  readonly votes?: readonly Vote[];
  readonly failures?: readonly Failure[];
  /** Aged keys in use within the five minutes that end with the span, by consumer. */
  readonly active?: readonly (readonly [consumer: string, keys: number])[];
  /** Keys that speak for others: of the day that is closed at the end of the span. */
  readonly peers?: { readonly day: number; readonly sample: readonly PeerSample[] };
  /** Words found below parents on the day that ended: bits, base64, by parent (VariableRoutes). */
  readonly words?: readonly (readonly [parent: string, bits: string])[];
  /** Records of keys that others replace, base64, with the layout that they are in. */
  readonly predecessors?: {
    readonly layout: string;
    readonly records: readonly (readonly [id: string, record: string])[];
  };
}

/** A message of an engine to all of them, itself included. */
export interface Report {
  /** Which of the engines. */
  readonly shard: number;
  /** Spans that end at or before this instant are told. */
  readonly upTo: number;
  readonly spans: readonly SpanFacts[];
}

/** As JSON. */
export interface SavedInbox {
  /** By shard; null: it has told nothing yet. */
  readonly upTo: readonly (number | null)[];
  readonly waiting: readonly (readonly [shard: number, facts: SpanFacts])[];
}

/** What has been told, until it takes effect. */
export class Inbox {
  private readonly upTo: number[];
  /** Spans up to here are told by all, epoch ms. */
  completeUpTo = Number.NEGATIVE_INFINITY;
  /** By end of the span, then by shard. */
  private readonly waiting = new Map<number, Map<number, SpanFacts>>();
  /** Earliest end of a span that waits; Infinity for none. */
  firstAt = Number.POSITIVE_INFINITY;
  changed = false;

  constructor(shards: number) {
    this.upTo = new Array<number>(shards).fill(Number.NEGATIVE_INFINITY);
  }

  /** Of a span that a shard tells again the first telling counts: the one that a crash could not take back. */
  receive({ shard, upTo, spans }: Report): void {
    const known = this.upTo[shard];
    if (known === undefined || upTo <= known) return;
    for (const facts of spans) {
      if (facts.at <= known) continue;
      const of = this.waiting.get(facts.at) ?? new Map<number, SpanFacts>();
      of.set(shard, facts);
      this.waiting.set(facts.at, of);
      if (facts.at < this.firstAt) this.firstAt = facts.at;
    }
    this.upTo[shard] = upTo;
    if (known === this.completeUpTo) this.completeUpTo = least(this.upTo);
    this.changed = true;
  }

  /** Nobody waits any longer for who has not told: how many shards that are. */
  giveUp(upTo: number): number {
    let missing = 0;
    for (const [shard, known] of this.upTo.entries()) {
      if (known >= upTo) continue;
      missing++;
      this.upTo[shard] = upTo;
    }
    if (missing > 0) {
      this.completeUpTo = least(this.upTo);
      this.changed = true;
    }
    return missing;
  }

  /** The first span that waits, in order of the shards. */
  take(): readonly SpanFacts[] {
    const of = this.waiting.get(this.firstAt);
    this.waiting.delete(this.firstAt);
    this.firstAt = Math.min(Number.POSITIVE_INFINITY, ...this.waiting.keys());
    this.changed = true;
    return [...(of ?? [])].sort(([a], [b]) => a - b).map(([, facts]) => facts);
  }

  save(): SavedInbox {
    return {
      upTo: this.upTo.map((at) => (Number.isFinite(at) ? at : null)),
      waiting: [...this.waiting.values()].flatMap((of) => [...of]),
    };
  }

  restore(saved: SavedInbox): void {
    for (const [shard, at] of saved.upTo.entries()) {
      this.upTo[shard] = at ?? Number.NEGATIVE_INFINITY;
    }
    this.completeUpTo = least(this.upTo);
    for (const [shard, facts] of saved.waiting) {
      const of = this.waiting.get(facts.at) ?? new Map<number, SpanFacts>();
      of.set(shard, facts);
      this.waiting.set(facts.at, of);
      if (facts.at < this.firstAt) this.firstAt = facts.at;
    }
  }
}

/** End of the span that an instant lies in, epoch ms: the first multiple of SPAN_MS after it. */
export function spanEnd(at: number): number {
  return (Math.floor(at / SPAN_MS) + 1) * SPAN_MS;
}

/** Without the list of arguments that Math.min would be given: every engine asks it for every report. */
function least(numbers: readonly number[]): number {
  let found = Number.POSITIVE_INFINITY;
  for (let i = 0; i < numbers.length; i++) if (numbers[i]! < found) found = numbers[i]!;
  return found;
}
