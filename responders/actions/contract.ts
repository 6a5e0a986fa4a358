/** What the runner of actions is made with, and what it answers. */
import type {
  Action,
  ActionQueue,
  ActionStore,
  ActionVerdict,
  UndoVerdict,
} from '../../core/action.ts';
import type { AuditLog } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import type { Decision, DecisionStore } from '../../core/decision.ts';
import type { SubjectName } from '../../core/finding.ts';
import type { GatewayAdapter, KeyTarget } from '../../core/gateway.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { Discrepancy } from '../../core/response.ts';
import type { Pacer } from './pacer.ts';

export interface RunnerBounds {
  /** Failures after which an action or an undo is `failed`. */
  readonly failuresMax: number;
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** Of one read or write at a gateway. */
  readonly callMsMax: number;
  /** Until a gateway that was away is asked again for what is `failed`; then twice as long each time. */
  readonly againMs: number;
  readonly againMsMax: number;
  /** How long an action that is `failed` is taken up again; an undo is for ever. */
  readonly againForMs: number;
  /** Between two tries of an undo that the gateway refuses. */
  readonly undoAgainMs: number;
}

/**
 * `failed`: given up, the key is not contained; once more where it was taken up and failed again. `undo-failed`: not
 * taken back yet, tried on. `conflict`: a person changed the key at the gateway; theirs stays. `audit`: cannot be
 * recorded, so nothing is done. `store`: cannot be kept, so nothing is done. `no-gateway`: it is configured no more.
 */
export type TroubleKind = 'failed' | 'undo-failed' | 'conflict' | 'audit' | 'store' | 'no-gateway';

/** Of what people have to know at once; the same again may be told again. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly action: Action;
  /** For people; no key material. */
  readonly reason: string;
}

export interface RunnerOptions {
  readonly adapters: readonly GatewayAdapter[];
  readonly store: ActionStore;
  readonly queue: ActionQueue;
  readonly audit: AuditLog;
  readonly decisions: Pick<DecisionStore, 'decision'>;
  readonly clock: Clock;
  /** In [0, 1), for the jitter. */
  random(): number;
  /** What gateways are told about a key. Default: the credential id is what follows the first colon. */
  target?(subject: SubjectName): KeyTarget;
  /**
   * Whether an action that its gateway was away for may still be taken up, though its decision stands: what was
   * switched off meanwhile is done no more. Default: it may.
   */
  mayTakeUp?(decision: Decision): boolean;
  /** Told of each revision, once it is durable. */
  onAction?(action: Action): void;
  onTrouble?(trouble: Trouble): void;
  /** Default: of this process alone. */
  readonly pace?: Pacer;
  readonly bounds?: Partial<RunnerBounds>;
}

export type Verification =
  | {
      readonly verdict: ActionVerdict;
      /** Event time, epoch ms. */
      readonly lastAcceptedAt?: number;
      /** What still gets through. */
      readonly leak?: string;
    }
  | { readonly undoVerdict: UndoVerdict };

export interface ReconcileRequest {
  /** Removes orphans and has what is missing applied again; a person's change is noted as a conflict and stays. */
  readonly fix: boolean;
  /** With `fix`: who asked for it, e.g. `person:ann`. */
  readonly by: string;
  readonly why: string;
  readonly signal: AbortSignal;
}

export interface ActionRunner {
  /**
   * Has a decision that stands carried out at a gateway; durable when it resolves. Asked for again with another
   * limit, profile or end, the action changes. Undefined: the gateway can do neither that nor anything milder that
   * acts. Rejects when it cannot be kept: then nothing is done.
   */
  request(
    decision: Decision,
    adapter: GatewayAdapter,
    extra?: { readonly profile?: KeyProfile },
  ): Promise<Action | undefined>;
  /** Has all actions of a decision taken back; durable when it resolves. Answers those that were not yet. */
  undo(decisionId: string, by: string, why: string): Promise<Action[]>;
  /** What the stream shows after an action, or after its undo. */
  verified(actionId: string, verification: Verification): Promise<Action | undefined>;
  /** Has what has expired, or whose decision has ended, taken back before anything else. Part of `run`. */
  settleExpired(): Promise<Action[]>;
  /** No new action starts; undoing goes on. With `lift` all that stand are taken back. */
  stop(lift?: { readonly by: string; readonly why: string }): Promise<Action[]>;
  resume(): Promise<void>;
  readonly stopped: boolean;
  reconcile(request: ReconcileRequest): Promise<Discrepancy[]>;
  /** Works on all gateways until the signal. */
  run(signal: AbortSignal): Promise<void>;
}
