/** How calls of an API are spread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../../responders/gateways/pace.ts';

test('in no window there are more calls than the rate and one burst', () => {
  let at = 1000;
  const pace = new Pace({ perSecond: 2, burst: 4, now: () => at });
  const made: number[] = [];
  for (let i = 0; i < 50; i++) {
    made.push(at + pace.take());
    if (i === 20) at += 7300;
  }
  for (const [i, from] of made.entries()) {
    for (const spanMs of [500, 1000, 5000]) {
      const within = made.slice(i).filter((time) => time < from + spanMs).length;
      assert.ok(within <= 4 + (spanMs / 1000) * 2, `${within} calls in ${spanMs} ms`);
    }
  }
});

test('after a while without calls a burst is free, and the next waits', () => {
  let at = 0;
  const pace = new Pace({ perSecond: 2, burst: 4, now: () => at });
  const burst = () => Array.from({ length: 5 }, () => pace.take());
  assert.deepEqual(burst(), [0, 0, 0, 0, 500]);
  at = 100_000;
  assert.deepEqual(burst(), [0, 0, 0, 0, 500]);
});

test('who waits is let go when the work is stopped', async () => {
  const pace = new Pace({ perSecond: 0.1, burst: 1, now: () => 0 });
  const stop = new AbortController();
  await pace.turn(stop.signal);
  const waiting = pace.turn(stop.signal);
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
});
