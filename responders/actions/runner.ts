/**
 * Carries decisions out at gateways and takes them back.
 *
 *   planned ──► running ──► done ──► undone
 *      │           ├─────► failed ──► undone      (given up; what may be there is taken back later)
 *      │           │◄────────┘                    (its gateway was away, and answers again)
 *      │           └─────► conflict               (a person changed the key at the gateway: theirs stays)
 *      └─────────────────────────► undone         (nothing was written)
 *
 * The truth is the record (core/action.ts), changed by fenced writes; the queue only says when to look at it, so work
 * handed out twice does no harm. What holds for a key follows from the records that stand (wishes.ts), so the order
 * in which actions are carried out or end does not matter: a later one may overtake one that waits for its retry.
 */
import { type Action, isPutOff } from '../../core/action.ts';
import { toIso } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import type { GatewayAdapter } from '../../core/gateway.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import { isActing, isThrottle, nextBest } from '../../core/ladder.ts';
import { createCalls } from './calls.ts';
import { carryOut, takeUp } from './carry-out.ts';
import type { ActionRunner, RunnerBounds, RunnerOptions, Verification } from './contract.ts';
import { actionId } from './ids.ts';
import { createPacer } from './pacer.ts';
import { reconcile } from './reconcile.ts';
import { type ActionPatch, createRecords, Overtaken, Unrecorded } from './records.ts';
import { type Bench, endOf, type NextAt } from './steps.ts';
import { takeBack } from './take-back.ts';
import { isExpired } from './wishes.ts';

const BOUNDS: RunnerBounds = Object.freeze({
  failuresMax: 8,
  backoffMs: 500,
  backoffMsMax: 60_000,
  callMsMax: 10_000,
  againMs: 60_000,
  againMsMax: 5 * 60_000,
  againForMs: 24 * 3_600_000,
  undoAgainMs: 15 * 60_000,
});
/** What waits for an expired action to be taken back first looks again after so long. */
const SETTLING_MS = 50;
/** At the latest so long after the start: a gateway that is away holds the others up no longer. */
const SETTLING_MS_MAX = 10_000;
const UNRECORDED_AGAIN_MS = 5000;

export function createActionRunner(options: RunnerOptions): ActionRunner {
  const runner = createParts(options);
  const { store, clock } = options;
  return {
    request: (decision, adapter, extra = {}) => request(runner, decision, adapter, extra.profile),
    async undo(decisionId, by, why) {
      const actions = await store.actions({ decision: decisionId, limit: Number.MAX_SAFE_INTEGER });
      return await runner.endAll(actions, by, why, clock.now());
    },
    verified: (id, verification) => verified(runner, id, verification),
    settleExpired: () => settleExpired(runner),
    async stop(lift) {
      runner.stopped = true;
      if (lift === undefined) return [];
      const actions = [...(await store.heldActions()), ...(await store.unsettledActions())];
      return await runner.endAll(actions, lift.by, lift.why, clock.now());
    },
    async resume() {
      runner.stopped = false;
      await addUnsettled(runner);
    },
    get stopped() {
      return runner.stopped;
    },
    reconcile: (wanted) => reconcile(runner, wanted),
    run: (signal) => run(runner, signal),
  };
}

export type RunnerParts = ReturnType<typeof createParts>;

function createParts(options: RunnerOptions) {
  const { store, queue, clock } = options;
  const bounds = { ...BOUNDS, ...options.bounds };
  const records = createRecords(options);
  const calls = createCalls(options.pace ?? createPacer(clock), bounds.callMsMax);

  async function add({ gateway, id, subject }: Action, at: number): Promise<void> {
    await queue.add({ gateway, action: id, subject: subject.id, at });
  }
  /** Has actions taken back; answers those that were to hold until now. */
  async function endAll(
    actions: readonly Action[],
    by: string,
    why: string,
    at: number,
  ): Promise<Action[]> {
    const ended = await Promise.all(
      actions.map(async ({ id }) => {
        const action = await records.update(id, (now) => endPatch(now, by, why));
        if (action !== undefined) await add(action, at);
        return action;
      }),
    );
    return ended.filter((action) => action !== undefined);
  }
  const benchOf = (adapter: GatewayAdapter): Bench => ({
    adapter,
    store,
    records,
    calls,
    clock,
    bounds,
    random: options.random,
  });
  return {
    options,
    store,
    clock,
    records,
    calls,
    add,
    endAll,
    benchOf,
    stopped: false,
    /** Expired actions that were not yet tried to be taken back since the start. */
    settling: new Set<string>(),
    settlingUntilAt: 0,
  };
}

