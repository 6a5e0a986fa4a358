/** What a process under kill -9 stands on, and how it is spoken to. */
import type { ActionQueue, ActionStore } from '../../../../core/action.ts';
import type { AuditStore } from '../../../../core/audit.ts';
import type { Decision, DecisionStore } from '../../../../core/decision.ts';

export interface KillStores {
  readonly store: ActionStore & DecisionStore & AuditStore;
  readonly queue: ActionQueue;
  close(): Promise<void>;
}

/** Exported as `driver` by the module that the child is given. */
export interface KillDriver {
  readonly name: string;
  open(place: string): Promise<KillStores>;
}

/** One JSON line to the child; it answers the number once it is durable. */
export type Command = { readonly n: number } & (
  | { readonly do: 'decide'; readonly decision: Decision }
  | { readonly do: 'end'; readonly id: string }
  /** Answered once nothing is unsettled. */
  | { readonly do: 'settle' }
);
