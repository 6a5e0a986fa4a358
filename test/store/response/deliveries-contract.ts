/** What every driver of DeliveryStore and ReportStore has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery, DeliveryStore, Told } from '../../../core/alert.ts';
import type { ReceivedReport, ReportStore } from '../../../core/report.ts';
import { sampleAlert } from '../../support/response-samples.ts';
import { type PlacedDriver, seenAnew, withPlace } from './place.ts';

function delivery(id: string, change: Partial<Delivery> = {}): Delivery {
  return {
    id,
    channel: 'slack',
    group: 'acme',
    alerts: [sampleAlert()],
    more: 0,
    attempts: 0,
    dueAt: 1000,
    madeAt: 900,
    failedAt: [],
    ...change,
  };
}

function told(alert: string, at: number, change: Partial<Told> = {}): Told {
  const rest = { revision: 1, state: 'firing', severity: 'high', done: 0, named: true } as const;
  return { channel: 'slack', alert, at, ...rest, ...change };
}

function report(deliveryId: string, at: number, handled = false): ReceivedReport {
  const hit = {
    sender: 'scanner',
    subjectId: 'kong:a',
    rungMax: 'revoke',
    at,
    deliveryId,
  } as const;
  return { sender: 'scanner', deliveryId, at, hits: [hit], handled };
}

export function testDeliveryStore(driver: PlacedDriver<DeliveryStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;

  test(name('a delivery is there for the next process until it is removed'), () =>
    withPlace(driver, async (store, place) => {
      await store.putDelivery(delivery('b', { dueAt: 500 }));
      await store.putDelivery(delivery('a'));
      await store.putDelivery(delivery('a', { attempts: 2, late: true }));
      const all = async (from: DeliveryStore) =>
        (await from.deliveries()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const a = delivery('a', { attempts: 2, late: true });
      assert.deepEqual(await seenAnew(driver, place, all), [a, delivery('b', { dueAt: 500 })]);
      await store.removeDelivery('b');
      await store.removeDelivery('none');
      assert.deepEqual(await seenAnew(driver, place, all), [a]);
    }),
  );

  test(name('what a channel was told is kept by channel and alert, until it is forgotten'), () =>
    withPlace(driver, async (store, place) => {
      await store.putTold(told('inc_1', 10));
      await store.putTold(told('inc_1', 30, { revision: 2, state: 'resolved' }));
      await store.putTold(told('inc_1', 20, { channel: 'log' }));
      await store.putTold(told('inc_2', 25));
      const all = async (from: DeliveryStore) =>
        (await from.told()).map(({ channel, alert, at }) => `${channel} ${alert} ${at}`).sort();
      const expected = ['log inc_1 20', 'slack inc_1 30', 'slack inc_2 25'];
      assert.deepEqual(await seenAnew(driver, place, all), expected);
      await store.removeTold(25);
      assert.deepEqual(await seenAnew(driver, place, all), expected.slice(1));
    }),
  );
}

export function testReportStore(driver: PlacedDriver<ReportStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;

  test(name('a report is taken once, also by the next process'), () =>
    withPlace(driver, async (store, place) => {
      const taken = await Promise.all([1, 2, 3].map(() => store.putReport(report('m1', 10))));
      assert.equal(taken.filter(Boolean).length, 1);
      assert.equal(await store.putReport({ ...report('m1', 20), sender: 'other' }), true);
      const again = (anew: ReportStore) => anew.putReport(report('m1', 99));
      assert.equal(await seenAnew(driver, place, again), false);
    }),
  );

  test(name('reports are told oldest first, with whether they were handled'), () =>
    withPlace(driver, async (store, place) => {
      await store.putReport(report('m2', 20));
      await store.putReport(report('m1', 10));
      await store.putReport(report('m3', 30));
      await store.reportHandled('scanner', 'm2');
      await store.reportHandled('scanner', 'none');
      const all = (anew: ReportStore) => anew.reports(20);
      assert.deepEqual(await seenAnew(driver, place, all), [
        report('m2', 20, true),
        report('m3', 30),
      ]);
    }),
  );

  test(name('open reports are those that are not handled, oldest first'), () =>
    withPlace(driver, async (store, place) => {
      for (const [id, at] of [
        ['m4', 40],
        ['m2', 20],
        ['m3', 30],
        ['m1', 10],
      ] as const) {
        await store.putReport(report(id, at));
      }
      await store.putReport(report('m5', 50, true));
      await store.reportHandled('scanner', 'm3');
      await store.putReport({ ...report('m2', 20), sender: 'other' });
      const open = async (anew: ReportStore) =>
        (await anew.openReports(20)).map(({ deliveryId, handled, sender }) => [
          sender,
          deliveryId,
          handled,
        ]);
      assert.deepEqual(await seenAnew(driver, place, open), [
        ['other', 'm2', false],
        ['scanner', 'm2', false],
        ['scanner', 'm4', false],
      ]);
    }),
  );

  test(name('only handled reports are forgotten'), () =>
    withPlace(driver, async (store) => {
      for (const [id, at] of [
        ['m1', 10],
        ['m2', 20],
        ['m3', 30],
      ] as const) {
        await store.putReport(report(id, at, id !== 'm2'));
      }
      await store.removeReports(30);
      assert.deepEqual(await store.reports(0), [report('m2', 20), report('m3', 30, true)]);
    }),
  );
}
