/** The token buckets of one key: arithmetic, and what of it the client and other nodes are told. */
import { type LimitGrant, type LimitReport, refilled, waitMs } from '../core/limits.ts';
import type { Answer } from './contract.ts';
import { type Layer, type LimitSet, NO_LIMITS } from './limits-layers.ts';

/** Tokens of one layer, and what was done with them since the last report. */
export interface Bucket {
  readonly name: string;
  tokens: number;
  taken: number;
  wanted: number;
  /** Part of the limit that is this node's. */
  share: number;
  /** Tokens that it began with, where that was less than all. */
  readonly begins: number | undefined;
}

export interface KeyLimits {
  set: LimitSet;
  buckets: Bucket[];
  at: number;
  factsAt: number;
  /** Of `Limits` when the layers were made. */
  epoch: number;
  sunsetAt: number | undefined;
  /** There is something to tell other nodes. */
  asked: boolean;
}

export function newLimits(now: number): KeyLimits {
  return {
    ...{ set: NO_LIMITS, buckets: [], at: now, factsAt: now, epoch: 0 },
    ...{ sunsetAt: undefined, asked: false },
  };
}

export const NEW_BUCKET = Object.freeze({
  tokens: 0,
  taken: 0,
  wanted: 0,
  share: 1,
  begins: undefined,
});

/** What a node has to tell of a bucket, which then has nothing more to tell. */
export function reportOf(key: string, limits: KeyLimits, index: number): LimitReport {
  const bucket = limits.buckets[index]!;
  const { taken, wanted, begins } = bucket;
  bucket.taken = 0;
  bucket.wanted = 0;
  const { limit } = limits.set.layers[index]!;
  const report = { bucket: `${key} ${bucket.name}`, limit, taken, wanted };
  return begins === undefined ? report : { ...report, begins };
}

/** The report did not arrive, or nobody knows: it is told again. */
export function takeBack(limits: KeyLimits, index: number, { taken, wanted }: LimitReport): void {
  const bucket = limits.buckets[index];
  if (bucket === undefined) return;
  bucket.taken += taken;
  bucket.wanted += wanted;
}

/** What was taken since the report is not in the grant yet. */
export function grant(limits: KeyLimits, index: number, { left, share }: LimitGrant): void {
  const bucket = limits.buckets[index];
  if (bucket === undefined) return;
  bucket.share = Math.min(1, Math.max(share, 0.001));
  // Where less than one token is a node's share, any may have the one that is left: the store keeps count.
  const own = left >= 1 ? Math.max(1, left * bucket.share) : left * bucket.share;
  bucket.tokens = Math.max(own - bucket.taken, -limits.set.layers[index]!.limit.requests);
}

export function refill(limits: KeyLimits, now: number): void {
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

export function spend(limits: KeyLimits): void {
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
export function blockedBy(limits: KeyLimits): Blocked | undefined {
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

export function pick(a: Blocked | undefined, b: Blocked | undefined): Blocked | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.waitMs >= b.waitMs ? a : b;
}

export function useOf(
  { layer, bucket, waitMs: wait }: Blocked,
  now: number,
): NonNullable<Answer['use']> {
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

export function viewOf(
  own: KeyLimits,
  throttle: KeyLimits | undefined,
): NonNullable<Answer['limits']> {
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
export function fullness(limits: KeyLimits, now: number): number {
  refill(limits, now);
  let least = 1;
  for (let i = 0; i < limits.buckets.length; i++) {
    const bucket = limits.buckets[i]!;
    const { requests } = shared(limits.set.layers[i]!, bucket);
    least = Math.min(least, bucket.tokens / requests);
  }
  return least;
}

export function tokensOf({ buckets }: KeyLimits): [string, number][] {
  return buckets.map(({ name, tokens }) => [name, Math.round(tokens * 1000) / 1000]);
}
