/**
 * Closes the spans of event time that the watermark passes, tells what this engine's key groups have to say of them,
 * and lets take effect what all engines have told (exchange.ts), each at its own instant and in order. So it makes no
 * difference whether the watermark moves in one step or in many.
 */
import type { ColdStart } from './cold-start.ts';
import { groupOfConsumer } from './crowds.ts';
import type { Docket } from './docket.ts';
import {
  APPLIES_MS,
  type Failure,
  Inbox,
  type Report,
  type SavedInbox,
  SPAN_MS,
  type SpanFacts,
} from './exchange.ts';
import type { KeyGroup } from './key-group.ts';
import type { Lineage } from './lineage.ts';
import type { GroupFacts, Horizon } from './news.ts';
import type { VariableRoutes } from './variable-routes.ts';

const DAY_MS = 86_400_000;

/** Which part of the key groups an engine has: those with g mod count = index. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export interface SpanParts {
  readonly shard: Shard;
  /** Those of the shard. */
  readonly groups: readonly KeyGroup[];
  /** Of those groups. */
  readonly horizon: Horizon;
  readonly docket: Docket;
  readonly coldStart: ColdStart;
  readonly routes: VariableRoutes;
  readonly lineage: Lineage;
}

/** As JSON. */
export interface SavedSpans {
  readonly closedUpTo: number | null;
  readonly inbox: SavedInbox;
}

export class Spans {
  readonly inbox: Inbox;
  private readonly parts: SpanParts;
  private toldUpTo = Number.NEGATIVE_INFINITY;
  private outgoing: SpanFacts[] = [];

  constructor(parts: SpanParts) {
    this.parts = parts;
    this.inbox = new Inbox(parts.shard.count);
  }

  /** The watermark has come to an instant, epoch ms. */
  pass(watermark: number): void {
    const { docket } = this.parts;
    for (;;) {
      const closing = this.nextClose();
      const applying = this.inbox.firstAt + APPLIES_MS;
      const next = Math.min(closing, applying);
      if (next > watermark) break;
      docket.settleUpTo(next);
      // What was due may have told something of a span that ends before.
      if (this.nextClose() < next) continue;
      if (closing <= applying) this.close(next);
      else this.apply(this.inbox.firstAt);
    }
    docket.settleUpTo(watermark);
    docket.closedUpTo = Math.max(docket.closedUpTo, floorSpan(watermark));
  }

  /**
   * What is to be told since the last call; undefined when it is nothing. `allowed`: where the watermark would stand
   * if it waited for nobody; there is no event before that, so spans in which nothing is due are over as well.
   */
  report(allowed: number): Report | undefined {
    const { docket, shard } = this.parts;
    const quiet = floorSpan(Math.min(allowed, this.nextClose() - 1, docket.nextDueAt));
    const upTo = Math.max(docket.closedUpTo, quiet);
    if (upTo <= this.toldUpTo || !Number.isFinite(upTo)) return undefined;
    docket.closedUpTo = upTo;
    this.toldUpTo = upTo;
    const spans = this.outgoing;
    this.outgoing = [];
    return { shard: shard.index, upTo, spans };
  }

  save(): SavedSpans {
    this.inbox.changed = false;
    const { closedUpTo } = this.parts.docket;
    return {
      closedUpTo: Number.isFinite(closedUpTo) ? closedUpTo : null,
      inbox: this.inbox.save(),
    };
  }

  restore(saved: SavedSpans): void {
    this.parts.docket.closedUpTo = saved.closedUpTo ?? Number.NEGATIVE_INFINITY;
    this.inbox.restore(saved.inbox);
  }

  private nextClose(): number {
    const { coldStart, horizon, lineage, routes } = this.parts;
    return Math.min(horizon.firstAt, coldStart.closesAt, lineage.closesAt, routes.closesAt);
  }

  private close(at: number): void {
    const { coldStart, groups, horizon, lineage, routes, shard } = this.parts;
    const told: GroupFacts[] = [];
    horizon.firstAt = Number.POSITIVE_INFINITY;
    for (const { news } of groups) {
      if (news.firstAt <= at) told.push(news.close(at));
      horizon.firstAt = Math.min(horizon.firstAt, news.firstAt);
    }
    const votes = told.flatMap((one) => one.votes ?? []);
    const failures = told.flatMap((one) => one.failures ?? []);
    const active = summed(told.flatMap((one) => one.active ?? []));
    const words = at >= routes.closesAt ? routes.close(at / DAY_MS - 1) : [];
    const peers = coldStart.close(at);
    const predecessors = lineage.close(at);
    const facts: SpanFacts = {
      at,
      ...(votes.length === 0 ? {} : { votes }),
      ...(failures.length === 0 ? {} : { failures }),
      ...(active.length === 0 ? {} : { active }),
      ...(peers === undefined ? {} : { peers }),
      ...(words.length === 0 ? {} : { words }),
      ...(predecessors === undefined ? {} : { predecessors }),
    };
    this.parts.docket.closedUpTo = at;
    if (shard.count === 1) this.inbox.receive({ shard: 0, upTo: at, spans: [facts] });
    else this.outgoing.push(facts);
  }

  /** What all have told of a span takes effect. */
  private apply(at: number): void {
    const { coldStart, docket, lineage, routes } = this.parts;
    const facts = this.inbox.take();
    const { fleet } = docket.shared;
    for (const { active } of facts) if (active !== undefined) fleet.count(at, active);
    const votes = facts.flatMap((one) => one.votes ?? []);
    votes.sort((a, b) => a.at - b.at || order(a.key, b.key) || order(a.cause, b.cause));
    if (fleet.take(votes)) docket.shared.joinAll(at);
    this.takeFailures(facts.flatMap((one) => one.failures ?? []));
    const days = facts.flatMap(({ peers }) => (peers === undefined ? [] : [peers]));
    if (days[0] !== undefined) {
      coldStart.add(
        days[0].day,
        days.flatMap(({ sample }) => sample),
      );
    }
    const words = facts.flatMap((one) => one.words ?? []);
    if (words.length > 0) routes.add(at / DAY_MS - 1, words);
    for (const { predecessors } of facts) {
      if (predecessors !== undefined) lineage.add(predecessors);
    }
  }

  /** Of the shard's own consumers, for stuffing. */
  private takeFailures(failures: Failure[]): void {
    const { docket, shard } = this.parts;
    failures.sort((a, b) => a.at - b.at || a.network - b.network || order(a.consumer, b.consumer));
    for (const failure of failures) {
      const { at, consumer } = failure;
      if (groupOfConsumer(consumer) % shard.count !== shard.index) continue;
      if (!docket.shared.isSharedFailure(consumer, at)) docket.crowds.observeConsumer(failure);
    }
  }
}

function floorSpan(at: number): number {
  return Math.floor(at / SPAN_MS) * SPAN_MS;
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function summed(counts: readonly (readonly [string, number])[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [name, n] of counts) sums.set(name, (sums.get(name) ?? 0) + n);
  return [...sums];
}
