/**
 * Limits of keys as token buckets, and how nodes share one.
 *
 * A bucket holds up to `limit.requests` tokens and gains them evenly, `limit.requests` in `limit.windowMs`. It begins
 * full unless told otherwise, and one that is full again may be forgotten. Nobody waits for the store while a request
 * waits: a node spends from its own copy, reports what it spent a few times a second, and is told what is left for
 * all and which part of the demand is its own. With the store away each node goes on with that part of the limit.
 */
import type { RateLimit } from './ladder.ts';

/** What a node did with one bucket since its last report. */
export interface LimitReport {
  /** Key id, a space, name of the layer. At most 320 bytes, no key material. */
  readonly bucket: string;
  /** As it is to be now: it may have changed since. */
  readonly limit: RateLimit;
  /** Tokens taken, whole, at least 0. */
  readonly taken: number;
  /** Tokens that the bucket begins with where the store has none of that name, at least 1. Left out: full. */
  readonly begins?: number;
  /** Tokens asked for, taken or refused: the demand that shares are made from. At least `taken`. */
  readonly wanted: number;
}

export interface LimitGrant {
  /** Tokens left in the bucket of all nodes. May be below zero, down to -limit.requests: nodes overshoot a little. */
  readonly left: number;
  /** This node's part of what all nodes wanted lately, above 0 and at most 1. Alone, or the first to ask: 1. */
  readonly share: number;
}

/**
 * Buckets that nodes share. Drivers: memory (one process), Redis (Lua, by the clock of the server).
 *
 * Delivery is at least once: a report whose answer was lost is sent again, added to the next, so at worst a bucket
 * is emptier than it should be for as long as it takes to gain those tokens.
 */
export interface LimitStore {
  /**
   * Takes what was spent out of each bucket and answers in the same order. One round trip for all; at most 1,000
   * reports. `node` is at most 64 of [A-Za-z0-9_.-]. A node's demand fades with a half-life of `SHARE_HALF_LIFE_MS`,
   * so that shares follow where the traffic is. Rejects with an `operating` error when the store is away.
   */
  take(node: string, reports: readonly LimitReport[]): Promise<readonly LimitGrant[]>;
  close(): Promise<void>;
}

export const SHARE_HALF_LIFE_MS = 10_000;
export const LIMIT_REPORTS_MAX = 1000;

/** Tokens of a bucket after so much time. Never above the limit. */
export function refilled(tokens: number, limit: RateLimit, elapsedMs: number): number {
  if (!(elapsedMs > 0)) return Math.min(tokens, limit.requests);
  return Math.min(limit.requests, tokens + (elapsedMs * limit.requests) / limit.windowMs);
}

/** How long until the bucket holds so many tokens, ms; 0 when it does. Infinity when it never will. */
export function waitMs(tokens: number, wanted: number, limit: RateLimit): number {
  if (tokens >= wanted) return 0;
  if (wanted > limit.requests) return Number.POSITIVE_INFINITY;
  return ((wanted - tokens) * limit.windowMs) / limit.requests;
}
