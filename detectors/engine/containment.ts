/**
 * Whether an action is in effect, told from the key's own stream: contained, no traffic, or NOT contained with what
 * still gets through; after an undo, whether the key is accepted again (design.md §6).
 *
 * Event time only, at the key's own events or when the watermark passes, each at its own instant: the same verdicts in
 * every run. It is told as soon as the first request past the bound says so, and again when a later one says otherwise.
 * A key is watched until the action is undone; while none is, an event costs one comparison.
 */
import type { WatchOutcome, WatchRequest, WatchVerdict } from '../../core/control.ts';
import type { ApiEvent } from '../../core/event.ts';
import { departureOf } from '../../core/key-profile.ts';
import { LIMITED_BY } from '../../core/record.ts';
import { countTop, joinTops, type TopUses, useOf } from './top-uses.ts';

/** Without a request that should have been refused for this long after the bound, there is none. */
const QUIET_MS = 60_000;
/** Requests that began this much before the gateway confirmed may have met the action already. */
const GRACE_MS = 5000;
/** A token bucket lets pass up to twice its limit in a window, and nodes share it unevenly for a while. */
const LIMIT_SLACK = 2.2;
/** The oldest gives way. */
const WATCHES_MAX = 10_000;
const RETELL_FACTOR = 10;

/** As JSON. */
interface Watch {
  readonly request: WatchRequest;
  readonly fromAt: number;
  told: WatchOutcome | null;
  lastAcceptedAt: number | null;
  /** Requests of the key past the bound, since the last wrong one. */
  seen: number;
  /** See WatchVerdict, and how many of them were told. */
  wrong: number;
  wrongTold: number;
  top: TopUses;
  /** When it is judged without an event, epoch ms; null: not before the next one. */
  dueAt: number | null;
  /** Throttles: the window at hand and what was accepted in it. */
  window: number;
  accepted: number;
}

export interface SavedWatches {
  readonly watches: readonly Watch[];
}

export class Containment {
  changed = false;
  /** Watches that gave way to newer ones. */
  dropped = 0;
  private watches = new Map<string, Watch[]>();
  private count = 0;
  private nextDueAt = Number.POSITIVE_INFINITY;
  private readonly onVerdict: (verdict: WatchVerdict) => void;

  constructor(onVerdict: (verdict: WatchVerdict) => void = () => {}) {
    this.onVerdict = onVerdict;
  }

  /** False: nothing is watched, and nobody needs to call `see`. */
  get isWatching(): boolean {
    return this.count > 0;
  }

  /** `lastAt`: last use of the key before, epoch ms. The same request again changes nothing. */
  begin(request: WatchRequest, lastAt: number | null): void {
    const watches = this.watches.get(request.key) ?? [];
    const known = watches.find(({ request: other }) => other.action === request.action);
    if (known?.request.kind === request.kind && known.request.at === request.at) return;
    this.changed = true;
    const { action, gateway, key } = request;
    if (request.kind === 'undone' && watches.some((watch) => supersedes(watch, request))) {
      // Something else holds there by now: whether the key is accepted says nothing of this one.
      this.keep(
        key,
        watches.filter((watch) => watch.request.action !== action),
      );
      return;
    }
    this.keep(
      key,
      watches.filter((watch) => watch.request.gateway !== gateway),
    );
    if (this.count >= WATCHES_MAX) this.dropOldest();
    const fromAt = request.at + request.boundMs;
    const { rung, limit, kind } = request;
    const isLimit = kind === 'applied' && isThrottle(rung) && limit !== undefined;
    const watch: Watch = {
      request,
      fromAt,
      told: null,
      lastAcceptedAt: known?.lastAcceptedAt ?? lastAt,
      seen: 0,
      wrong: 0,
      wrongTold: 0,
      top: [],
      dueAt: fromAt + Math.max(QUIET_MS, isLimit ? limit.windowMs : 0),
      window: 0,
      accepted: 0,
    };
    this.keep(key, [...(this.watches.get(key) ?? []), watch]);
    this.arm(watch);
  }

  /** Takes an event of any key. True when it was refused by what we did: it teaches nothing, and accuses nobody. */
  see(event: ApiEvent): boolean {
    const watches = this.watches.get(event.key.id);
    if (watches === undefined) return false;
    let isOurs = false;
    this.changed = true;
    for (const watch of watches) {
      this.settle(watch, event.at);
      if (this.isOver(watch)) continue;
      isOurs ||= refusedByUs(watch, event);
      this.take(watch, event);
    }
    this.sweep(event.key.id);
    return isOurs;
  }

  /** Judges what has become clear by the absence of requests. */
  passWatermark(watermark: number): void {
    if (watermark < this.nextDueAt) return;
    const due: Watch[] = [];
    for (const watches of this.watches.values()) {
      for (const watch of watches) if ((watch.dueAt ?? Infinity) <= watermark) due.push(watch);
    }
    due.sort((a, b) => a.dueAt! - b.dueAt! || (a.request.action < b.request.action ? -1 : 1));
    for (const watch of due) {
      this.settle(watch, watermark);
      this.sweep(watch.request.key);
    }
    this.nextDueAt = Number.POSITIVE_INFINITY;
    for (const watches of this.watches.values()) for (const watch of watches) this.arm(watch);
  }

  save(): SavedWatches {
    this.changed = false;
    return { watches: [...this.watches.values()].flat() };
  }

