/** A stranger's detector is held to the same as ours, and the checks notice one that cheats. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import type { ApiEvent } from '../../core/event.ts';
import type { Detector, Subject } from '../../detectors/detector.ts';
import { CHECKS } from './conformance.ts';
import { deletions, spoiled, toyEvents } from './toy.ts';
import { createTrial } from './trial.ts';

function failedChecks(detector: Detector): string[] {
  const trial = createTrial({ detector, events: toyEvents() });
  return CHECKS.filter((check) => {
    try {
      check.run(trial);
      return false;
    } catch {
      return true;
    }
  }).map(({ name }) => name);
}

describe('a toy detector that follows CONTRIBUTING', () => {
  for (const check of CHECKS) {
    test(`deletions: ${check.name}`, () => {
      check.run(createTrial({ detector: deletions, events: toyEvents() }));
    });
  }
});

type Observe = (state: object, event: ApiEvent, subject: Subject, settings: unknown) => number;
const observe = deletions.observe as unknown as Observe;

/** What is done wrong, and the check that must notice. */
function cheats(): Record<string, { detector: Detector; noticed: string }> {
  let calls = 0;
  let lastId = '';
  const counted: Observe = (...args) => observe(...args) * (1 + (++calls % 7) / 10);
  const jealous: Observe = (...args) => {
    const before = lastId;
    lastId = args[1].key.id;
    return before === lastId ? observe(...args) : 0;
  };
  const hoarding: Observe = (state, ...rest) => {
    const hoard = state as { seen?: number };
    hoard.seen = (hoard.seen ?? 0) + 1;
    return observe(state, ...rest) * (1 + hoard.seen / 100_000);
  };
  const writing: Observe = (state, event, ...rest) => {
    event.bytesOut = 0;
    return observe(state, event, ...rest);
  };
  const dividing: Observe = (state, event, ...rest) =>
    observe(state, event, ...rest) + (event.status === 0 ? Number.NaN : 0);
  const gullible: Observe = (state, event, subject, settings) => {
    if (event.status === 401) subject.rate.state.worstHour = 1e6;
    return observe(state, event, subject, settings);
  };
  const settings = z.strictObject({
    enabled: z.boolean().default(true).describe('Whether the detector runs.'),
    deletesMin: z.number().default(5),
  });
  const spoil = (change: object, noticed: string) => ({ detector: spoiled(change), noticed });
  return {
    'counts its calls': spoil({ observe: counted }, 'deterministic'),
    'compares with the subject before': spoil({ observe: jealous }, 'other subjects'),
    'keeps something beside its state': spoil({ observe: hoarding }, 'cut at any event'),
    'shares something between engines': spoil({ observe: counted }, 'keeps no state outside'),
    'writes to the event': spoil({ observe: writing }, 'the event is not written to'),
    'gives no number': spoil({ observe: dividing }, 'any events'),
    'takes too much room': spoil(
      { layout: { ...deletions.layout, a: ['f64', 200] } },
      'any events',
    ),
    'learns from claims': spoil({ observe: gullible, seesFailures: true }, 'claimed use'),
    'does not describe a setting': spoil({ config: settings }, 'every setting'),
    'has no name': spoil({ id: 'Deletions' }, 'declares what it is'),
    'fails to migrate': spoil(
      {
        migrate: () => {
          throw new RangeError('no');
        },
      },
      'a state of another version',
    ),
  };
}

describe('the checks notice a detector that', () => {
  for (const [name, { detector, noticed }] of Object.entries(cheats())) {
    test(name, () => {
      const failed = failedChecks(detector);
      assert.ok(
        failed.some((check) => check.startsWith(noticed)),
        `failed: ${failed.join(', ')}`,
      );
    });
  }
});

test('a state that a detector declines to migrate is refused, and not half loaded', () => {
  const events = toyEvents();
  const { state } = createTrial({ detector: spoiled({ version: 1 }), events });
  const accepting = createTrial({ detector: deletions, events });
  assert.doesNotThrow(() => accepting.open(state));
  const declining = createTrial({ detector: spoiled({ migrate: () => false }), events });
  assert.throws(() => declining.open(state), { code: 'state-layout' });
});
