/** Records and gateways compared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeKey } from './fake-api.ts';
import { fakeGateway } from './fake-gateway.ts';
import { type Rig, rig, START } from './rig.ts';

const creating = () => rig({ gateway: fakeGateway({ write: 'create' }) });

function reconcile(r: Rig, fix = false) {
  const signal = new AbortController().signal;
  return r.runner.reconcile({ fix, by: 'person:ann', why: 'a look', signal });
}

test('nothing is found where all is as the records say', async () => {
  const r = creating();
  await r.start();
  await r.decide();
  await r.work();
  assert.deepEqual(await reconcile(r), []);
  await r.runner.undo((await r.store.actions({}))[0]!.decision, 'policy', 'calm');
  await r.work();
  assert.deepEqual(await reconcile(r, true), []);
});

test('what carries a tag of ours and no record wants is an orphan, removed when told so', async () => {
  const r = creating();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  r.key().blocks['act_unknown'] = 'suspend 0';
  const [orphan, ...others] = await reconcile(r);
  assert.deepEqual(
    [orphan!.kind, orphan!.action, orphan!.subject, orphan!.fixed, others.length],
    ['orphan', 'act_unknown', 'kong:a', false, 1],
  );
  assert.equal(r.key().blocks['act_unknown'], 'suspend 0', 'only looked at');
  delete r.key().blocks[id];
  const fixed = await reconcile(r, true);
  assert.deepEqual(
    fixed.map(({ kind, fixed: done }) => [kind, done]),
    [
      ['orphan', true],
      ['missing', true],
    ],
  );
  const removed = r.audit.notes.find(({ what }) => what === 'orphan-removed')!;
  assert.deepEqual([removed.who, removed.evidence['tag']], ['person:ann', 'act_unknown']);
  await r.work();
  assert.deepEqual(r.key().blocks, { [id]: 'suspend 0' }, 'and what was missing is there again');
});

test('what a person changed since is drift; told to fix, it is noted and stays', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  r.key().perMinute = 7;
  assert.deepEqual(
    (await reconcile(r)).map(({ kind, action }) => [kind, action]),
    [['drift', id]],
  );
  assert.equal((await r.action(id)).state, 'done');
  await reconcile(r, true);
  assert.equal((await r.action(id)).state, 'conflict');
  assert.equal(r.key().perMinute, 7);
  assert.deepEqual(await reconcile(r), []);
});

test('what is gone at the gateway is missing; told to fix, it is applied again', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide();
  await r.work();
  Object.assign(r.key(), fakeKey());
  const [found] = await reconcile(r);
  assert.deepEqual([found!.kind, found!.action, found!.fixed], ['missing', id, false]);
  await reconcile(r, true);
  await r.work();
  assert.deepEqual([r.key().enabled, (await r.action(id)).state], [false, 'done']);
  await r.runner.undo((await r.action(id)).decision, 'policy', 'calm');
  await r.work();
  assert.deepEqual(r.key(), fakeKey());
});

test('what is being worked on is left to that', async () => {
  const r = rig();
  await r.start();
  r.gateway.fault = (call) => (call.startsWith('set') ? 'after' : 'none');
  await r.decide();
  await r.work(START + 1);
  r.gateway.fault = () => 'none';
  assert.deepEqual(await reconcile(r, true), []);
});

test('a gateway that is away is told of, and the others are looked at', async () => {
  const away = fakeGateway({ name: 'edge' });
  away.fault = () => 'unavailable';
  const here = fakeGateway({ write: 'create' });
  here.keys.get('kong:a')!.blocks['act_unknown'] = 'suspend 0';
  const r = rig({ gateway: here, adapters: [away.adapter, here.adapter] });
  assert.deepEqual(
    (await reconcile(r)).map(({ kind, gateway }) => [kind, gateway]),
    [
      ['unreachable', 'edge'],
      ['orphan', 'kong'],
    ],
  );
});
