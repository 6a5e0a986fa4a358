/** Start, kill switch, renewal, verification, and gateways that cannot do all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action } from '../../../core/action.ts';
import { sampleDecision } from '../../support/response-samples.ts';
import { fakeKey } from './fake-api.ts';
import { fakeGateway } from './fake-gateway.ts';
import { HOUR_MS, rig, START } from './rig.ts';

const MINUTE_MS = 60_000;
const limit = (perMinute: number) => ({ requests: perMinute, windowMs: MINUTE_MS });
const dec = (n: number) => `dec_${String(n).padStart(20, '0')}`;
const ofKey = (id: string) => ({ subject: { kind: 'key', id } }) as const;

test('on start what has expired is taken back before anything else is done', async () => {
  const r = rig();
  for (const id of ['kong:b', 'kong:c']) r.gateway.keys.set(id, fakeKey());
  await r.start();
  await r.decide({ id: dec(1) });
  await r.decide({ id: dec(2), ...ofKey('kong:b') });
  await r.work();
  await r.decide({ id: dec(3), ...ofKey('kong:c'), untilAt: null });
  for (const { action } of r.queue.entries()) r.queue.lose(action);
  r.clock.set(START + 2 * HOUR_MS);
  const calls = r.gateway.calls.length;
  r.gateway.fault = (call) => (call === 'set kong:b' ? 'unavailable' : 'none');
  await r.start();
  await r.work(START + 2 * HOUR_MS + 200);
  const sets = r.gateway.calls.slice(calls).filter((call) => call.startsWith('set'));
  assert.deepEqual(sets.slice(0, 2).sort(), ['set kong:a', 'set kong:b']);
  assert.deepEqual(sets[2], 'set kong:c', 'not held up by one that fails');
  assert.equal(r.gateway.keys.get('kong:a')!.enabled, true);
});

test('what starts waits for what has expired, and no longer than ten seconds', async () => {
  const r = rig();
  r.gateway.keys.set('kong:b', fakeKey());
  await r.start();
  const expired = await r.decide({ id: dec(1) });
  await r.work();
  await r.decide({ id: dec(2), ...ofKey('kong:b'), untilAt: null });
  const now = START + 2 * HOUR_MS;
  r.clock.set(now);
  await r.start();
  // As where its entry is in other hands.
  r.queue.lose(expired.id);
  await r.work(now + 9000);
  assert.equal(r.gateway.keys.get('kong:b')!.enabled, true);
  await r.work(now + 11_000);
  assert.equal(r.gateway.keys.get('kong:b')!.enabled, false);
});

test('on start the actions of decisions that ended meanwhile are taken back', async () => {
  const r = rig();
  await r.start();
  const { id, decision } = await r.decide();
  await r.work();
  const ended = { state: 'ended', endedAs: 'false-alarm', endedBy: 'person:ann' } as const;
  r.decisions.set(decision, sampleDecision({ ...r.decisions.get(decision)!, ...ended }));
  await r.start();
  await r.work();
  const { state, endedBy, endedWhy } = await r.action(id);
  assert.deepEqual([state, endedBy, endedWhy], ['undone', 'person:ann', 'false-alarm']);
  assert.deepEqual(r.key(), fakeKey());
});

test('on start what was asked for and not begun is begun, from the records alone', async () => {
  const r = rig();
  const { id } = await r.decide();
  r.queue.lose(id);
  await r.start();
  await r.work();
  assert.equal((await r.action(id)).state, 'done');
});

test('a decision that ended before its action began is not carried out', async () => {
  const r = rig();
  await r.start();
  const { id, decision } = await r.decide();
  await r.runner.undo(decision, 'policy', 'calm');
  await r.work();
  assert.equal((await r.action(id)).state, 'undone');
  assert.deepEqual(r.gateway.calls, []);
  assert.deepEqual(
    r.audit.notes.map(({ what, who }) => [what, who]),
    [['withdrawn', 'policy']],
  );
});

test('an action that expired before it began is not carried out', async () => {
  const r = rig();
  const { id } = await r.decide();
  r.clock.set(START + HOUR_MS);
  await r.start();
  await r.work(START + HOUR_MS);
  assert.deepEqual([(await r.action(id)).state, r.gateway.calls], ['undone', []]);
});

test('while it is stopped no action starts, undoing goes on, and what waited goes on after', async () => {
  const r = rig();
  r.gateway.keys.set('kong:b', fakeKey());
  await r.start();
  const first = await r.decide({ id: dec(1) });
  await r.work();
  await r.runner.stop();
  assert.equal(r.runner.stopped, true);
  const second = await r.decide({ id: dec(2), ...ofKey('kong:b') });
  await r.work(START + MINUTE_MS);
  assert.deepEqual([r.key().enabled, r.gateway.keys.get('kong:b')], [false, fakeKey()]);
  await r.runner.undo(dec(1), 'person:ann', 'it was me');
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(first.id)).state, 'undone');
  assert.equal((await r.action(second.id)).state, 'planned');
  await r.runner.resume();
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(second.id)).state, 'done');
});

test('a stop that lifts takes all back, also what had not begun', async () => {
  const r = rig();
  r.gateway.keys.set('kong:b', fakeKey());
  await r.start();
  await r.decide({ id: dec(1) });
  await r.work();
  await r.decide({ id: dec(2), ...ofKey('kong:b') });
  const lifted = await r.runner.stop({ by: 'person:ann', why: 'we are down' });
  assert.equal(lifted.length, 2);
  await r.work();
  assert.deepEqual(
    r.store.all().map(({ state }) => state),
    ['undone', 'undone'],
  );
  assert.deepEqual([r.key(), r.gateway.keys.get('kong:b')], [fakeKey(), fakeKey()]);
});

test('a decision that is prolonged or changes its limit changes its action', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide({ rung: 'throttle-hard', limit: limit(30) });
  await r.work();
  const untilAt = new Date(START + 3 * HOUR_MS).toISOString();
  await r.decide({ rung: 'throttle-hard', limit: limit(10), untilAt });
  await r.work();
  assert.equal(r.key().perMinute, 10);
  await r.work(START + 2 * HOUR_MS);
  assert.equal((await r.action(id)).state, 'done');
  await r.work(START + 3 * HOUR_MS);
  assert.deepEqual([(await r.action(id)).state, r.key()], ['undone', fakeKey()]);
});

test('a gateway takes the next best rung that it can, and one that can nothing gets no action', async () => {
  const throttles = rig({ gateway: fakeGateway({ rungs: new Set(['throttle-hard']) }) });
  const { rung, wanted } = await throttles.decide({ rung: 'revoke', limit: limit(5) });
  assert.deepEqual([rung, wanted], ['throttle-hard', 'revoke']);
  const revokes = rig({ gateway: fakeGateway({ rungs: new Set(['revoke']) }) });
  assert.equal(await revokes.decide({ rung: 'suspend' }), undefined);
  assert.equal(await revokes.decide({ rung: 'alert' }), undefined);
});

test('a gateway that cannot contain does not throttle without a limit in its place', async () => {
  const throttles = rig({ gateway: fakeGateway({ rungs: new Set(['throttle-hard', 'suspend']) }) });
  assert.equal(await throttles.decide({ rung: 'contain' }), undefined);
});

test('each gateway that covers the key has an action of its own', async () => {
  const kong = fakeGateway();
  const edge = fakeGateway({ name: 'edge' });
  const r = rig({ gateway: kong, adapters: [kong.adapter, edge.adapter] });
  await r.start();
  const { decision } = await r.decide();
  await r.runner.request(r.decisions.get(decision)!, edge.adapter);
  await r.work();
  assert.deepEqual(
    [kong.keys.get('kong:a'), edge.keys.get('kong:a')],
    Array(2).fill(fakeKey({ enabled: false })),
  );
  const undone = await r.runner.undo(decision, 'person:ann', 'it was me');
  assert.equal(undone.length, 2);
  await r.work();
  assert.deepEqual([kong.keys.get('kong:a'), edge.keys.get('kong:a')], [fakeKey(), fakeKey()]);
});

test('what the stream shows after an action stands in its record and in the audit', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  const first = await r.runner.verified(id, { verdict: 'not-contained', leak: 'GET /v1/orders' });
  assert.deepEqual([first!.verdict, first!.leak], ['not-contained', 'GET /v1/orders']);
  const { verdict, verifiedAt, lastAcceptedAt, leak } = (await r.runner.verified(id, {
    verdict: 'contained',
    lastAcceptedAt: START,
  }))!;
  assert.deepEqual(
    [verdict, verifiedAt, lastAcceptedAt, leak],
    ['contained', '2026-03-01T10:00:00.000Z', '2026-03-01T10:00:00.000Z', undefined],
  );
  assert.deepEqual(
    r.audit.notes.slice(-2).map(({ what, why }) => [what, why]),
    [
      ['verified', 'not-contained'],
      ['verified', 'contained'],
    ],
  );
  assert.equal(await r.runner.verified('act_none', { verdict: 'contained' }), undefined);
});

test('what the stream shows after an undo stands beside what it showed before', async () => {
  const r = rig();
  await r.start();
  const { id, decision } = await r.decide();
  await r.work();
  await r.runner.verified(id, { verdict: 'contained' });
  assert.equal(await r.runner.verified(id, { undoVerdict: 'restored' }), undefined, 'not undone');
  await r.runner.undo(decision, 'person:ann', 'it was me');
  await r.work();
  const { undoVerdict, verdict } = (await r.runner.verified(id, { undoVerdict: 'not-restored' }))!;
  assert.deepEqual([undoVerdict, verdict], ['not-restored', 'contained']);
  assert.equal(await r.runner.verified(id, { undoVerdict: 'not-restored' }), undefined, 'known');
  const last = r.audit.notes.at(-1)!;
  assert.deepEqual([last.what, last.why], ['undo-verified', 'not-restored']);
});

test('a record that somebody changes meanwhile is looked at again', async () => {
  const r = rig();
  await r.start();
  const { id, decision } = await r.decide();
  r.gateway.fault = (call) => {
    if (call.startsWith('set')) {
      r.gateway.fault = () => 'none';
      void r.runner.undo(decision, 'person:ann', 'it was me');
    }
    return 'none';
  };
  await r.work(START + MINUTE_MS);
  const { state, endedBy } = await r.action(id);
  assert.deepEqual([state, endedBy, r.key()], ['undone', 'person:ann', fakeKey()]);
});

test('work that was handed out twice does not let a milder action overwrite a stricter one', async () => {
  const r = rig();
  await r.start();
  const mild = await r.decide({ id: dec(1), rung: 'throttle-hard', limit: limit(5) });
  const strict = await r.decide({ id: dec(2), rung: 'suspend' });
  r.gateway.fault = (call) => {
    if (!call.startsWith('set')) return 'none';
    r.gateway.fault = () => 'none';
    // While this one hung, somebody else carried out the other one, all of it.
    const original = { exists: true, fingerprint: '[true,600,[]]', facts: { ...fakeKey() } };
    const wrote = { exists: true, fingerprint: '[false,600,[]]', facts: {} };
    const done = {
      ...strict,
      revision: 2,
      state: 'done',
      original,
      wrote,
      doneAt: strict.requestedAt,
    } as const;
    void r.store.changeAction(done);
    r.key().enabled = false;
    return 'none';
  };
  await r.work();
  assert.deepEqual(
    [(await r.action(mild.id)).state, (await r.action(strict.id)).state],
    ['done', 'done'],
  );
  assert.equal(r.key().enabled, false);
  assert.ok(r.gateway.calls.length > 5, 'it was set twice');
});

test('an action of a gateway that is configured no more is told of', async () => {
  const r = rig();
  const { id } = await r.decide();
  const without = rig({ adapters: [], store: r.store, queue: r.queue });
  await without.start();
  assert.deepEqual(
    without.troubles.map(({ kind, action }: { kind: string; action: Action }) => [kind, action.id]),
    [['no-gateway', id]],
  );
});

test('a decision that is renewed while its write is under way is no conflict: the write before was ours', async () => {
  const gateway = fakeGateway();
  const throttled = { id: 'dec_renewed', rung: 'throttle-hard' } as const;
  let writes = 0;
  const apply: typeof gateway.adapter.apply = async (...asked) => {
    const left = await gateway.adapter.apply(...asked);
    writes += 1;
    // Took effect, and before that is recorded the incident grew: another limit is wanted.
    if (writes === 1) await r.decide({ ...throttled, limit: { requests: 3, windowMs: 60_000 } });
    return left;
  };
  const r = rig({ gateway, adapters: [{ ...gateway.adapter, apply }] });
  await r.start();
  const { id } = await r.decide({ ...throttled, limit: { requests: 9, windowMs: 60_000 } });
  await r.work();
  assert.equal((await r.action(id)).state, 'done');
  assert.equal(r.key().perMinute, 3);
  assert.deepEqual(r.troubles, []);
});
