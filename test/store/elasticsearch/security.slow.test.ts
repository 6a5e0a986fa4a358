/** TLS and credentials, with the role of docs/elasticsearch.md and no more. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { parse } from 'yaml';
import type { ElasticsearchConfig } from '../../../core/config.ts';
import { checkElasticsearch } from '../../../store/elasticsearch/check.ts';
import { connect } from '../../../store/elasticsearch/connection.ts';
import { createResultReader } from '../../../store/elasticsearch/reader.ts';
import { removeOldIndices } from '../../../store/elasticsearch/retention.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch.ts';
import * as rows from '../rows.ts';
import { configOf, createStrictWriter, documentsOf, refresh } from './place.ts';

const TIMEOUT = { timeout: 120_000 };
const ROOT = path.join(import.meta.dirname, '../../..');
const PAGE = path.join(ROOT, 'docs/elasticsearch.md');
const password = randomBytes(12).toString('hex');

let server: ElasticsearchServer;
before(async () => {
  const role = /PUT _security\/role\/keyhound\n(.*?)```/s.exec(readFileSync(PAGE, 'utf8'))?.[1];
  assert.ok(role !== undefined, 'the page shows the role');
  const deployed = parse(readFileSync(path.join(ROOT, 'deploy/elasticsearch/roles.yml'), 'utf8'));
  assert.deepEqual(deployed['keyhound'], JSON.parse(role), 'what is deployed is what is shown');
  server = await startElasticsearch({
    security: {
      users: [{ name: 'keyhound', password, roles: ['keyhound'] }],
      // JSON is YAML.
      roles: `keyhound: ${JSON.stringify(JSON.parse(role))}\n`,
    },
  });
});
after(() => server?.stop());

function config(rest: Partial<ElasticsearchConfig> = {}): ElasticsearchConfig {
  return configOf(server, { username: 'keyhound', password, prefix: 'keyhound', ...rest });
}

test('the role of the documentation is enough for all that is done', TIMEOUT, async () => {
  const connection = connect(config());
  await createStrictWriter(connection).index(
    documentsOf({ findings: [rows.finding('f', 1)], incidents: [rows.incident({ id: 'i' })] }),
  );
  await refresh(connection);
  const reader = createResultReader(connection);
  assert.deepEqual(await reader.incident('i'), rows.incident({ id: 'i' }));
  for await (const { name, ok, detail } of checkElasticsearch(connection, {
    now: () => Date.now(),
    usageMonthsMax: 1,
  })) {
    assert.ok(ok, `${name}: ${detail}`);
  }
  const now = rows.BASE_AT + 1;
  assert.deepEqual(await removeOldIndices(connection, { usageMonthsMax: 1, now }), []);
  const old = documentsOf({ findings: [rows.finding('old', 1)] });
  for (const { body } of old) Object.assign(body, { openedAt: '2020-01-01T00:00:00.000Z' });
  await createStrictWriter(connection).index(old);
  const removed = await removeOldIndices(connection, { usageMonthsMax: 1, now });
  assert.deepEqual(removed, ['keyhound-findings-2020.01.01']);
  await reader.close();
});

test('a wrong password is told as such, without the password; writing waits', TIMEOUT, async () => {
  const wrong = `wrong-${randomBytes(8).toString('hex')}`;
  const withUrl = { nodes: [server.url.replace('https://', `https://keyhound:${wrong}@`)] };
  for (const rest of [{ password: wrong }, withUrl, { apiKey: wrong }]) {
    const connection = connect(config(rest));
    const reader = createResultReader(connection);
    const error = await reader.incidents({}).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Error && 'code' in error);
    assert.equal(error.code, 'elasticsearch-refused');
    const encoded = Buffer.from(`keyhound:${wrong}`).toString('base64');
    for (const secret of [wrong, encoded]) {
      assert.ok(!inspect(error, { depth: 20, showHidden: true }).includes(secret));
    }
    const writer = createStrictWriter(connection);
    const controller = new AbortController();
    const writing = writer.index(
      documentsOf({ findings: [rows.finding('g', 1)] }),
      controller.signal,
    );
    while (writer.figures().resent < 2) await new Promise(setImmediate);
    assert.match(writer.trouble() ?? '', /status 401/);
    controller.abort(new Error('enough'));
    await assert.rejects(writing, /enough/);
    await reader.close();
  }
});

test(
  'a certificate of an unknown authority, or of another name, is not trusted',
  TIMEOUT,
  async () => {
    const ca = server.ca!;
    for (const tls of [{}, { ca, serverName: 'es.example.org' }]) {
      const reader = createResultReader(connect(config({ tls })));
      await assert.rejects(reader.incidents({}), {
        code: 'elasticsearch-away',
        message: /certificate|altnames/i,
      });
      await reader.close();
    }
    const absent = config({ tls: { ca: path.join(import.meta.dirname, 'no.pem') } });
    assert.throws(() => connect(absent), { kind: 'usage', message: /tls\.ca: cannot read/ });
  },
);
