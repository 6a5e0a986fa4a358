/** What failed because its gateway was away is taken up again once it answers, while its reason holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionAlarm } from '../../../responders/alert-texts.ts';
import { type FakeFault, fakeKey } from './fake-api.ts';
import { HOUR_MS, type Rig, type RigOptions, rig, START } from './rig.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;

interface Away {
  readonly r: Rig;
  /** What fails, and how; undefined: all is well. */
  fault: ((call: string) => FakeFault) | undefined;
}

/** An action that was given up after a minute and more without an answer of its gateway. */
async function putOff(options: RigOptions = {}, change: Parameters<Rig['decide']>[0] = {}) {
  const r = rig(options);
  const away: Away = { r, fault: () => 'unavailable' };
  r.gateway.fault = (call) => away.fault?.(call) ?? 'none';
  await r.start();
  const { id, decision } = await r.decide(change);
  await r.work(START + 2 * MINUTE_MS);
  const action = await r.action(id);
  assert.deepEqual([action.state, action.failures], ['failed', 8]);
  return { away, decision, id, r };
}

const whats = (r: Rig) => r.audit.notes.map(({ what }) => what);
const writes = (r: Rig) => r.gateway.calls.filter((call) => call.startsWith('set')).length;

test('it is carried out within five minutes of the gateway’s return, recorded and told once', async () => {
  const { away, id, r } = await putOff();
  await r.work(START + 20 * MINUTE_MS);
  assert.equal((await r.action(id)).state, 'failed');
  const revisions = r.told.length;
  away.fault = undefined;
  await r.work(START + 25 * MINUTE_MS);
  const action = await r.action(id);
  assert.deepEqual([action.state, action.again, action.error], ['done', undefined, undefined]);
  assert.equal(r.key().enabled, false);
  assert.deepEqual(whats(r), ['failed', 'taken-up', 'applied']);
  assert.deepEqual(
    r.troubles.map(({ kind }) => kind),
    ['failed'],
  );
  assert.deepEqual(
    r.told.slice(revisions).map(({ state }) => state),
    ['running', 'done'],
    'that it is still away is no news',
  );
  await r.work(START + HOUR_MS);
  assert.deepEqual([(await r.action(id)).state, r.key()], ['undone', fakeKey()]);
});

test('people see one failure until it holds, however often reads work and writes do not', async () => {
  const { away, id, r } = await putOff();
  away.fault = (call) => (call.startsWith('set') ? 'unavailable' : 'none');
  await r.work(START + 40 * MINUTE_MS);
  assert.ok(writes(r) > 3);
  assert.equal((await r.action(id)).state, 'failed');
  away.fault = undefined;
  await r.work(START + 50 * MINUTE_MS);
  const alarms = r.told.map((action) => actionAlarm(action, '', START));
  const first = alarms.findIndex(({ state }) => state === 'firing');
  assert.ok(alarms.slice(first, -1).every(({ state }) => state === 'firing'));
  assert.deepEqual([alarms.at(-1)!.state, (await r.action(id)).state], ['resolved', 'done']);
  const taken = whats(r).filter((what) => what === 'taken-up').length;
  assert.equal(whats(r).filter((what) => what === 'failed').length, taken, 'each has its end');
});

test('looks become rarer, and end after a day; an action without an end is given up then', async () => {
  const { away, id, r } = await putOff({}, { untilAt: null });
  const begun = r.gateway.calls.length;
  await r.work(START + DAY_MS);
  const looks = r.gateway.calls.length - begun;
  assert.ok(looks > 200 && looks < 600, `${looks} looks`);
  await r.work(START + DAY_MS + 10 * MINUTE_MS);
  const action = await r.action(id);
  assert.deepEqual([action.state, action.again], ['failed', undefined]);
  assert.deepEqual(whats(r), ['failed', 'given-up']);
  away.fault = undefined;
  await r.work(START + 3 * DAY_MS);
  assert.deepEqual([writes(r), r.queue.entries()], [0, []]);
});

