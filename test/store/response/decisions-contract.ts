/** What every driver of DecisionStore has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decision, DecisionStore } from '../../../core/decision.ts';
import { sampleDecision } from '../../support/response-samples.ts';
import { minute, numbered, type PlacedDriver, seenAnew, withPlace } from './place.ts';

function decision(n: number, change: Partial<Decision> = {}): Decision {
  return sampleDecision({ id: numbered('dec', n), decidedAt: minute(n), ...change });
}

export function testDecisionStore(driver: PlacedDriver<DecisionStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;

  test(name('a decision that was put is there for the next process, as it was'), () =>
    withPlace(driver, async (store, place) => {
      const put = decision(1, { approvals: [{ by: 'ä', at: minute(1) }], heldBy: 'budget' });
      assert.equal(await store.put(put), true);
      assert.deepEqual(await seenAnew(driver, place, (anew) => anew.decision(put.id)), put);
      assert.equal(await store.decision(numbered('dec', 2)), undefined);
    }),
  );

  test(name('a revision replaces lower ones, and never one as high'), () =>
    withPlace(driver, async (store) => {
      assert.equal(await store.put(decision(1, { revision: 3, state: 'ended' })), true);
      assert.equal(await store.put(decision(1, { revision: 3, state: 'standing' })), false);
      assert.equal(await store.put(decision(1, { revision: 2, state: 'standing' })), false);
      assert.equal((await store.decision(numbered('dec', 1)))?.state, 'ended');
      assert.equal(await store.put(decision(1, { revision: 5, state: 'held' })), true);
      assert.equal((await store.decision(numbered('dec', 1)))?.state, 'held');
    }),
  );

  test(name('of revisions put at once the highest stays'), () =>
    withPlace(driver, async (store) => {
      const revisions = [4, 1, 9, 3, 7, 2, 8, 5, 6];
      await Promise.all(revisions.map((revision) => store.put(decision(1, { revision }))));
      assert.equal((await store.decision(numbered('dec', 1)))?.revision, 9);
    }),
  );

  test(name('decisions are listed newest first, by when they last changed, and filtered'), () =>
    withPlace(driver, async (store) => {
      const kong = { kind: 'key', id: 'kong:b' } as const;
      await store.put(decision(1, { state: 'ended', endedAt: minute(9) }));
      await store.put(decision(2));
      await store.put(decision(3, { subject: kong, state: 'held' }));
      await store.put(decision(4, { subject: kong, approvals: [{ by: 'ann', at: minute(8) }] }));
      const ids = async (filter: Parameters<DecisionStore['decisions']>[0]) =>
        (await store.decisions(filter)).map(({ id }) => Number(id.slice(4)));
      assert.deepEqual(await ids({}), [1, 4, 3, 2]);
      assert.deepEqual(await ids({ limit: 2 }), [1, 4]);
      assert.deepEqual(await ids({ subjectId: 'kong:b' }), [4, 3]);
      assert.deepEqual(await ids({ state: 'standing' }), [4, 2]);
      assert.deepEqual(await ids({ state: 'standing', subjectId: 'kong:b' }), [4]);
      assert.deepEqual(await ids({ sinceAt: Date.parse(minute(8)) }), [1, 4]);
      assert.deepEqual(await ids({ subjectId: 'kong:none' }), []);
    }),
  );

  test(name('a list without a limit has a hundred'), () =>
    withPlace(driver, async (store) => {
      await Promise.all(Array.from({ length: 105 }, (_, n) => store.put(decision(n))));
      const listed = await store.decisions({});
      assert.equal(listed.length, 100);
      assert.equal(listed[0]!.id, numbered('dec', 104));
    }),
  );

  test(name('open are those that are held, wait or stand, by their last revision'), () =>
    withPlace(driver, async (store, place) => {
      const states = ['noted', 'held', 'waiting', 'standing', 'ended'] as const;
      await Promise.all(states.map((state, n) => store.put(decision(n, { state }))));
      const open = async (from: DecisionStore) =>
        (await from.openDecisions()).map(({ state }) => state).sort();
      assert.deepEqual(await open(store), ['held', 'standing', 'waiting']);
      await store.put(decision(1, { state: 'ended', revision: 2 }));
      assert.deepEqual(await seenAnew(driver, place, open), ['standing', 'waiting']);
    }),
  );
}
