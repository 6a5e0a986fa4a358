import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';
import { type Api, createApi } from '../../console/api.ts';
import type { ConsoleData, Readiness } from '../../console/contract.ts';
import { createMetrics } from '../../console/metrics.ts';
import type { RuleLine } from '../../core/control.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { IncidentFilter } from '../../core/store.ts';
import { finding, incident } from '../store/rows.ts';
import { bodyFor, fakeData, KEY, snapshot } from './fakes.ts';

const TOKEN = 'token-of-this-test-0123456789';

interface Running {
  readonly address: string;
  readonly logged: object[];
}

const apis: Api[] = [];
after(() => Promise.all(apis.map((api) => api.close())));

async function start(parts: Partial<ConsoleData> = {}): Promise<Running> {
  const logged: object[] = [];
  const api = createApi({
    data: fakeData(parts),
    metrics: createMetrics(() => snapshot()),
    token: TOKEN,
    version: '9.9.9',
    logger: { error: (facts) => logged.push(facts) },
  });
  apis.push(api);
  return { address: await api.listen('127.0.0.1:0'), logged };
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every shape
  readonly json: any;
}

interface Asking {
  readonly token?: string | undefined;
  readonly host?: string;
  readonly body?: string;
}

/** By node:http, as fetch does not let a test set Host. */
async function ask(running: Running, path: string, asking: Asking = {}): Promise<Answer> {
  const token = 'token' in asking ? asking.token : TOKEN;
  const headers: http.OutgoingHttpHeaders = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(asking.host === undefined ? {} : { host: asking.host }),
    ...(asking.body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const method = asking.body === undefined ? 'GET' : 'POST';
  const url = `${running.address}${path}`;
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .request(url, { method, headers, agent: false }, resolve)
      .on('error', reject)
      .end(asking.body);
  });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const isJson = response.headers['content-type']?.startsWith('application/json') === true;
  const json: unknown = isJson ? JSON.parse(text) : undefined;
  return { status: response.statusCode ?? 0, headers: response.headers, text, json };
}

test('probes and metrics need no token', async () => {
  const running = await start();
  const bare = { token: undefined };
  assert.deepEqual((await ask(running, '/healthz', bare)).json, { status: 'up' });
  assert.equal((await ask(running, '/readyz', bare)).status, 200);
  const metrics = await ask(running, '/metrics', bare);
  assert.match(metrics.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.text, /keyhound_intake_records_total\{source="web"\} 10/);
  assert.match((await ask(running, '/', bare)).text, /^Keyhound 9\.9\.9\n/);
});

test('ready means that nothing is missing; traffic is told beside it', async () => {
  let readiness: Readiness = { missing: [], traffic: 'silent' };
  const running = await start({ readiness: () => readiness });
  const silent = await ask(running, '/readyz');
  assert.deepEqual(
    [silent.status, silent.json],
    [200, { ready: true, missing: [], traffic: 'silent' }],
  );
  const missing = [{ name: 'state', detail: 'no space left', hint: 'free some' }];
  readiness = { missing, traffic: 'live' };
  const unready = await ask(running, '/readyz');
  assert.deepEqual(
    [unready.status, unready.json],
    [503, { ready: false, missing, traffic: 'live' }],
  );
});

test('everything under /api/v1 needs the token, and answers nothing without it', async () => {
  const running = await start();
  const { paths } = (await ask(running, '/openapi.json')).json;
  const guarded = Object.keys(paths).filter((path) => path.startsWith('/api/'));
  assert.ok(guarded.length >= 6);
  for (const path of guarded) {
    const asked = path.replace('{id}', 'x');
    const body = 'post' in paths[path] ? { body: '{"folder":"/x"}' } : {};
    for (const token of [undefined, '', 'wrong', `${TOKEN}x`, TOKEN.slice(1)]) {
      const answer = await ask(running, asked, { token, ...body });
      assert.deepEqual([answer.status, answer.json.error.code], [401, 'unauthorized'], path);
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
    }
  }
});

test('a request under a foreign host name is refused, token or not', async () => {
  const running = await start();
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', '@']) {
    for (const path of ['/api/v1/summary', '/metrics', '/']) {
      assert.equal((await ask(running, path, { host })).status, 421, `${path} as ${host}`);
    }
    assert.equal((await ask(running, '/healthz', { host })).status, 200);
  }
  for (const host of ['localhost:8420', 'LOCALHOST', '[::1]:8420', '203.0.113.9', 'a.localhost']) {
    assert.equal((await ask(running, '/api/v1/summary', { host })).status, 200, host);
  }
});