test('what ended or expired meanwhile is not done any more', async () => {
  const restored = await putOff();
  await restored.r.runner.undo(restored.decision, 'person:ann', 'false-alarm');
  const expired = await putOff();
  await expired.r.work(START + HOUR_MS);
  for (const { away, id, r } of [restored, expired]) {
    away.fault = undefined;
    await r.work(START + DAY_MS);
    assert.deepEqual([(await r.action(id)).state, writes(r)], ['undone', 0]);
  }
});

test('what may be done no more, or whose decision nobody knows, is withdrawn', async () => {
  for (const way of ['policy', 'decision'] as const) {
    let may = true;
    const { away, decision, id, r } = await putOff({ mayTakeUp: () => may });
    if (way === 'policy') may = false;
    else r.decisions.delete(decision);
    away.fault = undefined;
    await r.work(START + 30 * MINUTE_MS);
    const { endedBy, state } = await r.action(id);
    assert.deepEqual([state, endedBy, writes(r)], ['undone', 'keyhound', 0], way);
    assert.deepEqual(whats(r), ['failed', 'withdrawn']);
  }
});

test('the kill switch holds it, and it goes on after', async () => {
  const { away, id, r } = await putOff();
  await r.runner.stop();
  away.fault = undefined;
  await r.work(START + 30 * MINUTE_MS);
  assert.deepEqual([(await r.action(id)).state, writes(r)], ['failed', 0]);
  await r.runner.resume();
  await r.work(START + 31 * MINUTE_MS);
  assert.equal((await r.action(id)).state, 'done');
});

test('a start takes it up from its record alone', async () => {
  const { away, id, r } = await putOff();
  r.queue.lose(id);
  away.fault = undefined;
  await r.start();
  await r.work(r.clock.now());
  assert.equal((await r.action(id)).state, 'done');
});

test('what the gateway refuses, at once or after its return, is not tried again', async () => {
  const { away, id, r } = await putOff();
  away.fault = (call) => (call.startsWith('set') ? 'not-found' : 'none');
  await r.work(START + 30 * MINUTE_MS);
  const { again, error, state } = await r.action(id);
  assert.deepEqual([state, again, error], ['failed', undefined, '404 Not Found']);
  assert.equal(writes(r), 1);
  const refused = rig();
  refused.gateway.fault = (call) => (call.startsWith('set') ? 'not-found' : 'none');
  await refused.start();
  const action = await refused.decide();
  await refused.work(START + 30 * MINUTE_MS);
  assert.equal((await refused.action(action.id)).again, undefined);
  assert.equal(writes(refused), 1);
});

test('what a person changed at the gateway meanwhile comes back with the undo', async () => {
  const { away, id, r } = await putOff();
  r.key().perMinute = 50;
  away.fault = undefined;
  await r.work(START + 30 * MINUTE_MS);
  assert.deepEqual(r.key(), fakeKey({ enabled: false, perMinute: 50 }));
  await r.work(START + HOUR_MS);
  assert.equal((await r.action(id)).state, 'undone');
  assert.deepEqual(r.key(), fakeKey({ perMinute: 50 }));
});

test('a key is given back within five minutes of the gateway’s return, after days too', async () => {
  const r = rig();
  await r.start();
  const { id, decision } = await r.decide({ untilAt: null });
  await r.work();
  r.gateway.fault = () => 'unavailable';
  await r.runner.undo(decision, 'person:ann', 'it was me');
  for (let day = 1; day <= 3; day++) await r.work(START + day * DAY_MS);
  assert.equal((await r.action(id)).state, 'failed');
  const calls = r.gateway.calls.length;
  assert.ok(calls > 800 && calls < 2000, `${calls} looks in three days`);
  assert.equal(whats(r).filter((what) => what === 'undo-failed').length, 1, 'recorded once');
  r.gateway.fault = () => 'none';
  await r.work(START + 3 * DAY_MS + 5 * MINUTE_MS);
  assert.deepEqual([(await r.action(id)).state, r.key()], ['undone', fakeKey()]);
});
