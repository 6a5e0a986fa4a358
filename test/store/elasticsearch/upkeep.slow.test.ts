/** Templates, retention, what doctor asks, and the examples of docs/elasticsearch.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { checkCluster } from '../../../app/doctor/elasticsearch.ts';
import { systemClock } from '../../../core/clock.ts';
import { configSchema, type ElasticsearchConfig } from '../../../core/config.ts';
import { checkElasticsearch } from '../../../store/elasticsearch/check.ts';
import { type Connection, connect } from '../../../store/elasticsearch/connection.ts';
import { removeOldIndices } from '../../../store/elasticsearch/retention.ts';
import {
  installTemplates,
  readTemplates,
  TEMPLATE_VERSION,
} from '../../../store/elasticsearch/templates.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch.ts';
import * as rows from '../rows.ts';
import { configOf, createStrictWriter, documentsOf, refresh } from './place.ts';

const DAY_MS = 24 * rows.HOUR_MS;
const TIMEOUT = { timeout: 120_000 };

let server: ElasticsearchServer;
before(async () => {
  server = await startElasticsearch();
});
after(() => server?.stop());

function open(rest: Partial<ElasticsearchConfig> = {}): Connection {
  return connect(configOf(server, rest));
}

async function indicesOf({ client, prefix }: Connection): Promise<string[]> {
  const indices = await client.indices.get({ index: `${prefix}-*` });
  return Object.keys(indices)
    .map((name) => name.slice(prefix.length + 1))
    .sort();
}

test('days older than the months kept go, but never audit and actions', TIMEOUT, async () => {
  const connection = open();
  const writer = createStrictWriter(connection);
  const at = (days: number) => rows.iso(days * DAY_MS);
  const usage = { digest: rows.digest(1), requests: 1, errors: 0, bytesIn: 0, bytesOut: 0 };
  await writer.index([
    ...[0, 61, 62].map((day) => ({
      kind: 'finding' as const,
      body: { ...rows.finding(`f${day}`, 1), openedAt: at(day) },
    })),
    { kind: 'incident', body: { ...rows.incident({ id: 'i' }), openedAt: at(0) } },
    { kind: 'inputs', body: rows.inputs('f') },
    { kind: 'audit', body: { id: 'a', at: at(0) } },
    { kind: 'usage', body: { ...usage, hourAt: rows.BASE_AT } },
    { kind: 'usage', body: { ...usage, hourAt: rows.BASE_AT + 62 * DAY_MS } },
  ]);
  // An index of somebody else that only looks like ours.
  await connection.client.indices.create({
    index: `${connection.prefix}-usage-x.y.z`,
    settings: { number_of_replicas: 0 },
  });
  const now = rows.BASE_AT + 1000 * DAY_MS;
  const removed = await removeOldIndices(connection, { usageMonthsMax: 2, now });
  assert.equal(removed.length, 4);
  assert.deepEqual(await indicesOf(connection), [
    'audit-2026.03.01',
    'findings-2026.05.01',
    'findings-2026.05.02',
    'usage-2026.05.02',
    'usage-x.y.z',
  ]);
  assert.deepEqual(await removeOldIndices(connection, { usageMonthsMax: 2, now }), []);
  await connection.close();
});

test('one record from the far future does not take the history with it', TIMEOUT, async () => {
  const connection = open();
  const usage = { digest: rows.digest(1), requests: 1, errors: 0, bytesIn: 0, bytesOut: 0 };
  const hours = [rows.BASE_AT, rows.BASE_AT + 30_000 * DAY_MS];
  await createStrictWriter(connection).index(
    hours.map((hourAt) => ({ kind: 'usage', body: { ...usage, hourAt } })),
  );
  const now = rows.BASE_AT + DAY_MS;
  assert.deepEqual(await removeOldIndices(connection, { usageMonthsMax: 13, now }), []);
  const empty = open();
  assert.deepEqual(await removeOldIndices(empty, { usageMonthsMax: 13, now }), []);
  await connection.close();
  await empty.close();
});

test('an older template is brought up to date with the indices made from it', TIMEOUT, async () => {
  const connection = open();
  const { client, prefix } = connection;
  const alias = `${prefix}-incidents`;
  await client.indices.putIndexTemplate({
    name: alias,
    index_patterns: [`${alias}-*`],
    version: 0,
    template: {
      mappings: { dynamic: 'strict', properties: { '@timestamp': { type: 'date' } } },
      aliases: { [alias]: {} },
    },
  });
  await client.indices.create({
    index: `${alias}-2026.03.01`,
    settings: { number_of_replicas: 0 },
  });
  const { put, unmigrated } = await installTemplates(connection);
  assert.equal(put.length, 6);
  assert.deepEqual(unmigrated, []);
  await createStrictWriter(connection).index(
    documentsOf({ incidents: [rows.incident({ id: 'i' })] }),
  );
  assert.deepEqual(await indicesOf(connection), ['incidents-2026.03.01']);
  assert.deepEqual((await installTemplates(connection)).put, [], 'and then left alone');
  await connection.close();
});

test('a newer template is never taken back, other settings are', TIMEOUT, async () => {
  const prefix = 'newer';
  const connection = open({ prefix });
  assert.equal((await installTemplates(connection, TEMPLATE_VERSION + 1)).put.length, 6);
  const { put, newer } = await installTemplates(connection);
  assert.deepEqual(put, []);
  assert.equal(newer.length, 6);
  for (const { version } of await readTemplates(connection)) {
    assert.equal(version, TEMPLATE_VERSION + 1);
  }
  const more = open({ prefix: 'settings' });
  await installTemplates(more);
  const copies = open({ prefix: 'settings', replicas: 2 });
  assert.equal((await installTemplates(copies)).put.length, 6);
  await createStrictWriter(connection).index(
    documentsOf({ incidents: [rows.incident({ id: 'i' })] }),
  );
  for (const one of [connection, more, copies]) await one.close();
});

test('a field of a later version is kept, an unknown one of ECS refused', TIMEOUT, async () => {
  const connection = open();
  const body = { ...rows.incident({ id: 'i' }), laterField: { a: 1 } };
  await createStrictWriter(connection).index([{ kind: 'incident', body }]);
  const { client, prefix } = connection;
  await refresh(connection);
  const { hits } = await client.search<{ keyhound: unknown }>({ index: `${prefix}-incidents` });
  assert.deepEqual(hits.hits[0]?._source?.keyhound, body);
  const foreign = { index: `${prefix}-incidents-2026.03.01`, document: { cloud: { x: 1 } } };
  await assert.rejects(client.index(foreign), /strict_dynamic_mapping_exception/);
  await connection.close();
});

test('doctor tells of the cluster, and what is not as it should be', TIMEOUT, async () => {
  const connection = open();
  const checks = async (now: () => number, replicas = 0) => {
    const found = [];
    const asked = { ...connection, replicas };
    for await (const one of checkElasticsearch(asked, { now, usageMonthsMax: 13 })) found.push(one);
    return found;
  };
  const well = await checks(systemClock.now);
  assert.deepEqual(
    well.map(({ name }) => name.replace('elasticsearch', '')),
    ['', ' clock', ' disk', ' health', ' templates', ' shards'],
  );
  assert.match(well[0]!.detail, /^Elasticsearch 8\.\d+\.\d+ at 127\.0\.0\.1:\d+$/);
  const faults = (found: typeof well) => found.filter(({ ok }) => !ok).map(({ name }) => name);
  assert.deepEqual(faults(well), ['elasticsearch shards'], '1,600 shards on a node of 1,000');
  assert.match(well.at(-1)!.hint!, /cluster\.max_shards_per_node/);
  const configured = configSchema.parse({ elasticsearch: configOf(server) });
  const told = [];
  for await (const line of checkCluster(configured, systemClock)) told.push(line);
  assert.deepEqual(
    told.map(({ type, name }) => `${type} ${name}`),
    well.map(({ name }) => `check ${name}`),
  );
  const skewed = await checks(() => systemClock.now() - 60_000);
  assert.deepEqual(faults(skewed), ['elasticsearch clock', 'elasticsearch shards']);
  assert.match(skewed[1]!.detail, /^n1 is \d+ ms ahead of this machine$/);
  await connection.client.indices.create({
    index: `${connection.prefix}-x`,
    settings: { number_of_replicas: 1 },
  });
  const uncopied = (await checks(systemClock.now, 1)).find(({ name }) => name.endsWith('health'));
  assert.equal(uncopied?.detail, 'yellow, 1 data node, 1 shard unassigned');
  assert.match(uncopied?.hint ?? '', /set elasticsearch\.replicas to 0/);
  await connection.close();
});

/** `METHOD PATH` and a body, as docs/elasticsearch.md shows them. */
function example(words: string): {
  readonly index: string;
  readonly body: Record<string, unknown>;
} {
  const page = readFileSync(
    path.join(import.meta.dirname, '../../../docs/elasticsearch.md'),
    'utf8',
  );
  const section = page.slice(page.indexOf(words));
  const found = /```console\nGET ([\w-]+)\/_search\n(.*?)```/s.exec(section);
  assert.ok(found !== null && page.includes(words), words);
  return { index: found[1]!, body: JSON.parse(found[2]!) };
}

