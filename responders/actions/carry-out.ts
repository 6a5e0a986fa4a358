/**
 * One try of an action: read the gateway, record what it was like before anything of ours, write, read back.
 *
 * Order matters, because the process may end between any two lines. The original is durable before the first write.
 * The audit has its entry before, or nothing is written. What was tried and not heard of is tried again only after
 * a look at the gateway.
 */
import { type Action, isPutOff } from '../../core/action.ts';
import type { GatewayState } from '../../core/gateway.ts';
import { faultOf, GatewayFault, workedOut } from './calls.ts';
import { Overtaken } from './records.ts';
import { whoseState } from './standing.ts';
import {
  againOf,
  type Bench,
  endOf,
  giveWay,
  lookAgainAt,
  loseTo,
  type NextAt,
  othersOf,
  retryAt,
  standingOf,
} from './steps.ts';
import { strictest, wishOf } from './wishes.ts';

export async function carryOut(bench: Bench, action: Action, signal: AbortSignal): Promise<NextAt> {
  try {
    return await tryOnce(bench, action, signal);
  } catch (error) {
    if (!(error instanceof GatewayFault)) throw error;
    return await failed(bench, action, error, signal);
  }
}

async function tryOnce(bench: Bench, action: Action, signal: AbortSignal): Promise<NextAt> {
  const { adapter, calls, records } = bench;
  const target = records.target(action);
  const others = await othersOf(bench, action);
  const present = await calls.read(adapter, target, signal);
  const held = action.original === undefined ? others : [action, ...others];
  if (held.length === 0 && !present.exists) {
    throw new GatewayFault('the gateway does not know this key', false);
  }
  const original = action.original ?? others[0]?.original ?? present;
  const whose =
    held.length === 0 ? 'ours' : whoseState(adapter, { target, original, held }, present);
  if (whose === 'theirs') return await giveWay(bench, action, others, present);
  let standing = standingOf(bench, others);
  if (whose === 'original') {
    // Somebody gave the key back what was taken by the others. This action is newer than that.
    await loseTo(bench, standing, present);
    standing = standing.filter(({ state }) => state !== 'done');
  }
  const effective = strictest([...standing, action])!;
  const request = { target, original, wish: wishOf(effective) };
  const plan = workedOut(() => adapter.plan(request));
  if (isPutOff(action)) await records.record(action, TAKEN_UP, { since: action.again?.sinceAt });
  else if (action.attempts === 0) await records.record(action, { what: 'applying' });
  const expected = workedOut(() => adapter.expect?.(request));
  const running = await records.change(action, {
    state: 'running',
    tried: expected,
    // What an earlier wish left is ours, also once this one's is on its way.
    ...(present.fingerprint === action.tried ? { wrote: present } : {}),
    attempts: action.attempts + 1,
    original,
    undo: plan.undo.join('\n'),
    ...(plan.siblings.length === 0 ? {} : { siblings: plan.siblings }),
  });
  const isThere =
    expected === present.fingerprint ||
    (effective.id !== action.id && effective.wrote?.fingerprint === present.fingerprint);
  const left = isThere
    ? present
    : await calls.apply(adapter, { ...request, present }, plan.calls.length, signal);
  return await finish(bench, running, effective, left);
}

const TAKEN_UP = {
  what: 'taken-up',
  who: 'keyhound',
  why: 'the gateway answers again, and what was decided still stands',
} as const;

async function finish(
  bench: Bench,
  running: Action,
  effective: Action,
  left: GatewayState,
): Promise<NextAt> {
  const { records } = bench;
  // Somebody else may have worked on the key after our lock on it was lost: then the gateway shows either's.
  const standing = standingOf(bench, await othersOf(bench, running));
  if (strictest([...standing, running])!.id !== effective.id) throw new Overtaken();
  const facts = { state: left.fingerprint, attempts: running.attempts };
  const appliedAs = await records.record(running, { what: 'applied' }, facts);
  const done = await records.change(running, {
    state: 'done',
    doneAt: records.now(),
    wrote: left,
    appliedAs,
    tried: undefined,
    error: undefined,
    again: undefined,
  });
  return endOf(done);
}

async function failed(
  bench: Bench,
  before: Action,
  fault: GatewayFault,
  signal: AbortSignal,
): Promise<NextAt> {
  const { records, bounds, store, clock } = bench;
  const action = await store.action(before.id);
  if (action === undefined || action.wants !== 'applied') return clock.now();
  // Told and recorded when it was given up; that the gateway is still away is no news.
  if (isPutOff(action) && fault.retryable) return putOff(bench, action, fault);
  const failures = (action.failures ?? 0) + 1;
  if (fault.retryable && failures < bounds.failuresMax) {
    await records.change(action, { failures, error: fault.message });
    return retryAt(bench, fault, failures);
  }
  const left = await whatIsLeft(bench, action, signal);
  if (typeof left === 'object') return await finish(bench, action, left.effective, left.present);
  await records.record(action, { what: 'failed', who: 'keyhound', why: fault.message }, { left });
  const given = await records.change(action, {
    state: 'failed',
    failures,
    error: fault.message,
    original: left === 'nothing' ? undefined : action.original,
    // What was refused is refused again.
    again: fault.retryable ? againOf(bench, action) : undefined,
  });
  records.trouble('failed', given, fault.message);
  return isPutOff(given) ? putOff(bench, given, fault) : endOf(given);
}

/** Its end, and that of its tries, come before the next look at the gateway. */
function putOff(bench: Bench, action: Action, fault: GatewayFault): NextAt {
  const { sinceAt, untilAt } = action.again!;
  const awayMs = bench.clock.now() - Date.parse(sinceAt);
  return Math.min(lookAgainAt(bench, fault, awayMs), Date.parse(untilAt));
}

/** One more try of an action that was given up because its gateway was away. */
export async function takeUp(bench: Bench, action: Action, signal: AbortSignal): Promise<NextAt> {
  const { clock, records } = bench;
  if (clock.now() < Date.parse(action.again!.untilAt)) return await carryOut(bench, action, signal);
  const why = action.error ?? '';
  await records.record(action, { what: 'given-up', who: 'keyhound', why });
  return endOf(await records.change(action, { again: undefined }));
}

/** It came through after all. */
interface InEffect {
  readonly effective: Action;
  readonly present: GatewayState;
}

/** Of an action that is given up. What may be there is taken back like what is there. */
async function whatIsLeft(
  bench: Bench,
  action: Action,
  signal: AbortSignal,
): Promise<'nothing' | 'unknown' | InEffect> {
  const { adapter, calls, records } = bench;
  const { original } = action;
  if (original === undefined) return 'nothing';
  if (action.wrote !== undefined) return 'unknown';
  try {
    const target = records.target(action);
    const present = await calls.read(adapter, target, signal);
    const { fingerprint } = present;
    const others = await othersOf(bench, action);
    const standing = standingOf(bench, others);
    const effective = strictest([...standing, action])!;
    const expected = (shall: Action | undefined) =>
      adapter.expect?.({ target, original, wish: shall === undefined ? null : wishOf(shall) });
    if (fingerprint === expected(effective)) return { effective, present };
    // What others have written may have been written while this one's wish counted, so their records tell nothing.
    const without = others.length === 0 ? original.fingerprint : expected(strictest(standing));
    return fingerprint === without ? 'nothing' : 'unknown';
  } catch (error) {
    signal.throwIfAborted();
    faultOf(error);
    return 'unknown';
  }
}
