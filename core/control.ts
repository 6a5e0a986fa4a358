/**
 * What people tell detection: silences, the allowlist, and the closing of incidents. Each is the body of a control
 * record (core/store.ts), takes effect at its place in the sequence, and ends by event time.
 */
import type { ActionVerdict, UndoVerdict } from './action.ts';
import type { Incident, WeighedUse } from './finding.ts';
import type { KeyProfile } from './key-profile.ts';
import type { ActingRung, RateLimit } from './ladder.ts';

export const RULE_KINDS = ['silence', 'allow'] as const;
/**
 * `silence`: what it covers is found and kept, and raises no alert. `allow`: what it covers is never found; the
 * baseline learns it as ever.
 */
export type RuleKind = (typeof RULE_KINDS)[number];

/** Rules at the same time, of both kinds. */
export const RULES_MAX = 10_000;
/** False alarms remembered of a subject. The oldest gives way. */
export const REMEMBERED_MAX = 16;
/** What is remembered covers the same evidence up to this many times its score. */
export const REMEMBERED_FACTOR = 1.25;
export const REMEMBERED_MS = 30 * 86_400_000;

/** Covers what meets all of its criteria; it has at least one. */
export interface Criteria {
  /** Id of a subject. */
  readonly subject?: string;
  /** Label of the registry, shared or not. */
  readonly label?: string;
  readonly consumer?: string;
  /** Id of a detector. */
  readonly detector?: string;
  /** ISO 3166-1 alpha-2 code of a country, or a network in CIDR notation: where the request came from. */
  readonly place?: string;
}

export interface Rule extends Criteria {
  readonly id: string;
  readonly kind: RuleKind;
  /** Codes of the networks (ApiEvent.network) where `place` is one. */
  readonly networks?: readonly number[];
  /** Epoch ms. */
  readonly fromAt: number;
  /** Event time at which it ends, epoch ms; null: never. */
  readonly untilAt: number | null;
  /** Who, as they said. */
  readonly by: string;
  readonly reason: string;
}

/** Body of a `silence` or `allow` record. */
export type RuleChange =
  | { readonly change: 'add'; readonly rule: Rule }
  | {
      readonly change: 'remove';
      readonly id: string;
      readonly by: string;
      readonly reason: string;
    };

export const CLOSED_AS = ['false-alarm', 'resolved'] as const;
export type ClosedAs = (typeof CLOSED_AS)[number];

/** Evidence that proved innocent. */
export interface Innocent {
  readonly detector: string;
  /** What exactly it was about (aboutOf). */
  readonly about: string;
  readonly score: number;
}

/** Body of a `close` record. */
export interface Closing {
  readonly as: ClosedAs;
  readonly by: string;
  readonly reason: string;
  /** The incident as it was told last: it may be closed, and forgotten by detection. */
  readonly incident: Incident;
  /** The evidence of its findings, for when it is. */
  readonly evidence: readonly Innocent[];
  /** A false alarm is remembered until then, event time, epoch ms. */
  readonly untilAt: number;
  /** Key group of the subject, where several engines share them; left out where one engine has all. */
  readonly group?: number;
}

/** Body of a `leak` record: a verified report that names this key. Another's texts but for key and ids. */
export interface LeakNotice {
  /** Id of the key, as events carry it. */
  readonly key: string;
  readonly sender: string;
  readonly url?: string;
  readonly source?: string;
  /** RFC 3339. */
  readonly foundAt?: string;
  /** Sender, this and the key name the report: applied once. */
  readonly deliveryId: string;
  /** Key group of the key, where several engines share them; left out where one engine has all. */
  readonly group?: number;
}

/**
 * Body of an `action` record: something holds at a gateway, or holds no longer, and the key's stream is watched for it
 * from `at + boundMs` on.
 */
export interface WatchRequest {
  /** Id of the action. */
  readonly action: string;
  /** Id of the key, as events carry it. */
  readonly key: string;
  readonly gateway: string;
  readonly rung: ActingRung;
  /** With a throttle. */
  readonly limit?: RateLimit;
  /** With `contain`; without one nothing may be accepted. */
  readonly profile?: KeyProfile;
  readonly kind: 'applied' | 'undone';
  /** When the gateway confirmed it, epoch ms. */
  readonly at: number;
  /** After which it holds at every node. */
  readonly boundMs: number;
  /** Key group of the key, where several engines share them; left out where one engine has all. */
  readonly group?: number;
}

/** `restored` and `not-restored` after an undo only. */
export type WatchOutcome = ActionVerdict | UndoVerdict;

/** What the stream says of an action. A later one of the same action replaces the one before. */
export interface WatchVerdict {
  readonly action: string;
  readonly key: string;
  readonly gateway: string;
  readonly kind: WatchRequest['kind'];
  readonly outcome: WatchOutcome;
  /** Event time at which it became clear, epoch ms. */
  readonly at: number;
  /** Last request of the key that was accepted, epoch ms; null: none was seen. */
  readonly lastAcceptedAt: number | null;
  /** Requests after the bound that got through and should not have, or that were refused after an undo. */
  readonly wrong: number;
  /** Kinds of those, the most frequent first. */
  readonly uses: readonly WeighedUse[];
}

/** What somebody asks for; `by` is who they say they are. */
export interface RuleRequest extends Criteria {
  readonly kind: RuleKind;
  /** How long it holds, ms; left out: until it is removed. */
  readonly forMs?: number;
  readonly by: string;
  readonly reason: string;
}

export interface RemovalRequest {
  readonly kind: RuleKind;
  readonly id: string;
  readonly by: string;
  readonly reason: string;
}

export interface CloseRequest {
  readonly as: ClosedAs;
  readonly by: string;
  readonly reason: string;
  /** How long a false alarm is remembered, ms; left out: REMEMBERED_MS. */
  readonly forMs?: number;
}

/** One line `{"type":"silence"}` or `{"type":"allow"}`. */
export interface RuleLine extends Criteria {
  readonly type: RuleKind;
  readonly id: string;
  readonly fromAt: string;
  /** Null: until it is removed. */
  readonly untilAt: string | null;
  readonly by: string;
  readonly reason: string;
}
