/** Compares what gateways have with what the records want. */
import type { Action } from '../../core/action.ts';
import type { GatewayAdapter, OwnedObject } from '../../core/gateway.ts';
import type { Discrepancy } from '../../core/response.ts';
import { GatewayFault } from './calls.ts';
import type { ReconcileRequest } from './contract.ts';
import type { RunnerParts } from './runner.ts';
import { isUncertain, whoseState } from './standing.ts';
import { loseTo } from './steps.ts';

export async function reconcile(
  runner: RunnerParts,
  request: ReconcileRequest,
): Promise<Discrepancy[]> {
  const found: Discrepancy[] = [];
  for (const adapter of runner.options.adapters) {
    try {
      found.push(...(await orphansOf(runner, adapter, request)));
      found.push(...(await changedOf(runner, adapter, request)));
    } catch (error) {
      if (!(error instanceof GatewayFault)) throw error;
      const { name: gateway } = adapter;
      const rest = { detail: error.message, fixed: false } as const;
      found.push({ type: 'discrepancy', gateway, kind: 'unreachable', ...rest });
    }
  }
  return found;
}

/** Objects with a tag of ours that no record wants. */
async function orphansOf(
  runner: RunnerParts,
  adapter: GatewayAdapter,
  { fix, by, why, signal }: ReconcileRequest,
): Promise<Discrepancy[]> {
  const { store, calls, records, options, clock } = runner;
  const found: Discrepancy[] = [];
  const owned = await calls.owned(adapter, signal);
  // Read after the gateway was asked: what has been made meanwhile has its record.
  const held = new Set((await store.heldActions(adapter.name)).map(({ id }) => id));
  for (const object of owned.filter(({ tag }) => !held.has(tag))) {
    if (fix) {
      const action = await store.action(object.tag);
      if (action === undefined) {
        await options.audit.record({
          who: by,
          what: 'orphan-removed',
          subject: object.subjectId ?? '',
          why,
          at: clock.now(),
          evidence: { gateway: adapter.name, tag: object.tag, what: object.what },
        });
      } else {
        await records.record(
          action,
          { what: 'orphan-removed', who: by, why },
          { what: object.what },
        );
      }
      await calls.remove(adapter, (ending) => object.remove(ending), signal);
    }
    found.push(orphan(adapter.name, object, fix));
  }
  return found;
}

function orphan(
  gateway: string,
  { tag, subjectId, what }: OwnedObject,
  fixed: boolean,
): Discrepancy {
  return {
    type: 'discrepancy',
    gateway,
    kind: 'orphan',
    action: tag,
    ...(subjectId === undefined ? {} : { subject: subjectId }),
    detail: what,
    fixed,
  };
}

/** Keys whose state at the gateway is not what their records left. */
async function changedOf(
  runner: RunnerParts,
  adapter: GatewayAdapter,
  request: ReconcileRequest,
): Promise<Discrepancy[]> {
  const held = await runner.store.heldActions(adapter.name);
  const byKey = Map.groupBy(held, ({ subject }) => subject.id);
  const found: Discrepancy[] = [];
  for (const actions of byKey.values()) {
    // What is being worked on looks at the gateway by itself.
    if (actions.some(isUncertain) || !actions.some(({ state }) => state === 'done')) continue;
    found.push(...(await changedOfKey(runner, adapter, actions, request)));
  }
  return found;
}

async function changedOfKey(
  runner: RunnerParts,
  adapter: GatewayAdapter,
  held: readonly Action[],
  { fix, signal }: ReconcileRequest,
): Promise<Discrepancy[]> {
  const { calls, records, clock, add } = runner;
  const first = held[0]!;
  const target = records.target(first);
  const present = await calls.read(adapter, target, signal);
  const whose = whoseState(adapter, { target, original: first.original!, held }, present);
  if (whose === 'ours') return [];
  const kind = whose === 'theirs' ? 'drift' : 'missing';
  const done = held.filter(({ state, wants }) => state === 'done' && wants === 'applied');
  if (fix && kind === 'drift') await loseTo(runner.benchOf(adapter), done, present);
  if (fix && kind === 'missing') {
    for (const { id } of done) {
      const again = await records.update(id, ({ state, wants }) =>
        state === 'done' && wants === 'applied'
          ? { state: 'planned', attempts: 0, failures: undefined, wrote: undefined }
          : undefined,
      );
      if (again !== undefined) await add(again, clock.now());
    }
  }
  const detail =
    kind === 'drift'
      ? 'changed at the gateway by somebody else since; that stays'
      : 'the gateway has the key as before, although this is to hold';
  return done.map(({ id, subject }) => ({
    type: 'discrepancy',
    gateway: adapter.name,
    kind,
    action: id,
    subject: subject.id,
    detail,
    fixed: fix,
  }));
}
