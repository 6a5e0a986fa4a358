import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeKey } from './fake-api.ts';
import { HOUR_MS, rig, START } from './rig.ts';

const limit = (perMinute: number) => ({ requests: perMinute, windowMs: 60_000 });
const dec = (n: number) => `dec_${String(n).padStart(20, '0')}`;

test('an action is planned, carried out, and taken back when it expires', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  assert.equal(r.key().enabled, false);
  const done = await r.action(id);
  assert.deepEqual([done.state, done.attempts, done.version], ['done', 1, 1]);
  assert.equal(done.undo, 'PATCH /keys/a as before');
  assert.equal(done.original?.facts['enabled'], true);
  assert.equal(done.wrote?.facts['enabled'], false);
  await r.work(START + HOUR_MS);
  assert.deepEqual(r.key(), fakeKey());
  const undone = await r.action(id);
  assert.deepEqual(
    [undone.state, undone.endedBy, undone.endedWhy],
    ['undone', 'keyhound', 'expired'],
  );
  assert.deepEqual(
    r.told.map(({ state, wants }) => `${state} ${wants}`),
    [
      'planned applied',
      'running applied',
      'done applied',
      'done undone',
      'done undone',
      'undone undone',
    ],
  );
  assert.deepEqual(
    r.audit.notes.map(({ what, undoes }) => [what, undoes]),
    [
      ['applying', undefined],
      ['applied', undefined],
      ['undoing', undefined],
      ['undone', 'w-2'],
    ],
  );
  assert.deepEqual(r.queue.entries(), []);
});

test('the same decision asked for twice is one action', async () => {
  const r = rig();
  await r.start();
  const first = await r.decide();
  const second = await r.decide();
  assert.equal(first.id, second.id);
  await r.work();
  await r.decide();
  await r.work();
  assert.deepEqual(r.gateway.calls, ['get kong:a', 'set kong:a', 'get kong:a']);
});

test('the strictest of what stands holds, and the original is carried over', async () => {
  const r = rig();
  await r.start();
  await r.decide({ id: dec(1), rung: 'throttle-hard', limit: limit(30) });
  await r.work();
  await r.decide({ id: dec(2), rung: 'suspend' });
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ enabled: false }));
  await r.decide({ id: dec(3), rung: 'throttle-soft', limit: limit(5) });
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ enabled: false }), 'a milder one changes nothing');
  await r.runner.undo(dec(2), 'person:ann', 'it was me');
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ perMinute: 5 }));
  await r.runner.undo(dec(1), 'person:ann', 'it was me');
  await r.work();
  assert.deepEqual(r.key(), fakeKey({ perMinute: 5 }));
  await r.runner.undo(dec(3), 'person:ann', 'it was me');
  await r.work();
  assert.deepEqual(r.key(), fakeKey());
});
