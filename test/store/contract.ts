/** What every driver of core/store.ts that has results too has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../core/clock.ts';
import type { EmbeddedStore } from '../../core/store.ts';
import { type ResultDriver, testResultStore } from './results-contract.ts';
import * as rows from './rows.ts';
import { type Name, type StateDriver, testStateStore } from './state-contract.ts';

export interface StoreBounds {
  readonly clock?: Clock;
  readonly deadLetterBytesMax?: number;
  readonly deadLetterDaysMax?: number;
  readonly usageMonthsMax?: number;
}

export interface StoreDriver extends StateDriver {
  open(place: string, bounds?: StoreBounds): Promise<EmbeddedStore>;
  /** Opens a copy that `EmbeddedStore.backup` made, for reading. */
  openBackup(folder: string): Promise<EmbeddedStore>;
}

export function testEmbeddedStore(driver: StoreDriver): void {
  const name = (guarantee: string) => `${driver.name}: ${guarantee}`;
  testStateStore(driver);
  testResultStore(resultsOf(driver));
  testEmbedded(driver, name);
  testBounds(driver, name);
}

export async function withStore(
  driver: StoreDriver,
  use: (store: EmbeddedStore, place: string) => Promise<void>,
  bounds: StoreBounds = {},
): Promise<void> {
  const place = await driver.createPlace();
  const store = await driver.open(place, bounds);
  try {
    await use(store, place);
  } finally {
    await store.close();
  }
}

/** Results come with checkpoints here. */
function resultsOf(driver: StoreDriver): ResultDriver {
  return {
    name: driver.name,
    async open() {
      const store = await driver.open(await driver.createPlace());
      return {
        store,
        put: (results) => store.commit({ ...rows.EMPTY, ...results }),
        close: () => store.close(),
      };
    },
  };
}

function testEmbedded(driver: StoreDriver, name: Name): void {
  test(name('control records are kept under their number, which is given once'), () =>
    withStore(driver, async (store) => {
      const control = { sequence: 1, at: 5, kind: 'close', body: { id: 'x' } } as const;
      await store.commit({ ...rows.EMPTY, controls: [control] });
      await store.commit({ ...rows.EMPTY, controls: [control] });
      const other = { ...control, body: { id: 'y' } };
      await assert.rejects(store.commit({ ...rows.EMPTY, controls: [other] }));
    }),
  );

  test(name('subjects are listed in order of id, by prefix and limit'), () =>
    withStore(driver, async (store) => {
      const subjects = [3, 10, 1, 2].map((n) => rows.subject(n, rows.numbered(n, 4)));
      await store.commit({ ...rows.EMPTY, subjects });
      const ids = async (limit: number, prefix?: string) =>
        (await store.subjects(prefix === undefined ? { limit } : { limit, prefix })).map(
          (row) => row.id,
        );
      assert.deepEqual(await ids(3), ['kong:key-1', 'kong:key-10', 'kong:key-2']);
      assert.deepEqual(await ids(9, 'kong:key-1'), ['kong:key-1', 'kong:key-10']);
      assert.deepEqual(await ids(9, 'h:'), []);
    }),
  );
}

const DAY_MS = 24 * rows.HOUR_MS;

function testBounds(driver: StoreDriver, name: Name): void {
  test(name('dead letters stay within their bytes, the newest are kept'), () =>
    withStore(
      driver,
      async (store) => {
        for (let n = 0; n < 5; n++) {
          const deadLetters = Array.from({ length: 2000 }, (_, i) =>
            rows.letter(n * 2000 + i, 'x'.repeat(400), rows.BASE_AT),
          );
          await store.commit({ ...rows.EMPTY, deadLetters });
        }
        const kept = await store.deadLetters(100_000);
        assert.ok(kept.length > 100 && kept.length * 400 <= 1 << 20, `${kept.length} kept`);
        assert.equal(kept[0]?.position, 9999, 'newest first');
        assert.deepEqual(kept[0], rows.letter(9999, 'x'.repeat(400), rows.BASE_AT));
      },
      { deadLetterBytesMax: 1 << 20, clock: { now: () => rows.BASE_AT } },
    ),
  );

  test(name('dead letters older than their days are removed at a checkpoint'), async () => {
    let now = rows.BASE_AT;
    const bounds = { deadLetterDaysMax: 7, clock: { now: () => now } };
    await withStore(
      driver,
      async (store) => {
        await store.commit({ ...rows.EMPTY, deadLetters: [rows.letter(1, 'old', now)] });
        now += 8 * DAY_MS;
        await store.commit({ ...rows.EMPTY, deadLetters: [rows.letter(2, 'new', now)] });
        assert.deepEqual(
          (await store.deadLetters(10)).map((one) => one.position),
          [2],
        );
      },
      bounds,
    );
  });

  test(name('usage, incidents and findings older than their months go; open ones stay'), () =>
    withStore(
      driver,
      async (store) => {
        const at = (days: number) => rows.iso(days * DAY_MS);
        const closed = { closedAt: at(1), updatedAt: at(1) };
        const row = { digest: rows.digest(1), requests: 1, errors: 0, bytesIn: 0, bytesOut: 0 };
        await store.commit({
          ...rows.EMPTY,
          findings: [rows.finding('f-old', 1, at(1)), rows.finding('f-open', 1, at(1))],
          inputs: [rows.inputs('f-old'), rows.inputs('f-open')],
          incidents: [
            rows.incident({ id: 'old', ...closed, findings: ['f-old'] }),
            rows.incident({ id: 'open', updatedAt: at(1), findings: ['f-open'] }),
          ],
          usage: [
            { ...row, hourAt: rows.BASE_AT },
            { ...row, hourAt: rows.BASE_AT + 70 * DAY_MS },
          ],
        });
        assert.equal(await store.incident('old'), undefined);
        assert.equal(await store.findingInputs('f-old'), undefined);
        assert.deepEqual(await store.findings(['f-old']), []);
        assert.ok(await store.incident('open'));
        assert.ok(await store.findingInputs('f-open'));
        const kept = await store.usage(rows.digest(1), 0);
        assert.deepEqual(
          kept.map((one) => one.hourAt),
          [rows.BASE_AT + 70 * DAY_MS],
        );
      },
      { usageMonthsMax: 2, clock: { now: () => rows.BASE_AT + 100 * DAY_MS } },
    ),
  );

  test(name('one record from the far future does not take the history with it'), () =>
    withStore(
      driver,
      async (store) => {
        const row = { digest: rows.digest(1), requests: 1, errors: 0, bytesIn: 0, bytesOut: 0 };
        const hours = [rows.BASE_AT, rows.BASE_AT + 30_000 * DAY_MS];
        await store.commit({
          ...rows.EMPTY,
          usage: hours.map((hourAt) => ({ ...row, hourAt })),
        });
        assert.equal((await store.usage(rows.digest(1), 0)).length, 2);
      },
      { clock: { now: () => rows.BASE_AT + DAY_MS } },
    ),
  );
}
