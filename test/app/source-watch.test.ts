import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceWatch, type WatchedSource } from '../../app/source-watch.ts';
import { createCounters } from '../../ingest/reader.ts';

const T0 = Date.UTC(2026, 2, 1, 12);
const STREAM = 3;

/** A watch over one source, whose newest record the test sets; states as they were told. */
function watched() {
  const told: string[] = [];
  const silenced: boolean[] = [];
  const awaited = new Set<string>();
  const counts = { late: 0, claimed: 0, duplicates: 0, repeats: 0 };
  const totals = { ...counts, latestAt: Number.NEGATIVE_INFINITY };
  const time = { now: T0 };
  const watch = new SourceWatch({
    engine: {
      streams: { totals: () => totals },
      setSilent: (_, silent) => silenced.push(silent),
      awaitSource: (name) => awaited.add(name),
      releaseSource: (name) => awaited.delete(name),
    },
    clock: { now: () => time.now },
    silentMs: 60_000,
    onState: ({ state }) => told.push(state),
    onLoss: (_, lost) => told.push(`lost ${lost}`),
  });
  const counters = createCounters();
  const source: WatchedSource = { name: 'web', counters, state: 'starting', detail: '' };
  watch.add(source);
  const batch = (latestAt: number): void => {
    totals.latestAt = latestAt;
    counters.records++;
    watch.heard('web', STREAM, false);
    watch.look();
  };
  return { watch, source, counters, time, told, silenced, awaited, batch };
}

test('the clock skew is that of the newest record when it came, however long ago that was', () => {
  const { watch, source, time, batch } = watched();
  watch.heard('web', STREAM, false);
  assert.equal(source.skewMs, undefined, 'unknown before the first record');
  batch(T0 + 90_000);
  assert.equal(source.skewMs, -90_000, 'the gateway is ahead');
  time.now += 30_000;
  batch(T0 + 90_000);
  assert.equal(source.skewMs, -90_000, 'a batch without a newer record says nothing new');
  batch(time.now - 2000);
  assert.equal(source.skewMs, -90_000, 'nor does an older one');
  time.now += 600_000;
  batch(time.now - 2000);
  assert.equal(source.skewMs, 2000);
});

test('a source that stops is silent after a while, and wakes with its next record', () => {
  const { watch, source, time, told, silenced, batch } = watched();
  batch(T0);
  time.now += 59_999;
  watch.look();
  assert.deepEqual(told, ['live']);
  time.now += 1;
  watch.look();
  assert.deepEqual(told, ['live', 'silent']);
  assert.deepEqual(silenced.at(-1), true, 'it no longer holds back the watermark');
  assert.equal(source.silentSinceAt, T0);
  time.now += 1000;
  batch(time.now);
  assert.equal(source.silentSinceAt, undefined);
  assert.deepEqual(source.gap, { fromAt: T0, toAt: T0 + 61_000 });
  assert.deepEqual(told, ['live', 'silent', 'live']);
  assert.deepEqual(silenced.at(-1), false);
});

test('the watermark waits for a source until its first batch, its failure, or its silence', () => {
  const spoken = watched();
  assert.equal(spoken.awaited.size, 1);
  spoken.batch(T0);
  assert.equal(spoken.awaited.size, 0);

  const failed = watched();
  failed.watch.fail(failed.source, 'no such file');
  assert.equal(failed.awaited.size, 0);

  const silent = watched();
  silent.time.now += 60_000;
  silent.watch.look();
  assert.equal(silent.awaited.size, 0);
});

test('the watermark does not wait for ever for a source whose records are all rejected', () => {
  const { watch, counters, time, awaited } = watched();
  for (let second = 0; second < 60; second++) {
    assert.equal(awaited.size, 1);
    time.now += 1000;
    counters.records++;
    watch.look();
  }
  assert.equal(awaited.size, 0);
});

test('losses are told once a minute at most, each of them once, and known at every look', () => {
  const { watch, source, time, told, batch } = watched();
  batch(T0);
  assert.equal(source.lost, undefined, 'of a source that can lose nothing');
  told.length = 0;
  const losses = { full: 0, kernel: 0, missing: 0, torn: 0 };
  source.losses = () => losses;
  watch.look();
  losses.kernel = 3;
  losses.missing = 2;
  watch.look();
  losses.full = 2;
  time.now += 1000;
  watch.look();
  assert.equal(source.lost, 5, 'what is missing was seen to be lost');
  assert.deepEqual(told, ['lost 3']);
  losses.missing = 40;
  losses.torn = 1;
  time.now += 59_000;
  batch(T0);
  assert.equal(source.lost, 41);
  assert.deepEqual(told, ['lost 3', 'lost 38']);
});