  restore({ watches }: SavedWatches): void {
    this.watches = new Map();
    this.count = 0;
    for (const watch of watches) {
      const { key } = watch.request;
      this.keep(key, [...(this.watches.get(key) ?? []), watch]);
      this.arm(watch);
    }
  }

  private take(watch: Watch, event: ApiEvent): void {
    const { at } = event;
    const isAccepted = event.attested && !isRefused(event);
    if (isAccepted) watch.lastAcceptedAt = Math.max(watch.lastAcceptedAt ?? at, at);
    if (at < watch.fromAt) return;
    if (watch.request.kind === 'undone') {
      if (isAccepted) this.tell(watch, 'restored', at);
      else if (refuses(watch, event)) this.note(watch, event);
      return;
    }
    watch.seen++;
    if (isAccepted && this.isWrong(watch, event)) {
      this.note(watch, event);
      watch.seen = 0;
      watch.dueAt = at + QUIET_MS;
      this.arm(watch);
      const isNews = watch.told !== 'not-contained';
      if (isNews || watch.wrong >= RETELL_FACTOR * watch.wrongTold) {
        this.tell(watch, 'not-contained', at);
      }
    } else if (watch.told !== 'not-contained' && refuses(watch, event)) {
      this.tellNews(watch, 'contained', at);
    }
  }

  /** An accepted request past the bound that the action should have refused. */
  private isWrong(watch: Watch, event: ApiEvent): boolean {
    const { rung, limit, profile } = watch.request;
    if (rung === 'contain' && profile !== undefined) {
      return departureOf(profile, event) !== undefined;
    }
    if (!isThrottle(rung)) return true;
    if (limit === undefined) return false;
    const window = Math.floor((event.at - watch.fromAt) / limit.windowMs);
    if (window !== watch.window) {
      watch.window = window;
      watch.accepted = 0;
    }
    watch.accepted++;
    return watch.accepted > LIMIT_SLACK * limit.requests + 1;
  }

  private note(watch: Watch, event: ApiEvent): void {
    watch.wrong++;
    countTop(watch.top, useOf(event));
  }

  /** What was due before an instant is judged at its own. */
  private settle(watch: Watch, until: number): void {
    if (watch.dueAt === null || watch.dueAt > until) return;
    const at = watch.dueAt;
    watch.dueAt = null;
    this.changed = true;
    if (watch.request.kind === 'undone') {
      this.tell(watch, watch.wrong > 0 ? 'not-restored' : 'no-traffic', at);
    } else this.tellNews(watch, watch.seen > 0 ? 'contained' : 'no-traffic', at);
  }

  private tellNews(watch: Watch, outcome: WatchOutcome, at: number): void {
    // Contained stays so when the traffic ends.
    if (watch.told === outcome || (watch.told === 'contained' && outcome === 'no-traffic')) return;
    this.tell(watch, outcome, at);
  }

  private tell(watch: Watch, outcome: WatchOutcome, at: number): void {
    const { action, key, gateway, kind } = watch.request;
    const { lastAcceptedAt, wrong } = watch;
    watch.told = outcome;
    watch.wrongTold = wrong;
    const uses = joinTops([watch.top]);
    this.onVerdict({ action, key, gateway, kind, outcome, at, lastAcceptedAt, wrong, uses });
  }

  private isOver({ request, told }: Watch): boolean {
    return request.kind === 'undone' && told !== null;
  }

  private sweep(key: string): void {
    const watches = this.watches.get(key);
    if (watches?.some((watch) => this.isOver(watch))) {
      this.keep(
        key,
        watches.filter((watch) => !this.isOver(watch)),
      );
    }
  }

  private keep(key: string, watches: Watch[]): void {
    this.count += watches.length - (this.watches.get(key)?.length ?? 0);
    if (watches.length === 0) this.watches.delete(key);
    else this.watches.set(key, watches);
  }

  private dropOldest(): void {
    const [key, [, ...rest]] = this.watches.entries().next().value as [string, Watch[]];
    this.keep(key, rest);
    this.dropped++;
  }

  private arm({ dueAt }: Watch): void {
    if (dueAt !== null && dueAt < this.nextDueAt) this.nextDueAt = dueAt;
  }
}

/** An action that took the place of another one at the same gateway. */
function supersedes({ request }: Watch, { action, gateway }: WatchRequest): boolean {
  return request.kind === 'applied' && request.gateway === gateway && request.action !== action;
}

function isThrottle(rung: WatchRequest['rung']): boolean {
  return rung === 'throttle-soft' || rung === 'throttle-hard';
}

function isRefused({ limitedBy, status }: ApiEvent): boolean {
  return limitedBy !== LIMITED_BY.nobody || status === 401 || status === 403 || status === 429;
}

/** Refused as the action would refuse it. */
function refuses({ request }: Watch, event: ApiEvent): boolean {
  if (event.limitedBy === LIMITED_BY.keyhound) return true;
  if (isThrottle(request.rung)) return isRefused(event) && event.status === 429;
  if (event.status !== 401 && event.status !== 403 && event.status !== 429) return false;
  const { profile, rung } = request;
  return rung !== 'contain' || profile === undefined || departureOf(profile, event) !== undefined;
}

function refusedByUs(watch: Watch, event: ApiEvent): boolean {
  const { at, kind } = watch.request;
  const isInEffect = kind === 'applied' ? event.at >= at - GRACE_MS : event.at < watch.fromAt;
  return isInEffect && refuses(watch, event);
}
