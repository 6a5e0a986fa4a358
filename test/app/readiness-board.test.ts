import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ReadinessBoard } from '../../app/readiness-board.ts';
import { openBench } from '../detectors/bench.ts';
import { script } from '../detectors/engine/probe.ts';

test('readiness is counted at once the first time, and again after half a minute at the earliest', async () => {
  const bench = openBench();
  const time = { now: 0 };
  const board = new ReadinessBoard(bench.engine, {}, { now: () => time.now });
  const keys = (): number | undefined => board.latest()?.detectors['volume-spike']?.learning;
  assert.equal(keys(), 0);
  bench.feed([script()(0)]);
  time.now = 29_999;
  assert.equal(keys(), 0);
  time.now = 30_000;
  assert.equal(keys(), 0, 'a scrape does not wait for the new count');
  for (let i = 0; i < 300; i++) await turn();
  assert.equal(keys(), 1);
});

test('a count that takes long is made more rarely', async () => {
  const bench = openBench();
  const time = { now: 0 };
  const board = new ReadinessBoard(bench.engine, {}, { now: () => time.now });
  board.latest();
  time.now = 30_000;
  board.latest();
  time.now = 40_000;
  for (let i = 0; i < 300; i++) await turn();
  const second = board.latest();
  for (const [now, isNew] of [
    [229_999, false],
    [230_000, true],
  ] as const) {
    time.now = now;
    board.latest();
    for (let i = 0; i < 300; i++) await turn();
    assert.equal(board.latest() !== second, isNew, `after ${now} ms`);
  }
});
