/** Console data made by hand; tests replace single functions. */
import assert from 'node:assert/strict';
import type { ConsoleData, KeyLine } from '../../console/contract.ts';
import type { MetricsSnapshot, SourceMetrics } from '../../console/metrics.ts';
import type { ResponseClient, ResponseStatus } from '../../core/response.ts';
import { sampleAction, sampleDecision } from '../support/response-samples.ts';

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

export function fakeResponse(parts: Partial<ResponseClient> = {}): ResponseClient {
  const none = async () => [];
  const status: ResponseStatus = {
    type: 'response',
    policyVersion: '1',
    policyPath: 'built-in',
    rungs: {},
    stopped: false,
    gateways: [],
    standing: 0,
    held: 0,
    waiting: 0,
  };
  return {
    responseStatus: async () => status,
    decisions: none,
    decision: async () => ({ decision: sampleDecision(), actions: [] }),
    actions: none,
    action: async () => sampleAction(),
    command: async () => ({ decisions: [], actions: [], planned: [] }),
    approve: async () => ({ decision: sampleDecision(), actions: [] }),
    stop: async () => status,
    reconcile: none,
    verifyAudit: none,
    testChannels: none,
    ...parts,
  };
}

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
    response: fakeResponse(),
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

/** A body that the route takes. */
export function bodyFor(path: string): string {
  const bodies: Record<string, string> = {
    '/api/v1/state/backup': '{"folder":"/x"}',
    '/api/v1/actions/reconcile': '{"fix":false,"by":"ann"}',
    '/api/v1/actions/stop': '{"stopped":true,"lift":false,"by":"ann","reason":"x"}',
    '/api/v1/channels/test': '{}',
    '/api/v1/commands': '{"verb":"suspend","key":"kong:1","by":"ann","reason":"x"}',
    '/api/v1/decisions/{id}/approval': '{"verdict":"deny","token":"t","reason":""}',
  };
  if (bodies[path] !== undefined) return bodies[path];
  return path.endsWith('/close') ? '{"as":"resolved"}' : '{"reason":"x"}';
}
