/** A key that learned for four weeks and then changes for good: what is said of it, and when. */
import { createEvent } from '../../core/event.ts';
import { atLeast, type Incident } from '../../core/finding.ts';
import { createEngine } from '../../detectors/engine/engine.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import type { AttackSpec, KeyClass, ScenarioSpec } from '../../traffic/contract.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

const DAY_MS = 86_400_000;
const LEARNING_DAYS = 28;
export const CHANGE_AT = DEFAULT_FROM_AT + LEARNING_DAYS * DAY_MS;

export interface Life {
  readonly seed: number;
  readonly class: KeyClass;
  /** Requests per second before the change. */
  readonly rate: number;
  /** Watched after the change. */
  readonly days: number;
  readonly attacks?: readonly AttackSpec[];
  readonly scenarios?: readonly ScenarioSpec[];
}

export interface Alarm {
  /** Days since the change. */
  readonly day: number;
  readonly incident: Incident;
}

/** Incidents of medium or more that opened after the change, each as of its first such line, in order. */
export function* alarms(life: Life): Generator<Alarm> {
  const { seed, rate, days, attacks = [], scenarios = [] } = life;
  const traffic = createTraffic({
    seed,
    keys: 1,
    days: LEARNING_DAYS + days,
    novelty: false,
    overrides: { 0: { class: life.class, rate } },
    attacks,
    scenarios,
  });
  const told = new Set<string>();
  let raised: Incident[] = [];
  const engine = createEngine({
    subjectsMax: 25_600,
    detectors: {},
    directory: NO_DIRECTORY,
    geographyVersion: 'traffic model',
    durable: false,
    onFinding: () => undefined,
    onIncident: (incident) => raised.push(incident),
  });
  const stream = engine.openStream('life', 'life', 60_000);
  const fill = createEventFiller();
  const event = createEvent();
  event.stream = stream;
  let position = 0;
  for (const request of traffic.eventsOfKey(0)) {
    fill(request, event);
    event.position = position++;
    engine.observe(event);
    if (raised.length === 0) continue;
    for (const incident of raised) {
      if (event.at < CHANGE_AT || told.has(incident.id)) continue;
      if (!atLeast(incident.severity, 'medium')) continue;
      told.add(incident.id);
      yield { day: (event.at - CHANGE_AT) / DAY_MS, incident };
    }
    raised = [];
  }
}
