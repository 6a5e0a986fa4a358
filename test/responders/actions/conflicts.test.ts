/** A person's later change at the gateway wins, and shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeKey } from './fake-api.ts';
import { fakeGateway } from './fake-gateway.ts';
import { HOUR_MS, rig, START } from './rig.ts';

const MINUTE_MS = 60_000;
const limit = (perMinute: number) => ({ requests: perMinute, windowMs: MINUTE_MS });
const dec = (n: number) => `dec_${String(n).padStart(20, '0')}`;

test('a change made since is left at the undo, and the action says so', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  r.key().perMinute = 7;
  await r.work(START + HOUR_MS);
  assert.deepEqual(r.key(), fakeKey({ enabled: false, perMinute: 7 }));
  const { state, error } = await r.action(id);
  assert.equal(state, 'conflict');
  assert.match(error!, /somebody else changed the key/);
  assert.deepEqual(
    r.troubles.map(({ kind }) => kind),
    ['conflict'],
  );
  assert.equal(r.audit.notes.at(-1)!.what, 'conflict');
  assert.deepEqual(r.queue.entries(), []);
});

test('a key that a person gave back already is not written to at the undo', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  r.key().enabled = true;
  const calls = r.gateway.calls.length;
  await r.work(START + HOUR_MS);
  assert.equal((await r.action(id)).state, 'undone');
  assert.deepEqual(r.gateway.calls.slice(calls), ['get kong:a']);
});

test('a key that a person deleted is not made again', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  r.gateway.keys.delete('kong:a');
  await r.work(START + HOUR_MS);
  assert.equal((await r.action(id)).state, 'conflict');
  assert.equal(r.gateway.keys.size, 0);
});

test('a change that a person made between a lost answer and the retry is not overwritten', async () => {
  const r = rig();
  await r.start();
  r.gateway.fault = (call) => {
    if (!call.startsWith('set')) return 'none';
    r.gateway.fault = () => 'none';
    return 'after';
  };
  const { id } = await r.decide({ rung: 'throttle-hard', limit: limit(5) });
  await r.work();
  assert.equal(r.key().perMinute, 5);
  r.key().perMinute = 1;
  await r.work(START + MINUTE_MS);
  assert.equal(r.key().perMinute, 1);
  assert.equal((await r.action(id)).state, 'conflict');
});

test('a later action does not act upon a key that a person changed since an earlier one', async () => {
  const r = rig();
  await r.start();
  const first = await r.decide({ id: dec(1), rung: 'throttle-hard', limit: limit(30) });
  await r.work();
  r.key().perMinute = 7;
  const second = await r.decide({ id: dec(2) });
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ perMinute: 7 }));
  const states = [(await r.action(first.id)).state, (await r.action(second.id)).state];
  assert.deepEqual(states, ['conflict', 'conflict']);
  await r.runner.undo(dec(1), 'person:ann', 'settled');
  await r.runner.undo(dec(2), 'person:ann', 'settled');
  const third = await r.decide({ id: dec(3) });
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ enabled: false, perMinute: 7 }), 'once it is settled');
  await r.runner.undo(dec(3), 'person:ann', 'it was me');
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ perMinute: 7 }));
  assert.equal((await r.action(third.id)).state, 'undone');
});

test('a later action acts upon a key that a person gave back since, and the earlier one is lost', async () => {
  const r = rig();
  await r.start();
  const first = await r.decide({ id: dec(1), rung: 'suspend' });
  await r.work();
  r.key().enabled = true;
  const second = await r.decide({ id: dec(2), rung: 'throttle-hard', limit: limit(5) });
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ perMinute: 5 }), 'not suspended again');
  assert.equal((await r.action(first.id)).state, 'conflict');
  await r.runner.undo(dec(2), 'person:ann', 'it was me');
  await r.work();
  assert.deepEqual([r.key(), (await r.action(second.id)).state], [fakeKey(), 'undone']);
});

test('one of two that stand ends after a person gave the key back: nothing is written', async () => {
  const r = rig();
  await r.start();
  const first = await r.decide({ id: dec(1), rung: 'throttle-hard', limit: limit(30) });
  await r.work();
  const second = await r.decide({ id: dec(2), rung: 'suspend' });
  await r.work();
  Object.assign(r.key(), fakeKey());
  await r.runner.undo(dec(2), 'policy', 'calm');
  await r.work();
  assert.deepEqual(r.key(), fakeKey());
  const states = [(await r.action(first.id)).state, (await r.action(second.id)).state];
  assert.deepEqual(states, ['conflict', 'undone']);
});

test('a gateway that forgets by itself at the end is no person: what else stands is put back', async () => {
  const r = rig();
  await r.start();
  const later = new Date(START + 5 * HOUR_MS).toISOString();
  const first = await r.decide({
    id: dec(1),
    rung: 'throttle-hard',
    limit: limit(30),
    untilAt: later,
  });
  await r.work();
  await r.decide({ id: dec(2), rung: 'suspend' });
  await r.work();
  Object.assign(r.key(), fakeKey());
  await r.work(START + HOUR_MS);
  assert.deepEqual(r.key(), fakeKey({ perMinute: 30 }));
  assert.equal((await r.action(first.id)).state, 'done');
});

test('what somebody tagged by hand at a gateway of creations is no reason to take it away', async () => {
  const r = rig({ gateway: fakeGateway({ write: 'create' }) });
  await r.start();
  r.key().blocks['theirs'] = 'a plugin of their own';
  const { id } = await r.decide();
  await r.work();
  assert.deepEqual(Object.keys(r.key().blocks).sort(), [id, 'theirs']);
  await r.work(START + HOUR_MS);
  assert.deepEqual(r.key().blocks, { theirs: 'a plugin of their own' });
});
