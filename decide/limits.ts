/**
 * The limits of all keys, in memory: token buckets in layers. A request takes one token of every layer, or of none.
 *
 * Bounded: of the keys, the one whose buckets are fullest among the eldest is forgotten first, so made-up keys,
 * which are used once, cannot push out one that is near its limit. Buckets of a throttle are no part of that: there
 * are as many as verdicts.
 */
import type { Verdict } from '../core/verdict.ts';
import type { Answer, KeyFacts } from './contract.ts';
import {
  blockedBy,
  fullness,
  type KeyLimits,
  NEW_BUCKET,
  newLimits,
  pick,
  refill,
  spend,
  tokensOf,
  useOf,
  viewOf,
} from './limits-buckets.ts';
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
const LOOKED_A_TURN = 500;
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

interface Throttle extends KeyLimits {
  readonly tag: string;
  readonly layer: Layer;
}

/** Buckets that were asked for tokens. */
export interface Asked {
  readonly key: string;
  readonly limits: KeyLimits;
}

/** As JSON. Tokens by the name of their layer; a tag where the bucket is that of a throttle. */
export type SavedBuckets = readonly [
  key: string,
  tag: string | null,
  at: number,
  tokens: readonly (readonly [string, number])[],
];

export class Limits {
  readonly #options: LimitsOptions;
  readonly #keysMax: number;
  readonly #keys = new Map<string, KeyLimits>();
  readonly #throttles = new Map<string, Throttle>();
  readonly #sets = new Map<string, LimitSet>();
  /** What other nodes are to be told of; undefined where there are none. */
  #asked: Asked[] | undefined;
  #epoch = 0;
  /** Keys forgotten although their buckets were not full. */
  forgotten = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#keysMax = options.keysMax ?? KEYS_MAX;
  }

  get size(): number {
    return this.#keys.size + this.#throttles.size;
  }

  /** From now on it remembers what other nodes are to be told. */
  share(): void {
    this.#asked ??= [];
  }

  /** Takes what there is to tell, at most so many layers of it. */
  takeAsked(layersMax: number): Asked[] {
    const asked = this.#asked ?? [];
    let count = 0;
    let layers = 0;
    while (count < asked.length) {
      layers += asked[count]!.limits.buckets.length;
      if (layers > layersMax && count > 0) break;
      count += 1;
    }
    const taken = asked.splice(0, count);
    for (const { limits } of taken) limits.asked = false;
    return taken;
  }

  /** It is to be told again. */
  askAgain({ key, limits }: Asked): void {
    if (this.#asked !== undefined) note(this.#asked, key, limits);
  }

  /** What the layers depend on has changed: each key gets new ones with its next request. */
  renew(): void {
    this.#epoch += 1;
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
    if (this.#asked !== undefined) {
      note(this.#asked, id, own);
      if (throttle !== undefined && verdict !== undefined) note(this.#asked, verdict.key, throttle);
    }
    answer.limits = viewOf(own, throttle);
  }

  /**
   * What must survive a restart: all that is not full, and throttles with the tag they belong to. Forgets on the way
   * what is full again, and throttles that stand no more. Yields undefined now and then, since it may be long.
   */
  *saved(now: () => number, stands: (key: string) => boolean): Iterable<SavedBuckets | undefined> {
    let looked = 0;
    for (const [key, limits] of this.#keys) {
      const full = fullness(limits, now());
      if (full >= 1 && !limits.asked) this.#keys.delete(key);
      else if (full < KEPT_FULL) yield [key, null, limits.at, tokensOf(limits)];
      if (++looked % LOOKED_A_TURN === 0) yield undefined;
    }
    for (const [key, throttle] of this.#throttles) {
      if (stands(key)) yield [key, throttle.tag, throttle.at, tokensOf(throttle)];
      else this.#throttles.delete(key);
    }
  }

  restore([key, tag, at, tokens]: SavedBuckets, verdict: Verdict | undefined, now: number): void {
    if (tag !== null && verdict?.tag !== tag) return;
    const isOwn = tag === null || verdict === undefined;
    const limits = isOwn ? this.#of(key, [key], now) : this.#throttle(verdict, now);
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
      const isOld = ageMs >= FACTS_MS || ageMs < 0 || known.epoch !== this.#epoch;
      if (isOld) this.#renew(known, ids, now);
      return known;
    }
    const made = newLimits(now);
    this.#renew(made, ids, now);
    if (this.#keys.size >= this.#keysMax) this.#forgetOne(now);
    this.#keys.set(id, made);
    return made;
  }

  #renew(limits: KeyLimits, ids: readonly string[], now: number): void {
    const facts = this.#options.facts(ids);
    limits.factsAt = now;
    limits.epoch = this.#epoch;
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
      ...newLimits(now),
      ...{ tag, layer, set: limitSet([layer]) },
      buckets: [{ ...NEW_BUCKET, name: THROTTLE_LAYER, tokens, begins: tokens }],
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
}

function note(asked: Asked[], key: string, limits: KeyLimits): void {
  if (limits.asked || limits.buckets.length === 0) return;
  limits.asked = true;
  asked.push({ key, limits });
}

function sameLimit(a: Layer['limit'], b: Layer['limit']): boolean {
  return a.requests === b.requests && a.windowMs === b.windowMs;
}