test('the searches of the documentation find what they say', TIMEOUT, async () => {
  const connection = open({ prefix: 'keyhound' });
  const { client } = connection;
  const incident = (id: string, subjectId: string, day: number, severity: 'low' | 'high') => ({
    ...rows.incident({ id, subjectId, severity, ...(id === 'c' ? { closedAt: rows.iso(1) } : {}) }),
    openedAt: rows.iso(day * DAY_MS),
  });
  const seen = (id: string, country: string) => ({ ...rows.finding(id, 1), observed: { country } });
  const usage = { digest: rows.digest(1), errors: 0, bytesIn: 0, bytesOut: 0 };
  await createStrictWriter(connection).index(
    documentsOf({
      incidents: [
        incident('a', 'kong:ci-1', 0, 'low'),
        incident('b', 'kong:ci-1', 6, 'high'),
        incident('c', 'kong:ci-1', 7, 'high'),
        incident('d', 'kong:ci-2', 3, 'high'),
      ],
      findings: [seen('fnd_1', 'DE'), seen('fnd_2', 'BR'), seen('fnd_3', 'BR')],
      usage: [0, 1, 25].map((hour) => ({
        ...usage,
        hourAt: rows.BASE_AT + hour * rows.HOUR_MS,
        requests: 10 + hour,
      })),
    }),
  );
  await refresh(connection);
  const search = async (words: string) => {
    const { index, body } = example(words);
    return client.search<{ keyhound: { id: string } }>({ index, ...body });
  };
  const ids = async (words: string) =>
    (await search(words)).hits.hits.map(({ _source }) => _source!.keyhound.id);
  assert.deepEqual(await ids('The incidents of one key'), ['b', 'a']);
  assert.deepEqual((await ids('What is open now')).sort(), ['b', 'd']);
  assert.deepEqual(await ids('The findings behind'), ['fnd_2', 'fnd_1']);
  const { aggregations } = await search('Requests a day');
  const { buckets } = aggregations!['days'] as { buckets: { requests: { value: number } }[] };
  assert.deepEqual(
    buckets.map(({ requests }) => requests.value),
    [21, 35],
  );
  await connection.close();
});
