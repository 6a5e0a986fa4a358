/** What every driver of detector state has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint, LoadedState, StateStore } from '../../core/store.ts';
import * as rows from './rows.ts';

export interface StateDriver {
  readonly name: string;
  /** An empty place that only this test uses; removed after the run. */
  createPlace(): Promise<string>;
  open(place: string): Promise<StateStore>;
}

export type Name = (guarantee: string) => string;

export async function withState(
  driver: StateDriver,
  use: (store: StateStore) => Promise<void>,
): Promise<void> {
  const store = await driver.open(await driver.createPlace());
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** In order of id, and bytes of one class, so that states can be compared. */
export async function loaded(store: StateStore): Promise<LoadedState> {
  const state = await store.load();
  assert.ok(state, 'there is a state');
  const subjects = [...state.subjects].map((row) => ({
    ...row,
    digest: Uint8Array.from(row.digest),
    record: Uint8Array.from(row.record),
  }));
  return {
    ...state,
    groups: state.groups.map((row) => ({ ...row, bytes: Uint8Array.from(row.bytes) })),
    subjects: subjects.sort((a, b) => (a.id < b.id ? -1 : 1)),
    open: state.open.map((row) => ({ ...row, digest: Uint8Array.from(row.digest) })),
  };
}

export function testStateStore(driver: StateDriver): void {
  const name: Name = (guarantee) => `${driver.name}: ${guarantee}`;

  test(name('a new store has nothing to load'), () =>
    withState(driver, async (store) => {
      assert.equal(await store.load(), undefined);
    }),
  );

  test(name('what was committed is loaded, also by the next process'), async () => {
    const place = await driver.createPlace();
    const first = await driver.open(place);
    await first.commit({
      ...rows.EMPTY,
      meta: { watermark: 17, names: ['ä'] },
      streams: [{ stream: 's', source: 'web', position: 2 ** 40 + 1, finished: true }],
      groups: [{ group: 255, part: 'sketch', bytes: rows.numbered(1, 5) }],
      subjects: [rows.subject(2, rows.numbered(2, 4)), rows.subject(1, rows.numbered(1, 9))],
      open: [{ digest: rows.digest(1), body: '{"a":1}' }],
    });
    const seen = await loaded(first);
    await first.close();
    const second = await driver.open(place);
    assert.deepEqual(await loaded(second), seen);
    assert.deepEqual(seen, {
      meta: { watermark: 17, names: ['ä'] },
      streams: [{ stream: 's', source: 'web', position: 2 ** 40 + 1, finished: true }],
      groups: [{ group: 255, part: 'sketch', bytes: rows.numbered(1, 5) }],
      subjects: [rows.subject(1, rows.numbered(1, 9)), rows.subject(2, rows.numbered(2, 4))],
      open: [{ digest: rows.digest(1), body: '{"a":1}' }],
    });
    await second.close();
  });

  test(name('a checkpoint changes what it names and leaves the rest'), () =>
    withState(driver, async (store) => {
      await store.commit(rows.checkpointNumber(1));
      await store.commit({
        ...rows.EMPTY,
        meta: { other: true },
        groups: [{ group: 3, part: 'second', bytes: rows.numbered(9, 4) }],
        removedGroupParts: [
          { group: 3, part: 'sketch' },
          { group: 3, part: 'second' },
        ],
        subjects: [rows.subject(0, rows.numbered(5, 4)), rows.subject(1, rows.numbered(6, 4))],
        removedSubjects: [rows.digest(1), rows.digest(2)],
        open: [{ digest: rows.digest(1), body: null }],
      });
      const state = await loaded(store);
      const subjects = [...state.subjects];
      assert.deepEqual(state.meta, { number: 1, other: true });
      assert.deepEqual(state.groups, [{ group: 3, part: 'second', bytes: rows.numbered(9, 4) }]);
      assert.equal(subjects.length, rows.NUMBERED_SUBJECTS - 1);
      assert.deepEqual(subjects[0], rows.subject(0, rows.numbered(5, 4)));
      assert.deepEqual(subjects[1], rows.subject(1, rows.numbered(6, 4)), 'left and came back');
      assert.deepEqual(state.open, []);
    }),
  );

  test(name('a checkpoint that fails in the middle leaves nothing of itself'), () =>
    withState(driver, async (store) => {
      await store.commit(rows.checkpointNumber(1));
      await assert.rejects(store.commit(failing(rows.checkpointNumber(2))), /medium/);
      assert.deepEqual([...rows.numbersIn(await loaded(store))], [1]);
      await store.commit(rows.checkpointNumber(3));
      assert.deepEqual([...rows.numbersIn(await loaded(store))], [3]);
    }),
  );

  test(name('checkpoints handed over at once are applied in order'), () =>
    withState(driver, async (store) => {
      await Promise.all([1, 2, 3, 4].map((n) => store.commit(rows.checkpointNumber(n))));
      assert.deepEqual([...rows.numbersIn(await loaded(store))], [4]);
    }),
  );
}

/** Its subjects cannot all be read, after hundreds of them have been. */
function failing(checkpoint: Checkpoint): Checkpoint {
  function* subjects() {
    yield* checkpoint.subjects;
    for (let i = 0; i < 1000; i++) yield rows.subject(1000 + i, rows.numbered(99, 8));
    throw new Error('the medium failed');
  }
  return { ...checkpoint, subjects: { [Symbol.iterator]: subjects } };
}
