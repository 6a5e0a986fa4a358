/** What people ask of the response: the same through the API of an instance and on a state at rest. */
import type { Action, ActionFilter } from './action.ts';
import type { Decision, DecisionFilter } from './decision.ts';
import type { ActingRung, RateLimit } from './ladder.ts';

export const VERBS = ['throttle', 'contain', 'suspend', 'revoke', 'restore'] as const;
export type Verb = (typeof VERBS)[number];

/** What a person wants done with a key. */
export interface CommandRequest {
  readonly verb: Verb;
  /** Subject id. */
  readonly key: string;
  /** Who, as they said, or as their token says. */
  readonly by: string;
  readonly reason: string;
  /** Left out: as the policy says for the rung. */
  readonly forMs?: number | undefined;
  /** With throttle; left out: as the policy says. */
  readonly limit?: RateLimit | undefined;
  /** Shows what it would hit, and changes nothing. */
  readonly dryRun?: boolean | undefined;
  /** With restore: what led to it was a false alarm, and the same is not raised again. */
  readonly falseAlarm?: boolean | undefined;
  /** With restore: this decision alone, also where it is lifted by name only (core/decision.ts). */
  readonly decision?: string | undefined;
}

/** What would be done at one gateway. */
export interface PlannedAction {
  readonly gateway: string;
  /** Undefined: the gateway can do neither this nor anything milder. */
  readonly rung: ActingRung | undefined;
  readonly calls: readonly string[];
  readonly undo: readonly string[];
  readonly siblings: readonly string[];
  /** Why nothing would be done there, or what to know. */
  readonly note?: string;
}

export interface CommandAnswer {
  /** Decisions made, or ended by a restore; of a dry run what would be. */
  readonly decisions: readonly Decision[];
  readonly actions: readonly Action[];
  /** Of a dry run. */
  readonly planned: readonly PlannedAction[];
}

export interface DecisionDetail {
  readonly decision: Decision;
  readonly actions: readonly Action[];
}

export interface ApprovalRequest {
  readonly verdict: 'approve' | 'deny';
  /** Personal token: tells who it is. */
  readonly token: string;
  readonly reason: string;
}

export interface StopRequest {
  readonly stopped: boolean;
  /** With `stopped`: what stands is lifted too. */
  readonly lift: boolean;
  readonly by: string;
  readonly reason: string;
}

/** One line `{"type":"response"}`. */
export interface ResponseStatus {
  readonly type: 'response';
  readonly policyVersion: string;
  /** The file, or 'built-in'. */
  readonly policyPath: string;
  /** Why the file that is there now is not used; absent when it is. */
  readonly policyFault?: string;
  /** Mode by rung. */
  readonly rungs: Readonly<Record<string, string>>;
  readonly stopped: boolean;
  readonly stoppedBy?: string;
  readonly gateways: readonly {
    readonly name: string;
    readonly kind: string;
    readonly rungs: readonly string[];
    /** Absent while nobody can say. */
    readonly waiting?: number;
  }[];
  /** Decisions; absent while nobody can say. */
  readonly standing?: number;
  readonly held?: number;
  readonly waiting?: number;
}

export interface ReconcileRequest {
  /** Removes orphans and has what is missing written again. */
  readonly fix: boolean;
  readonly by: string;
}

/** One line `{"type":"discrepancy"}` of `actions reconcile`. */
export interface Discrepancy {
  readonly type: 'discrepancy';
  readonly gateway: string;
  /** `orphan`: there, and in no record. `drift`: changed there since. `missing`: to hold, and not there. */
  readonly kind: 'orphan' | 'drift' | 'missing' | 'unreachable';
  readonly action?: string;
  readonly subject?: string;
  readonly detail: string;
  readonly fixed: boolean;
}

/** One chain of the audit log. */
export interface AuditCheck {
  readonly writer: string;
  readonly entries: number;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ChannelCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ResponseClient {
  responseStatus(): Promise<ResponseStatus>;
  decisions(filter: DecisionFilter): Promise<readonly Decision[]>;
  decision(id: string): Promise<DecisionDetail | undefined>;
  actions(filter: ActionFilter): Promise<readonly Action[]>;
  action(id: string): Promise<Action | undefined>;
  command(request: CommandRequest): Promise<CommandAnswer>;
  /** Undefined when there is no such decision. */
  approve(id: string, request: ApprovalRequest): Promise<DecisionDetail | undefined>;
  stop(request: StopRequest): Promise<ResponseStatus>;
  reconcile(request: ReconcileRequest): Promise<readonly Discrepancy[]>;
  verifyAudit(): Promise<readonly AuditCheck[]>;
  /** All when no name is given. */
  testChannels(name: string | undefined): Promise<readonly ChannelCheck[]>;
}

/** The limits of a key at the decision endpoint, for people. */
export interface KeyLimits {
  readonly layers: readonly {
    readonly name: string;
    readonly limit: RateLimit;
    /** False: shown, never enforced. */
    readonly enforce: boolean;
  }[];
  /** What the learned limit is from; absent while too little is known of the key. */
  readonly learned?: string | undefined;
}
