import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIncidentData } from '../../app/incident-data.ts';
import { createRecent } from '../../app/recent.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import type { IncidentFilter } from '../../core/store.ts';
import { finding, incident } from '../store/rows.ts';

function storeOf(incidents: readonly Incident[], findings: readonly Finding[] = []) {
  return {
    incidents: async ({ open, limit = 100 }: IncidentFilter) =>
      incidents
        .filter(({ closedAt }) => open === undefined || open === (closedAt === null))
        .slice(0, limit),
    incident: async (id: string) => incidents.find((one) => one.id === id),
    findings: async (ids: readonly string[]) => findings.filter(({ id }) => ids.includes(id)),
  };
}

test('what was told since the last checkpoint is answered before it is saved', async () => {
  const recent = createRecent();
  const data = createIncidentData(storeOf([]), recent);
  const told = incident({ id: 'inc_new', findings: ['fnd_new'] });
  recent.incident(told);
  recent.finding(finding('fnd_new', 1));
  assert.deepEqual(await data.incidents({}), [told]);
  assert.deepEqual(
    (await data.incident('inc_new'))?.findings.map(({ id }) => id),
    ['fnd_new'],
  );
});

test('the higher revision counts, and passes the filter or not as it is now', async () => {
  const recent = createRecent();
  const kept = incident({ id: 'inc_a', revision: 1, closedAt: null });
  const closed = { ...kept, revision: 2, closedAt: kept.updatedAt };
  const data = createIncidentData(storeOf([kept]), recent);
  recent.incident(closed);
  assert.deepEqual(await data.incidents({ open: true }), []);
  assert.deepEqual(await data.incidents({ open: false }), [closed]);
  assert.equal((await data.incident('inc_a'))?.incident.revision, 2);
  recent.incident({ ...kept, revision: 0 });
  assert.equal((await data.incidents({}))[0]?.revision, 1);
});

test('the latest change comes first, and the limit holds', async () => {
  const recent = createRecent();
  const at = (minute: number) => `2026-03-01T10:0${minute}:00.000Z`;
  const kept = [3, 1].map((minute) => incident({ id: `inc_${minute}`, updatedAt: at(minute) }));
  const data = createIncidentData(storeOf(kept), recent);
  recent.incident(incident({ id: 'inc_2', updatedAt: at(2) }));
  const ids = async (limit: number) => (await data.incidents({ limit })).map(({ id }) => id);
  assert.deepEqual(await ids(9), ['inc_3', 'inc_2', 'inc_1']);
  assert.deepEqual(await ids(2), ['inc_3', 'inc_2']);
});

test('the memory of what was told is bounded', () => {
  const recent = createRecent();
  for (let i = 0; i < 10_000; i++) {
    recent.incident(incident({ id: `inc_${i}` }));
    recent.finding(finding(`fnd_${i}`, 1));
  }
  assert.equal(recent.incidents.size, 2000);
  assert.equal(recent.findings.size, 8000);
  assert.ok(recent.incidents.has('inc_9999'));
});
