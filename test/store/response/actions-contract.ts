/** What every driver of ActionStore has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action, ActionStore } from '../../../core/action.ts';
import { sampleAction, sampleProfile, sampleState } from '../../support/response-samples.ts';
import { minute, numbered, type PlacedDriver, seenAnew, withPlace } from './place.ts';

function action(n: number, change: Partial<Action> = {}): Action {
  return sampleAction({ id: numbered('act', n), requestedAt: minute(n), ...change });
}
const KEY_B = { kind: 'key', id: 'kong:b' } as const;

export function testActionStore(driver: PlacedDriver<ActionStore>): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;
  testChanges(driver, name);
  testLists(driver, name);
}

function testChanges(driver: PlacedDriver<ActionStore>, name: (g: string) => string): void {
  test(name('an action that was created is there for the next process, as it was'), () =>
    withPlace(driver, async (store, place) => {
      const created = action(1, {
        original: sampleState({ facts: { limits: [{ perMinute: 5 }], note: 'ä' } }),
        profile: sampleProfile(),
        limit: { requests: 5, windowMs: 60_000 },
      });
      assert.equal(await store.createAction(created), true);
      assert.deepEqual(await seenAnew(driver, place, (anew) => anew.action(created.id)), created);
      assert.equal(await store.action(numbered('act', 2)), undefined);
    }),
  );

  test(name('an action is created once'), () =>
    withPlace(driver, async (store) => {
      const tries = [1, 2, 3, 4].map((n) => store.createAction(action(1, { undo: String(n) })));
      assert.deepEqual((await Promise.all(tries)).filter(Boolean).length, 1);
      const { undo } = (await store.action(numbered('act', 1)))!;
      assert.equal(await store.createAction(action(1, { undo: 'later' })), false);
      assert.equal((await store.action(numbered('act', 1)))!.undo, undo);
    }),
  );

  test(
    name('versions grow by one for each action of a key at a gateway, also of those at once'),
    () =>
      withPlace(driver, async (store) => {
        await Promise.all(
          [1, 2, 3, 4, 5].map((n) => store.createAction(action(n, { version: 99 }))),
        );
        await store.createAction(action(6, { subject: KEY_B }));
        await store.createAction(action(7, { gateway: 'edge' }));
        await store.createAction(action(1));
        await store.createAction(action(8));
        const versionOf = async (n: number) => (await store.action(numbered('act', n)))!.version;
        const first = await Promise.all([1, 2, 3, 4, 5].map(versionOf));
        assert.deepEqual([...first].sort(), [1, 2, 3, 4, 5]);
        assert.deepEqual([await versionOf(6), await versionOf(7)], [1, 1]);
        assert.equal(await versionOf(8), 6, 'one that was not created takes none');
      }),
  );

  test(
    name('a change is written when it follows the revision that is stored, and else refused'),
    () =>
      withPlace(driver, async (store, place) => {
        await store.createAction(action(1));
        const running = action(1, { revision: 2, state: 'running', attempts: 1 });
        assert.equal(await store.changeAction(running), true);
        assert.equal(await store.changeAction({ ...running, state: 'failed' }), false);
        assert.equal(await store.changeAction({ ...running, revision: 4 }), false);
        assert.equal(await store.changeAction(action(2, { revision: 2 })), false, 'unknown');
        const seen = await seenAnew(driver, place, (anew) => anew.action(running.id));
        assert.deepEqual(seen, running);
      }),
  );

  test(name('of changes to the same revision at once one is written'), () =>
    withPlace(driver, async (store) => {
      await store.createAction(action(1));
      const undos = ['a', 'b', 'c', 'd'];
      const changes = undos.map((undo) => store.changeAction(action(1, { revision: 2, undo })));
      const written = undos.filter((_, n) => changes[n] !== undefined);
      const taken = await Promise.all(changes);
      assert.equal(taken.filter(Boolean).length, 1);
      assert.equal((await store.action(numbered('act', 1)))!.undo, written[taken.indexOf(true)]);
    }),
  );
}

function testLists(driver: PlacedDriver<ActionStore>, name: (g: string) => string): void {
  test(name('actions are listed newest first, by when they last changed, and filtered'), () =>
    withPlace(driver, async (store) => {
      const first = { decision: numbered('dec', 7) };
      await store.createAction(action(1, first));
      await store.createAction(action(2, { subject: KEY_B }));
      await store.createAction(action(3, { gateway: 'edge' }));
      await store.createAction(action(4, { subject: KEY_B, gateway: 'edge' }));
      const done = { ...first, revision: 2, state: 'done', doneAt: minute(9) } as const;
      await store.changeAction(action(1, done));
      const ids = async (filter: Parameters<ActionStore['actions']>[0]) =>
        (await store.actions(filter)).map(({ id }) => Number(id.slice(4)));
      assert.deepEqual(await ids({}), [1, 4, 3, 2]);
      assert.deepEqual(await ids({ limit: 1 }), [1]);
      assert.deepEqual(await ids({ gateway: 'edge' }), [4, 3]);
      assert.deepEqual(await ids({ subjectId: 'kong:b' }), [4, 2]);
      assert.deepEqual(await ids({ subjectId: 'kong:b', gateway: 'kong' }), [2]);
      assert.deepEqual(await ids({ state: 'planned' }), [4, 3, 2]);
      assert.deepEqual(await ids({ decision: numbered('dec', 1) }), [4, 3, 2]);
      assert.deepEqual(await ids({ sinceAt: Date.parse(minute(4)) }), [1, 4]);
    }),
  );

  test(name('unsettled is what is not yet as it is to be'), () =>
    withPlace(driver, async (store, place) => {
      const of = (n: number, state: Action['state'], wants: Action['wants'] = 'applied') =>
        store.createAction(action(n, { state, wants }));
      await Promise.all([of(1, 'planned'), of(2, 'running'), of(3, 'done'), of(4, 'failed')]);
      await Promise.all([of(5, 'conflict'), of(6, 'planned', 'undone'), of(7, 'done', 'undone')]);
      await Promise.all([of(8, 'failed', 'undone'), of(9, 'conflict', 'undone')]);
      await of(10, 'undone', 'undone');
      const again = { sinceAt: '2026-03-01T10:00:00.000Z', untilAt: '2026-03-01T11:00:00.000Z' };
      await store.createAction(action(11, { state: 'failed', again }));
      await store.createAction(action(12, { state: 'done', again }));
      const unsettled = async (from: ActionStore) =>
        (await from.unsettledActions()).map(({ id }) => Number(id.slice(4))).sort((a, b) => a - b);
      assert.deepEqual(await unsettled(store), [1, 2, 6, 7, 8, 11]);
      await store.changeAction(action(1, { revision: 2, state: 'done' }));
      await store.changeAction(action(3, { revision: 2, state: 'done', wants: 'undone' }));
      assert.deepEqual(await seenAnew(driver, place, unsettled), [2, 3, 6, 7, 8, 11]);
    }),
  );

  test(name('held is what may have left something at the gateway, highest version first'), () =>
    withPlace(driver, async (store, place) => {
      const original = sampleState();
      const kept: Partial<Action>[] = [
        { state: 'done', original },
        { state: 'planned' },
        { state: 'running', original },
        { state: 'conflict', original },
        { state: 'conflict', original, wants: 'undone' },
        { state: 'done', original, wants: 'undone' },
        { state: 'undone', original, wants: 'undone' },
        { state: 'failed' },
        { state: 'done', original, subject: KEY_B },
        { state: 'done', original, gateway: 'edge' },
      ];
      for (const [n, change] of kept.entries()) await store.createAction(action(n, change));
      const held = async (from: ActionStore, ...key: Parameters<ActionStore['heldActions']>) =>
        (await from.heldActions(...key)).map(({ id }) => Number(id.slice(4)));
      assert.deepEqual(await held(store, 'kong', 'kong:7f2d'), [5, 3, 2, 0]);
      assert.deepEqual(await held(store, 'kong', 'kong:none'), []);
      assert.deepEqual((await held(store, 'kong')).sort(), [0, 2, 3, 5, 8]);
      assert.deepEqual((await held(store)).sort(), [0, 2, 3, 5, 8, 9]);
      await store.changeAction(action(0, { revision: 2, state: 'undone', original }));
      const after = await seenAnew(driver, place, (anew) => held(anew, 'kong', 'kong:7f2d'));
      assert.deepEqual(after, [5, 3, 2]);
    }),
  );
}
