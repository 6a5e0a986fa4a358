import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summaryOf } from '../../app/summary.ts';
import { REJECTION } from '../../core/format.ts';
import { createCounters } from '../../ingest/reader.ts';

const STATS = {
  events: 9,
  claimed: 2,
  duplicates: 3,
  repeats: 4,
  late: 1,
  unadmitted: 5,
  subjects: 1,
  firstAt: undefined,
  lastAt: Date.UTC(2026, 2, 1),
  watermarkAt: undefined,
  findings: {},
  incidents: {},
  silenced: 2,
  partOf: 0,
  closedAs: { 'false-alarm': 1, resolved: 0 },
  heldBack: { allowed: 3, remembered: 4 },
  openIncidents: 0,
  risks: [
    [4.5, 3],
    [8, 1],
  ] as const,
  spanMs: 2 * 86_400_000,
};

const READINESS = { ready: 3, learning: 2, degraded: 0, unprotected: 1 };

test('a summary adds its sources up, leaves out what did not happen, and names all that was set aside', () => {
  const sources = [createCounters(), createCounters()];
  for (const [i, counters] of sources.entries()) {
    counters.records = 10 + i;
    counters.bytes = 100;
    counters.outcomes[REJECTION.malformed] = 1;
    counters.outcomes[REJECTION.future] = i;
  }
  const flawed = { address: 0, 'time-zone': 0, status: 2, number: 0 };
  const parts = { engine: { stats: () => STATS }, enricher: { flawed } };
  const spent = { counters: sources, elapsedMs: 1500, cpuMicros: 250_000, readiness: READINESS };
  const { rssMaxBytes, ...told } = summaryOf(parts, spent);
  assert.ok(rssMaxBytes > 0);
  assert.deepEqual(told, {
    type: 'summary',
    records: 21,
    bytes: 200,
    events: 9,
    rejected: { malformed: 2 },
    flawed: { status: 2 },
    duplicates: 7,
    late: 1,
    future: 1,
    subjects: 1,
    unadmitted: 5,
    claimed: 2,
    firstAt: null,
    lastAt: '2026-03-01T00:00:00.000Z',
    findings: {},
    incidents: {},
    silenced: 2,
    partOf: 0,
    closedAs: { 'false-alarm': 1, resolved: 0 },
    heldBack: { allowed: 3, remembered: 4 },
    readiness: READINESS,
    seconds: 1.5,
    cpuSeconds: 0.25,
  });
});

test('a summary says from which risk on the alert budget is met, when there is one', () => {
  const flawed = { address: 0, 'time-zone': 0, status: 0, number: 0 };
  const parts = { engine: { stats: () => STATS }, enricher: { flawed } };
  const budget = (alertsPerDay?: number) =>
    summaryOf(parts, { counters: [], elapsedMs: 1, cpuMicros: 1, alertsPerDay }).budget;
  assert.equal(budget(), undefined);
  assert.deepEqual(budget(1), {
    type: 'budget',
    perDay: 1,
    days: 2,
    incidents: 4,
    threshold: 4.6,
    alertsPerDay: 0.5,
  });
});
