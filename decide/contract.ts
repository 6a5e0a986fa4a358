/** What the decision endpoint is asked, and what it answers. */
import type { KeyNames } from './key-names.ts';

/**
 * One request as the gateway tells of it; texts as they were received, one character a byte. Reused for every request:
 * nothing in it outlives the answer.
 */
export interface AskedUse {
  /** Raw keys that the request shows, most trusted place first. Never kept. */
  rawKeys: string[];
  /** Key id that the gateway itself vouches for. */
  keyId: string | undefined;
  method: string;
  /** Path with query. */
  target: string;
  /** Address that connected to the gateway, or a list of which the right-most is that. */
  clientAddress: string;
  /** X-Forwarded-For as the client sent it: believed when `clientAddress` is one of our proxies. */
  forwardedFor: string;
}

export function createUse(): AskedUse {
  return {
    ...{ rawKeys: [], keyId: undefined, method: '', target: '' },
    ...{ clientAddress: '', forwardedFor: '' },
  };
}

export const DECISIONS = ['allow', 'throttle', 'refuse'] as const;
export type DecisionWord = (typeof DECISIONS)[number];

/** What of the limits the client may know. */
export interface LimitView {
  /** Value of RateLimit-Policy. */
  readonly policy: string;
  /** Value of RateLimit. */
  readonly rate: string;
}

/** Why a throttled request was: the layer with the longest wait. */
export interface LimitUse {
  readonly layer: string;
  readonly used: number;
  readonly limit: number;
  /** Epoch ms from which a request passes again. */
  readonly resetAt: number;
  /** Whole seconds from now, at least 1. */
  readonly retryAfterSeconds: number;
}

/** Reused for every request: nothing in it outlives the answer. */
export interface Answer {
  decision: DecisionWord;
  /** For the gateway's log; '' without a key. */
  key: string;
  limits: LimitView | undefined;
  use: LimitUse | undefined;
  /** Epoch ms at which the key ends, where it is being rotated. */
  sunsetAt: number | undefined;
}

/** What is known of a key that its limits depend on. */
export interface KeyFacts {
  readonly plan?: string | undefined;
  /** p99 of the requests in the key's own hours, and how many hours that is from. */
  readonly hourP99?: number | undefined;
  readonly hours?: number | undefined;
  /** No incident since then, epoch ms. */
  readonly cleanSinceAt?: number | undefined;
  /** Times the usual that a planned event lets it have now. */
  readonly plannedFactor?: number | undefined;
  /** The key is being rotated and ends then, epoch ms. */
  readonly sunsetAt?: number | undefined;
}

/** Asked once a minute and key at the most. */
export type LimitFacts = (keyId: string) => KeyFacts | undefined;

export type { KeyNames };
