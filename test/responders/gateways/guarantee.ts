/** Parts of the guarantees: wishes, and what must hold under one. */
import assert from 'node:assert/strict';
import { KeyhoundError } from '../../../core/errors.ts';
import type { GatewayAdapter, GatewayState, Wish } from '../../../core/gateway.ts';
import { ACTING_RUNGS, type ActingRung } from '../../../core/ladder.ts';
import type { Effect, Rig } from './rig.ts';
import { wishOf } from './tools.ts';

export interface Guarantee {
  readonly name: string;
  /** Takes long for all kinds together: not in the fast tests. */
  readonly slow?: true;
  check(rig: Rig, adapter: GatewayAdapter): Promise<void>;
}

const LIMIT = { requests: 5, windowMs: 60_000 };

export function wishFor(rung: ActingRung, change: Partial<Wish> = {}): Wish {
  return wishOf(rung, { ...(rung.startsWith('throttle') ? { limit: LIMIT } : {}), ...change });
}

/** As the store keeps it. */
export function recorded(state: GatewayState): GatewayState {
  return JSON.parse(JSON.stringify(state)) as GatewayState;
}

export function mildest({ rungs }: GatewayAdapter): ActingRung {
  return ACTING_RUNGS.find((rung) => rungs.has(rung))!;
}

export function strongest({ rungs }: GatewayAdapter): ActingRung {
  return ACTING_RUNGS.findLast((rung) => rungs.has(rung))!;
}

export function isPermanent(error: unknown): boolean {
  return error instanceof KeyhoundError && error.kind === 'operating' && !error.retryable;
}

export function assertHolds(rung: ActingRung, { open, limit }: Effect): void {
  const isShut = rung === 'suspend' || rung === 'revoke';
  assert.equal(open, !isShut, rung);
  if (!rung.startsWith('throttle')) return;
  assert.ok(limit !== null, `${rung} has a limit`);
  assert.ok(limit.requests / limit.windowMs <= LIMIT.requests / LIMIT.windowMs, rung);
}
