/** Verdicts in memory: from the store, from the last run's file, and what holds when. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Verdict, VerdictStore } from '../../core/verdict.ts';
import { VerdictTable } from '../../decide/verdicts.ts';
import { verdictsInMemory } from '../responders/gateways/verdicts.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { TestClock } from './tools.ts';

const AWAY: VerdictStore = {
  putVerdict: () => Promise.reject(new Error('away')),
  removeVerdict: () => Promise.reject(new Error('away')),
  verdict: () => Promise.reject(new Error('away')),
  verdicts: () => Promise.reject(new Error('away')),
  onVerdict: () => () => undefined,
};

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-decide-'));
  atEnd(t, () => rm(folder, { recursive: true }));
  return folder;
}

const ENDS = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** The last first: a table is closed before its folder goes. */
function atEnd(t: TestContext, end: () => Promise<void>): void {
  const known = ENDS.get(t);
  if (known !== undefined) {
    known.unshift(end);
    return;
  }
  const ends = [end];
  ENDS.set(t, ends);
  t.after(async () => {
    for (const one of ends) await one();
  });
}

interface Opened {
  readonly table: VerdictTable;
  readonly errors: unknown[];
  readonly clock: TestClock;
}

async function open(
  t: TestContext,
  store: VerdictStore,
  file?: string,
  clock = new TestClock(),
): Promise<Opened> {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const table = new VerdictTable({ store, path: file, clock, onError });
  await table.start();
  atEnd(t, () => table.close());
  return { table, errors, clock };
}

function lasting(key: string, change: Partial<Verdict> = {}): Verdict {
  return sampleVerdict({ key, untilAt: null, ...change });
}

test('the last verdicts hold when the store is away at the start, and the table says how old they are', async (t) => {
  const file = path.join(await folderOf(t), 'verdicts.ndjson');
  const store = verdictsInMemory();
  const before = await open(t, store, file);
  await store.putVerdict(lasting('a'));
  await store.putVerdict(lasting('b'));
  await store.removeVerdict('b');
  await before.table.close();
  const { table, errors } = await open(t, AWAY, file);
  assert.equal(table.find('a')?.rung, 'suspend');
  assert.equal(table.find('b'), undefined);
  assert.equal(table.readAt, undefined);
  assert.ok(table.isKnown);
  assert.equal(errors.length, 1);
});

test('without a file and without a store nothing is known, and nothing is refused', async (t) => {
  const { table } = await open(t, AWAY, path.join(await folderOf(t), 'verdicts.ndjson'));
  assert.equal(table.isKnown, false);
  assert.equal(table.find('a'), undefined);
});

test('that nothing holds is known after a restart too', async (t) => {
  const file = path.join(await folderOf(t), 'verdicts.ndjson');
  await (await open(t, verdictsInMemory(), file)).table.close();
  assert.ok((await open(t, AWAY, file)).table.isKnown);
});

test('a file that cannot be read is told about, and the store counts', async (t) => {
  const file = path.join(await folderOf(t), 'verdicts.ndjson');
  const store = verdictsInMemory();
  await store.putVerdict(lasting('a'));
  for (const text of ['', 'no json', '{"version":99}\n', '{"version":1}\n{"key":']) {
    await writeFile(file, text);
    const { table, errors } = await open(t, store, file);
    assert.equal(errors.length, 1, text);
    assert.equal(table.find('a')?.key, 'a');
    await table.close();
  }
});

test('the file is replaced whole and only its owner reads it', async (t) => {
  const folder = await folderOf(t);
  const file = path.join(folder, 'verdicts.ndjson');
  const store = verdictsInMemory();
  const { table } = await open(t, store, file);
  for (let i = 0; i < 1200; i++) await store.putVerdict(lasting(`k-${i}`));
  await Promise.all([table.save(), table.save()]);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  assert.equal(lines.length, 1201);
  for (const line of lines) JSON.parse(line);
  await assert.rejects(stat(`${file}.part`));
});

