/** A key that wakes from a long sleep and goes on as before: a note, not an alarm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvent } from '../../core/event.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { latest, openBench } from './bench.ts';

const DAY_MS = 86_400_000;
const SLEEP_MS = 28 * DAY_MS;

test('after four weeks of sleep a key at its old pace raises nothing but "dormant"', () => {
  const traffic = createTraffic({
    seed: 5,
    keys: 6,
    days: 24,
    novelty: false,
    rates: { min: 0.001, max: 0.005 },
  });
  const sleepsAt = traffic.fromAt + 21 * DAY_MS;
  const bench = openBench();
  const fill = createEventFiller();
  const event = createEvent();
  event.stream = bench.stream;
  let position = 0;
  for (const request of traffic.events()) {
    fill(request, event);
    if (event.at >= sleepsAt) event.at += SLEEP_MS;
    event.position = position++;
    bench.engine.observe(event);
  }
  const found = latest(bench.findings).filter((f) => Date.parse(f.fromAt) >= sleepsAt + SLEEP_MS);
  assert.deepEqual([...new Set(found.map(({ detector }) => detector))], ['dormant']);
  assert.equal(found.length, 6);
});
