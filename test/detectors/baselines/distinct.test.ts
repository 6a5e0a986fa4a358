import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finish } from '../../../core/hash.ts';
import {
  addDistinct,
  clearDistinct,
  DISTINCT_LAYOUT,
  distinct,
} from '../../../detectors/baselines/distinct.ts';
import { stateOf } from './chance.ts';

test('counts different codes within half, most within 15 %, however often each comes', () => {
  let close = 0;
  let tries = 0;
  for (let seed = 0; seed < 40; seed++) {
    for (const n of [5, 30, 100, 1000, 20_000]) {
      const state = stateOf(DISTINCT_LAYOUT);
      clearDistinct(state);
      assert.equal(distinct(state), 0);
      for (let i = 0; i < n * 2; i++) addDistinct(state, finish(seed * 1_000_003 + (i % n)));
      const error = Math.abs(distinct(state) / n - 1);
      assert.ok(error < 0.5, `${n} counted as ${distinct(state)}`);
      if (error < 0.15) close++;
      tries++;
    }
  }
  assert.ok(close / tries > 0.7, `${close} of ${tries}`);
});

test('says when nothing can have changed', () => {
  const state = stateOf(DISTINCT_LAYOUT);
  clearDistinct(state);
  assert.equal(addDistinct(state, 0x12345678), true);
  const before = distinct(state);
  assert.equal(addDistinct(state, 0x12345678), false);
  assert.equal(distinct(state), before);
});
