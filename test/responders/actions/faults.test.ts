/** What the runner does when gateway, audit or store fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeFault, fakeKey } from './fake-api.ts';
import { fakeGateway } from './fake-gateway.ts';
import { HOUR_MS, type Rig, rig, START } from './rig.ts';

const MINUTE_MS = 60_000;

/** Faults of the next calls that begin so; then none. */
function failing(r: Rig, begin: string, ...faults: FakeFault[]): void {
  r.gateway.fault = (call) => (call.startsWith(begin) ? (faults.shift() ?? 'none') : 'none');
}
const count = (r: Rig, begin: string) =>
  r.gateway.calls.filter((call) => call.startsWith(begin)).length;

for (const fault of ['reset', 'unavailable'] as const) {
  test(`a write that failed (${fault}) is tried again after a look at the gateway`, async () => {
    const r = rig();
    await r.start();
    failing(r, 'set', fault, fault);
    const { id } = await r.decide();
    await r.work(START + MINUTE_MS);
    const action = await r.action(id);
    assert.deepEqual([action.state, action.attempts, action.failures], ['done', 3, 2]);
    assert.equal(action.error, undefined);
    assert.equal(r.key().enabled, false);
    assert.deepEqual(
      r.gateway.calls.map((call) => call.slice(0, 3)),
      ['get', 'set', 'get', 'set', 'get', 'set', 'get'],
    );
  });
}

test('a write that was applied and not heard of is not made twice where the adapter can tell', async () => {
  const r = rig();
  await r.start();
  failing(r, 'set', 'after');
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
  assert.equal(count(r, 'set'), 1);
});

test('what was created and not heard of is found again', async () => {
  const r = rig({ gateway: fakeGateway({ write: 'create' }) });
  await r.start();
  failing(r, 'create', 'after');
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
  assert.deepEqual(Object.keys(r.key().blocks), [id]);
  assert.equal(count(r, 'create'), 1);
  failing(r, 'delete', 'after');
  await r.work(START + 2 * HOUR_MS);
  assert.deepEqual(r.key(), fakeKey());
  assert.equal((await r.action(id)).state, 'undone');
});

test('a gateway that says how long to wait is left alone so long', async () => {
  const r = rig();
  await r.start();
  failing(r, 'get', 'too-many');
  await r.decide();
  await r.work(START + 6999);
  assert.equal(count(r, 'get'), 1);
  await r.work(START + 7000);
  assert.equal(r.key().enabled, false);
});

test('waits double, with jitter, up to a bound', async () => {
  const r = rig({ random: () => 0.5, bounds: { failuresMax: 12, backoffMsMax: 10_000 } });
  await r.start();
  r.gateway.fault = () => 'unavailable';
  await r.decide();
  const waits: number[] = [];
  for (let at = r.clock.now(); await r.queue.step(START + MINUTE_MS); at = r.clock.now()) {
    waits.push(r.clock.now() - at);
  }
  assert.deepEqual(waits.slice(0, 8), [0, 375, 750, 1500, 3000, 6000, 7500, 7500]);
});

test('an action that goes on failing is given up, visibly, and leaves nothing behind', async () => {
  const r = rig({ bounds: { failuresMax: 4 } });
  await r.start();
  failing(r, 'set', ...Array<FakeFault>(10).fill('unavailable'));
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS / 2);
  const action = await r.action(id);
  assert.deepEqual(
    [action.state, action.failures, action.error],
    ['failed', 4, '503 Service Unavailable'],
  );
  assert.equal(action.original, undefined, 'known to have left nothing');
  assert.deepEqual(
    r.troubles.map(({ kind, reason }) => [kind, reason]),
    [['failed', '503 Service Unavailable']],
  );
  assert.equal(r.audit.notes.at(-1)!.what, 'failed');
  r.gateway.fault = () => 'unavailable';
  await r.work(START + 2 * HOUR_MS);
  assert.equal((await r.action(id)).state, 'undone', 'its end closes it');
  assert.equal(count(r, 'set'), 4);
});

test('an action that was given up and may be in effect is taken back at its end', async () => {
  const r = rig({ bounds: { failuresMax: 2 } });
  await r.start();
  let broken = false;
  r.gateway.fault = (call) => {
    if (call.startsWith('set') && !broken) {
      broken = true;
      return 'after';
    }
    return broken && r.clock.now() < START + MINUTE_MS ? 'unavailable' : 'none';
  };
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(id)).state, 'failed');
  assert.equal(r.key().enabled, false);
  await r.work(START + HOUR_MS);
  assert.equal((await r.action(id)).state, 'undone');
  assert.deepEqual(r.key(), fakeKey());
});

