/**
 * The limits of all keys, in memory: token buckets in layers. A request takes one token of every layer, or of none.
 *
 * Bounded: of the keys, the one whose buckets are fullest among the eldest is forgotten first, so made-up keys,
 * which are used once, cannot push out one that is near its limit. Buckets of a throttle are no part of that: there
 * are as many as verdicts.
 */
import { type LimitGrant, type LimitReport, refilled, waitMs } from '../core/limits.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Answer, KeyFacts } from './contract.ts';
import {
  type Layer,
  type LayersOf,
  type LimitSet,
  limitSet,
  NO_LIMITS,
  policyItem,
} from './limits-layers.ts';

/** Facts are asked for again after this. */
const FACTS_MS = 60_000;
const KEYS_MAX = 262_144;
/** Looked at to find one to forget. */
const ELDEST = 8;
const SETS_MAX = 10_000;
const KEPT_FULL = 0.999;
/** What a throttle without a limit means: one request in two seconds, or in ten. */
const THROTTLE_SOFT = Object.freeze({ requests: 30, windowMs: 60_000 });
const THROTTLE_HARD = Object.freeze({ requests: 6, windowMs: 60_000 });
const THROTTLE_LAYER = 'rate';

export interface LimitsOptions {
  readonly layersOf: LayersOf;
  facts(keyIds: readonly string[]): KeyFacts | undefined;
  /** Keys that are remembered. Default 262,144. */
  readonly keysMax?: number;
}

/** Tokens of one layer, and what was done with them since the last report. */
interface Bucket {
  readonly name: string;
  tokens: number;
  taken: number;
  wanted: number;
  /** Part of the limit that is this node's. */
  share: number;
}

interface KeyLimits {
  set: LimitSet;
  buckets: Bucket[];
  at: number;
  factsAt: number;
  sunsetAt: number | undefined;
}

interface Throttle extends KeyLimits {
  readonly tag: string;
  readonly layer: Layer;
}

/** As JSON: name of the layer, tokens. */
export type SavedBuckets = readonly [key: string, at: number, tokens: readonly [string, number][]];

