/** The runner's parts that stand alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action } from '../../../core/action.ts';
import { backoffMs } from '../../../responders/actions/backoff.ts';
import { actionId } from '../../../responders/actions/ids.ts';
import { createPacer } from '../../../responders/actions/pacer.ts';
import { targetOf } from '../../../responders/actions/records.ts';
import { strictest } from '../../../responders/actions/wishes.ts';
import { sampleAction } from '../../support/response-samples.ts';

const perMinute = (requests: number) => ({ requests, windowMs: 60_000 });

test('an id is made from decision and gateway, and fits a tag', () => {
  assert.equal(actionId('dec_1', 'kong'), actionId('dec_1', 'kong'));
  assert.notEqual(actionId('dec_1', 'kong'), actionId('dec_1', 'edge'));
  for (let n = 0; n < 100; n++) assert.match(actionId(`dec_${n}`, 'kong'), /^act_[a-z0-9]{20}$/);
});

test('the credential id is what follows the gateway; a hashed key has none', () => {
  assert.deepEqual(targetOf('kong:7f:2d'), { subjectId: 'kong:7f:2d', credentialId: '7f:2d' });
  assert.deepEqual(targetOf('h:00ff'), { subjectId: 'h:00ff' });
});

test('the strictest is the highest rung, of throttles the lowest rate, and then what lasts longest', () => {
  const action = (id: string, change: Partial<Action>) => sampleAction({ id, ...change });
  const soft5 = action('soft5', { rung: 'throttle-soft', limit: perMinute(5) });
  const hard9 = action('hard9', { rung: 'throttle-hard', limit: perMinute(9) });
  const hard5 = action('hard5', { rung: 'throttle-hard', limit: perMinute(5) });
  const contain = action('contain', { rung: 'contain' });
  const suspend = action('suspend', { rung: 'suspend' });
  const forEver = action('for-ever', { rung: 'suspend', untilAt: null });
  const newer = action('newer', { rung: 'suspend', untilAt: null, version: 2 });
  const order = [hard9, soft5, hard5, contain, suspend, forEver, newer];
  for (const [n, stricter] of order.entries()) {
    const upTo = order.slice(0, n + 1);
    assert.equal(strictest(upTo)!.id, stricter.id);
    assert.equal(strictest(upTo.toReversed())!.id, stricter.id);
  }
  assert.equal(strictest([]), undefined);
});

test('a wait lies between half of the doubled time and all of it', () => {
  const backoff = { baseMs: 100, maxMs: 1000 };
  const waits = [1, 2, 3, 4, 5, 60].map((failures) => [
    backoffMs(backoff, failures, () => 0),
    backoffMs(backoff, failures, () => 1),
  ]);
  assert.deepEqual(waits, [
    [50, 100],
    [100, 200],
    [200, 400],
    [400, 800],
    [500, 1000],
    [500, 1000],
  ]);
});

test('calls come no faster than a gateway bears, of each gateway by itself', async () => {
  const waited: number[] = [];
  const pace = createPacer({ now: () => 5000 }, async (ms) => {
    waited.push(ms);
  });
  const { signal } = new AbortController();
  const slow = { name: 'aws', callsPerSecond: 2 };
  await pace(slow, 2, signal);
  await pace(slow, 1, signal);
  await pace(slow, 3, signal);
  await pace({ name: 'kong', callsPerSecond: 50 }, 1, signal);
  assert.deepEqual(waited, [500, 2000], 'a second’s calls at once, then paced');
});

test('whoever waits for its turn leaves at the signal', async () => {
  const pace = createPacer({ now: () => 5000 });
  const slow = { name: 'aws', callsPerSecond: 0.001 };
  await assert.rejects(pace(slow, 1, AbortSignal.abort()), { name: 'AbortError' });
});