test('what no retry helps is given up at once', async () => {
  const r = rig();
  await r.start();
  failing(r, 'set', 'not-found');
  const { id } = await r.decide();
  await r.work();
  assert.deepEqual([(await r.action(id)).state, count(r, 'set')], ['failed', 1]);
});

test('a key that the gateway does not know is not acted upon', async () => {
  const r = rig();
  await r.start();
  const { id } = await r.decide({ subject: { kind: 'key', id: 'kong:none' } });
  await r.work();
  const { state, error } = await r.action(id);
  assert.deepEqual([state, error], ['failed', 'the gateway does not know this key']);
});

test('a mistake in an adapter fails the action, and its text is not told', async () => {
  const r = rig();
  await r.start();
  failing(r, 'set', 'bug');
  const { id } = await r.decide();
  await r.work();
  const { state, error } = await r.action(id);
  assert.deepEqual([state, error], ['failed', 'the adapter failed (TypeError)']);
});

test('an adapter that never answers is given up after the bound, and asked again', async () => {
  const r = rig({ bounds: { callMsMax: 5 } });
  await r.start();
  let deaf = true;
  const { read } = r.gateway.adapter;
  Object.assign(r.gateway.adapter, {
    read: (...given: Parameters<typeof read>) => (deaf ? new Promise(() => {}) : read(...given)),
  });
  const { id } = await r.decide();
  await r.work();
  assert.equal((await r.action(id)).error, 'no answer within 5 ms');
  deaf = false;
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
});

test('an undo that fails is tried on, and told', async () => {
  const r = rig({
    bounds: { failuresMax: 3, againMs: 10 * MINUTE_MS, againMsMax: 10 * MINUTE_MS },
  });
  await r.start();
  const { id, decision } = await r.decide();
  await r.work();
  let away = true;
  r.gateway.fault = () => (away ? 'unavailable' : 'none');
  await r.runner.undo(decision, 'person:ann', 'it was me');
  await r.work(START + MINUTE_MS);
  assert.equal((await r.action(id)).state, 'failed');
  assert.deepEqual(
    r.troubles.map(({ kind }) => kind),
    ['undo-failed'],
  );
  await r.work(START + 12 * MINUTE_MS);
  assert.equal(r.troubles.length, 2, 'again while it lasts');
  const undoFailed = r.audit.notes.filter(({ what }) => what === 'undo-failed');
  assert.equal(undoFailed.length, 1, 'recorded once');
  away = false;
  await r.work(START + 30 * MINUTE_MS);
  assert.deepEqual([(await r.action(id)).state, r.key()], ['undone', fakeKey()]);
});

test('what the audit cannot record is not done, and is done once it can', async () => {
  const r = rig();
  await r.start();
  r.audit.broken = true;
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.deepEqual(r.key(), fakeKey());
  assert.equal(count(r, 'set'), 0);
  assert.equal((await r.action(id)).state, 'planned');
  assert.ok(r.troubles.length > 0 && r.troubles.every(({ kind }) => kind === 'audit'));
  r.audit.broken = false;
  await r.work(START + 2 * MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
});

test('an audit that breaks after the write holds the action open, and it is not made twice', async () => {
  const r = rig();
  await r.start();
  r.gateway.fault = (call) => {
    if (call.startsWith('set')) r.audit.broken = true;
    return 'none';
  };
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.deepEqual([(await r.action(id)).state, r.key().enabled], ['running', false]);
  r.audit.broken = false;
  await r.work(START + 2 * MINUTE_MS);
  assert.deepEqual([(await r.action(id)).state, count(r, 'set')], ['done', 1]);
});

test('what the store cannot keep is not done: no write at the gateway, no half a request', async () => {
  const r = rig();
  await r.start();
  const { changeAction, createAction } = r.store;
  const full = async (): Promise<never> => {
    throw new Error('no space left');
  };
  r.store.createAction = full;
  await assert.rejects(r.decide(), /no space left/);
  r.store.createAction = createAction;
  r.store.changeAction = full;
  const { id } = await r.decide();
  await r.work(START + MINUTE_MS);
  assert.deepEqual(r.key(), fakeKey());
  assert.equal(count(r, 'set'), 0);
  assert.ok(r.troubles.every(({ kind }) => kind === 'store'));
  r.store.changeAction = changeAction;
  await r.work(START + 2 * MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
});
