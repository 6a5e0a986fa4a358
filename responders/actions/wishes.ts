/**
 * What shall hold for a key at a gateway: of all actions that stand, the strictest. It follows from the records
 * alone, so the order in which actions are carried out or end does not matter.
 */
import type { Action } from '../../core/action.ts';
import type { Wish } from '../../core/gateway.ts';
import { compareRungs, isThrottle, type RateLimit } from '../../core/ladder.ts';

export function isExpired({ untilAt }: Action, atMs: number): boolean {
  return untilAt !== null && Date.parse(untilAt) <= atMs;
}

/**
 * Whether its wish counts. One that runs may be in effect already, so it counts too; one that failed or gave way to
 * a person does not.
 */
export function isStanding(action: Action, atMs: number): boolean {
  const { state, wants } = action;
  if (wants !== 'applied' || isExpired(action, atMs)) return false;
  return state === 'done' || state === 'running';
}

/** Undefined of none. */
export function strictest(actions: readonly Action[]): Action | undefined {
  return actions.reduce<Action | undefined>(
    (best, next) => (best === undefined || compareActions(next, best) > 0 ? next : best),
    undefined,
  );
}

export function wishOf(action: Action): Wish {
  const { rung, limit, profile, id, untilAt } = action;
  return {
    rung,
    ...(limit === undefined ? {} : { limit }),
    ...(profile === undefined ? {} : { profile }),
    tag: id,
    untilAt: untilAt === null ? null : Date.parse(untilAt),
  };
}

/** Above zero when `a` is the stricter one. Of two throttles it is the one with the lower rate. */
function compareActions(a: Action, b: Action): number {
  const bothThrottle = isThrottle(a.rung) && isThrottle(b.rung);
  return (
    (bothThrottle ? rateOf(b.limit) - rateOf(a.limit) : 0) ||
    compareRungs(a.rung, b.rung) ||
    endOf(a) - endOf(b) ||
    a.version - b.version
  );
}

function rateOf(limit: RateLimit | undefined): number {
  return limit === undefined ? Number.MAX_VALUE : limit.requests / limit.windowMs;
}

function endOf({ untilAt }: Action): number {
  return untilAt === null ? Number.MAX_VALUE : Date.parse(untilAt);
}