/** Undefined when it is to be taken back already. */
function endPatch(action: Action, endedBy: string, endedWhy: string): ActionPatch | undefined {
  if (action.wants === 'undone') return undefined;
  const begun = { attempts: 0, failures: undefined, again: undefined };
  return { wants: 'undone', ...begun, endedBy, endedWhy };
}

async function request(
  { options, store, records, add, clock }: RunnerParts,
  decision: Decision,
  adapter: GatewayAdapter,
  profile: KeyProfile | undefined,
): Promise<Action | undefined> {
  const rung = nextBest(decision.rung, new Set(adapter.rungs));
  if (!isActing(rung) || !isActing(decision.rung)) return undefined;
  const { limit, untilAt } = decision;
  // `contain` has no limit, and a gateway that cannot contain must not make a throttle without one of it.
  if (rung !== decision.rung && isThrottle(rung) && limit === undefined) return undefined;
  const action: Action = {
    type: 'action',
    id: actionId(decision.id, adapter.name),
    revision: 1,
    decision: decision.id,
    subject: decision.subject,
    gateway: adapter.name,
    rung,
    ...(rung === decision.rung ? {} : { wanted: decision.rung }),
    state: 'planned',
    requestedAt: toIso(clock.now()),
    doneAt: null,
    verifiedAt: null,
    verdict: null,
    undoneAt: null,
    undo: '',
    wants: 'applied',
    version: 1,
    ...(limit === undefined ? {} : { limit }),
    ...(profile === undefined ? {} : { profile }),
    untilAt,
    attempts: 0,
  };
  if (await store.createAction(action)) {
    const created = (await store.action(action.id))!;
    options.onAction?.(created);
    await add(created, clock.now());
    return created;
  }
  const changed = await records.update(action.id, (now) => renewal(now, action));
  const kept = changed ?? (await store.action(action.id));
  // Also where nothing changed: the process may have ended before the entry was added.
  if (kept !== undefined) await add(kept, clock.now());
  return kept;
}

/** What a later revision of the decision changes, if it does; it is carried out once more. */
function renewal(kept: Action, asked: Action): ActionPatch | undefined {
  const facts = ({ rung, limit, untilAt, profile }: Action) =>
    JSON.stringify([rung, limit, untilAt, profile]);
  const profile = asked.profile ?? kept.profile;
  if (
    kept.wants === 'undone' ||
    facts(kept) === facts({ ...asked, ...(profile === undefined ? {} : { profile }) })
  ) {
    return undefined;
  }
  const { rung, wanted, limit, untilAt } = asked;
  const again = kept.state === 'planned' || kept.state === 'running' ? kept.state : 'planned';
  return {
    ...{ rung, wanted, limit, untilAt, profile },
    state: again,
    ...(again === 'planned' ? { attempts: 0 } : {}),
    failures: undefined,
    error: undefined,
    verifiedAt: null,
    verdict: null,
  };
}

async function verified(
  { records, store }: RunnerParts,
  id: string,
  verification: Verification,
): Promise<Action | undefined> {
  const action = await store.action(id);
  if (action === undefined) return undefined;
  if ('undoVerdict' in verification) {
    const { undoVerdict } = verification;
    // Told again after a crash.
    if (action.state !== 'undone' || action.undoVerdict === undoVerdict) return undefined;
    await records.record(action, { what: 'undo-verified', who: 'keyhound', why: undoVerdict });
    return await records.update(id, ({ state }) =>
      state === 'undone' ? { undoVerdict } : undefined,
    );
  }
  const { verdict, lastAcceptedAt, leak } = verification;
  const lastAccepted =
    lastAcceptedAt === undefined ? {} : { lastAcceptedAt: toIso(lastAcceptedAt) };
  const facts = { verdict, ...lastAccepted, ...(leak === undefined ? {} : { leak }) };
  await records.record(action, { what: 'verified', who: 'keyhound', why: verdict }, facts);
  const at = records.now();
  return await records.update(id, () => ({ verdict, verifiedAt: at, leak, ...lastAccepted }));
}

