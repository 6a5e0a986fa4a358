/** Decisions are kept and recorded before anything is asked of a gateway, in order, however often that fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keeper, type KeeperOptions } from '../../../app/response/keeper.ts';
import { outcomeOf, watchOf } from '../../../app/response/watching.ts';
import type { AuditNote } from '../../../core/audit.ts';
import type { WatchVerdict } from '../../../core/control.ts';
import type { Decision } from '../../../core/decision.ts';
import type { GatewayAdapter } from '../../../core/gateway.ts';
import { ACTING_RUNGS, type ActingRung } from '../../../core/ladder.ts';
import { sampleAction, sampleDecision } from '../../support/response-samples.ts';

function adapter(name: string, rungs: readonly ActingRung[] = ACTING_RUNGS): GatewayAdapter {
  return { name, rungs: new Set(rungs), covers: () => true } as unknown as GatewayAdapter;
}

interface Rig {
  readonly keeper: Keeper;
  readonly log: string[];
  readonly notes: AuditNote[];
}

function rig(change: Partial<KeeperOptions> = {}): Rig {
  const log: string[] = [];
  const notes: AuditNote[] = [];
  const known = new Map<string, Decision>();
  const keeper = new Keeper({
    store: {
      async put(decision: Decision) {
        log.push(`put ${decision.id} ${decision.revision}`);
        known.set(decision.id, decision);
        return true;
      },
      decision: async (id: string) => known.get(id),
    } as KeeperOptions['store'],
    audit: {
      async record(note) {
        log.push(`record ${note.what}`);
        notes.push(note);
        return {} as never;
      },
    },
    runner: {
      async request(decision, { name }) {
        log.push(`request ${decision.id} ${name}`);
        return sampleAction({ decision: decision.id, gateway: name });
      },
      async undo(id) {
        log.push(`undo ${id}`);
        return [];
      },
    },
    adaptersOf: () => [adapter('kong')],
    profileOf: () => undefined,
    clock: { now: () => 0 },
    onKept: ({ id, revision }, actions) => log.push(`kept ${id} ${revision}: ${actions.length}`),
    onTrouble: () => log.push('trouble'),
    ...change,
  });
  return { keeper, log, notes };
}

test('recorded, kept, and only then asked of the gateways; one decision after the other', async () => {
  const { keeper, log, notes } = rig();
  void keeper.take(sampleDecision({ id: 'a' }));
  void keeper.take(sampleDecision({ id: 'a', revision: 2, state: 'ended', endedAs: 'expired' }));
  await keeper.settle();
  assert.deepEqual(log, [
    ...['record decided', 'put a 1', 'request a kong', 'kept a 1: 1'],
    ...['record ended', 'put a 2', 'undo a', 'kept a 2: 0'],
  ]);
  assert.equal(notes[1]?.undoes, 'a');
});

test('what cannot be recorded is not done, and nothing overtakes it', async () => {
  let failures = 2;
  const { keeper, log } = rig({
    audit: {
      async record() {
        log.push('record');
        if (failures-- > 0) throw new Error('the disk is full');
        return {} as never;
      },
    },
  });
  void keeper.take(sampleDecision({ id: 'a' }));
  void keeper.take(sampleDecision({ id: 'b' }));
  assert.equal(keeper.waiting, 2);
  await keeper.settle();
  assert.deepEqual(log, [
    ...['record', 'trouble', 'record', 'trouble'],
    ...['record', 'put a 1', 'request a kong', 'kept a 1: 1'],
    ...['record', 'put b 1', 'request b kong', 'kept b 1: 1'],
  ]);
  assert.equal(keeper.waiting, 0);
});

test('what only tells or observes asks no gateway; neither does a gateway that cannot do it', async () => {
  const { keeper, log } = rig({ adaptersOf: () => [adapter('unkey', ['revoke'])] });
  await keeper.take(sampleDecision({ id: 'a', mode: 'observe', state: 'noted' }));
  await keeper.take(sampleDecision({ id: 'b', state: 'held', heldBy: 'budget' }));
  await keeper.take(sampleDecision({ id: 'c', rung: 'suspend' }));
  assert.deepEqual(
    log.filter((line) => /^(request|record)/.test(line)),
    ['record held', 'record decided'],
  );
});

test('what was told to one that ends is not taken for kept', async () => {
  const { keeper, log } = rig({
    audit: {
      async record() {
        throw new Error('Redis is away');
      },
    },
  });
  void keeper.take(sampleDecision({ id: 'a' }));
  const settled = keeper.settle();
  await Promise.all([keeper.close(), assert.rejects(settled, { code: 'response-ended' })]);
  void keeper.take(sampleDecision({ id: 'b' }));
  await assert.rejects(keeper.settle(), { code: 'response-ended' });
  assert.ok(!log.some((line) => line.startsWith('put')), log.join());
});

test('what is told again after a crash is recorded once', async () => {
  const { keeper, notes } = rig();
  await keeper.take(sampleDecision({ id: 'a' }));
  await keeper.take(sampleDecision({ id: 'a' }));
  assert.equal(notes.length, 1);
});

test('a decision of a run before is carried out again and recorded once', async () => {
  const { keeper, log } = rig();
  await keeper.take(sampleDecision({ id: 'a' }), false);
  assert.deepEqual(log, ['put a 1', 'request a kong', 'kept a 1: 1']);
});

test('what is in effect is watched from when the gateway confirmed it, until it is undone', () => {
  const done = sampleAction({ state: 'done', doneAt: '2026-03-01T10:00:01.000Z' });
  const { kind, at, boundMs, key } = watchOf(done, 5000)!;
  assert.deepEqual(
    [kind, at, boundMs, key],
    ['applied', Date.parse(done.doneAt!), 5000, 'kong:7f2d'],
  );
  assert.equal(watchOf(sampleAction(), 0), undefined, 'planned');
  assert.equal(watchOf(sampleAction({ state: 'failed' }), 0), undefined);
  const undone = { ...done, state: 'undone', undoneAt: '2026-03-01T11:00:00.000Z' } as const;
  assert.equal(watchOf(undone, 0)?.kind, 'undone');
  assert.equal(watchOf({ ...undone, doneAt: null }, 0), undefined, 'never in effect');
});

test('what gets through is told with how much and from where', () => {
  const verdict: WatchVerdict = {
    action: 'act_1',
    key: 'kong:7f2d',
    gateway: 'kong',
    kind: 'applied',
    outcome: 'not-contained',
    at: 2,
    lastAcceptedAt: 1,
    wrong: 3,
    uses: [{ route: 'GET /v1/orders', place: 'KP', client: 'curl', events: 3 }],
  };
  const leak = '3 requests: 3 × GET /v1/orders from KP';
  assert.deepEqual(outcomeOf(verdict), { verdict: 'not-contained', lastAcceptedAt: 1, leak });
  const undone = { ...verdict, kind: 'undone' } as const;
  assert.deepEqual(outcomeOf({ ...undone, outcome: 'restored' }), { undoVerdict: 'restored' });
  assert.deepEqual(outcomeOf({ ...undone, outcome: 'no-traffic' }), { undoVerdict: 'no-traffic' });
  const quiet = { ...verdict, outcome: 'no-traffic', lastAcceptedAt: null } as const;
  assert.deepEqual(outcomeOf(quiet), { verdict: 'no-traffic' });
});
