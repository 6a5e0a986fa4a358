/** Deliveries and reports over the real store: what a process leaves, the next one goes on with. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSqliteResponseStore } from '../../store/sqlite/response.ts';
import { sampleReport } from '../support/response-samples.ts';
import { DOWN, Rig, START } from './delivery-rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-kept-'));
after(() => rmSync(folder, { recursive: true }));

const open = () => openSqliteResponseStore({ folder, clock: { now: () => START }, monthsMax: 13 });

test('a process that ends in the middle of a retry leaves it to the next, which tells it once', async () => {
  let store = await open();
  const settings = [
    { name: 'a', fallback: 'b' },
    { name: 'b', kinds: ['approval'] },
  ];
  const first = new Rig(settings, {}, store);
  first.answers.set('a', DOWN);
  await first.tell({ id: 'i1' }, { id: 'i2', done: ['suspended at kong'] });
  await first.pass(60_000);
  assert.deepEqual(first.told, ['b i1/1 i2/1'], 'late: the fallback knows');
  await store.close();
  store = await open();
  const next = new Rig(settings, {}, store);
  next.now = first.now;
  await next.deliveries.restore();
  await next.tell({ id: 'i1' }, { id: 'i2', done: ['suspended at kong'] });
  await next.pass(3_600_000);
  assert.deepEqual(next.told, ['a i1/1 i2/1'], 'and is not told again');
  assert.deepEqual(await store.deliveries(), []);
  await store.close();
});

test('a report is known to the next process, with all that was said of it', async () => {
  let store = await open();
  const report = { sender: 'scanner', deliveryId: 'msg_1', at: START, handled: false };
  const hits = [sampleReport({ heldBy: 'hourly-cap', rungMax: 'alert', at: START })];
  assert.equal(await store.putReport({ ...report, hits }), true);
  await store.close();
  store = await open();
  assert.equal(await store.putReport({ ...report, hits: [] }), false);
  assert.deepEqual(await store.reports(START), [{ ...report, hits }]);
  await store.reportHandled('scanner', 'msg_1');
  assert.equal((await store.reports(START))[0]!.handled, true);
  await store.close();
});
