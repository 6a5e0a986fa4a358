/**
 * Tries of the traffic model: a key learns for four weeks, and from many instants of the fifth the engine is
 * forked by its own snapshot, so that every try starts from the same honest history.
 */
import type { TestContext } from 'node:test';
import { type ApiEvent, createEvent } from '../../core/event.ts';
import { atLeast, type Finding, type Incident } from '../../core/finding.ts';
import type { LoadedState } from '../../core/store.ts';
import { createEngine, type DetectionEngine } from '../../detectors/engine/engine.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import type { AttackSpec, KeyClass, TrafficEvent } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

const DAY_MS = 86_400_000;
const LATENESS_MS = 60_000;
/** Ids of made-up keys that only move the watermark. */
const CLOCK_ID = 'kong:clock';

export interface TryOptions {
  readonly seed: number;
  readonly classes: readonly KeyClass[];
  /** Requests per second. */
  readonly rate: number;
  readonly keys: number;
  readonly triesPerKey: number;
  /** How long a try is watched, ms. */
  readonly watchMs: number;
  attack(keyIndex: number, at: number): AttackSpec;
}

export interface Try {
  readonly class: KeyClass;
  readonly at: number;
  readonly findings: readonly Finding[];
  /** Every revision told during the try. */
  readonly incidents: readonly Incident[];
}

export function* tries(options: TryOptions): Generator<Try> {
  for (let k = 0; k < options.keys; k++) {
    const keyClass = options.classes[k % options.classes.length]!;
    const seed = options.seed + k;
    const base = createTraffic({
      seed,
      keys: 1,
      days: 36,
      novelty: false,
      overrides: { 0: { class: keyClass, rate: options.rate } },
    });
    const learner = openEngine([], []);
    const from = base.fromAt + 28 * DAY_MS;
    const events = base.eventsOfKey(0);
    let state: LoadedState | undefined;
    for (let i = 0; i < options.triesPerKey; i++) {
      // A step coprime with hours and days, so that tries fall on every hour of the week.
      const at = from + Math.round(((i + 0.5) * 7 * DAY_MS) / options.triesPerKey + i * 137_000);
      learner.run(events, at);
      state = snapshot(learner.engine);
      yield attackFrom(state, seed, keyClass, at, options);
    }
  }
}

function attackFrom(
  state: LoadedState,
  seed: number,
  keyClass: KeyClass,
  at: number,
  options: TryOptions,
): Try {
  const findings: Finding[] = [];
  const incidents: Incident[] = [];
  const fork = openEngine(findings, incidents, state);
  const attacked = createTraffic({
    seed,
    keys: 1,
    days: 36,
    novelty: false,
    overrides: { 0: { class: keyClass, rate: options.rate } },
    attacks: [options.attack(0, at)],
  });
  const toAt = at + options.watchMs;
  fork.run(attacked.eventsOfKey(0, { fromAt: at, toAt }), toAt);
  // The watermark follows the other keys' traffic; nothing is judged at the end of a stream.
  fork.tick(toAt + LATENESS_MS);
  return { class: keyClass, at, findings, incidents };
}

interface Bench {
  readonly engine: DetectionEngine;
  /** Applies events until an instant; the first event after it is kept for the next call. */
  run(events: Iterator<TrafficEvent>, until: number): void;
  tick(at: number): void;
}

function openEngine(findings: Finding[], incidents: Incident[], state?: LoadedState): Bench {
  const engine = createEngine({
    subjectsMax: 25_600,
    detectors: {},
    directory: NO_DIRECTORY,
    geographyVersion: 'traffic model',
    durable: true,
    onFinding: (finding) => findings.push(finding),
    onIncident: (incident) => incidents.push(incident),
  });
  // As the assemblies do: streams of the past are silent until they are opened again.
  if (state !== undefined) engine.restore(state);
  const stream = engine.openStream('tries', 'tries', LATENESS_MS);
  const fill = createEventFiller();
  const event = createEvent();
  let pending: TrafficEvent | undefined;
  let position = 0;
  let clockAt = 0;
  const apply = (request: TrafficEvent): void => {
    fill(request, event);
    event.stream = stream;
    event.position = position++;
    event.fingerprint0 = 0;
    event.fingerprint1 = 0;
    engine.observe(event);
  };
  const tick = (at: number): void => {
    if (at <= clockAt) return;
    clockAt = at;
    engine.observe(clockEvent(at, stream, position++));
  };
  return {
    engine,
    tick,
    run(events, until) {
      position = Math.max(position, engine.streams.list[stream]!.applied + 1);
      for (;;) {
        if (pending === undefined) {
          const next = events.next();
          if (next.done === true) break;
          pending = next.value;
        }
        if (pending.at >= until) break;
        apply(pending);
        pending = undefined;
      }
    },
  };
}

function clockEvent(at: number, stream: number, position: number): ApiEvent {
  const event = createEvent();
  event.at = at;
  event.key = { id: CLOCK_ID, digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
  event.attested = true;
  event.status = 200;
  event.stream = stream;
  event.position = position;
  return event;
}

function snapshot(engine: DetectionEngine): LoadedState {
  const checkpoint = engine.checkpoint();
  return {
    meta: JSON.parse(JSON.stringify(checkpoint.meta)) as LoadedState['meta'],
    streams: checkpoint.streams,
    groups: checkpoint.groups,
    subjects: [...checkpoint.subjects],
    open: checkpoint.open.flatMap(({ digest, body }) => (body === null ? [] : [{ digest, body }])),
  };
}

/** Share of tries for which `reached` answers a delay at or under `ms`. */
export function shareWithin(delays: readonly number[], ms: number): number {
  return delays.filter((delay) => delay <= ms).length / delays.length;
}

/** Delay from the start of the attack to the first incident line that `matches`, ms; Infinity when none. */
export function delayOf(attempt: Try, matches: (incident: Incident) => boolean): number {
  const first = attempt.incidents.find(
    (incident) => Date.parse(incident.updatedAt) >= attempt.at && matches(incident),
  );
  return first === undefined ? Number.POSITIVE_INFINITY : Date.parse(first.updatedAt) - attempt.at;
}

/** Prints the distribution beside the test. */
export function tell(t: TestContext, name: string, delays: readonly number[]): void {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (q: number): string =>
    `${(sorted[Math.floor(q * (sorted.length - 1))]! / 1000).toFixed(1)} s`;
  t.diagnostic(
    `${name}: ${delays.length} tries, median ${at(0.5)}, p85 ${at(0.85)}, p90 ${at(0.9)}, max ${at(1)}`,
  );
}

/** Delays to the first incident of at least a severity, ms; Infinity when there was none. */
export function delays(all: readonly Try[], severity: 'info' | 'medium'): number[] {
  return all.map((attempt) => delayOf(attempt, (incident) => atLeast(incident.severity, severity)));
}
