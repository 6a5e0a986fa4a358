/** How many detectors are ready for how many keys: counted group by group, so that a million keys need not wait. */
import type { Coverage } from './contract.ts';
import type { DetectionEngine } from './engine.ts';
import { READINESS_STATES, type ReadinessState, readinessOf } from './readiness.ts';

export type ReadinessCounts = Readonly<Record<ReadinessState, number>>;

export interface Census {
  /** Keys × detectors. */
  readonly total: ReadinessCounts;
  /** Keys, by detector. */
  readonly detectors: Readonly<Record<string, ReadinessCounts>>;
}

/** Each step counts the keys of one key group, some four thousand of a million; the last answers the sum. */
export function* takeCensus(
  engine: DetectionEngine,
  coverage: Coverage,
): Generator<undefined, Census> {
  const { judge } = engine;
  const counts = judge.seats.map(() => zero());
  const sources = engine.streams.sourceNames.map((name) => coverage.healthOf?.(name));
  for (const group of engine.groups) {
    for (let slot = 1; slot < group.slab.end; slot++) {
      if (group.ids[slot] === '') continue;
      group.bring(judge, slot);
      judge.face(judge.rate.state.second);
      const source = sources[judge.header.source];
      for (const [i, seat] of judge.seats.entries()) {
        counts[i]![readinessOf(judge, seat, coverage, source).state]++;
      }
    }
    yield undefined;
  }
  const total = zero();
  for (const one of counts) {
    for (const state of READINESS_STATES) total[state] += one[state];
  }
  const detectors = judge.seats.map(({ detector }, i) => [detector.id, counts[i]!] as const);
  return { total, detectors: Object.fromEntries(detectors) };
}

/** All at once: for the end of a replay. */
export function censusOf(engine: DetectionEngine, coverage: Coverage): Census {
  const steps = takeCensus(engine, coverage);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

function zero(): Record<ReadinessState, number> {
  return { ready: 0, learning: 0, degraded: 0, unprotected: 0 };
}
