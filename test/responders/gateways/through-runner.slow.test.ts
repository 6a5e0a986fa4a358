/** Adapters of admin APIs under the runner of actions: what fails is tried again, and the gateway ends as it began. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision } from '../../../core/decision.ts';
import type { GatewayAdapter } from '../../../core/gateway.ts';
import { createActionRunner } from '../../../responders/actions/runner.ts';
import type { FakeFault } from '../../fakes/http-fake.ts';
import { sampleDecision } from '../../support/response-samples.ts';
import { memoryActions, memoryAudit, memoryClock, memoryQueue } from '../actions/memory.ts';
import { assertHolds } from './guarantee.ts';
import { NOW, type Rig, type RigKind } from './rig.ts';
import * as apisix from './rigs/apisix.ts';
import * as kong from './rigs/kong.ts';
import * as tyk from './rigs/tyk.ts';
import * as unkey from './rigs/unkey.ts';
import * as webhook from './rigs/webhook.ts';

const RIGS = [
  ...[kong.rig, kong.alone, apisix.rig, tyk.rig, tyk.managed, tyk.pair, unkey.rig, webhook.rig],
];
const HOUR_MS = 3_600_000;
const LIMIT = { requests: 5, windowMs: 60_000 };
const FAILED: FakeFault = { kind: 'answer', answer: { status: 503, json: { message: 'failed' } } };
const CUT: FakeFault = { kind: 'reset', applied: true };

interface Work {
  readonly rig: Rig;
  readonly adapter: GatewayAdapter;
  readonly runner: ReturnType<typeof createActionRunner>;
  readonly store: ReturnType<typeof memoryActions>;
  decide(rung: Decision['rung'], n: number): Promise<string>;
  /** Works off what is due until then. */
  until(at: number): Promise<void>;
}

async function withRunner({ start }: RigKind, check: (work: Work) => Promise<void>): Promise<void> {
  const rig = await start();
  const adapter = rig.adapter();
  const clock = memoryClock(NOW);
  const store = memoryActions();
  const queue = memoryQueue(clock);
  const decisions = new Map<string, Decision>();
  const runner = createActionRunner({
    ...{ adapters: [adapter], store, queue, clock, audit: memoryAudit() },
    decisions: { decision: async (id) => decisions.get(id) },
    random: () => 0.5,
    target: () => rig.target,
    pace: async () => {},
  });
  const ending = new AbortController();
  void runner.run(ending.signal);
  await new Promise((resolve) => setImmediate(resolve));
  try {
    await check({
      ...{ rig, adapter, runner, store },
      async decide(rung, n) {
        const decision = sampleDecision({
          id: `dec_${String(n).padStart(20, '0')}`,
          subject: { kind: 'key', id: rig.target.subjectId },
          rung,
          untilAt: new Date(NOW + n * HOUR_MS).toISOString(),
          ...(rung.startsWith('throttle') ? { limit: LIMIT } : {}),
        });
        decisions.set(decision.id, decision);
        return (await runner.request(decision, adapter))!.id;
      },
      async until(at) {
        for (let steps = 0; await queue.step(at); steps++) assert.ok(steps < 200, 'for ever');
      },
    });
    assert.deepEqual(rig.violations(), []);
  } finally {
    ending.abort();
    await rig.close();
  }
}

for (const [index, kind] of RIGS.entries()) {
  const title = `${kind.kind} (${index})`;
  test(`${title}: calls that fail, before and after they took effect, end in one effect and in none`, async () => {
    await withRunner(kind, async ({ rig, store, decide, until }) => {
      const before = structuredClone(rig.holds());
      for (const [n, rung] of (['throttle-hard', 'suspend', 'revoke'] as const).entries()) {
        rig.fail!(FAILED);
        rig.fail!(CUT);
        const id = await decide(rung, n + 1);
        await until(NOW + n * HOUR_MS + HOUR_MS / 2);
        assert.equal((await store.action(id))?.state, 'done', rung);
        assertHolds(rung, await rig.effect(rig.target));
        rig.fail!(CUT);
        await until(NOW + (n + 1) * HOUR_MS + HOUR_MS / 4);
        assert.equal((await store.action(id))?.state, 'undone', rung);
        assert.deepEqual(rig.holds(), before, rung);
      }
      assert.equal(rig.seals?.bytes.size ?? 0, 0);
    });
  });

  test(`${title}: of decisions that overlap the strictest holds, and reconcile finds nothing amiss`, async () => {
    await withRunner(kind, async ({ rig, runner, decide, until }) => {
      const before = structuredClone(rig.holds());
      const request = {
        fix: false,
        by: 'person:ann',
        why: 'a look',
        signal: new AbortController().signal,
      };
      const steps = ['revoke', 'suspend', 'throttle-hard', 'throttle-hard'] as const;
      for (const [n, rung] of steps.entries()) await decide(rung, n + 1);
      for (const [n, rung] of steps.entries()) {
        await until(NOW + n * HOUR_MS + HOUR_MS / 2);
        assertHolds(rung, await rig.effect(rig.target));
        assert.deepEqual(await runner.reconcile(request), [], `hour ${n}`);
      }
      await until(NOW + 5 * HOUR_MS);
      assert.deepEqual(rig.holds(), before);
      assert.deepEqual(await runner.reconcile(request), []);
    });
  });

  test(`${title}: half of a change that failed is finished, not taken for a person's`, async () => {
    await withRunner(kind, async ({ rig, store, decide, until }) => {
      const before = structuredClone(rig.holds());
      const ids: string[] = [];
      for (const [n, rung] of (['throttle-hard', 'suspend', 'revoke'] as const).entries()) {
        rig.failSecond?.(FAILED);
        ids.push(await decide(rung, 3 - n));
        await until(NOW + HOUR_MS / 2);
        assert.equal((await store.action(ids[n]!))?.state, 'done', rung);
        assertHolds(rung, await rig.effect(rig.target));
      }
      for (let hour = 1; hour <= 3; hour++) {
        rig.failSecond?.(FAILED);
        await until(NOW + hour * HOUR_MS + HOUR_MS / 2);
      }
      assert.deepEqual(rig.holds(), before);
      for (const id of ids) assert.equal((await store.action(id))?.state, 'undone', id);
    });
  });

  test(`${title}: what a person changed meanwhile stays`, async () => {
    await withRunner(kind, async ({ rig, store, decide, until }) => {
      const id = await decide('throttle-hard', 1);
      await until(NOW);
      await rig.byHand();
      const changed = structuredClone(rig.holds());
      await until(NOW + 2 * HOUR_MS);
      assert.equal((await store.action(id))?.state, 'conflict');
      assert.deepEqual(rig.holds(), changed);
    });
  });
}
