/** What every driver of VerdictStore has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VerdictStore } from '../../../core/verdict.ts';
import { sampleProfile, sampleVerdict } from '../../support/response-samples.ts';
import { type PlacedDriver, seenAnew, withPlace } from './place.ts';

export function testVerdictStore(driver: PlacedDriver<VerdictStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;

  test(name('a verdict that was put is there for the next process, and gone once removed'), () =>
    withPlace(driver, async (store, place) => {
      const first = sampleVerdict({
        rung: 'contain',
        profile: sampleProfile(),
      });
      const second = sampleVerdict({ key: 'h:00ff', untilAt: null });
      await store.putVerdict(first);
      await store.putVerdict(second);
      await seenAnew(driver, place, async (anew) => {
        assert.deepEqual(await anew.verdict(first.key), first);
        const all = await anew.verdicts();
        assert.deepEqual(
          all.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
          [second, first],
        );
      });
      await store.removeVerdict(first.key);
      await store.removeVerdict('kong:none');
      assert.deepEqual(await seenAnew(driver, place, (anew) => anew.verdicts()), [second]);
      assert.equal(await store.verdict(first.key), undefined);
    }),
  );

  test(name('the last verdict put for a key is the one'), () =>
    withPlace(driver, async (store) => {
      const limit = { requests: 5, windowMs: 60_000 };
      await store.putVerdict(sampleVerdict());
      await store.putVerdict(sampleVerdict({ rung: 'throttle-hard', limit }));
      assert.deepEqual(await store.verdicts(), [sampleVerdict({ rung: 'throttle-hard', limit })]);
    }),
  );

  test(name('the mark is another after each change, and the same without one'), () =>
    withPlace(driver, async (store) => {
      const marks = [await store.verdictsMark?.()];
      await store.putVerdict(sampleVerdict());
      marks.push(await store.verdictsMark?.());
      await store.putVerdict(sampleVerdict({ untilAt: null }));
      marks.push(await store.verdictsMark?.());
      await store.removeVerdict(sampleVerdict().key);
      marks.push(await store.verdictsMark?.());
      assert.equal(new Set(marks).size, 4);
      assert.ok(!marks.includes(undefined));
      await store.verdicts();
      assert.equal(await store.verdictsMark?.(), marks.at(-1));
    }),
  );

  test(name('whoever listens is told of each change, in order, until it stops'), () =>
    withPlace(driver, async (store) => {
      const told: unknown[] = [];
      const changes = new Map<number, () => void>();
      const stop = store.onVerdict((key, verdict) => {
        told.push([key, verdict?.tag]);
        changes.get(told.length)?.();
      });
      const both = new Promise<void>((resolve) => changes.set(2, resolve));
      await store.putVerdict(sampleVerdict());
      await store.removeVerdict('kong:7f2d');
      await both;
      stop();
      await store.putVerdict(sampleVerdict());
      assert.deepEqual(told, [
        ['kong:7f2d', sampleVerdict().tag],
        ['kong:7f2d', undefined],
      ]);
    }),
  );
}
