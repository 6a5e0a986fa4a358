/** Decisions: what policy or a person says to do with a key, as the JSON line of contracts.md. */
import type { Family, Severity, SubjectName } from './finding.ts';
import type { RateLimit, Rung } from './ladder.ts';

export const DECISION_MODES = ['observe', 'automatic', 'approval', 'manual'] as const;
/** `observe`: what would have been done. An unknown mode means: do not act. */
export type DecisionMode = (typeof DECISION_MODES)[number];

export const DECISION_STATES = ['noted', 'held', 'waiting', 'standing', 'ended'] as const;
/**
 * `noted`: nothing acts on it (mode observe, or a rung that only tells). `held`: a brake holds it. `waiting`: for a
 * person. `standing`: it is to be in effect until `untilAt`. `ended`: it is no more.
 */
export type DecisionState = (typeof DECISION_STATES)[number];

export const DECISION_ENDS = [
  'expired',
  'calm',
  'replaced',
  'restored',
  'false-alarm',
  'allowed',
  'denied',
  'explained',
  'stopped',
] as const;
/**
 * `calm`: the incident closed. `replaced`: by a decision on another rung. `restored`: by a person. `explained`: the
 * incident became part of a fleet incident. `stopped`: by the kill switch, told to lift what stands.
 */
export type DecisionEnd = (typeof DECISION_ENDS)[number];

/** What the decision was made from; judged by no clock, so that it can be recomputed. */
export interface Evidence {
  readonly severity: Severity;
  readonly risk: number;
  readonly families: readonly Family[];
  /** Ids of the findings that it rests on. */
  readonly findings: readonly string[];
  /** Weakest of the findings' trust. */
  readonly trust: 'observe' | 'act';
  /** When the newest of it was told, event time. */
  readonly toldAt: string;
}

export interface Approval {
  readonly by: string;
  readonly at: string;
}

/** One line `{"type":"decision"}`. A higher revision of the same id replaces the line before. */
export interface Decision {
  readonly type: 'decision';
  /** `dec_` and 20 characters made from incident (or request), rung and the incident's revision. */
  readonly id: string;
  readonly revision: number;
  /** Null: by hand, or by a report that made no incident. */
  readonly incident: string | null;
  readonly subject: SubjectName;
  readonly rung: Rung;
  readonly mode: DecisionMode;
  readonly state: DecisionState;
  readonly decidedAt: string;
  /**
   * Data, judged when read: a decision past it is not in effect, whatever its state says. Null: until lifted. While
   * it is held or waits: when it is given up.
   */
  readonly untilAt: string | null;
  /** How long it holds from when it comes into effect, ms; null: until lifted. Absent where it only tells. */
  readonly forMs?: number | null;
  /** `policy`, `person:NAME` or `report:SENDER`. */
  readonly actor: string;
  readonly policyVersion: string;
  /** The policy's rule that it came from. */
  readonly rule?: string;
  /** Names of the brakes, most important first, comma separated. */
  readonly heldBy?: string;
  readonly why: string;
  /** With a throttle. */
  readonly limit?: RateLimit;
  readonly evidence?: Evidence;
  /** What policy wanted before brakes stepped it down. */
  readonly wanted?: Rung;
  /** People it needs; two for a protected key. Only with mode `approval`. */
  readonly approvalsNeeded?: number;
  readonly approvals?: readonly Approval[];
  /** Hash of subject, rung, limit, duration and policy: what an approval is bound to. */
  readonly binding?: string;
  readonly endedAt?: string;
  readonly endedAs?: DecisionEnd;
  readonly endedBy?: string;
}

/** True while it is to be in effect at that instant, epoch ms. */
export function isInEffect(decision: Decision, atMs: number): boolean {
  if (decision.state !== 'standing') return false;
  return decision.untilAt === null || Date.parse(decision.untilAt) > atMs;
}

/** What is not given back unless it is named: who revoked the key, or proved that it leaked, knew why. */
export function isLiftedByName({ rung, actor }: Pick<Decision, 'rung' | 'actor'>): boolean {
  return rung === 'revoke' && actor !== 'policy';
}

/** Decided on the proof of a leak, beside any incident. */
export function isOfReport({ actor, incident }: Pick<Decision, 'actor' | 'incident'>): boolean {
  return incident === null && actor.startsWith('report:');
}

/** When the newest of what a revision tells was, epoch ms: what lists are ordered and filtered by. */
export function decisionChangedAt(decision: Decision): number {
  const approved = decision.approvals?.map(({ at }) => at) ?? [];
  const times = [decision.decidedAt, decision.endedAt ?? '', ...approved].map(Date.parse);
  return Math.max(...times.filter((at) => !Number.isNaN(at)));
}

export interface DecisionFilter {
  readonly limit?: number | undefined;
  readonly subjectId?: string | undefined;
  readonly state?: DecisionState | undefined;
  /** Decided or changed at or after, epoch ms. */
  readonly sinceAt?: number | undefined;
}

/** Truth about decisions. Drivers: SQLite, Redis. */
export interface DecisionStore {
  /** Writes a revision; false when one as high is there already. Durable when it resolves. */
  put(decision: Decision): Promise<boolean>;
  decision(id: string): Promise<Decision | undefined>;
  /** Newest first (`decisionChangedAt`, then the higher id); 100 where the filter names no limit. */
  decisions(filter: DecisionFilter): Promise<Decision[]>;
  /** All that are `held`, `waiting` or `standing`. */
  openDecisions(): Promise<Decision[]>;
}
