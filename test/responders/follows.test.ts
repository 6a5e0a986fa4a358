/** An alert that goes on with another: each channel is told of both under the id that it knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleAlert } from '../support/response-samples.ts';
import { Rig, START } from './delivery-rig.ts';

const report = sampleAlert({ id: 'dec_1', kind: 'action', severity: 'critical', title: 'report' });
const both = sampleAlert({
  id: 'inc_1',
  revision: 2,
  severity: 'critical',
  title: 'both',
  follows: ['dec_1'],
});

const seen = (rig: Rig) =>
  rig.sent.map(({ channel, alerts }) => [
    channel,
    ...alerts.map(({ id, kind, title, state }) => `${kind} ${id}: ${title}, ${state}`),
  ]);

test('who was told of the first is told of both under its id, and woken once', async () => {
  const rig = new Rig([{ name: 'a' }]);
  await rig.tell(report);
  await rig.pass(START + 10_000 - rig.now);
  await rig.tell(both);
  await rig.pass(START + 120_000 - rig.now);
  await rig.tell({ ...both, revision: 3, done: ['revoked at kong'] });
  await rig.tell({ ...both, revision: 4, state: 'resolved', done: ['revoked at kong'] });
  await rig.pass(START + 240_000 - rig.now);
  assert.deepEqual(seen(rig), [
    ['a', 'action dec_1: report, firing'],
    ['a', 'action dec_1: both, resolved'],
  ]);
});

test('who was not is told of it as what it is', async () => {
  const rig = new Rig([{ name: 'incidents', kinds: ['incident'] }]);
  await rig.tell(report);
  await rig.tell(both);
  await rig.pass(START + 10_000 - rig.now);
  assert.deepEqual(seen(rig), [['incidents', 'incident inc_1: both, firing']]);
});

test('the id stays over a start, also when nothing says any more what it went on with', async () => {
  const rig = new Rig([{ name: 'a' }]);
  await rig.tell(report);
  await rig.tell(both);
  await rig.pass(START + 10_000 - rig.now);
  rig.start();
  await rig.deliveries.restore();
  const { follows: _, ...alone } = both;
  await rig.tell({ ...alone, revision: 3 });
  await rig.tell({ ...alone, revision: 4, state: 'resolved' });
  await rig.pass(START + 120_000 - rig.now);
  assert.deepEqual(seen(rig), [
    ['a', 'action dec_1: both, firing'],
    ['a', 'action dec_1: both, resolved'],
  ]);
});

test('who was told of the second first keeps that', async () => {
  const rig = new Rig([{ name: 'a' }]);
  const { follows: _, ...alone } = both;
  await rig.tell(alone);
  await rig.tell({ ...both, revision: 3, state: 'resolved' });
  await rig.pass(START + 10_000 - rig.now);
  assert.deepEqual(seen(rig), [['a', 'incident inc_1: both, resolved']]);
});

test('it waits for what belongs to it, no longer than it says, and not once something was done', async () => {
  const rig = new Rig([{ name: 'a' }]);
  const waits = { ...report, waitUntilAt: START + 3000 };
  await rig.tell(waits);
  await rig.pass(START + 2000 - rig.now);
  assert.deepEqual(rig.sent, []);
  await rig.tell(both);
  await rig.pass(START + 3000 - rig.now);
  assert.deepEqual(seen(rig), [['a', 'action dec_1: both, firing']]);
  const alone = new Rig([{ name: 'a' }]);
  await alone.tell(waits);
  await alone.pass(START + 3000 - alone.now);
  assert.equal(alone.sent.length, 1);
  const done = new Rig([{ name: 'a' }]);
  await done.tell(waits);
  await done.tell({ ...both, done: ['revoked at kong'] });
  await done.pass(START + 500 - done.now);
  assert.equal(done.sent.length, 1);
});