export class Limits {
  readonly #options: LimitsOptions;
  readonly #keysMax: number;
  readonly #keys = new Map<string, KeyLimits>();
  readonly #throttles = new Map<string, Throttle>();
  readonly #sets = new Map<string, LimitSet>();
  /** Told of a bucket that was asked for tokens, where there is someone to report to. */
  onAsked: ((bucket: string, limits: KeyLimits, index: number) => void) | undefined;
  /** Keys forgotten although their buckets were not full. */
  forgotten = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#keysMax = options.keysMax ?? KEYS_MAX;
  }

  get size(): number {
    return this.#keys.size + this.#throttles.size;
  }

  /** Takes a token of each layer and says so in the answer, or says that it is throttled. */
  take(ids: readonly string[], verdict: Verdict | undefined, now: number, answer: Answer): void {
    const id = ids[0]!;
    const own = this.#of(id, ids, now);
    answer.sunsetAt = own.sunsetAt;
    const throttle = verdict === undefined ? undefined : this.#throttle(verdict, now);
    if (own.buckets.length === 0 && throttle === undefined) return;
    refill(own, now);
    if (throttle !== undefined) refill(throttle, now);
    const blocked = pick(blockedBy(own), throttle === undefined ? undefined : blockedBy(throttle));
    if (blocked === undefined) {
      spend(own);
      if (throttle !== undefined) spend(throttle);
    } else {
      answer.decision = 'throttle';
      answer.use = useOf(blocked, now);
    }
    this.#tell(id, own);
    if (throttle !== undefined && verdict !== undefined) this.#tell(verdict.key, throttle);
    answer.limits = viewOf(own, throttle);
  }

  /** Forgets what is full again, and throttles that hold no more; a turn at a time, for it may be many. */
  *sweep(now: number, stands: (key: string) => boolean): Iterable<void> {
    let looked = 0;
    for (const [key, limits] of this.#keys) {
      if (fullness(limits, now) >= 1) this.#keys.delete(key);
      if (++looked % 500 === 0) yield;
    }
    for (const key of this.#throttles.keys()) if (!stands(key)) this.#throttles.delete(key);
  }

  /** What must survive a restart: all that is not full, throttles with the tag they belong to. */
  *saved(now: number): Iterable<SavedBuckets> {
    for (const [key, limits] of this.#keys) {
      if (fullness(limits, now) < KEPT_FULL) yield [key, limits.at, tokensOf(limits)];
    }
    for (const [key, throttle] of this.#throttles) {
      yield [`${key} ${throttle.tag}`, throttle.at, tokensOf(throttle)];
    }
  }

  restore([name, at, tokens]: SavedBuckets, verdict: Verdict | undefined, now: number): void {
    const [key = '', tag] = name.split(' ', 2);
    if (tag !== undefined && verdict?.tag !== tag) return;
    const limits =
      tag === undefined ? this.#of(key, [key], now) : this.#throttle(verdict as Verdict, now);
    if (limits === undefined) return;
    limits.at = Math.min(at, now);
    for (const bucket of limits.buckets) {
      const saved = tokens.find(([layer]) => layer === bucket.name);
      if (saved !== undefined && Number.isFinite(saved[1])) bucket.tokens = saved[1];
    }
    refill(limits, now);
  }

  #of(id: string, ids: readonly string[], now: number): KeyLimits {
    const known = this.#keys.get(id);
    if (known !== undefined) {
      const ageMs = now - known.factsAt;
      if (ageMs >= FACTS_MS || ageMs < 0) this.#renew(known, ids, now);
      return known;
    }
    const made: KeyLimits = {
      set: NO_LIMITS,
      buckets: [],
      at: now,
      factsAt: now,
      sunsetAt: undefined,
    };
    this.#renew(made, ids, now);
    if (this.#keys.size >= this.#keysMax) this.#forgetOne(now);
    this.#keys.set(id, made);
    return made;
  }

  #renew(limits: KeyLimits, ids: readonly string[], now: number): void {
    const facts = this.#options.facts(ids);
    limits.factsAt = now;
    limits.sunsetAt = facts?.sunsetAt;
    const set = this.#setOf(this.#options.layersOf(facts, now));
    if (set === limits.set) return;
    const before = limits.buckets;
    refill(limits, now);
    const used = before.map(({ tokens }, i) => limits.set.layers[i]!.limit.requests - tokens);
    limits.buckets = set.layers.map(({ name, limit }) => {
      const i = before.findIndex((bucket) => bucket.name === name);
      // What was used stays used, whatever the limit is now.
      const tokens = Math.max(0, limit.requests - (i < 0 ? 0 : used[i]!));
      return { ...(before[i] ?? NEW_BUCKET), name, tokens };
    });
    limits.set = set;
  }

  #setOf(layers: readonly Layer[]): LimitSet {
    if (layers.length === 0) return NO_LIMITS;
    const id = layers.map((layer) => `${policyItem(layer)} ${layer.enforce}`).join();
    const known = this.#sets.get(id);
    if (known !== undefined) return known;
    if (this.#sets.size >= SETS_MAX) this.#sets.clear();
    const made = limitSet(layers);
    this.#sets.set(id, made);
    return made;
  }

  #throttle(verdict: Verdict, now: number): Throttle | undefined {
    const { key, rung, tag } = verdict;
    if (rung !== 'throttle-soft' && rung !== 'throttle-hard') return undefined;
    const fallback = rung === 'throttle-soft' ? THROTTLE_SOFT : THROTTLE_HARD;
    const limit = verdict.limit ?? fallback;
    const known = this.#throttles.get(key);
    if (known?.tag === tag && sameLimit(known.layer.limit, limit)) return known;
    const layer: Layer = { name: THROTTLE_LAYER, limit, enforce: true };
    // A soft throttle is for who may be good: its burst is there from the start. A hard one begins with a second's.
    const second = Math.max(1, (limit.requests * 1000) / limit.windowMs);
    const tokens = rung === 'throttle-soft' ? limit.requests : Math.min(limit.requests, second);
    const made: Throttle = {
      ...{ tag, layer, set: limitSet([layer]), at: now, factsAt: now, sunsetAt: undefined },
      buckets: [{ ...NEW_BUCKET, name: THROTTLE_LAYER, tokens }],
    };
    this.#throttles.set(key, made);
    return made;
  }

  #forgetOne(now: number): void {
    let fullest: string | undefined;
    let most = -1;
    const eldest: [string, KeyLimits][] = [];
    for (const entry of this.#keys) {
      eldest.push(entry);
      if (eldest.length === ELDEST) break;
    }
    for (const [key, limits] of eldest) {
      const full = fullness(limits, now);
      if (full > most) {
        most = full;
        fullest = key;
      }
      // Behind all others: next time others are looked at.
      this.#keys.delete(key);
      this.#keys.set(key, limits);
    }
    if (fullest === undefined) return;
    this.#keys.delete(fullest);
    if (most < 1) this.forgotten += 1;
  }

  #tell(key: string, limits: KeyLimits): void {
    if (this.onAsked === undefined) return;
    for (let i = 0; i < limits.buckets.length; i++) this.onAsked(key, limits, i);
  }
}

const NEW_BUCKET = Object.freeze({ tokens: 0, taken: 0, wanted: 0, share: 1 });

export type { Bucket, KeyLimits };

/** What a node has still to tell of a bucket. */
export function reportOf(name: string, limits: KeyLimits, index: number): LimitReport {
  const bucket = limits.buckets[index]!;
  const report = {
    bucket: name,
    limit: limits.set.layers[index]!.limit,
    taken: bucket.taken,
    wanted: bucket.wanted,
  };
  bucket.taken = 0;
  bucket.wanted = 0;
  return report;
}

