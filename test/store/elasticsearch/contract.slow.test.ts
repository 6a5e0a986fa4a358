/** The shared contract, and the results of a real run in SQLite and here: the same rows, and none twice. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { connect } from '../../../store/elasticsearch/connection.ts';
import { createResultReader } from '../../../store/elasticsearch/reader.ts';
import { openSqliteStore } from '../../../store/sqlite/store.ts';
import { type MadeState, makeState } from '../../app/made-state.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch.ts';
import { allResults } from '../all-results.ts';
import { type Results, testResultStore } from '../results-contract.ts';
import { configOf, createStrictWriter, documentsOf, refresh, resultDriver } from './place.ts';

let made: MadeState;
let server: ElasticsearchServer;
before(async () => {
  made = await makeState();
  server = await startElasticsearch();
});
after(async () => {
  await server?.stop();
  await rm(made.parent, { recursive: true, force: true });
});

testResultStore(resultDriver(() => server));

test('elasticsearch: a real run leaves the same rows as in SQLite', {
  timeout: 120_000,
}, async () => {
  const sqlite = await openSqliteStore({
    folder: made.folder,
    pepperFingerprint: undefined,
    readOnly: true,
  });
  const subjects = await sqlite.subjects({ limit: 1000 });
  const digests = subjects.map(({ digest }) => digest);
  const expected = await allResults(sqlite, digests);
  await sqlite.close();
  for (const rows of Object.values(expected)) assert.notEqual(rows.length, 0);

  const connection = connect(configOf(server));
  const writer = createStrictWriter(connection);
  const documents = documentsOf(expected);
  await writer.index(documents);
  await writer.index(documents.toReversed());
  // What an hour counted at a checkpoint before its end, come again.
  await writer.index(documentsOf({ usage: expected.usage.map(earlier) }));
  assert.equal(writer.figures().indexed, documents.length);
  await refresh(connection);

  const reader = createResultReader(connection);
  assert.deepEqual(await allResults(reader, digests), expected);
  const { count } = await connection.client.count({ index: `${connection.prefix}-*` });
  assert.equal(count, documents.length, 'no document is there twice');
  await reader.close();
});

function earlier(row: Required<Results>['usage'][number]): typeof row {
  return { ...row, requests: row.requests - 1, errors: 0 };
}
