/** What every driver of `ResultStore` (core/store.ts) answers for the rows that were put. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding, FindingInputs, Incident } from '../../core/finding.ts';
import type { IncidentFilter, ResultStore, UsageRow } from '../../core/store.ts';
import * as rows from './rows.ts';

export interface Results {
  readonly findings?: readonly Finding[];
  readonly inputs?: readonly FindingInputs[];
  readonly incidents?: readonly Incident[];
  readonly usage?: readonly UsageRow[];
}

export interface ResultPlace {
  readonly store: ResultStore;
  /** Resolves when the store answers with them. */
  put(results: Results): Promise<void>;
  /** Closes the store, and removes what it held. */
  close(): Promise<void>;
}

export interface ResultDriver {
  readonly name: string;
  /** An empty place that only this test uses. */
  open(): Promise<ResultPlace>;
}

export function testResultStore(driver: ResultDriver): void {
  const guarantee = (words: string, use: (place: ResultPlace) => Promise<void>) =>
    test(`${driver.name}: ${words}`, async () => {
      const place = await driver.open();
      try {
        await use(place);
      } finally {
        await place.close();
      }
    });

  guarantee('a new store has no results', async ({ store }) => {
    assert.deepEqual(await store.incidents({}), []);
    assert.equal(await store.incident('i'), undefined);
    assert.deepEqual(await store.findings(['f']), []);
    assert.equal(await store.findingInputs('f'), undefined);
    assert.deepEqual(await store.usage(rows.digest(1), 0), []);
  });
  guarantee('a lower or equal revision never overwrites', revisionsKept);
  guarantee('findings, inputs and incidents come back as they were, numbers exactly', kept);
  guarantee('incidents are filtered, latest change first', filtered);
  guarantee('incidents without a limit are a hundred, and a limit may be larger', limited);
  guarantee('usage rows replace the one before, and are answered oldest first', used);
}

async function revisionsKept({ store, put }: ResultPlace): Promise<void> {
  const putRevision = (revision: number, why: string) =>
    put({
      incidents: [{ ...rows.incident({ id: 'i', revision }), why }],
      findings: [{ ...rows.finding('f', revision), why }],
    });
  const whys = async () => [
    (await store.incident('i'))?.why,
    (await store.findings(['f']))[0]?.why,
  ];
  await putRevision(2, 'second');
  await putRevision(1, 'first, late');
  await putRevision(2, 'second again');
  assert.deepEqual(await whys(), ['second', 'second']);
  await putRevision(3, 'third');
  assert.deepEqual(await whys(), ['third', 'third']);
}

async function kept({ store, put }: ResultPlace): Promise<void> {
  const results = {
    findings: [rows.finding('f1', 1), full('f2')],
    inputs: [rows.inputs('f1'), { ...rows.inputs('f2'), event: rows.numbered(1, 12) }],
    incidents: [rows.incident({ id: 'i1', findings: ['f1', 'f2'] }), fullIncident('i2')],
  };
  await put(results);
  assert.deepEqual(await store.findings(['f2', 'none', 'f1']), [
    results.findings[1],
    results.findings[0],
  ]);
  assert.deepEqual(await store.findingInputs('f1'), results.inputs[0]);
  assert.deepEqual(await store.findingInputs('f2'), results.inputs[1]);
  assert.equal(await store.findingInputs('f3'), undefined);
  assert.deepEqual(await store.incident('i1'), results.incidents[0]);
  assert.deepEqual(await store.incident('i2'), results.incidents[1]);
  assert.equal(await store.incident('i3'), undefined);
  assert.deepEqual(
    JSON.stringify(await store.findings(['f2'])),
    JSON.stringify([results.findings[1]]),
    'the order of fields included',
  );
}

/** Every field that a finding may have, with values that are awkward to carry. */
function full(id: string): Required<Finding> {
  return {
    ...rows.finding(id, 4),
    subject: { kind: 'key', id: 'h:0f', label: 'Ä "quoted" \\ {{label}}' },
    openedAt: rows.iso(1),
    score: 0.1 + 0.2,
    observed: { requestsPerSecond: 1e-7, bytes: 2 ** 53, routes: ['GET /a', ''], 'odd.name': 'x' },
    expected: {},
    why: 'a\u2028b\n<script>',
    about: 'GET /v1/{name}',
    closedAt: rows.iso(90_000),
    parts: [],
    versions: { 'volume-spike': 3, geography: '2026-02' },
    silencedBy: 'sil_1',
  };
}