/** What was taken since the report is not in the grant yet. */
export function grant(limits: KeyLimits, index: number, { left, share }: LimitGrant): void {
  const bucket = limits.buckets[index];
  if (bucket === undefined) return;
  bucket.share = Math.min(1, Math.max(share, 0.001));
  // Where less than one token is a node's share, any may have the one that is left: the store keeps count.
  const own = left >= 1 ? Math.max(1, left * bucket.share) : left * bucket.share;
  bucket.tokens = own - bucket.taken;
}

function refill(limits: KeyLimits, now: number): void {
  const elapsedMs = now - limits.at;
  limits.at = now;
  const { layers } = limits.set;
  for (let i = 0; i < limits.buckets.length; i++) {
    const bucket = limits.buckets[i]!;
    bucket.tokens = refilled(bucket.tokens, shared(layers[i]!, bucket), elapsedMs);
  }
}

function shared({ limit }: Layer, { share }: Bucket): Layer['limit'] {
  if (share === 1) return limit;
  // At least one fits in, in the time that the share takes.
  const requests = Math.max(1, limit.requests * share);
  return { requests, windowMs: (limit.windowMs * requests) / (limit.requests * share) };
}

function spend(limits: KeyLimits): void {
  for (let i = 0; i < limits.buckets.length; i++) {
    const bucket = limits.buckets[i]!;
    bucket.tokens = Math.max(bucket.tokens - 1, Math.min(bucket.tokens, 0));
    bucket.taken += 1;
    bucket.wanted += 1;
  }
}

interface Blocked {
  readonly layer: Layer;
  readonly bucket: Bucket;
  readonly waitMs: number;
}

/** The layer with the longest wait. Counts what was wanted in vain. */
function blockedBy(limits: KeyLimits): Blocked | undefined {
  let found: Blocked | undefined;
  const { layers } = limits.set;
  for (let i = 0; i < limits.buckets.length; i++) {
    const layer = layers[i]!;
    const bucket = limits.buckets[i]!;
    if (!layer.enforce || bucket.tokens >= 1) continue;
    const wait = waitMs(bucket.tokens, 1, shared(layer, bucket));
    bucket.wanted += 1;
    if (found === undefined || wait > found.waitMs) found = { layer, bucket, waitMs: wait };
  }
  return found;
}

function pick(a: Blocked | undefined, b: Blocked | undefined): Blocked | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.waitMs >= b.waitMs ? a : b;
}

function useOf({ layer, bucket, waitMs: wait }: Blocked, now: number): NonNullable<Answer['use']> {
  const limit = layer.limit.requests;
  const retryAfterSeconds = Math.max(1, Math.ceil(wait / 1000));
  return {
    layer: layer.name,
    used: Math.max(0, limit - Math.floor(Math.max(0, bucket.tokens))),
    limit,
    resetAt: now + retryAfterSeconds * 1000,
    retryAfterSeconds,
  };
}

function viewOf(own: KeyLimits, throttle: Throttle | undefined): NonNullable<Answer['limits']> {
  if (throttle === undefined) return { policy: own.set.policy, rate: ratesOf(own) };
  const { policy } = throttle.set;
  const rate = ratesOf(throttle);
  if (own.buckets.length === 0) return { policy, rate };
  return { policy: `${own.set.policy}, ${policy}`, rate: `${ratesOf(own)}, ${rate}` };
}

/** Value of RateLimit: what is left, and when all is there again, or at least the one that is waited for. */
function ratesOf({ set, buckets }: KeyLimits): string {
  let text = '';
  for (let i = 0; i < buckets.length; i++) {
    const { limit, enforce } = set.layers[i]!;
    const { name, tokens } = buckets[i]!;
    const wanted = enforce && tokens < 1 ? 1 : limit.requests;
    const seconds = Math.ceil(waitMs(tokens, wanted, limit) / 1000);
    const left = tokens < 0 ? 0 : Math.floor(tokens);
    text += `${i === 0 ? '' : ', '}"${name}";r=${left};t=${seconds}`;
  }
  return text;
}

/** 1: all layers are full. */
function fullness(limits: KeyLimits, now: number): number {
  refill(limits, now);
  let least = 1;
  for (let i = 0; i < limits.buckets.length; i++) {
    const bucket = limits.buckets[i]!;
    const { requests } = shared(limits.set.layers[i]!, bucket);
    least = Math.min(least, bucket.tokens / requests);
  }
  return least;
}

function tokensOf({ buckets }: KeyLimits): [string, number][] {
  return buckets.map(({ name, tokens }) => [name, Math.round(tokens * 1000) / 1000]);
}

function sameLimit(a: Layer['limit'], b: Layer['limit']): boolean {
  return a.requests === b.requests && a.windowMs === b.windowMs;
}
