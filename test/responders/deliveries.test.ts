/** Deliveries: what is told, when, how often; retries over restarts; storms; fallbacks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Alert, Channel } from '../../core/alert.ts';
import { memoryDeliveries } from '../support/memory-deliveries.ts';
import { DOWN, GONE, OK, Rig } from './delivery-rig.ts';

const one = (bounds: Partial<Channel> = {}): Rig => new Rig([{ name: 'a' }], bounds);

describe('what is news', () => {
  test('alerts of a consumer and kind that come together go in one message', async () => {
    const rig = one();
    await rig.tell(
      { id: 'i1', consumer: 'acme' },
      { id: 'i2', consumer: 'acme' },
      { id: 'i3', consumer: 'zoo' },
      { id: 'i4', consumer: 'acme', kind: 'action' },
    );
    await rig.pass(10_000);
    assert.deepEqual(rig.told, ['a i1/1 i2/1', 'a i3/1', 'a i4/1']);
  });

  test('a revision pages again only if severity rose, something was done, or it is over', async () => {
    const rig = one();
    const steps: (Partial<Alert> & { news: boolean })[] = [
      { revision: 1, news: true },
      { revision: 1, severity: 'critical', news: false },
      { revision: 2, news: false },
      { revision: 3, severity: 'critical', news: true },
      { revision: 4, severity: 'high', news: false },
      { revision: 5, severity: 'high', done: ['suspended at kong'], news: true },
      { revision: 6, done: ['suspended at kong'], news: false },
      { revision: 7, done: ['suspended at kong'], state: 'resolved', news: true },
      { revision: 8, done: ['suspended at kong'], state: 'resolved', news: false },
      { revision: 7, news: false },
      { revision: 9, done: ['suspended', 'restored'], state: 'resolved', news: true },
    ];
    for (const { news, ...step } of steps) {
      const before = rig.sent.length;
      await rig.tell(step);
      await rig.pass(5000);
      assert.equal(rig.sent.length - before, news ? 1 : 0, JSON.stringify(step));
    }
  });

  test('a receiver that replaces gets revisions too, gathered over a minute', async () => {
    const rig = one({ replaces: true });
    await rig.tell({});
    await rig.pass(1000);
    for (let revision = 2; revision < 10; revision++) {
      await rig.tell({ revision });
      await rig.pass(5000);
    }
    await rig.pass(60_000);
    assert.deepEqual(rig.told, ['a inc_1/1', 'a inc_1/9']);
  });

  test('what happens before the message leaves is told once, as it stands then', async () => {
    const rig = one();
    await rig.tell({}, { revision: 2, severity: 'critical' }, { revision: 3, state: 'resolved' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a inc_1/3']);
    assert.equal(rig.sent[0]!.alerts[0]!.state, 'resolved');
  });

  test('each channel has its severity and kinds; what it was told of it is told to the end', async () => {
    const rig = new Rig([
      { name: 'all', severity: 'info' },
      { name: 'high', severity: 'high', kinds: ['incident', 'health'] },
    ]);
    await rig.tell({ id: 'i1', severity: 'medium' });
    await rig.tell({ id: 'i2', kind: 'action', severity: 'critical' });
    await rig.tell({ id: 'h', kind: 'health', severity: 'low' });
    await rig.tell({ id: 'i3', severity: 'high' });
    await rig.pass(10_000);
    await rig.tell({ id: 'i1', revision: 2, severity: 'high' });
    await rig.tell({ id: 'i3', revision: 2, severity: 'low', state: 'resolved' });
    await rig.pass(10_000);
    const high = rig.told.filter((told) => told.startsWith('high'));
    assert.deepEqual(high, ['high i3/1', 'high h/1', 'high i1/2 i3/2']);
  });

  test('a resolved alert that was never told is no news', async () => {
    const rig = one();
    await rig.tell({ state: 'resolved' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, []);
  });
});

describe('storms', () => {
  test('500 alerts in seconds: few messages, all named or counted, the worst named', async () => {
    const rig = one({ alertsMax: 10 });
    for (let i = 0; i < 500; i++) {
      const severity = i % 100 === 99 ? 'critical' : 'medium';
      await rig.tell({ id: `i${i}`, severity, consumer: `c${i % 40}` });
      if (i % 50 === 0) await rig.pass(100);
    }
    await rig.pass(60_000);
    const named = rig.sent.flatMap(({ alerts }) => alerts.map(({ id }) => id));
    const counted = rig.sent.reduce((sum, { more }) => sum + more, 0);
    assert.equal(named.length + counted, 500);
    assert.equal(new Set(named).size, named.length);
    assert.ok(rig.sent.length <= 12, `${rig.sent.length} messages`);
    for (let i = 1; i < rig.sent.length; i++) {
      assert.ok(rig.sent[i]!.at - rig.sent[i - 1]!.at >= 1000, 'one a second');
    }
    for (let i = 99; i < 500; i += 100) assert.ok(named.includes(`i${i}`), `i${i} is named`);
    assert.equal(rig.deliveries.stats()[0]!.folded, counted);
  });

  test('of what was only counted nobody hears that it is over, but that it got worse', async () => {
    const rig = one({ alertsMax: 1 });
    await rig.tell({ id: 'i1' }, { id: 'i2' }, { id: 'i3' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a i1/1 +2']);
    await rig.tell({ id: 'i2', revision: 2, state: 'resolved' });
    await rig.tell({ id: 'i3', revision: 2, severity: 'critical' });
    await rig.pass(5000);
    assert.deepEqual(rig.told.slice(1), ['a i3/2']);
  });

  test('where a message names one alert, several wait side by side', async () => {
    const rig = one({ alertsMax: 1, waitingMax: 3, perSecond: 10 });
    await rig.tell({ id: 'i1' }, { id: 'i2' }, { id: 'i3' }, { id: 'i4' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a i1/1', 'a i2/1', 'a i3/1 +1']);
  });
});

describe('failures', () => {
  test('a delivery is retried with growing pauses, and over a restart in the middle of it', async () => {
    const rig = one();
    rig.answers.set('a', DOWN);
    await rig.tell({});
    await rig.pass(10_000);
    const before = rig.tries.length;
    assert.equal(before, 3, 'at 0.3 s, 2.3 s and 6.3 s');
    rig.start();
    await rig.deliveries.restore();
    await rig.tell({}, { revision: 2 });
    rig.answers.delete('a');
    await rig.pass(10_000);
    assert.deepEqual(rig.told, ['a inc_1/2']);
    await rig.pass(86_400_000);
    assert.equal(rig.sent.length, 1);
    assert.deepEqual(await rig.store.deliveries(), []);
  });

  test('what was told before a restart is not told again after it', async () => {
    const rig = one();
    await rig.tell({ done: ['suspended'] });
    await rig.pass(5000);
    rig.start();
    await rig.deliveries.restore();
    await rig.tell({ done: ['suspended'] });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a inc_1/1']);
    await rig.tell({ revision: 2, state: 'resolved', done: ['suspended'] });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a inc_1/1', 'a inc_1/2']);
  });

  test('a receiver that asks for time gets it, also for what comes later', async () => {
    const rig = one();
    rig.answers.set('a', { ...DOWN, retryAfterMs: 120_000 });
    await rig.tell({ id: 'i1' });
    await rig.pass(1000);
    rig.answers.delete('a');
    await rig.tell({ id: 'i2', kind: 'action' });
    await rig.pass(118_000);
    assert.equal(rig.tries.length, 1);
    await rig.pass(10_000);
    assert.deepEqual(rig.told.sort(), ['a i1/1', 'a i2/1']);
  });

  test('what can never be delivered is counted, and the fallback says it', async () => {
    const rig = new Rig([
      { name: 'a', fallback: 'b' },
      { name: 'b', kinds: ['approval'] },
    ]);
    rig.answers.set('a', GONE);
    await rig.tell({ id: 'i1' }, { id: 'i2' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['b i1/1 i2/1']);
    assert.equal(rig.deliveries.stats()[0]!.deadLetters, 1);
    assert.deepEqual(rig.lost, []);
  });

  test('fallbacks in a ring end, and the loss is told', async () => {
    const rig = new Rig([
      { name: 'a', fallback: 'b' },
      { name: 'b', fallback: 'a', kinds: ['approval'] },
    ]);
    rig.answers.set('a', GONE);
    rig.answers.set('b', GONE);
    await rig.tell({});
    await rig.pass(86_400_000);
    assert.deepEqual(rig.tries, ['a', 'b']);
    assert.deepEqual(
      rig.lost.map(({ alerts }) => alerts[0]!.id),
      ['inc_1'],
    );
  });

  test('while a channel is away its fallback is told within a minute, of everything once', async () => {
    const rig = new Rig([
      { name: 'a', fallback: 'b' },
      { name: 'b', kinds: ['approval'] },
    ]);
    rig.answers.set('a', DOWN);
    await rig.tell({ id: 'i1' });
    await rig.pass(60_000);
    await rig.tell({ id: 'i1', revision: 2, severity: 'critical' }, { id: 'i2' });
    await rig.pass(3_600_000);
    assert.deepEqual(rig.told, ['b i1/1', 'b i1/2 i2/1']);
    assert.equal((await rig.store.deliveries()).length, 1, 'one late delivery is kept');
    rig.answers.delete('a');
    await rig.pass(3_600_000);
    assert.deepEqual(rig.told.slice(2), ['a i1/2 i2/1']);
  });

  test('a receiver that is away for days costs no memory, and what is given up is told as lost', async () => {
    const rig = one();
    rig.answers.set('a', DOWN);
    for (let hour = 0; hour < 30; hour++) {
      for (let i = 0; i < 20; i++) {
        await rig.tell({ id: `i${hour}.${i}`, consumer: `c${i}` });
      }
      await rig.pass(3_600_000);
    }
    assert.ok((await rig.store.deliveries()).length <= 9);
    await rig.pass(2 * 86_400_000);
    const known = rig.lost.reduce((sum, { alerts, more }) => sum + alerts.length + more, 0);
    assert.equal(known, 600);
    assert.deepEqual(await rig.store.deliveries(), []);
  });

  test('what its fallback was told of costs one delivery, however long the channel is away', async () => {
    const rig = new Rig([
      { name: 'a', fallback: 'b' },
      { name: 'b', kinds: ['approval'] },
    ]);
    rig.answers.set('a', DOWN);
    for (let i = 0; i < 30; i++) {
      const severity = i === 3 ? 'critical' : 'medium';
      await rig.tell({ id: `i${i}`, severity });
      await rig.pass(600_000);
    }
    assert.equal(rig.sent.length, 30);
    const waiting = await rig.store.deliveries();
    assert.ok(waiting.length <= 2, `${waiting.length} deliveries`);
    rig.answers.delete('a');
    await rig.pass(3_600_000);
    const back = rig.sent.slice(30);
    assert.ok(
      back.some(({ alerts }) => alerts.some(({ id }) => id === 'i3')),
      'the worst is named',
    );
    assert.equal(
      back.reduce((sum, { alerts, more }) => sum + alerts.length + more, 0),
      30,
    );
  });

  test('what is told while a message is on its way is told after it, and not twice', async () => {
    for (const [result, told] of [
      [DOWN, ['a inc_1/2']],
      [OK, ['a inc_1/1', 'a inc_1/2']],
    ] as const) {
      const rig = one();
      const held = rig.hold('a');
      await rig.tell({});
      rig.now += 1000;
      const ticked = rig.deliveries.tick(rig.signal);
      const answer = await held;
      await rig.tell({ revision: 2, severity: 'critical' });
      answer(result);
      await ticked;
      await rig.pass(60_000);
      assert.deepEqual(rig.told, told);
    }
  });

  test('a slow channel holds up no other', async () => {
    const rig = new Rig([{ name: 'slow' }, { name: 'b' }]);
    const held = rig.hold('slow');
    await rig.tell({});
    rig.now += 1000;
    const first = rig.deliveries.tick(rig.signal);
    const answer = await held;
    await rig.tell({ id: 'i2' });
    rig.now += 1000;
    await rig.deliveries.tick(rig.signal);
    assert.deepEqual(rig.told, ['b inc_1/1', 'b i2/1']);
    answer(OK);
    await first;
  });

  test('with the store away alerts are told all the same', async () => {
    const store = memoryDeliveries();
    const rig = new Rig([{ name: 'a' }], {}, store);
    store.failing = true;
    await rig.tell({ id: 'disk', kind: 'health' });
    await rig.pass(5000);
    assert.deepEqual(rig.told, ['a disk/1']);
    assert.ok(rig.storeErrors.length > 0);
    rig.answers.set('a', DOWN);
    await rig.tell({ id: 'i1' });
    store.failing = false;
    await rig.tell({ id: 'i2' });
    const kept = (await store.deliveries()).flatMap(({ alerts }) => alerts.map(({ id }) => id));
    assert.deepEqual(kept, ['i1', 'i2'], 'and is kept once it is back');
    assert.equal((await store.told()).length, 3);
  });

  test('a stop in the middle of a message costs no try, and it is sent after the restart', async () => {
    const rig = one();
    const stop = new AbortController();
    rig.answers.set('a', async () => {
      stop.abort();
      return DOWN;
    });
    await rig.tell({});
    rig.now += 1000;
    await rig.deliveries.tick(stop.signal);
    assert.equal((await rig.store.deliveries())[0]!.attempts, 0);
    rig.answers.delete('a');
    rig.start();
    await rig.deliveries.restore();
    await rig.pass(1000);
    assert.deepEqual(rig.told, ['a inc_1/1']);
  });

  test('what waited for a channel that was taken away goes to those that are there', async () => {
    const rig = new Rig([{ name: 'a' }]);
    rig.answers.set('a', DOWN);
    await rig.tell({});
    await rig.pass(1000);
    const next = new Rig([{ name: 'b' }]);
    for (const delivery of await rig.store.deliveries()) await next.store.putDelivery(delivery);
    await next.deliveries.restore();
    await next.pass(1000);
    assert.deepEqual(next.told, ['b inc_1/1']);
    assert.deepEqual(await next.store.deliveries(), []);
  });
});
