/** What every gateway adapter guarantees when its gateway fails it. */
import assert from 'node:assert/strict';
import { KeyhoundError } from '../../../core/errors.ts';
import type { FakeFault } from '../../fakes/http-fake.ts';
import { assertHolds, type Guarantee, mildest, strongest, wishFor } from './guarantee.ts';
import type { Rig } from './rig.ts';
import { bring, NEVER } from './tools.ts';

const BUSY: FakeFault = {
  kind: 'answer',
  answer: { status: 429, json: { message: 'slow down' }, headers: { 'retry-after': '7' } },
};
const CUT: FakeFault = { kind: 'reset', applied: true };
const FAULTS: readonly (readonly [string, FakeFault])[] = [
  ['429', BUSY],
  ['500', { kind: 'answer', answer: { status: 500, json: { message: 'failed' } } }],
  ['reset before', { kind: 'reset', applied: false }],
  ['reset after', CUT],
];
/** Long enough for a call on a busy machine; the test waits for it once. */
const SILENCE_MS = 400;

export const faultGuarantees: readonly Guarantee[] = [
  {
    name: 'a failed call says that another try may help, and that try holds',
    async check(rig) {
      if (rig.fail === undefined) return;
      const adapter = rig.adapter();
      const before = structuredClone(rig.holds());
      const original = await adapter.read(rig.target, NEVER);
      for (const [index, [name, fault]] of FAULTS.entries()) {
        const rung = index % 2 === 0 ? mildest(adapter) : strongest(adapter);
        rig.fail(fault);
        const error = await failure(bring(adapter, rig.target, original, wishFor(rung)));
        assert.equal(error.retryable, true, `${name}: ${error.message}`);
        if (fault === BUSY) assert.equal(error.retryAfterMs, 7000);
        assertSilent(rig, error);
        await bring(rig.adapter(), rig.target, original, wishFor(rung));
        assertHolds(rung, await rig.effect(rig.target));
        rig.fail(fault);
        const undo = bring(adapter, rig.target, original, null);
        // One that took effect may be found out by itself.
        if (fault !== CUT) assert.equal((await failure(undo)).retryable, true);
        else await undo.catch((error: unknown) => assert.ok(isRetryable(error)));
        await bring(rig.adapter(), rig.target, original, null);
        assert.deepEqual(rig.holds(), before, `${name}, ${rung}`);
      }
    },
  },
  {
    name: 'a write that took effect without an answer is found, and taken back',
    slow: true,
    async check(rig) {
      if (rig.fail === undefined) return;
      const adapter = rig.adapter();
      const before = structuredClone(rig.holds());
      const rung = mildest(adapter);
      const original = await adapter.read(rig.target, NEVER);
      rig.fail({ kind: 'silence', applied: true });
      const slow = bring(rig.adapter(SILENCE_MS), rig.target, original, wishFor(rung));
      const error = await failure(slow);
      rig.fail(undefined);
      assert.equal(error.code, 'gateway-timeout');
      assert.equal(error.retryable, true);
      assertHolds(rung, await rig.effect(rig.target));
      const wrote = await bring(adapter, rig.target, original, wishFor(rung));
      assert.notEqual(wrote.fingerprint, original.fingerprint);
      await bring(adapter, rig.target, original, null);
      assert.deepEqual(rig.holds(), before);
    },
  },
  {
    name: 'a token that is refused is no matter of trying again, and doctor says it',
    async check(rig) {
      if (rig.lockOut === undefined) return;
      const original = await rig.adapter().read(rig.target, NEVER);
      rig.lockOut();
      const adapter = rig.adapter();
      const error = await failure(adapter.read(rig.target, NEVER));
      assert.equal(error.retryable, false);
      assertSilent(rig, error);
      const rung = mildest(adapter);
      const request = { target: rig.target, original, wish: wishFor(rung), present: original };
      assertSilent(rig, await failure(adapter.apply(request, NEVER)));
      const checks = await adapter.check(NEVER);
      assert.ok(checks.some(({ ok }) => !ok));
      for (const secret of rig.secrets) assert.ok(!JSON.stringify(checks).includes(secret));
    },
  },
  {
    name: 'work that is stopped ends with the reason of its signal',
    async check(rig, adapter) {
      if (rig.fail === undefined) return;
      const original = await adapter.read(rig.target, NEVER);
      const stop = new AbortController();
      const reason = new Error('stopping');
      stop.abort(reason);
      const wish = wishFor(mildest(adapter));
      const request = { target: rig.target, original, wish, present: original };
      await assert.rejects(adapter.apply(request, stop.signal), reason);
      await assert.rejects(adapter.read(rig.target, stop.signal), reason);
    },
  },
];

function isRetryable(error: unknown): boolean {
  return error instanceof KeyhoundError && error.retryable;
}

async function failure(work: Promise<unknown>): Promise<KeyhoundError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof KeyhoundError, String(error));
    assert.equal(error.kind, 'operating');
    return error;
  }
  assert.fail('it did not fail');
}

function assertSilent(rig: Rig, error: KeyhoundError): void {
  const text = [error.message, error.hint, error.stack, String(error.cause)].join('\n');
  for (const secret of rig.secrets) assert.ok(!text.includes(secret), 'no secret in an error');
}
