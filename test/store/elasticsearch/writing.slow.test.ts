/** What of the writing has to hold whatever happens to the server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Incident } from '../../../core/finding.ts';
import { type Connection, connect } from '../../../store/elasticsearch/connection.ts';
import type { ResultDocument } from '../../../store/elasticsearch/documents.ts';
import { createResultReader } from '../../../store/elasticsearch/reader.ts';
import { createWriter, WRITE_TIMEOUT_MS } from '../../../store/elasticsearch/writer.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch.ts';
import { until } from '../../support/until.ts';
import * as rows from '../rows.ts';
import { configOf, createStrictWriter, refresh } from './place.ts';

const DAY_MS = 24 * rows.HOUR_MS;
const TIMEOUT = { timeout: 120_000 };

let server: ElasticsearchServer;
before(async () => {
  server = await startElasticsearch();
});
after(() => server?.stop());

function open(): Connection {
  return connect(configOf(server), { requestTimeoutMs: WRITE_TIMEOUT_MS });
}

function incidents(count: number, revision = 1): ResultDocument[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'incident',
    body: {
      ...rows.incident({ id: `i${i}`, revision }),
      openedAt: rows.iso((i % 3) * DAY_MS),
    },
  }));
}

/** Every document of an alias, as index and version by id. */
async function stored(connection: Connection, name: string): Promise<Map<string, string[]>> {
  await refresh(connection);
  const { client, prefix } = connection;
  const found = new Map<string, string[]>();
  const { hits } = await client.search({ index: `${prefix}-${name}`, size: 10_000, version: true });
  for (const { _index, _id, _version } of hits.hits) {
    const place = `${_index.slice(prefix.length + 1)} ${_version}`;
    found.set(_id!, [...(found.get(_id!) ?? []), place]);
  }
  return found;
}

test(
  'a repeat and an older revision change nothing, in whatever order they come',
  TIMEOUT,
  async () => {
    const connection = open();
    const writer = createStrictWriter(connection);
    await writer.index(incidents(10, 2));
    await writer.index([...incidents(10, 1), ...incidents(10, 2)]);
    assert.deepEqual(writer.figures(), { indexed: 10, repeated: 20, rejected: 0, resent: 0 });
    await writer.index([...incidents(5, 4), ...incidents(10, 3)]);
    const versions = [...(await stored(connection, 'incidents'))].sort();
    assert.deepEqual(
      versions.map(([id, [place]]) => `${id} ${place!.at(-1)}`),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `i${i} ${i < 5 ? 4 : 3}`),
    );
    await connection.close();
  },
);

test('each document goes to its own day, and stays there', TIMEOUT, async () => {
  const connection = open();
  const writer = createStrictWriter(connection);
  const finding = { ...rows.finding('f', 1), openedAt: rows.iso(1) };
  const earlier = { ...finding, revision: 2, fromAt: rows.iso(-DAY_MS), toAt: rows.iso(DAY_MS) };
  const digest = rows.digest(1);
  const usage = { digest, requests: 7, errors: 0, bytesIn: 0, bytesOut: 0 };
  await writer.index([
    { kind: 'finding', body: finding },
    { kind: 'finding', body: earlier },
    { kind: 'usage', body: { ...usage, hourAt: rows.BASE_AT - rows.HOUR_MS } },
    { kind: 'usage', body: { ...usage, hourAt: rows.BASE_AT } },
    { kind: 'inputs', body: rows.inputs('f') },
    {
      kind: 'audit',
      body: { id: 'a', at: rows.iso(-1), actor: 'ops', hash: 'x', more: { of: 1 } },
    },
    {
      kind: 'action',
      body: {
        type: 'action',
        id: 'act_1',
        revision: 3,
        decision: 'dec_1',
        subject: { kind: 'key', id: 'kong:key-1' },
        gateway: 'kong',
        rung: 'suspend',
        state: 'done',
        requestedAt: rows.iso(2 * DAY_MS),
        doneAt: rows.iso(2 * DAY_MS + 5),
        verifiedAt: null,
        verdict: null,
        undoneAt: null,
        undo: 'curl -X PATCH …',
      },
    },
  ]);
  const places = async (name: string) =>
    [...(await stored(connection, name)).values()].flat().sort();
  assert.deepEqual(await places('findings'), ['findings-2026.03.01 2']);
  assert.deepEqual(await places('usage'), ['usage-2026.02.28 7', 'usage-2026.03.01 7']);
  assert.deepEqual(await places('inputs'), ['inputs-2026.03.01 1']);
  assert.deepEqual(await places('audit'), ['audit-2026.02.28 1']);
  assert.deepEqual(await places('actions'), ['actions-2026.03.03 3']);
  await connection.close();
});

