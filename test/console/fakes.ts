/** Console data made by hand; tests replace single functions. */
import assert from 'node:assert/strict';
import type { ConsoleData, KeyLine } from '../../console/contract.ts';
import type { MetricsSnapshot, SourceMetrics } from '../../console/metrics.ts';

export const KEY: KeyLine = {
  type: 'key',
  id: 'kong:a/b c',
  label: 'billing',
  firstAt: '2026-03-01T00:00:00.000Z',
  lastAt: '2026-03-02T00:00:00.000Z',
  events: 12,
  readiness: { 'volume-spike': { state: 'learning', since: '2026-03-01T00:00:00.000Z' } },
  rung: 'observe',
};

export function fakeData(parts: Partial<ConsoleData> = {}): ConsoleData {
  return {
    readiness: () => ({ missing: [], traffic: 'none' }),
    summary: async () => ({ type: 'summary', records: 3 }),
    incidents: async () => [],
    incident: async () => undefined,
    keys: async () => [KEY],
    key: async () => ({ kind: 'unknown', nearest: undefined }),
    explain: async () => undefined,
    backup: async () => undefined,
    rules: async () => [],
    addRule: async () => assert.fail('not expected'),
    removeRule: async () => undefined,
    closeIncident: async () => undefined,
    ...parts,
  };
}

export function sourceMetrics(name: string, parts: Partial<SourceMetrics> = {}): SourceMetrics {
  return {
    name,
    records: 10,
    bytes: 1000,
    rejected: { malformed: 1, future: 2 },
    late: 1,
    duplicates: 5,
    repeats: 0,
    clockSkewMs: -1500,
    ...parts,
  };
}

export function snapshot(parts: Partial<MetricsSnapshot> = {}): MetricsSnapshot {
  return {
    sources: [sourceMetrics('web')],
    events: 9,
    subjects: 3,
    unadmitted: 0,
    findings: { 'volume-spike': 2 },
    incidents: { medium: 1 },
    readiness: { 'volume-spike': { ready: 3, learning: 1, degraded: 0, unprotected: 0 } },
    openIncidents: 1,
    silenced: 2,
    partOf: 3,
    closedAs: { 'false-alarm': 4, resolved: 5 },
    heldBack: { allowed: 6, remembered: 7 },
    checkpointAgeMs: 2500,
    checkpointMs: 12,
    lagMs: 900,
    deadLetters: 3,
    deadLetterBytes: 300,
    spoolBytes: 77,
    refusedPushes: 4,
    stateBytes: 4096,
    traffic: 'live',
    ...parts,
  };
}
