/** Issue 3, "How it is judged": a month of the demo's keys without attacks stays nearly quiet. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createEvent } from '../../core/event.ts';
import { atLeast, type Finding, type Incident, SEVERITIES } from '../../core/finding.ts';
import { createEngine } from '../../detectors/engine/engine.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

const KEYS = 200;
const DAYS = 30;
/** In 6,000 key-days. */
const MEDIUM_MAX = 6;
const LATENESS_MS = 60_000;

interface Month {
  readonly events: number;
  readonly findings: ReadonlyMap<string, Finding>;
  readonly incidents: ReadonlyMap<string, Incident>;
}

function liveThrough(seed: number, fromAt?: number): Month {
  const traffic = createTraffic({
    seed,
    keys: KEYS,
    days: DAYS,
    ...(fromAt === undefined ? {} : { fromAt }),
  });
  const findings = new Map<string, Finding>();
  const incidents = new Map<string, Incident>();
  const engine = createEngine({
    subjectsMax: 400_000,
    detectors: {},
    directory: NO_DIRECTORY,
    geographyVersion: 'traffic model',
    durable: false,
    onFinding: (finding) => findings.set(finding.id, finding),
    onIncident: (incident) => incidents.set(incident.id, incident),
  });
  const stream = engine.openStream('month', 'month', LATENESS_MS);
  const fill = createEventFiller();
  const event = createEvent();
  event.stream = stream;
  let position = 0;
  for (const request of traffic.events()) {
    fill(request, event);
    event.position = position++;
    engine.observe(event);
  }
  return { events: engine.stats().events, findings, incidents };
}

function tell(t: TestContext, name: string, month: Month): void {
  const bySeverity = SEVERITIES.map((severity) => {
    const n = [...month.incidents.values()].filter((i) => i.severity === severity).length;
    return n === 0 ? '' : `${severity} ${n}`;
  }).filter((text) => text !== '');
  const byDetector = new Map<string, number>();
  for (const { detector, severity } of month.findings.values()) {
    const label = `${detector} ${severity}`;
    byDetector.set(label, (byDetector.get(label) ?? 0) + 1);
  }
  t.diagnostic(`${name}: ${month.events} events, incidents ${bySeverity.join(', ')}`);
  t.diagnostic(`${name}: findings ${[...byDetector].map((e) => e.join(' ')).join(', ')}`);
  for (const incident of month.incidents.values()) {
    if (!atLeast(incident.severity, 'medium')) continue;
    t.diagnostic(`${incident.openedAt} ${incident.severity} ${incident.risk} ${incident.why}`);
  }
}

function mediumOrMore(month: Month): number {
  return [...month.incidents.values()].filter((i) => atLeast(i.severity, 'medium')).length;
}

describe('a month of 200 keys with innocent novelty and no attacks', () => {
  it('raises at most 6 incidents of severity medium or more (seed 4242)', (t) => {
    const month = liveThrough(4242);
    tell(t, 'seed 4242', month);
    assert.ok(mediumOrMore(month) <= MEDIUM_MAX);
  });

  it('raises no more when the clocks change in its last week (seed 977, from 2 March)', (t) => {
    const month = liveThrough(977, Date.parse('2026-03-02T00:00:00Z'));
    tell(t, 'seed 977', month);
    assert.ok(mediumOrMore(month) <= MEDIUM_MAX);
  });
});
