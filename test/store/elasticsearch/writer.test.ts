/** What the writer makes of each answer, against a server that answers as told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { elasticsearchSchema } from '../../../core/config.ts';
import { connect } from '../../../store/elasticsearch/connection.ts';
import type { ResultDocument } from '../../../store/elasticsearch/documents.ts';
import { createWriter, type ResultWriter } from '../../../store/elasticsearch/writer.ts';
import * as rows from '../rows.ts';

/** Status of the whole, or of each item by its id: 201 where there is none. */
type Answer = number | Readonly<Record<string, number | { status: number; type: string }>>;

interface Fake {
  readonly writer: ResultWriter;
  /** Ids in each bulk request, in order. */
  readonly requests: string[][];
  readonly rejected: string[];
  /** Headers of the last request. */
  headers(): IncomingHttpHeaders;
}

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

async function fake(answers: readonly Answer[], documentsMax = 100): Promise<Fake> {
  const left = [...answers];
  const requests: string[][] = [];
  let headers: IncomingHttpHeaders = {};
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    response.setHeader('content-type', 'application/json');
    if (request.url?.startsWith('/_bulk') !== true) return response.end('{"index_templates":[]}');
    headers = request.headers;
    const ids = [...text.matchAll(/"_id":"([^"]*)"/g)].map((match) => match[1]!);
    requests.push(ids);
    const answer = left.shift() ?? {};
    if (typeof answer === 'number') response.statusCode = answer;
    const body = typeof answer === 'number' ? { error: { type: 'said_so' } } : itemsOf(ids, answer);
    return response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = connect(
    elasticsearchSchema.parse({ nodes: [`http://127.0.0.1:${port}`], apiKey: 'aWQ6c2VjcmV0' }),
  );
  closing.push(() => connection.close().then(() => server.close()));
  const rejected: string[] = [];
  const writer = createWriter({
    connection,
    documentsMax,
    onRejected({ body }, reason) {
      rejected.push(`${'id' in body ? body.id : ''} ${reason}`);
    },
  });
  return { writer, requests, rejected, headers: () => headers };
}

function itemsOf(ids: readonly string[], answer: Exclude<Answer, number>): unknown {
  const items = ids.map((id) => {
    const said = answer[id] ?? 201;
    const status = typeof said === 'number' ? said : said.status;
    const type = typeof said === 'number' ? 'said_so' : said.type;
    const reason = `field [x] of type [date] in document with id '${id}'. Preview of field's value: 'v'`;
    return { index: status < 300 ? { status } : { status, error: { type, reason } } };
  });
  return { errors: true, items };
}

function documents(...ids: string[]): ResultDocument[] {
  return ids.map((id) => ({ kind: 'incident', body: rows.incident({ id }) }));
}

test('plain content types and the API key are sent', async () => {
  const { writer, headers } = await fake([]);
  await writer.index(documents('a'));
  assert.equal(headers()['content-type'], 'application/x-ndjson');
  assert.equal(headers()['accept'], 'application/json');
  assert.equal(headers()['authorization'], 'ApiKey aWQ6c2VjcmV0');
});

test('only the items that were put off are sent again', async () => {
  const { writer, requests, rejected } = await fake([
    { b: 429, c: 503, d: 409, e: 200 },
    { c: 500 },
  ]);
  await writer.index(documents('a', 'b', 'c', 'd', 'e'));
  assert.deepEqual(requests, [['a', 'b', 'c', 'd', 'e'], ['b', 'c'], ['c']]);
  assert.deepEqual(rejected, []);
  assert.deepEqual(writer.figures(), { indexed: 4, repeated: 1, rejected: 0, resent: 3 });
});

test('an item that the cluster refuses for itself is handed back, without its values', async () => {
  const { writer, requests, rejected } = await fake([{ b: 400 }]);
  await writer.index(documents('a', 'b', 'c'));
  assert.equal(requests.length, 1);
  assert.deepEqual(rejected, ['b 400 said_so: field [x] of type [date]']);
});

test('what says nothing of a document hands none back', async () => {
  const noRoom = { status: 400, type: 'validation_exception' };
  const { writer, requests, rejected } = await fake([{ a: 403 }, { a: 404 }, { a: noRoom }]);
  await writer.index(documents('a'));
  assert.equal(requests.length, 4);
  assert.deepEqual(rejected, []);
});

test('a request that failed as a whole is sent again as a whole', async () => {
  const { writer, requests, rejected } = await fake([503, 429, 401]);
  await writer.index(documents('a', 'b'));
  assert.deepEqual(requests, Array(4).fill(['a', 'b']));
  assert.deepEqual(rejected, []);
});

test('of a request that is too large, or refused as a whole, only what is at fault is handed back', async () => {
  const { writer, requests, rejected } = await fake([413, {}, 400, 400, {}]);
  await writer.index(documents('a', 'b', 'c', 'd'));
  assert.deepEqual(requests, [['a', 'b', 'c', 'd'], ['a', 'b'], ['c', 'd'], ['c'], ['d']]);
  assert.deepEqual(rejected, ['c status 400, said_so']);
});

test('batches stay within their number and their bytes', async () => {
  const { writer, requests } = await fake([], 2);
  await writer.index(documents('a', 'b', 'c'));
  assert.deepEqual(requests, [['a', 'b'], ['c']]);
  const large = documents('d', 'e', 'f').map(
    ({ body }): ResultDocument => ({
      kind: 'incident',
      body: { ...(body as ReturnType<typeof rows.incident>), why: 'x'.repeat(3 << 20) },
    }),
  );
  await writer.index(large);
  assert.deepEqual(requests.slice(2), [['d'], ['e'], ['f']]);
});