async function settleExpired(runner: RunnerParts): Promise<Action[]> {
  const { store, options, clock, endAll, add } = runner;
  const byId = new Map<string, Action>();
  for (const action of await store.heldActions()) byId.set(action.id, action);
  for (const action of await store.unsettledActions()) byId.set(action.id, action);
  // All at once: a driver may make them durable together.
  const looked = await Promise.all(
    [...byId.values()].map(async (action) => {
      const end = await endOfAction(options, action, clock.now());
      if (end !== undefined) return await endAll([action], end.by, end.why, 0);
      if (action.wants === 'applied') return [];
      await add(action, 0);
      return [action];
    }),
  );
  const settled = looked.flat();
  const known = new Set(options.adapters.map(({ name }) => name));
  runner.settling = new Set(
    settled.filter(({ gateway }) => known.has(gateway)).map(({ id }) => id),
  );
  runner.settlingUntilAt = clock.now() + SETTLING_MS_MAX;
  return settled;
}

/** Who or what ends an action that is to hold; undefined: nothing yet. */
async function endOfAction(
  { decisions, mayTakeUp }: RunnerOptions,
  action: Action,
  atMs: number,
): Promise<{ readonly by: string; readonly why: string } | undefined> {
  if (action.wants === 'undone') return undefined;
  if (isExpired(action, atMs)) return { by: 'keyhound', why: 'expired' };
  const decision = await decisions.decision(action.decision);
  if (isPutOff(action) && (decision === undefined || mayTakeUp?.(decision) === false)) {
    return { by: 'keyhound', why: 'what was decided is done no more' };
  }
  if (decision?.state !== 'ended') return undefined;
  return { by: decision.endedBy ?? decision.actor, why: decision.endedAs ?? 'ended' };
}

/** Entries that were lost with the process that should have added them. */
async function addUnsettled(runner: RunnerParts): Promise<void> {
  const { store, options, add, clock, records } = runner;
  const known = new Set(options.adapters.map(({ name }) => name));
  const adding: Promise<void>[] = [];
  for (const action of await store.unsettledActions()) {
    if (known.has(action.gateway)) adding.push(add(action, clock.now()));
    else records.trouble('no-gateway', action, `${action.gateway} is configured no more`);
  }
  for (const action of await store.heldActions()) {
    const at = endOf(action);
    if (at !== undefined && action.state !== 'running') adding.push(add(action, at));
  }
  await Promise.all(adding);
}

async function run(runner: RunnerParts, signal: AbortSignal): Promise<void> {
  const { adapters, queue } = runner.options;
  await settleExpired(runner);
  await addUnsettled(runner);
  await Promise.all(
    adapters.map((adapter) => {
      const bench = runner.benchOf(adapter);
      return queue.work(adapter.name, (id, ending) => work(runner, bench, id, ending), signal);
    }),
  );
}

async function work(
  runner: RunnerParts,
  bench: Bench,
  id: string,
  signal: AbortSignal,
): Promise<NextAt> {
  const { store, clock, records } = runner;
  const action = await store.action(id);
  if (action === undefined) return undefined;
  try {
    return await step(runner, bench, action, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Overtaken) return clock.now();
    if (error instanceof Unrecorded) {
      records.trouble('audit', action, error.message);
      return clock.now() + UNRECORDED_AGAIN_MS;
    }
    records.trouble('store', action, 'its record cannot be kept');
    throw error;
  } finally {
    runner.settling.delete(id);
  }
}

async function step(
  runner: RunnerParts,
  bench: Bench,
  found: Action,
  signal: AbortSignal,
): Promise<NextAt> {
  const { clock, records, options } = runner;
  let action = found;
  const end = await endOfAction(options, action, clock.now());
  if (end !== undefined) action = await records.change(action, endPatch(action, end.by, end.why)!);
  if (action.wants === 'undone') {
    if (action.state === 'undone' || action.state === 'conflict') return undefined;
    return await takeBack(bench, action, signal);
  }
  const isBegun = action.state === 'planned' || action.state === 'running';
  if (!isBegun && !isPutOff(action)) return endOf(action);
  // `resume` adds it again.
  if (runner.stopped) return endOf(action);
  if (runner.settling.size > 0 && clock.now() < runner.settlingUntilAt) {
    return clock.now() + SETTLING_MS;
  }
  return await (isBegun ? carryOut : takeUp)(bench, action, signal);
}
