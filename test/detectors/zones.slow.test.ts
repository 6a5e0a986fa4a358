/** Keys of office workers over a change of the clocks, by the traffic model. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { keyEntrySchema } from '../../core/config.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { type ApiEvent, createEvent } from '../../core/event.ts';
import type { Family } from '../../core/finding.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import type { Traffic } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../support/directory.ts';
import { latest, openBench } from './bench.ts';
import { cloneEvent } from './fixture-events.ts';

const WEEK_MS = 7 * 86_400_000;
const WEEKS_BEFORE = 5;

/** Office keys over five weeks before a change of the clocks in Europe and the four after it. */
function office(changeAt: string, seed: number): { traffic: Traffic; events: ApiEvent[] } {
  const traffic = createTraffic({
    seed,
    keys: 8,
    days: 63,
    fromAt: Date.parse(changeAt) - WEEKS_BEFORE * WEEK_MS,
    classMix: { office: 1 },
    rates: { min: 0.002, max: 0.006 },
    novelty: false,
  });
  const fill = createEventFiller();
  const event = createEvent();
  const events = Array.from(traffic.events(), (request, position) => {
    fill(request, event);
    event.position = position;
    return cloneEvent(event);
  });
  return { traffic, events };
}

const CLOCK: readonly Family[] = ['volume', 'time'];

const CHANGES = [
  ['in spring', '2026-03-29T00:00:00Z', 11],
  ['in autumn', '2026-10-25T00:00:00Z', 11],
  ['in autumn', '2026-10-25T00:00:00Z', 12],
] as const;

for (const [season, changeAt, seed] of CHANGES) {
  describe(`the clocks change ${season}, seed ${seed}`, () => {
    const { traffic, events } = office(changeAt, seed);

    const raised = (directory: KeyDirectory): string[] => {
      const bench = openBench({ directory });
      bench.feed(events);
      // A failure or a slow answer once in many key-months has nothing to do with the clocks.
      const found = latest(bench.findings).filter(({ family }) => CLOCK.includes(family));
      return found.map(({ why, fromAt, score }) => `${fromAt} ${score} ${why}`);
    };

    test('the model has office keys that the change moves', () => {
      const moved = traffic.keys.filter(({ home }) => home.zone.startsWith('Europe/'));
      assert.ok(moved.length >= 2, traffic.keys.map(({ home }) => home.zone).join(' '));
      assert.ok(events.length > 20_000, `${events.length} events`);
    });

    test('no hour and no volume is remarkable where the registry says the zone', () => {
      const keys = traffic.keys.map((key) =>
        keyEntrySchema.parse({ id: `kong:${key.credentialId}`, timeZone: key.home.zone }),
      );
      assert.deepEqual(raised(loadRegistry(keys, '.')), []);
    });

    test('none is where only the place of use tells', () => {
      assert.deepEqual(raised(NO_DIRECTORY), []);
    });
  });
}
