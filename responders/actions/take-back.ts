/** One try of an undo: the gateway is brought to what still stands for the key, or back to the original. */
import type { Action } from '../../core/action.ts';
import type { GatewayState } from '../../core/gateway.ts';
import { GatewayFault, workedOut } from './calls.ts';
import { Overtaken } from './records.ts';
import { whoseState } from './standing.ts';
import {
  type Bench,
  giveWay,
  lookAgainAt,
  loseTo,
  type NextAt,
  othersOf,
  retryAt,
  standingOf,
} from './steps.ts';
import { isExpired, strictest, wishOf } from './wishes.ts';

export async function takeBack(bench: Bench, action: Action, signal: AbortSignal): Promise<NextAt> {
  if (action.original === undefined) return await withdraw(bench, action);
  try {
    return await tryOnce(bench, action, action.original, signal);
  } catch (error) {
    if (!(error instanceof GatewayFault)) throw error;
    return await failed(bench, action, error);
  }
}

/** Nothing was written. */
async function withdraw({ records }: Bench, action: Action): Promise<NextAt> {
  await records.record(action, { what: 'withdrawn', ...byOf(action) });
  await records.change(action, { state: 'undone', undoneAt: records.now() });
  return undefined;
}

async function tryOnce(
  bench: Bench,
  action: Action,
  original: GatewayState,
  signal: AbortSignal,
): Promise<NextAt> {
  const { adapter, calls, records, clock } = bench;
  const target = records.target(action);
  const others = await othersOf(bench, action);
  const present = await calls.read(adapter, target, signal);
  const held = [action, ...others];
  const whose = whoseState(adapter, { target, original, held }, present);
  if (whose === 'theirs') return await giveWay(bench, action, others, present);
  const standing = standingOf(bench, others);
  if (whose === 'original' && !(standing.length > 0 && isExpired(action, clock.now()))) {
    // Somebody gave the key back, of all actions. (A gateway that forgets by itself does so at its end only.)
    await loseTo(bench, standing, present);
    return await finish(bench, action, undefined, present);
  }
  const effective = strictest(standing);
  const request = {
    target,
    original,
    wish: effective === undefined ? null : wishOf(effective),
  };
  const plan = workedOut(() => adapter.plan(request));
  const expected = workedOut(() => adapter.expect?.(request));
  if (action.attempts === 0) await records.record(action, { what: 'undoing', ...byOf(action) });
  const tried = await records.change(action, { attempts: action.attempts + 1 });
  const wasMilder = strictest([...standing, action])!.id !== action.id;
  const isThere =
    expected === present.fingerprint ||
    (effective === undefined
      ? present.fingerprint === original.fingerprint
      : wasMilder && effective.wrote?.fingerprint === present.fingerprint);
  const left = isThere
    ? present
    : await calls.apply(adapter, { ...request, present }, plan.calls.length, signal);
  // Somebody else may have worked on the key after our lock on it was lost: then the gateway shows either's.
  const now = strictest(standingOf(bench, await othersOf(bench, action)));
  if (now?.id !== effective?.id) throw new Overtaken();
  return await finish(bench, tried, effective, left);
}

async function finish(
  bench: Bench,
  action: Action,
  effective: Action | undefined,
  left: GatewayState,
): Promise<NextAt> {
  const { records } = bench;
  // What stands has been written anew: from now on that is what a person's change is told by.
  if (effective !== undefined && effective.wrote?.fingerprint !== left.fingerprint) {
    await records.update(effective.id, ({ state }) =>
      state === 'done' ? { wrote: left } : undefined,
    );
  }
  const { appliedAs } = action;
  await records.record(
    action,
    { what: 'undone', ...byOf(action), ...(appliedAs === undefined ? {} : { undoes: appliedAs }) },
    { state: left.fingerprint, ...(effective === undefined ? {} : { stands: effective.id }) },
  );
  await records.change(action, { state: 'undone', undoneAt: records.now(), error: undefined });
  return undefined;
}

/** It is tried on for ever: a key that is held back by mistake is somebody's outage. */
async function failed(bench: Bench, { id }: Action, fault: GatewayFault): Promise<NextAt> {
  const { records, bounds, clock, store } = bench;
  const action = await store.action(id);
  if (action === undefined || action.state === 'undone') return clock.now();
  const before = action.failures ?? 0;
  const failures = fault.retryable ? before + 1 : Math.max(before + 1, bounds.failuresMax);
  const patch = { failures, error: fault.message };
  if (failures < bounds.failuresMax) {
    await records.change(action, patch);
    return retryAt(bench, fault, failures);
  }
  if (before < bounds.failuresMax) {
    await records.record(action, { what: 'undo-failed', who: 'keyhound', why: fault.message });
  }
  const given = await records.change(action, { ...patch, state: 'failed' });
  records.trouble('undo-failed', given, fault.message);
  if (!fault.retryable) return clock.now() + bounds.undoAgainMs;
  return lookAgainAt(bench, fault, bounds.againMs * 2 ** (failures - bounds.failuresMax));
}

function byOf({ endedBy, endedWhy }: Action): { readonly who: string; readonly why: string } {
  return { who: endedBy ?? 'keyhound', why: endedWhy ?? '' };
}
