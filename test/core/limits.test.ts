/** Arithmetic of token buckets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refilled, waitMs } from '../../core/limits.ts';

const MINUTE = { requests: 60, windowMs: 60_000 };

test('a bucket gains tokens evenly and never holds more than its limit', () => {
  assert.equal(refilled(0, MINUTE, 1500), 1.5);
  assert.equal(refilled(59, MINUTE, 60_000), 60);
  assert.equal(refilled(-60, MINUTE, 60_000), 0);
  assert.equal(refilled(80, MINUTE, 0), 60);
});

test('a clock that goes back gives no tokens and takes none', () => {
  assert.equal(refilled(5, MINUTE, -10_000), 5);
  assert.equal(refilled(5, MINUTE, Number.NaN), 5);
});

test('the wait is how long the bucket needs for what is wanted', () => {
  assert.equal(waitMs(1, 1, MINUTE), 0);
  assert.equal(waitMs(0.25, 1, MINUTE), 750);
  assert.equal(waitMs(0, 61, MINUTE), Number.POSITIVE_INFINITY);
});
