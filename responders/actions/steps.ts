/** What carrying out and taking back have in common. */
import type { Action, ActionStore, Again } from '../../core/action.ts';
import { type Clock, toIso } from '../../core/clock.ts';
import type { GatewayAdapter, GatewayState } from '../../core/gateway.ts';
import { backoffMs } from './backoff.ts';
import type { GatewayCalls, GatewayFault } from './calls.ts';
import type { RunnerBounds } from './contract.ts';
import type { ActionPatch, Records } from './records.ts';
import { isStanding } from './wishes.ts';

/** What a step works with. */
export interface Bench {
  readonly adapter: GatewayAdapter;
  readonly store: ActionStore;
  readonly records: Records;
  readonly calls: GatewayCalls;
  readonly clock: Clock;
  readonly bounds: RunnerBounds;
  random(): number;
}

/** Epoch ms at which an action has to be looked at again; undefined: not by itself. */
export type NextAt = number | undefined;

export function endOf({ untilAt }: Action): NextAt {
  return untilAt === null ? undefined : Date.parse(untilAt);
}

/** Of the key at the gateway, the other actions that may have left something there. */
export async function othersOf({ store }: Bench, action: Action): Promise<Action[]> {
  const held = await store.heldActions(action.gateway, action.subject.id);
  return held.filter(({ id }) => id !== action.id);
}

export function standingOf({ clock }: Bench, others: readonly Action[]): Action[] {
  const now = clock.now();
  return others.filter((other) => isStanding(other, now));
}

export function retryAt(bench: Bench, fault: GatewayFault, failures: number): number {
  const { backoffMs: baseMs, backoffMsMax: maxMs } = bench.bounds;
  const waitMs = backoffMs({ baseMs, maxMs }, failures, bench.random);
  return bench.clock.now() + Math.ceil(Math.max(waitMs, fault.retryAfterMs));
}

/** Undefined where its end, or the bound of its tries, has come. */
export function againOf({ bounds, clock }: Bench, action: Action): Again | undefined {
  const now = clock.now();
  const { sinceAt = toIso(now) } = action.again ?? {};
  const last = Date.parse(sinceAt) + bounds.againForMs;
  const untilMs = Math.min(last, endOf(action) ?? last);
  return untilMs <= now ? undefined : { sinceAt, untilAt: toIso(untilMs) };
}

/** When a gateway that was away is asked again; the longer it is away, the later. */
export function lookAgainAt(bench: Bench, fault: GatewayFault, awayMs: number): number {
  const { againMs, againMsMax } = bench.bounds;
  const waitMs = backoffMs(
    { baseMs: Math.max(againMs, awayMs), maxMs: againMsMax },
    1,
    bench.random,
  );
  return bench.clock.now() + Math.ceil(Math.max(waitMs, fault.retryAfterMs));
}

const THEIRS = 'somebody else changed the key at the gateway; that stays, and nothing is done';

/** A person's later change wins: also over the others of the key that were in effect. */
export async function giveWay(
  bench: Bench,
  action: Action,
  others: readonly Action[],
  present: GatewayState,
): Promise<NextAt> {
  const { records } = bench;
  await loseTo(bench, others, present);
  const facts = { found: present.fingerprint };
  await records.record(action, { what: 'conflict', who: 'keyhound', why: THEIRS }, facts);
  const left = await records.change(action, {
    state: 'conflict',
    error: THEIRS,
    again: undefined,
  });
  records.trouble('conflict', left, THEIRS);
  return left.wants === 'applied' ? endOf(left) : undefined;
}

/** Actions that are done and that somebody else's change took out of effect. */
export async function loseTo(
  { records, store }: Bench,
  actions: readonly Action[],
  present: GatewayState,
): Promise<void> {
  const facts = { found: present.fingerprint };
  for (const { id } of actions) {
    const found = await store.action(id);
    if (found?.state !== 'done') continue;
    // First: a crash in between leaves an entry too many, not one too few.
    await records.record(found, { what: 'conflict', who: 'keyhound', why: THEIRS }, facts);
    const lost = await records.update(id, (now): ActionPatch | undefined =>
      now.state === 'done' ? { state: 'conflict', error: THEIRS } : undefined,
    );
    if (lost !== undefined) records.trouble('conflict', lost, THEIRS);
  }
}
