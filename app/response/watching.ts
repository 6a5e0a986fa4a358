/** Between actions and detection: what is to be watched, and what was seen. */
import type { Action } from '../../core/action.ts';
import type { WatchRequest, WatchVerdict } from '../../core/control.ts';
import type { Verification } from '../../responders/actions/contract.ts';

/** Undefined where there is nothing to watch: not in effect yet, verified, or failed. */
export function watchOf(action: Action, boundMs: number): WatchRequest | undefined {
  const { id, subject, gateway, rung, limit, profile, state, doneAt, undoneAt } = action;
  const kind = state === 'undone' ? 'undone' : 'applied';
  const at = kind === 'undone' ? undoneAt : doneAt;
  if (at === null || (state !== 'done' && state !== 'undone')) return undefined;
  // What was never in effect left nothing to be verified.
  if (kind === 'undone' && doneAt === null) return undefined;
  return {
    action: id,
    key: subject.id,
    gateway,
    rung,
    ...(limit === undefined ? {} : { limit }),
    ...(profile === undefined ? {} : { profile }),
    kind,
    at: Date.parse(at),
    boundMs,
  };
}

export function outcomeOf(verdict: WatchVerdict): Verification {
  const { kind, outcome, lastAcceptedAt, wrong, uses } = verdict;
  if (outcome === 'restored' || outcome === 'not-restored') return { undoVerdict: outcome };
  if (kind === 'undone') return { undoVerdict: 'no-traffic' };
  const what = uses.map(({ route, place, events }) => `${events} × ${route} from ${place}`);
  const leak = outcome === 'not-contained' ? `${wrong} requests: ${what.join(', ')}` : undefined;
  return {
    verdict: outcome,
    ...(lastAcceptedAt === null ? {} : { lastAcceptedAt }),
    ...(leak === undefined ? {} : { leak }),
  };
}
