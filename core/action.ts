/** Actions: a rung carried out for a key at a gateway, as the JSON line of contracts.md, with the truth about it. */
import type { SubjectName } from './finding.ts';
import type { GatewayState } from './gateway.ts';
import type { ActingRung, RateLimit } from './ladder.ts';
import type { KeyProfile } from './verdict.ts';

export const ACTION_STATES = [
  'planned',
  'running',
  'done',
  'failed',
  'undone',
  'conflict',
] as const;
export type ActionState = (typeof ACTION_STATES)[number];

export const VERDICTS_OF_ACTION = ['contained', 'no-traffic', 'not-contained'] as const;
export type ActionVerdict = (typeof VERDICTS_OF_ACTION)[number];

/** `restored`: the key is accepted again. `not-restored`: it is still refused. */
export type UndoVerdict = 'restored' | 'not-restored' | 'no-traffic';

/** A gateway that was away is asked again for what it did not take. */
export interface Again {
  /** When the action was given up first, RFC 3339. */
  readonly sinceAt: string;
  /** It is tried no more from then on, RFC 3339. */
  readonly untilAt: string;
}

/** One line `{"type":"action"}`. A higher revision of the same id replaces the line before. */
export interface Action {
  readonly type: 'action';
  /** `act_` and 20 characters of [a-z0-9], made from decision and gateway: the tag of what it makes. */
  readonly id: string;
  readonly revision: number;
  readonly decision: string;
  readonly subject: SubjectName;
  /** Name of the gateway, as configured. */
  readonly gateway: string;
  readonly rung: ActingRung;
  /** What was decided, where the gateway cannot do that and takes the next best. */
  readonly wanted?: ActingRung;
  readonly state: ActionState;
  readonly requestedAt: string;
  readonly doneAt: string | null;
  readonly verifiedAt: string | null;
  readonly verdict: ActionVerdict | null;
  readonly undoneAt: string | null;
  /** What a person types to undo it without Keyhound; known once planned at the gateway. */
  readonly undo: string;
  /** Text for people, no key material. Absent when nothing failed. */
  readonly error?: string;
  /** Whether it is to hold, or to be taken back. */
  readonly wants: 'applied' | 'undone';
  /** Grows by one with each action of the key at the gateway: a lower one never overwrites a higher one's effect. */
  readonly version: number;
  readonly limit?: RateLimit;
  readonly profile?: KeyProfile;
  /** When it takes itself back; null: until lifted. */
  readonly untilAt: string | null;
  /**
   * State before anything of ours, of this or an earlier action that still holds; recorded before the first write.
   * Absent again once it is known that a failed action left nothing.
   */
  readonly original?: GatewayState;
  /** State that our last write left. */
  readonly wrote?: GatewayState;
  readonly siblings?: readonly string[];
  /** Tries of what it wants now; begins again when `wants` changes. Grows before the gateway is written to. */
  readonly attempts: number;
  /** Of these, the ones that failed. Absent: none. */
  readonly failures?: number;
  /** Failed because its gateway was away: it is taken up again. Stays until it is done, or given up for good. */
  readonly again?: Again;
  /** Fingerprint that the write under way leaves: a decision that is renewed meanwhile must know it as ours. */
  readonly tried?: string;
  /** Id of the audit entry that says that it was applied; absent before. */
  readonly appliedAs?: string;
  /** Who or what took it back: `person:NAME`, `policy`, `keyhound` (it expired). */
  readonly endedBy?: string;
  readonly endedWhy?: string;
  /** Last accepted request that was seen after it, event time. */
  readonly lastAcceptedAt?: string;
  /** What still gets through, where it is not contained. */
  readonly leak?: string;
  /** What the stream says after it was taken back; absent until it says something. */
  readonly undoVerdict?: UndoVerdict;
}

export interface ActionFilter {
  readonly limit?: number | undefined;
  readonly subjectId?: string | undefined;
  readonly gateway?: string | undefined;
  readonly state?: ActionState | undefined;
  readonly decision?: string | undefined;
  /** Changed at or after, epoch ms. */
  readonly sinceAt?: number | undefined;
}

/** When the newest of what a revision tells was, epoch ms: what lists are ordered and filtered by. */
export function actionChangedAt(action: Action): number {
  const { requestedAt, doneAt, verifiedAt, undoneAt } = action;
  const times = [requestedAt, doneAt, verifiedAt, undoneAt].map((at) => Date.parse(at ?? ''));
  return Math.max(...times.filter((at) => !Number.isNaN(at)));
}

/** Given up for now: it is taken up again when its gateway answers. */
export function isPutOff({ state, wants, again }: Action): boolean {
  return state === 'failed' && wants === 'applied' && again !== undefined;
}

/** Not yet as it is to be. A failed undo is tried on. */
export function isUnsettled(action: Action): boolean {
  const { state, wants } = action;
  if (state === 'planned' || state === 'running' || isPutOff(action)) return true;
  return wants === 'undone' && (state === 'done' || state === 'failed');
}

/** It may have left something at the gateway: what follows on the key begins from its original. */
export function isHeld({ state, wants, original }: Action): boolean {
  if (original === undefined || state === 'undone') return false;
  return state !== 'conflict' || wants === 'applied';
}

/** The truth about actions. Drivers: SQLite, Redis. All writes are fenced by the revision that was read. */
export interface ActionStore {
  /** False when there is one of that id. Gives `version` (ignored in the argument): one more than the key's last. */
  createAction(action: Action): Promise<boolean>;
  /** Writes `next` if the stored revision is one below its own; false otherwise. Durable when it resolves. */
  changeAction(next: Action): Promise<boolean>;
  action(id: string): Promise<Action | undefined>;
  /** Newest first (`actionChangedAt`, then the higher id); 100 where the filter names no limit. */
  actions(filter: ActionFilter): Promise<Action[]>;
  /** All that `isUnsettled`. */
  unsettledActions(): Promise<Action[]>;
  /** All that `isHeld`, of a key at a gateway, or of all; highest version first. */
  heldActions(gateway?: string, subjectId?: string): Promise<Action[]>;
}

/** Work on an action. */
export interface QueueEntry {
  readonly gateway: string;
  readonly action: string;
  /** Id of the key: work on one key at a gateway is handed out one at a time. */
  readonly subject: string;
  /** When it is due, epoch ms; 0: before all else. */
  readonly at: number;
}

/**
 * When work on actions is due: one queue per gateway; ids only, the truth is the store. Work may be handed out
 * twice (a crash, a lost lock): the handler reads the action first. Drivers: SQLite, BullMQ.
 */
export interface ActionQueue {
  /**
   * Durable when it resolves. One entry an action: adding it again moves it to the earlier of both times; adding it
   * while it is being worked on makes it come once more.
   */
  add(entry: QueueEntry): Promise<void>;
  /**
   * Hands out due work of a gateway, the earliest first, one at a time a key, until the signal; resolves once the
   * handlers that run have ended. The handler answers when to come again, epoch ms, or undefined: done with. A handler
   * that throws is called again after a while.
   */
  work(
    gateway: string,
    handler: (action: string, signal: AbortSignal) => Promise<number | undefined>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Entries that are due and not done with, by gateway; those of a later time are not counted. */
  depth(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}