test('whether a verdict holds is judged when it is read', async (t) => {
  const store = verdictsInMemory();
  const { table, clock } = await open(t, store);
  await store.putVerdict(sampleVerdict({ key: 'a', untilAt: clock.at + 1000 }));
  clock.at += 999;
  assert.equal(table.find('a')?.key, 'a');
  clock.at += 1;
  assert.equal(table.find('a'), undefined);
  await table.refresh();
  assert.equal(table.size, 0, 'and it is not kept');
});

test('what the store lost while nobody listened is gone after the next reading', async (t) => {
  const store = verdictsInMemory();
  await store.putVerdict(lasting('a'));
  const silent: VerdictStore = { ...store, onVerdict: () => () => undefined };
  const { table } = await open(t, silent);
  await store.removeVerdict('a');
  await store.putVerdict(lasting('b'));
  assert.equal(table.find('a')?.key, 'a');
  await table.refresh();
  assert.equal(table.find('a'), undefined);
  assert.equal(table.find('b')?.key, 'b');
});

test('a change that is told while the store is being read is not overwritten by what was read before', async (t) => {
  const inner = verdictsInMemory();
  await inner.putVerdict(lasting('lifted'));
  const reading = Promise.withResolvers<void>();
  let isHeld = false;
  const store: VerdictStore = {
    ...inner,
    async verdicts() {
      const read = await inner.verdicts();
      if (isHeld) await reading.promise;
      return read;
    },
  };
  const { table } = await open(t, store);
  isHeld = true;
  const refreshed = table.refresh();
  await inner.verdicts();
  await inner.putVerdict(lasting('new'));
  await inner.removeVerdict('lifted');
  reading.resolve();
  await refreshed;
  assert.equal(table.find('new')?.key, 'new');
  assert.equal(table.find('lifted'), undefined);
});

test('a store that goes away takes nothing with it', async (t) => {
  const inner = verdictsInMemory();
  await inner.putVerdict(lasting('a'));
  let away = false;
  const store: VerdictStore = {
    ...inner,
    verdicts: () => (away ? Promise.reject(new Error('away')) : inner.verdicts()),
  };
  const { table, errors } = await open(t, store);
  away = true;
  await table.refresh();
  assert.equal(table.find('a')?.key, 'a');
  assert.equal(errors.length, 1);
});

test('verdicts are found however many come and go between two readings of the store', async (t) => {
  const store = verdictsInMemory();
  const { table } = await open(t, store);
  const keys = Array.from({ length: 2000 }, (_, i) => `kong:${i}`);
  for (const key of keys) await store.putVerdict(lasting(key));
  for (const key of keys.slice(500)) await store.removeVerdict(key);
  const found = keys.filter((key) => table.find(key) !== undefined);
  assert.deepEqual(found, keys.slice(0, 500));
  await table.refresh();
  assert.deepEqual(
    keys.filter((key) => table.find(key) !== undefined),
    found,
  );
});

test('a store that can tell is read whole when something has changed, and once a minute', async (t) => {
  const store = verdictsInMemory();
  const counts = { mark: 0, whole: 0 };
  const { clock, table } = await open(t, {
    ...store,
    verdicts: () => {
      counts.whole++;
      return store.verdicts();
    },
    verdictsMark: async () => String(counts.mark),
    // Nothing is told: what the table knows it has read.
    onVerdict: () => () => undefined,
  });
  const readsAt = async (at: number) => {
    clock.at = at;
    await table.refresh();
    return [table.readAt === at, counts.whole];
  };
  const start = clock.now();
  assert.equal(counts.whole, 1);
  assert.deepEqual(await readsAt(start + 5000), [true, 1]);
  await store.putVerdict(sampleVerdict({ key: 'a', untilAt: start + 15_000 }));
  counts.mark++;
  assert.deepEqual(await readsAt(start + 10_000), [true, 2]);
  assert.deepEqual([table.find('a')?.rung, table.size], ['suspend', 1]);
  assert.deepEqual(await readsAt(start + 20_000), [true, 2]);
  assert.equal(table.size, 0, 'what has ended is kept no longer');
  assert.deepEqual(await readsAt(start + 70_000), [true, 3]);
});
