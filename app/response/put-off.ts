/** Decisions that hold nowhere yet, since the gateways that should have carried them out are away. */
import { type Action, isPutOff } from '../../core/action.ts';
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { isActing } from '../../core/ladder.ts';
import type { PolicyHolder } from '../../responders/policy-holder.ts';

/** Decisions with an action that is to hold; the oldest give way. */
const DECISIONS_MAX = 100_000;

export class PutOffs {
  /** By decision: its actions that are to hold, and whether they failed so far. */
  readonly #decisions = new Map<string, Map<string, boolean>>();

  /** Each revision of an action, in their order. */
  note(action: Action): void {
    const { id, decision, failures = 0, state, wants } = action;
    const isTried = (state === 'planned' || state === 'running') && failures > 0;
    const actions = this.#decisions.get(decision) ?? new Map<string, boolean>();
    const isOver = wants === 'undone' || state === 'conflict';
    if (isOver) actions.delete(id);
    else actions.set(id, isTried || isPutOff(action));
    if (actions.size === 0) this.#decisions.delete(decision);
    else this.#decisions.set(decision, actions);
    if (this.#decisions.size > DECISIONS_MAX)
      this.#decisions.delete(this.#decisions.keys().next().value!);
  }

  /** Every gateway of it failed so far, and is tried again. */
  has(decisionId: string): boolean {
    const actions = [...(this.#decisions.get(decisionId)?.values() ?? [])];
    return actions.length > 0 && actions.every((isFailing) => isFailing);
  }
}

/** People saw what they did: theirs is done late too. What policy decided is, as far as its ladder still goes. */
export function mayTakeUp(
  { actor, mode, rung, subject }: Decision,
  holder: PolicyHolder,
  directory: KeyDirectory,
): boolean {
  if (actor.startsWith('person:')) return true;
  if (!isActing(rung)) return false;
  if (mode !== 'automatic') return holder.setting(rung, subject.id).mode !== 'off';
  if (directory.entry(subject.id)?.protected === true) return false;
  return holder.setting(rung, subject.id).mode === 'automatic';
}