test('every answer carries the security headers and no leave for other sites', async () => {
  const running = await start();
  for (const path of [
    '/',
    '/healthz',
    '/api/v1/summary',
    '/api/v1/keys/x',
    '/nothing',
    '/metrics',
  ]) {
    const { headers } = await ask(running, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['cache-control'], 'no-store', path);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/, path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
});

test('incidents are asked for with the filter that the query names', async () => {
  const filters: IncidentFilter[] = [];
  const running = await start({
    incidents: async (filter) => {
      filters.push(filter);
      return [incident({ id: 'i1' })];
    },
  });
  const answer = await ask(running, '/api/v1/incidents');
  assert.deepEqual(answer.json, { incidents: [incident({ id: 'i1' })] });
  const since = encodeURIComponent('2026-03-01T01:00:00+01:00');
  const query = `limit=7&since=${since}&severity=high&open=false&subject=kong%3Aa`;
  await ask(running, `/api/v1/incidents?${query}`);
  assert.deepEqual(filters, [
    { limit: 100 },
    {
      limit: 7,
      sinceAt: Date.UTC(2026, 2, 1),
      severity: 'high',
      open: false,
      subjectId: 'kong:a',
    },
  ]);
});

test('a query that makes no sense is refused with every fault', async () => {
  const running = await start();
  const answer = await ask(running, '/api/v1/incidents?limit=0&since=soon&colour=red');
  assert.equal(answer.status, 400);
  assert.equal(answer.json.error.code, 'request-invalid');
  for (const fault of [/limit/, /since/, /unknown name/]) {
    assert.match(answer.json.error.message, fault);
  }
  for (const query of ['limit=10001', 'severity=bad', 'open=1', 'subject=']) {
    assert.equal((await ask(running, `/api/v1/incidents?${query}`)).status, 400, query);
  }
});

test('an incident comes with its findings; an unknown id is 404', async () => {
  const detail = { incident: incident({ id: 'i1' }), findings: [finding('f', 1)] };
  const running = await start({
    incident: async (id) => (id === 'i1' ? detail : undefined),
    explain: async (id) => (id === 'i1' ? { identical: true } : undefined),
  });
  assert.deepEqual((await ask(running, '/api/v1/incidents/i1')).json, detail);
  assert.deepEqual((await ask(running, '/api/v1/explain/i1')).json, { identical: true });
  for (const path of ['/api/v1/incidents/i2', '/api/v1/explain/i2', '/api/v1/nothing', '/none']) {
    const answer = await ask(running, path);
    assert.deepEqual([answer.status, answer.json.error.code], [404, 'not-found'], path);
  }
});

test('a key is found by id or label, whatever characters it has', async () => {
  const running = await start({
    key: async (name) => {
      if (name === 'two') return { kind: 'ambiguous', candidates: [KEY, KEY] };
      if (name !== KEY.id) return { kind: 'unknown', nearest: KEY.id };
      const usage = { requests: 4, errors: 1, bytesIn: 5, bytesOut: 6 };
      return {
        kind: 'found',
        key: KEY,
        usage: [{ ...usage, digest: new Uint8Array(16), hourAt: 0 }],
      };
    },
  });
  assert.deepEqual((await ask(running, '/api/v1/keys')).json, { keys: [KEY] });
  assert.deepEqual((await ask(running, `/api/v1/keys/${encodeURIComponent(KEY.id)}`)).json, {
    key: KEY,
    usage: [
      { hourAt: '1970-01-01T00:00:00.000Z', requests: 4, errors: 1, bytesIn: 5, bytesOut: 6 },
    ],
  });
  assert.equal((await ask(running, '/api/v1/keys/two')).status, 409);
  const unknown = await ask(running, '/api/v1/keys/three');
  assert.equal(unknown.status, 404);
  assert.match(unknown.json.error.hint, /Did you mean kong:/);
});

test('a backup goes into the folder named, and its failure is told', async () => {
  const folders: string[] = [];
  const running = await start({
    backup: async (folder) => {
      folders.push(folder);
      if (folder !== '/full') return;
      throw new KeyhoundError('operating', 'no space left', { code: 'disk-full', hint: 'free it' });
    },
  });
  const backup = (body: string) => ask(running, '/api/v1/state/backup', { body });
  assert.deepEqual((await backup('{"folder":"/b/1"}')).json, { folder: '/b/1' });
  const full = await backup('{"folder":"/full"}');
  assert.equal(full.status, 503);
  assert.deepEqual(full.json.error, {
    code: 'disk-full',
    message: 'no space left',
    hint: 'free it',
  });
  for (const body of ['{"folder":"relative"}', '{}', '[]', '{"folder":', '"x"', '']) {
    assert.equal((await backup(body)).status, 400, body);
  }
  assert.equal((await backup(`{"folder":"/${'x'.repeat(70_000)}"}`)).status, 413);
  assert.deepEqual(folders, ['/b/1', '/full']);
});

test('an unexpected failure says nothing outside, and everything in the log', async () => {
  const failure = new Error('secret detail');
  const running = await start({
    summary: async () => {
      throw failure;
    },
  });
  const answer = await ask(running, '/api/v1/summary?x=caller-text');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /secret detail|caller-text/);
  assert.deepEqual(running.logged, [{ err: failure, route: '/api/v1/summary' }]);
});