function fullIncident(id: string): Required<Incident> {
  return {
    ...rows.incident({ id, findings: ['f1', 'f2'], closedAt: rows.iso(90_000) }),
    subject: { kind: 'network', id: '203.0.113.0/24', label: 'x' },
    uses: [{ route: 'GET /v1/orders', place: 'DE Berlin', client: 'curl', events: 17 }],
    partOf: 'inc_0',
    migration: true,
    silencedBy: 'sil_1',
    closedAs: 'false-alarm',
    closedBy: 'ops@example.org',
    closedReason: 'month end',
    key: {
      firstAt: rows.iso(0),
      events: 12_345,
      usualPerHour: 17.25,
      busyPerHour: 80,
      readiness: { 'new-place': 'ready', 'odd.name': 'learning' },
      profile: {
        countries: ['DE'],
        networkCodes: [4711],
        systemCodes: [],
        routeFilter: [0, 4_000_000_000, 1, 2, 3, 4],
        asOfAt: '2026-03-01T09:59:00.000Z',
      },
    },
  };
}

async function filtered({ store, put }: ResultPlace): Promise<void> {
  await put({
    incidents: [
      rows.incident({ id: 'a', severity: 'low', updatedAt: rows.iso(1) }),
      rows.incident({ id: 'b', severity: 'high', updatedAt: rows.iso(3), subjectId: 'k2' }),
      rows.incident({ id: 'c', updatedAt: rows.iso(2), closedAt: rows.iso(2) }),
      { ...rows.incident({ id: 'd', updatedAt: rows.iso(2) }), openedAt: rows.iso(-rows.HOUR_MS) },
    ],
  });
  const ids = async (filter: IncidentFilter) =>
    (await store.incidents(filter)).map((one) => one.id).join('');
  assert.equal(await ids({}), 'bcda', 'by id where they changed at the same instant');
  assert.equal(await ids({ limit: 2 }), 'bc');
  assert.equal(await ids({ sinceAt: rows.BASE_AT + 2 }), 'bcd');
  assert.equal(await ids({ sinceAt: rows.BASE_AT + 2.5 }), 'b');
  assert.equal(await ids({ severity: 'medium' }), 'bcd', 'that severity or worse');
  assert.equal(await ids({ subjectId: 'k2' }), 'b');
  assert.equal(await ids({ open: true }), 'bda');
  assert.equal(await ids({ open: false }), 'c');
  assert.equal(await ids({ open: true, severity: 'high', subjectId: 'kong:key-1' }), '');
}

async function limited({ store, put }: ResultPlace): Promise<void> {
  const COUNT = 4321;
  const incidents = Array.from({ length: COUNT }, (_, i) =>
    rows.incident({ id: `i${i}`, updatedAt: rows.iso(i % 100) }),
  );
  await put({ incidents });
  assert.equal((await store.incidents({})).length, 100);
  const all = await store.incidents({ limit: 1_000_000 });
  assert.equal(new Set(all.map(({ id }) => id)).size, COUNT);
  const expected = [...incidents].sort((a, b) =>
    a.updatedAt < b.updatedAt ? 1 : a.updatedAt > b.updatedAt ? -1 : a.id < b.id ? -1 : 1,
  );
  assert.deepEqual(all, expected);
}

async function used({ store, put }: ResultPlace): Promise<void> {
  const usage = (key: number, hour: number, requests: number): UsageRow => ({
    digest: rows.digest(key),
    hourAt: rows.BASE_AT + hour * rows.HOUR_MS,
    requests,
    errors: 1,
    bytesIn: 2,
    bytesOut: 2 ** 45,
  });
  await put({ usage: [usage(1, 900, 5), usage(1, 0, 1)] });
  await put({ usage: [usage(1, 900, 7), usage(2, 3, 9)] });
  assert.deepEqual(await store.usage(rows.digest(1), 0), [usage(1, 0, 1), usage(1, 900, 7)]);
  const sinceAt = rows.BASE_AT + 1;
  assert.deepEqual(await store.usage(rows.digest(1), sinceAt), [usage(1, 900, 7)]);
  assert.deepEqual(await store.usage(rows.digest(3), 0), []);
}
