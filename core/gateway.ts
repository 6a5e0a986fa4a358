/**
 * Contract of the gateway adapters: how a key is throttled, suspended, revoked and given back. An adapter knows one
 * vendor's calls and nothing of decisions, queues or retries.
 *
 * An adapter never undoes step by step. It is told what a key was like before anything of ours (the original) and
 * what is wished now, and brings the gateway to `original + wish`; a wish of null brings it back to the original. So
 * every write may be repeated, and any number of decisions may end in any order.
 */
import type { z } from 'zod';
import type { ActingRung, RateLimit } from './ladder.ts';
import type { KeyProfile, VerdictStore } from './verdict.ts';

/** What an adapter is told about a key. */
export interface KeyTarget {
  /** As incidents show it: GATEWAY:credential-id, or `h:…`. */
  readonly subjectId: string;
  /** Credential id at the gateway; undefined for a key that is known by its hash alone. */
  readonly credentialId?: string;
  readonly consumer?: string;
}

/** What shall hold for the key. */
export interface Wish {
  readonly rung: ActingRung;
  /** With a throttle. */
  readonly limit?: RateLimit;
  /** With `contain`: what goes on. */
  readonly profile?: KeyProfile;
  /** Id of the action: what is made carries it, so that it is found again. At most 40 of [a-z0-9_]. */
  readonly tag: string;
  /** Epoch ms; null: until lifted. For gateways that can forget by themselves. */
  readonly untilAt: number | null;
}

/**
 * What the gateway says about a key now, as plain JSON without a secret. Two states are the same when their
 * fingerprints are; it covers only what the adapter may change and what tells that a person changed it.
 */
export interface GatewayState {
  /** False: the gateway does not know the credential. */
  readonly exists: boolean;
  readonly fingerprint: string;
  /** For people and for `restore`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What a write would do; made without one. */
export interface GatewayPlan {
  /** What a person would type to do it, secrets left out; one call a line. */
  readonly calls: readonly string[];
  /** What a person would type to undo it without Keyhound. */
  readonly undo: readonly string[];
  /** Subject ids or names of other keys that it hits, e.g. all of a consumer. */
  readonly siblings: readonly string[];
  /** The credential will be deleted: its secret must be sealed and durable before. */
  readonly needsSeal: boolean;
  /** The operator's own limit is stricter, and stays. */
  readonly keepsOperatorLimit?: boolean;
}

/** Seals what a gateway can only delete (design.md §4.1); what it writes is durable when it resolves. */
export interface SealBox {
  /**
   * `name` is made from gateway and credential, not from an action: of several decisions about a key the last to end
   * is the one that opens it. Sealing the same name again replaces; `untilAt` null keeps it as long as any.
   */
  seal(name: string, secret: Uint8Array, untilAt: number | null): Promise<void>;
  /** Undefined when it was wiped. */
  open(name: string): Promise<Uint8Array | undefined>;
  wipe(name: string): Promise<void>;
}

export interface ApplyRequest {
  readonly target: KeyTarget;
  /** State before anything of ours. */
  readonly original: GatewayState;
  /** Null: back to the original. */
  readonly wish: Wish | null;
  /** State that was read just before this call. */
  readonly present: GatewayState;
}

export interface GatewayAdapter {
  /** As configured. */
  readonly name: string;
  readonly kind: string;
  /** What it can; the ladder takes the next best of what it cannot. */
  readonly rungs: ReadonlySet<ActingRung>;
  /** `set`: a repeated write is harmless. `create`: it makes something, tags it, and looks for it before. */
  readonly write: 'set' | 'create';
  /**
   * A wish, or the way to it from another, may take several writes, or nodes: half of them, after a failure, is a state
   * that `expect` does not know, and yet no person's change. Left out: a write is in effect, or it is not.
   */
  readonly inParts?: boolean;
  /** Bound after which a change holds at every node, the gateway's own caches included, ms. */
  readonly settleMs: number;
  /** Calls a second that its API may be asked for. */
  readonly callsPerSecond: number;
  /** Whether keys of this id are this gateway's. */
  covers(subjectId: string): boolean;
  read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState>;
  plan(request: Omit<ApplyRequest, 'present'>): GatewayPlan;
  /**
   * Fingerprint that `apply` leaves, where that can be told without asking the gateway: after a time-out it tells our
   * own write from a person's change. Without it the write is made once more, which a set or a tagged create bears.
   */
  expect?(request: Omit<ApplyRequest, 'present'>): string | undefined;
  /** Answers the state as read back. Throws `operating` errors; `retryable` says whether another try may help. */
  apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState>;
  /** What at the gateway carries a tag of ours, for `actions reconcile`. */
  owned(signal: AbortSignal): Promise<readonly OwnedObject[]>;
  /** For `doctor`: one line each for reachability, version, permission, and what it cannot do. */
  check(signal: AbortSignal): Promise<readonly GatewayCheck[]>;
}

export interface OwnedObject {
  readonly tag: string;
  readonly subjectId?: string;
  /** What it is, for people, e.g. `plugin rate-limiting 7f2d… of consumer acme`. */
  readonly what: string;
  remove(signal: AbortSignal): Promise<void>;
}

export interface GatewayCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint?: string;
}

/** What an adapter is made with. */
export interface GatewayTools {
  readonly name: string;
  /** Begins of the key ids that are its own, e.g. `kong:`; what `covers` goes by. None: every key. */
  readonly keys: readonly string[];
  readonly seals: SealBox;
  /** Wall clock, epoch ms. */
  now(): number;
  /** Where verdicts of the decision endpoint are put; undefined where there is none. */
  readonly verdicts?: VerdictStore;
  /** Folder that relative paths of the configuration are resolved against. */
  readonly folder: string;
}

/** One file of responders/gateways/ exports one of these; responders/gateways/list.ts names them all. */
export interface GatewayKind<C = unknown> {
  readonly kind: string;
  readonly summary: string;
  /** `keys` of the configuration where it names none. Left out: the kind and a colon. Empty: every key. */
  readonly keys?: readonly string[];
  /** Settings beside `name`, `kind` and `keys`; strict. */
  readonly config: z.ZodType<C>;
  /** With these settings it works through the decision endpoint: no two such may cover a key. Left out: never. */
  asks?(config: C): boolean;
  create(config: C, tools: GatewayTools): GatewayAdapter;
}
