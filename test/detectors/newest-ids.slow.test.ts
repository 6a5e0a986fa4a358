/** Keys that ask for what is newest, as it comes: their ids stand in order, and are no walk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvent } from '../../core/event.ts';
import { enumeration } from '../../detectors/enumeration.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { latest, openBench } from './bench.ts';

const DAY_MS = 86_400_000;
const FROM_AT = Date.UTC(2026, 4, 4);

test('five times the business is no enumeration, on no day of it', () => {
  const traffic = createTraffic({
    seed: 5,
    keys: 8,
    days: 24,
    fromAt: FROM_AT,
    novelty: false,
    rates: { min: 0.006, max: 0.015 },
    scenarios: [
      { kind: 'step-growth', fromAt: FROM_AT + 20 * DAY_MS, keys: [0, 1, 2, 3, 4, 5, 6, 7] },
    ],
  });
  const bench = openBench({ detectors: [enumeration] });
  const fill = createEventFiller();
  const event = createEvent();
  event.stream = bench.stream;
  let position = 0;
  for (const request of traffic.events()) {
    fill(request, event);
    event.position = position++;
    bench.engine.observe(event);
  }
  assert.deepEqual(latest(bench.findings), []);
});
