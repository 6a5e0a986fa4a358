/** Results of the distributed form beside those of one process. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Incident } from '../../core/finding.ts';
import { connect } from '../../store/elasticsearch/connection.ts';
import { createResultReader } from '../../store/elasticsearch/reader.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { allResults } from '../store/all-results.ts';
import { refresh } from '../store/elasticsearch/place.ts';
import type { Results } from '../store/results-contract.ts';
import type { Judged } from './distributed.ts';
import { ROOT } from './keyhound.ts';
import type { Stack } from './stack.ts';
import { stateRows } from './state-rows.ts';

/** Rows of the embedded run. */
async function sqliteResults(
  stateDir: string,
): Promise<Required<Results> & { digests: Uint8Array[] }> {
  const sqlite = await openSqliteStore({
    folder: stateDir,
    pepperFingerprint: undefined,
    readOnly: true,
  });
  const subjects = await sqlite.subjects({ limit: 1_000_000 });
  const digests = subjects.map(({ digest }) => digest);
  const results = await allResults(sqlite, digests);
  await sqlite.close();
  return { ...results, digests };
}

/** Elasticsearch has, to the byte, what the embedded form has in SQLite. */
export async function assertSameRows(stack: Stack, { stateDir }: Judged): Promise<void> {
  const { digests, ...wanted } = await sqliteResults(stateDir);
  const connection = connect(stack.elasticsearchConfig!);
  const reader = createResultReader(connection);
  try {
    await refresh(connection);
    assert.deepEqual(await allResults(reader, digests), wanted);
    const rows = stateRows(stateDir);
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
