/**
 * What a key group has to tell of the spans that are not over yet (exchange.ts): a part of its snapshot, bounded.
 */
import { ACTIVE_MS, type Failure, type SpanFacts, spanEnd, type Vote } from './exchange.ts';

/** Votes, and failures, of one span; more are not told. */
const SPAN_MAX = 256;
/** Consumers whose keys in use are counted apart. */
const CONSUMERS_MAX = 1024;

interface Pending {
  readonly votes: Map<string, Vote>;
  readonly failures: Map<string, Failure>;
}

/** As JSON. */
interface Saved {
  readonly spans: readonly (readonly [number, readonly Vote[], readonly Failure[]])[];
  readonly active: readonly (readonly [number, readonly (readonly [string, number])[]])[];
}

/** What one key group has to tell of a span. */
export type GroupFacts = Pick<SpanFacts, 'votes' | 'failures' | 'active'>;

/** Earliest end of a span with something to tell, of all groups of an engine, epoch ms; at most too early. */
export interface Horizon {
  firstAt: number;
}

export class GroupNews {
  private readonly horizon: Horizon;
  changed = false;
  /** Earliest end of a span with something to tell, epoch ms; Infinity for none. */
  firstAt = Number.POSITIVE_INFINITY;
  /** Votes and failures by end of the span. */
  private readonly spans = new Map<number, Pending>();
  /** Aged keys in use by end of the five minutes, then by consumer. */
  private readonly active = new Map<number, Map<string, number>>();

  constructor(horizon: Horizon) {
    this.horizon = horizon;
  }

  /** `after`: spans that end at or before it are closed, and what belongs to them counts for the next. */
  vote(vote: Vote, after: number): void {
    const { votes } = this.spanOf(Math.max(vote.at, after));
    const name = `${vote.cause}|${vote.key}`;
    if (!votes.has(name) && votes.size >= SPAN_MAX) return;
    votes.set(name, vote);
    this.changed = true;
  }

  failure(failure: Failure, after: number): void {
    const { failures } = this.spanOf(Math.max(failure.at, after));
    const name = `${failure.network}|${failure.consumer}`;
    if (failures.has(name) || failures.size >= SPAN_MAX) return;
    failures.set(name, failure);
    this.changed = true;
  }

  /** An aged key is used for the first time in the five minutes around `at`. */
  inUse(consumer: string, at: number): void {
    const end = (Math.floor(at / ACTIVE_MS) + 1) * ACTIVE_MS;
    let counts = this.active.get(end);
    if (counts === undefined) {
      counts = new Map();
      this.active.set(end, counts);
      this.expect(end);
    }
    const known = counts.get(consumer);
    // The overflow counts for the fleet alone.
    const name = known === undefined && counts.size >= CONSUMERS_MAX ? '' : consumer;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    this.changed = true;
  }

  /** Takes out what there is to tell of the span that ends at an instant. */
  close(at: number): GroupFacts {
    const pending = this.spans.get(at);
    const active = this.active.get(at);
    if (pending === undefined && active === undefined) return {};
    this.spans.delete(at);
    this.active.delete(at);
    this.changed = true;
    this.findFirst();
    return {
      ...(pending === undefined
        ? {}
        : { votes: [...pending.votes.values()], failures: [...pending.failures.values()] }),
      ...(active === undefined ? {} : { active: [...active] }),
    };
  }

  bytes(): Uint8Array {
    this.changed = false;
    const saved: Saved = {
      spans: [...this.spans].map(([at, { votes, failures }]) => [
        at,
        [...votes.values()],
        [...failures.values()],
      ]),
      active: [...this.active].map(([at, counts]) => [at, [...counts]]),
    };
    return new TextEncoder().encode(JSON.stringify(saved));
  }

  restore(bytes: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(bytes)) as Saved;
    for (const [at, votes, failures] of saved.spans) {
      this.spans.set(at, {
        votes: new Map(votes.map((vote) => [`${vote.cause}|${vote.key}`, vote])),
        failures: new Map(failures.map((one) => [`${one.network}|${one.consumer}`, one])),
      });
    }
    for (const [at, counts] of saved.active) this.active.set(at, new Map(counts));
    this.findFirst();
  }

  private spanOf(at: number): Pending {
    const end = spanEnd(at);
    let pending = this.spans.get(end);
    if (pending === undefined) {
      pending = { votes: new Map(), failures: new Map() };
      this.spans.set(end, pending);
      this.expect(end);
    }
    return pending;
  }

  private expect(end: number): void {
    if (end < this.firstAt) this.firstAt = end;
    if (end < this.horizon.firstAt) this.horizon.firstAt = end;
  }

  private findFirst(): void {
    this.firstAt = Number.POSITIVE_INFINITY;
    for (const end of this.spans.keys()) this.expect(end);
    for (const end of this.active.keys()) this.expect(end);
  }
}