test('the description names every route that is answered, and no other', async () => {
  const running = await start({
    incident: async () => ({ incident: incident({ id: 'x' }), findings: [] }),
    explain: async () => ({}),
    key: async () => ({ kind: 'found', key: KEY, usage: [] }),
    addRule: async () => RULE,
    removeRule: async () => RULE,
    closeIncident: async () => ({ incident: incident({ id: 'x' }), findings: [] }),
  });
  const { paths } = (await ask(running, '/openapi.json')).json;
  const names: string[] = [];
  for (const [path, methods] of Object.entries<object>(paths)) {
    for (const method of Object.keys(methods)) {
      names.push(`${method} ${path}`);
      const body = method === 'post' ? { body: bodyFor(path) } : {};
      assert.equal((await ask(running, path.replace('{id}', 'x'), body)).status, 200, path);
    }
  }
  assert.deepEqual(names.sort(), [
    'get /',
    'get /api/v1/actions',
    'get /api/v1/actions/{id}',
    'get /api/v1/allowlist',
    'get /api/v1/audit/verification',
    'get /api/v1/decisions',
    'get /api/v1/decisions/{id}',
    'get /api/v1/explain/{id}',
    'get /api/v1/incidents',
    'get /api/v1/incidents/{id}',
    'get /api/v1/keys',
    'get /api/v1/keys/{id}',
    'get /api/v1/response',
    'get /api/v1/silences',
    'get /api/v1/summary',
    'get /healthz',
    'get /metrics',
    'get /openapi.json',
    'get /readyz',
    'post /api/v1/actions/reconcile',
    'post /api/v1/actions/stop',
    'post /api/v1/allowlist',
    'post /api/v1/allowlist/{id}/remove',
    'post /api/v1/channels/test',
    'post /api/v1/commands',
    'post /api/v1/decisions/{id}/approval',
    'post /api/v1/incidents/{id}/close',
    'post /api/v1/silences',
    'post /api/v1/silences/{id}/remove',
    'post /api/v1/state/backup',
  ]);
});

const RULE: RuleLine = {
  type: 'silence',
  id: 'sil_1',
  detector: 'volume-spike',
  fromAt: '2026-03-01T00:00:00.000Z',
  untilAt: null,
  by: 'ann',
  reason: 'load test',
};

test('silences and the allowlist take what they are told, and refuse the rest by name', async () => {
  const asked: unknown[] = [];
  const running = await start({
    rules: async (kind) => [{ ...RULE, type: kind }],
    addRule: async (request) => {
      asked.push(request);
      return RULE;
    },
    removeRule: async (request) => {
      asked.push(request);
      return request.id === 'sil_1' ? RULE : undefined;
    },
  });
  const post = (path: string, body: string) => ask(running, `/api/v1${path}`, { body });
  assert.deepEqual((await ask(running, '/api/v1/allowlist')).json.rules[0].type, 'allow');
  const rule = '{"detector":"volume-spike","place":"DE","forMs":60000,"by":"ann","reason":"x"}';
  assert.deepEqual((await post('/silences', rule)).json, RULE);
  assert.equal((await post('/silences/sil_1/remove', '{"reason":"done"}')).status, 200);
  assert.equal((await post('/silences/sil_2/remove', '{"reason":"done"}')).status, 404);
  assert.deepEqual(asked.slice(0, 2), [
    { kind: 'silence', ...JSON.parse(rule) },
    { kind: 'silence', id: 'sil_1', by: 'api', reason: 'done' },
  ]);
  for (const body of ['{}', '{"reason":""}', '{"reason":"x","forMs":1}', '{"reason":"x","a":1}']) {
    const { status, json } = await post('/silences', body);
    assert.deepEqual([status, json.error.code], [400, 'request-invalid'], body);
  }
  const bare = { body: rule, token: undefined };
  assert.equal((await ask(running, '/api/v1/silences', bare)).status, 401);
});

test('an incident is closed as what it was, or is not known', async () => {
  const asked: unknown[] = [];
  const running = await start({
    closeIncident: async (id, request) => {
      asked.push([id, request]);
      return id === 'inc_1' ? { incident: incident({ id }), findings: [] } : undefined;
    },
  });
  const close = (id: string, body: string) =>
    ask(running, `/api/v1/incidents/${id}/close`, { body });
  const told = await close('inc_1', '{"as":"false-alarm","by":"ann","reason":"ours"}');
  assert.equal(told.json.incident.id, 'inc_1');
  assert.deepEqual(asked, [['inc_1', { as: 'false-alarm', by: 'ann', reason: 'ours' }]]);
  assert.equal((await close('inc_2', '{"as":"resolved"}')).status, 404);
  assert.equal((await close('inc_1', '{"as":"boring"}')).status, 400);
});

test('a port that is taken is told, with what to change', async () => {
  const running = await start();
  const api = createApi({
    data: fakeData(),
    metrics: createMetrics(() => snapshot()),
    token: TOKEN,
    version: '1',
    logger: { error: () => undefined },
  });
  apis.push(api);
  await assert.rejects(api.listen(new URL(running.address).host), (error: unknown) => {
    assert.ok(error instanceof KeyhoundError);
    assert.equal(error.code, 'listen-failed');
    assert.match(error.message, /EADDRINUSE/);
    return true;
  });
});
