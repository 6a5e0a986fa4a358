/** A detector as a stranger would add it, and a way to spoil it. */
import { z } from 'zod';
import { type ApiEvent, createEvent } from '../../core/event.ts';
import { type Detector, defineDetector, type Subject } from '../../detectors/detector.ts';
import type { StateOf } from '../../detectors/engine/layout.ts';

const LAYOUT = { recent: 'f32', usual: 'f32', second: 'u32' } as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  deletesMin: z.number().min(1).default(5).describe('Least deletions in about ten minutes.'),
});
type Config = z.infer<typeof config>;

const KEEP_SECONDS = 600;

function recentAt(state: State, second: number): number {
  return state.recent * Math.exp(-Math.max(0, second - state.second) / KEEP_SECONDS);
}

/** Catches a key that begins to delete. */
export const deletions: Detector = defineDetector<typeof LAYOUT, Config>({
  id: 'deletions',
  version: 2,
  family: 'content',
  summary: 'many deletions in ten minutes',
  aloneMax: 6.9,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,
  init(state: State) {
    state.usual = 1;
  },
  readyAt: (subject: Subject) => subject.firstAt,
  observe(state: State, event: ApiEvent, subject: Subject, settings: Config) {
    if (event.method !== 'DELETE') return 0;
    const recent = recentAt(state, subject.second) + 1;
    return recent < settings.deletesMin ? 0 : Math.min(300, recent / state.usual);
  },
  describe(state: State, event: ApiEvent, subject: Subject) {
    const recent = Math.round(recentAt(state, subject.second) + 1);
    return {
      fromAt: event.at,
      observed: { deletions: recent },
      expected: { deletions: state.usual },
      why: `about ${recent} deletions in ten minutes; usually ${Math.round(state.usual)}`,
      parts: [{ name: 'deletions', score: 1 }],
    };
  },
  learn(state: State, event: ApiEvent, subject: Subject) {
    if (event.method !== 'DELETE') return;
    state.recent = recentAt(state, subject.second) + 1;
    state.second = subject.second;
    state.usual += 0.001 * subject.weight * (state.recent - state.usual);
  },
  migrate: (_state: State, version: number) => version === 1,
});

/** Two days of reading, then forty deletions among it. */
export function toyEvents(): ApiEvent[] {
  const fromAt = Date.parse('2026-03-02T00:00:00Z');
  const key = { id: 'toy:1', digest0: 11, digest1: 12, digest2: 13, digest3: 14 };
  return Array.from({ length: 1200 }, (_, i) => {
    // The deletions come five seconds apart instead of 150.
    const faster = 145_000 * Math.min(40, Math.max(0, i - 1000));
    return {
      ...createEvent(),
      key,
      at: fromAt + i * 150_000 - faster,
      attested: true,
      mayAct: true,
      status: 200,
      method: i > 1000 && i <= 1040 ? 'DELETE' : 'GET',
      position: i,
    };
  });
}

/** The toy with some of it done wrong. */
export function spoiled(change: object): Detector {
  return Object.freeze({ ...deletions, ...change }) as Detector;
}
