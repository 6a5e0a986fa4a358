/** A key that follows the newest order, as every shop's integration does, is no walker; who walks on from there is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../core/finding.ts';
import { latest, only, openBench } from './bench.ts';
import { readEvents } from './fixture-events.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const FROM = Date.parse('2026-03-02T00:00:00Z');
/** Orders come at one a minute, all day. */
const newestAt = (at: number): number => 500_000 + Math.floor((at - FROM) / MINUTE_MS);

interface Request {
  readonly at: number;
  readonly order: number;
}

/** The newest order every `everyMs`. */
function polls(fromAt: number, toAt: number, everyMs: number): Request[] {
  const requests: Request[] = [];
  for (let at = fromAt; at < toAt; at += everyMs) requests.push({ at, order: newestAt(at) });
  return requests;
}

function findingsOf(requests: readonly Request[]): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'keyhound-'));
  try {
    const lines = requests.map(({ at, order }) =>
      JSON.stringify({
        at: new Date(at).toISOString(),
        keyId: 'app',
        method: 'GET',
        path: `/v1/orders/${order}`,
        status: 200,
      }),
    );
    writeFileSync(join(folder, 'events.ndjson'), `${lines.join('\n')}\n`);
    const bench = openBench({ settings: only('enumeration') });
    bench.feed(readEvents(join(folder, 'events.ndjson')));
    return latest(bench.findings);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const busyAt = FROM + 9 * DAY_MS + 9 * 60 * MINUTE_MS;
const usual = polls(FROM, busyAt, 10 * MINUTE_MS);

test('a busy day on which a key sees every new order raises nothing', () => {
  const busy = polls(busyAt, busyAt + 8 * 60 * MINUTE_MS, MINUTE_MS / 4);
  assert.deepEqual(findingsOf([...usual, ...busy]), []);
});

test('whoever walks on from the newest, faster than orders come, is told with the pace', () => {
  const first = newestAt(busyAt);
  const walk = Array.from({ length: 300 }, (_, i) => ({ at: busyAt + i * 4000, order: first + i }));
  const [found, ...more] = findingsOf([...usual, ...walk]);
  assert.deepEqual(more, []);
  assert.match(found!.why, /^the highest id rose by \d+ this hour, one after the other/);
  assert.match(found!.why, /it usually rises by up to 6\d an hour, and no day before this one/);
  assert.ok(found!.score >= 7, String(found!.score));
});

test('whoever walks old orders is told beside the newest that the key goes on asking for', () => {
  const walk = Array.from({ length: 120 }, (_, i) => ({
    at: busyAt + i * 10_000,
    order: 1000 + i,
  }));
  const beside = polls(busyAt, busyAt + 20 * MINUTE_MS, MINUTE_MS);
  const all = [...walk, ...beside].sort((a, b) => a.at - b.at);
  const [found, ...more] = findingsOf([...usual, ...all]);
  assert.deepEqual(more, []);
  assert.match(found!.why, /^1\d\d ids one after the other/);
  assert.ok(found!.score >= 7, String(found!.score));
});