test(
  'what no repeat would bring in is handed back, and nothing else is lost',
  TIMEOUT,
  async () => {
    const connection = open();
    const rejected = new Map<string, string>();
    const writer = createWriter({
      connection,
      documentsMax: 64,
      onRejected({ body }, reason) {
        rejected.set((body as Incident).id, reason);
      },
    });
    const bad: Partial<Incident>[] = [
      { id: 'no-day', openedAt: 'some day' },
      { id: 'no-date', updatedAt: 'sk_live_nonsense' },
      // The cluster refuses all of a request for these two.
      { id: '' },
      { id: 'no-revision', revision: -1 },
      { id: 'x'.repeat(600) },
      { id: 'year-of-five-digits', openedAt: '+012345-01-01T00:00:00.000Z' },
    ];
    const good = incidents(300);
    const documents = [...good];
    for (const [i, parts] of bad.entries()) {
      const body = { ...rows.incident({ id: '' }), ...parts };
      documents.splice(i * 50, 0, { kind: 'incident', body });
    }
    await writer.index(documents);
    assert.deepEqual([...rejected.keys()].sort(), bad.map(({ id }) => id).sort());
    assert.equal((await stored(connection, 'incidents')).size, good.length);
    assert.equal(writer.figures().rejected, bad.length);
    assert.match(rejected.get('no-date')!, /^400 document_parsing_exception: /);
    assert.doesNotMatch([...rejected.values()].join(), /nonsense/, 'no text of the document');
    await connection.close();
  },
);

test('a rejection that nobody takes ends the call', TIMEOUT, async () => {
  const connection = open();
  const writer = createStrictWriter(connection);
  const body = { ...rows.incident({ id: 'i' }), updatedAt: 'never' };
  await assert.rejects(writer.index([{ kind: 'incident', body }]), /rejected incident: 400/);
  await connection.close();
});

test(
  'frozen, then killed and started again while indexing: all documents once',
  TIMEOUT,
  async () => {
    const connection = open();
    const all = incidents(9000);
    const writers = [createStrictWriter(connection), createStrictWriter(connection)];
    // Two that write the same, as two processes do when one takes over from the other.
    const writing = writers.map(async (writer) => {
      for (let at = 0; at < all.length; at += 200) await writer.index(all.slice(at, at + 200));
    });
    const done = Promise.all(writing);
    const [first] = writers as [(typeof writers)[0], (typeof writers)[0]];
    await until(() => first.figures().indexed + first.figures().repeated >= 1000);
    server.freeze();
    await until(() => first.figures().resent >= 400);
    assert.match(first.trouble() ?? '', /^Elasticsearch at 127\.0\.0\.1:\d+: no answer in time$/);
    server.thaw();
    const frozen = first.figures();
    await until(() => first.figures().indexed + first.figures().repeated >= 1000 + sum(frozen));
    await server.kill();
    const killed = first.figures().resent;
    await until(() => first.figures().resent > killed);
    await server.restart();
    await done;
    assert.equal(first.trouble(), undefined);
    const found = await stored(connection, 'incidents');
    assert.equal(found.size, all.length);
    for (const [id, places] of found) assert.equal(places.length, 1, id);
    await connection.close();
  },
);

function sum({
  indexed,
  repeated,
}: {
  readonly indexed: number;
  readonly repeated: number;
}): number {
  return indexed + repeated;
}

test('its absence blocks whoever writes until he gives up, and reads say so', TIMEOUT, async () => {
  const connection = open();
  const writer = createStrictWriter(connection);
  const reader = createResultReader(connection);
  server.freeze();
  try {
    const reason = new Error('enough');
    const controller = new AbortController();
    const writing = writer.index(incidents(1), controller.signal);
    const blocked = assert.rejects(writing, reason);
    await assert.rejects(reader.incidents({}), {
      kind: 'operating',
      code: 'elasticsearch-away',
      retryable: true,
    });
    controller.abort(reason);
    await blocked;
    assert.equal(writer.trouble(), undefined);
  } finally {
    server.thaw();
  }
  await reader.close();
});
