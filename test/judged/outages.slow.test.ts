/**
 * The distributed form while its servers are away, one after the other: the same incidents, to the byte, and the same
 * rows in Elasticsearch as in SQLite of one process (promises 3 and 4).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Incident } from '../../core/finding.ts';
import { connect } from '../../store/elasticsearch/connection.ts';
import { createResultReader } from '../../store/elasticsearch/reader.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { allResults } from '../store/all-results.ts';
import { refresh } from '../store/elasticsearch/place.ts';
import type { Results } from '../store/results-contract.ts';
import { difference, type Judged, judgedLog } from './distributed.ts';
import { ROOT } from './keyhound.ts';
import { assertPositionsAgree } from './positions.ts';
import { play, type Stage } from './scene.ts';
import { type Servers, type Stack, startServers } from './stack.ts';
import { stateRows } from './state-rows.ts';

/** EVENTS=1000000 is what releases are judged by; CI has less time. */
const EVENTS = Number(process.env['EVENTS'] ?? 60_000);
const IS_LONG = EVENTS > 200_000;
const AWAY_MS = IS_LONG ? 10_000 : 2000;
const INDEX_AWAY_MS = IS_LONG ? 60_000 : 5000;

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-outages-'));
let servers: Servers;
let judged: Judged;

before(async () => {
  [judged, servers] = await Promise.all([
    judgedLog(folder, EVENTS),
    startServers({ elasticsearch: true }),
  ]);
});

after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Breakable {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

async function away(server: Breakable, ms: number): Promise<void> {
  await server.kill();
  await sleep(ms);
  await server.restart();
}

async function takeAway({ fed }: Stage): Promise<void> {
  const { elasticsearch, kafka, redis } = servers;
  const index = fed(0.1).then(() => away(elasticsearch!, INDEX_AWAY_MS));
  await fed(0.2);
  await away(redis, AWAY_MS);
  await fed(0.4);
  await away(kafka, AWAY_MS);
  await fed(0.8);
  await away(redis, AWAY_MS);
  await index;
}

/** Rows of the embedded run. */
async function sqliteResults(): Promise<Required<Results> & { digests: Uint8Array[] }> {
  const sqlite = await openSqliteStore({
    folder: judged.stateDir,
    pepperFingerprint: undefined,
    readOnly: true,
  });
  const subjects = await sqlite.subjects({ limit: 1_000_000 });
  const digests = subjects.map(({ digest }) => digest);
  const results = await allResults(sqlite, digests);
  await sqlite.close();
  return { ...results, digests };
}

async function assertSameRows(stack: Stack): Promise<void> {
  const { digests, ...wanted } = await sqliteResults();
  const connection = connect(stack.elasticsearchConfig!);
  const reader = createResultReader(connection);
  try {
    await refresh(connection);
    assert.deepEqual(await allResults(reader, digests), wanted);
    const rows = stateRows(judged.stateDir);
    for (const kind of ['incidents', 'findings', 'usage']) {
      const { count } = await connection.client.count({ index: `${connection.prefix}-${kind}` });
      assert.equal(count, rows[kind]!.length, `${kind} in Elasticsearch and in SQLite`);
    }
    await assertQueryOfDocs(connection, wanted.incidents);
  } finally {
    await reader.close();
  }
}

/** One key's incidents in a span of time, asked as docs/elasticsearch.md shows it. */
async function assertQueryOfDocs(
  { client, prefix }: ReturnType<typeof connect>,
  incidents: readonly Incident[],
): Promise<void> {
  const key = incidents.find(({ subject }) => subject.kind === 'key')!.subject.id;
  const times = incidents
    .filter(({ subject }) => subject.id === key)
    .map(({ openedAt }) => openedAt)
    .sort();
  const docs = readFileSync(path.join(ROOT, 'docs/elasticsearch.md'), 'utf8');
  const shown = /GET keyhound-incidents\/_search\n(\{[^`]*\})\n```/.exec(docs)![1]!;
  const query = shown
    .replace('kong:ci-1', key)
    .replace('2026-03-01', times[0]!)
    .replace('2026-03-08', new Date(Date.parse(times.at(-1)!) + 1).toISOString());
  const { hits } = await client.search<{ keyhound: Incident }>({
    index: `${prefix}-incidents`,
    ...JSON.parse(query),
  });
  const found = hits.hits.map(({ _source }) => _source!.keyhound.openedAt);
  assert.deepEqual(found, times.reverse());
}

describe('promise 3 and 4: the same incidents while servers are away', () => {
  test('broker and Redis killed and restarted, Elasticsearch away for a while', async () => {
    const found = await play(servers, judged.log, {
      prefix: 'outages',
      partitions: 4,
      detects: 2,
      consoles: 1,
      disturb: takeAway,
      async afterwards(stack) {
        assert.equal((await assertPositionsAgree(stack)).left, 0);
        await assertSameRows(stack);
      },
    });
    assert.equal(difference(found, judged.wanted), undefined);
  });
});
