/** Detectors that score what the event says, so that a test can say what happens when. */
import { z } from 'zod';
import { type ApiEvent, createEvent } from '../../../core/event.ts';
import type { Family } from '../../../core/finding.ts';
import { AUTH } from '../../../core/record.ts';
import { type Detector, defineDetector } from '../../../detectors/detector.ts';

export const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
export const MINUTE_MS = 60_000;

const config = z.strictObject({ enabled: z.boolean().default(true).describe('Whether it runs.') });
const LAYOUT = { judged: 'u32', learned: 'f32' } as const;

/** Scores `bytesOut` of events whose method is the detector's id. */
export function probe(
  id: string,
  family: Family,
  aloneMax = Number.POSITIVE_INFINITY,
  seesFailures = false,
): Detector {
  return defineDetector<typeof LAYOUT, z.infer<typeof config>>({
    id,
    version: 1,
    family,
    summary: `scores what the event says, for ${family}`,
    aloneMax,
    config,
    layout: LAYOUT,
    usesPlaces: false,
    seesFailures,
    init() {},
    readyAt: (subject) => subject.firstAt,
    observe(state, event) {
      state.judged++;
      return event.method === id ? event.bytesOut : 0;
    },
    describe: (_state, event) => ({
      fromAt: event.at,
      observed: { score: event.bytesOut },
      expected: {},
      why: `the event says ${event.bytesOut}`,
      parts: [{ name: 'said', score: 1 }],
    }),
    learn(state, _event, subject) {
      state.learned += subject.weight;
    },
  });
}

export const VOLUME = probe('volume', 'volume');
export const PLACE = probe('place', 'place', 5.5);
export const ERRORS = probe('errors', 'errors', Number.POSITIVE_INFINITY, true);
export const PROBES = [VOLUME, PLACE, ERRORS];

/** Makes events of one key with growing positions, from `position` on; `minutes` after FROM_AT. */
export function script(id = 'probe:1', digest = 5, position = 0) {
  let next = position;
  return (minutes: number, change: Partial<ApiEvent> = {}): ApiEvent => ({
    ...createEvent(),
    key: { id, digest0: digest, digest1: 6, digest2: 7, digest3: 8 },
    at: FROM_AT + minutes * MINUTE_MS,
    attested: true,
    auth: AUTH.ok,
    mayAct: true,
    status: 200,
    method: 'GET',
    position: next++,
    ...change,
  });
}
