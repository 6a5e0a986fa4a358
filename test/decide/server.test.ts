/** The decision endpoint as gateways see it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { KeyFacts } from '../../decide/contract.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { idOf, type TestEndpoint, testEndpoint } from './tools.ts';

const KEY = 'raw-key-of-a-test-1';
const HARD = { requests: 1, windowMs: 60_000 };

interface Dialect {
  readonly path: string;
  headers(key: string): [string, string][];
  readonly throttled: number;
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  nginx: {
    path: '/decide/nginx',
    throttled: 403,
    headers: (key) => [
      ['X-Api-Key', key],
      ['X-Original-URI', '/v1/orders/17?x=1'],
      ['X-Original-Method', 'GET'],
      ['X-Real-IP', '198.51.100.7'],
    ],
  },
  forward: {
    path: '/decide/forward?x=1',
    throttled: 429,
    headers: (key) => [
      ['X-Api-Key', key],
      ['X-Forwarded-Uri', '/v1/orders/17?x=1'],
      ['X-Forwarded-Method', 'GET'],
      ['X-Forwarded-For', '198.51.100.7'],
    ],
  },
  envoy: {
    path: '/decide/envoy/v1/orders/17?x=1',
    throttled: 429,
    headers: (key) => [
      ['x-api-key', key],
      ['x-forwarded-for', '198.51.100.7'],
    ],
  },
};

async function put(at: TestEndpoint, change: Parameters<typeof sampleVerdict>[0]): Promise<void> {
  await at.store.putVerdict(sampleVerdict({ key: idOf(KEY), untilAt: null, ...change }));
}

for (const [name, dialect] of Object.entries(DIALECTS)) {
  test(`${name}: a key without a verdict passes with 200 and its id for the log`, async (t) => {
    const at = await testEndpoint(t);
    const said = await at.ask(dialect.path, dialect.headers(KEY));
    assert.equal(said.status, 200);
    assert.equal(said.headers['x-keyhound-decision'], 'allow');
    assert.equal(said.headers['x-keyhound-key'], idOf(KEY));
    assert.equal(said.body, '');
  });

  test(`${name}: a suspended key is refused with 403 from the moment the store is told`, async (t) => {
    const at = await testEndpoint(t);
    await put(at, { rung: 'suspend' });
    const said = await at.ask(dialect.path, dialect.headers(KEY));
    assert.equal(said.status, 403);
    assert.equal(said.headers['x-keyhound-decision'], 'refuse');
    assert.deepEqual(JSON.parse(said.body), { error: 'forbidden' });
    await at.store.removeVerdict(idOf(KEY));
    assert.equal((await at.ask(dialect.path, dialect.headers(KEY))).status, 200);
  });

  test(`${name}: a throttled key passes as often as its limit says`, async (t) => {
    const at = await testEndpoint(t);
    await put(at, { rung: 'throttle-hard', limit: HARD });
    const first = await at.ask(dialect.path, dialect.headers(KEY));
    assert.equal(first.status, 200);
    assert.equal(first.headers['ratelimit-policy'], '"rate";q=1;w=60');
    assert.equal(first.headers['ratelimit'], '"rate";r=0;t=60');
    const second = await at.ask(dialect.path, dialect.headers(KEY));
    assert.equal(second.status, dialect.throttled);
    assert.equal(second.headers['x-keyhound-decision'], 'throttle');
    const seconds = name === 'nginx' ? 'x-retry-after' : 'retry-after';
    assert.equal(second.headers[seconds], '60');
    assert.deepEqual(JSON.parse(second.body), {
      error: 'rate_limit_exceeded',
      current_usage: 1,
      limit: 1,
      reset_time: '2026-03-01T10:01:00.000Z',
      retry_after: 60,
    });
    at.clock.at += 60_000;
    assert.equal((await at.ask(dialect.path, dialect.headers(KEY))).status, 200);
  });
}

test('nginx is told in headers what its own answer needs', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'throttle-hard', limit: HARD });
  const { headers, path } = DIALECTS['nginx']!;
  await at.ask(path, headers(KEY));
  const said = await at.ask(path, headers(KEY));
  assert.equal(said.headers['x-keyhound-usage'], '1');
  assert.equal(said.headers['x-keyhound-limit'], '1');
  assert.equal(said.headers['x-keyhound-reset'], '2026-03-01T10:01:00.000Z');
});

test('a verdict that has expired holds no more, although nobody removed it', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'suspend', untilAt: at.clock.at + 1000 });
  const { headers, path } = DIALECTS['forward']!;
  assert.equal((await at.ask(path, headers(KEY))).status, 403);
  at.clock.at += 1000;
  assert.equal((await at.ask(path, headers(KEY))).status, 200);
});

test('problem+json is answered to who accepts it', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'throttle-hard', limit: HARD });
  const { headers, path } = DIALECTS['forward']!;
  const asked: [string, string][] = [...headers(KEY), ['Accept', 'application/problem+json']];
  await at.ask(path, asked);
  const said = await at.ask(path, asked);
  assert.equal(said.headers['content-type'], 'application/problem+json');
  const problem = JSON.parse(said.body) as Record<string, unknown>;
  assert.equal(problem['status'], 429);
  assert.deepEqual(problem['violated-policies'], ['rate']);
  assert.equal(problem['retry_after'], 60);
});

test('a made-up key beside a suspended one does not let it pass, wherever both stand', async (t) => {
  const at = await testEndpoint(t, { key: ['header:X-Api-Key', 'bearer', 'query:api_key'] });
  await put(at, { rung: 'suspend' });
  const uri = (query: string): [string, string] => ['X-Forwarded-Uri', `/v1/orders?${query}`];
  const ways: [string, string][][] = [
    [
      ['X-Api-Key', 'made-up'],
      ['X-Api-Key', KEY],
    ],
    [['X-Api-Key', `made-up, ${KEY}`]],
    [
      ['X-Api-Key', 'made-up'],
      ['Authorization', `Bearer ${KEY}`],
    ],
    [['X-Api-Key', 'made-up'], uri(`api_key=${KEY}`)],
    [uri(`api_key=made-up&api_key=${KEY}`)],
    [uri(`api%5Fkey=%72aw-key-of-a-test-1`)],
  ];
  for (const headers of ways) {
    const said = await at.ask('/decide/forward', headers);
    assert.equal(said.status, 403, JSON.stringify(headers));
    assert.equal(said.headers['x-keyhound-key'], idOf(KEY));
  }
  const many = Array.from({ length: 20 }, (_, i): [string, string] => ['X-Api-Key', `key-${i}`]);
  assert.equal((await at.ask('/decide/forward', many)).status, 403);
});

test('of two keys with verdicts the stricter counts, whichever stands first', async (t) => {
  const at = await testEndpoint(t);
  const limit = { requests: 1000, windowMs: 1000 };
  await put(at, { rung: 'suspend' });
  await at.store.putVerdict(
    sampleVerdict({ key: idOf('other'), rung: 'throttle-soft', untilAt: null, limit }),
  );
  for (const keys of [`other, ${KEY}`, `${KEY}, other`]) {
    const said = await at.ask('/decide/forward', [['X-Api-Key', keys]]);
    assert.equal(said.status, 403);
    assert.equal(said.headers['x-keyhound-key'], idOf(KEY));
  }
});

test('a request without a key passes: who checks keys is the gateway', async (t) => {
  const at = await testEndpoint(t);
  const said = await at.ask('/decide/forward', [['X-Forwarded-Uri', '/public']]);
  assert.equal(said.status, 200);
  assert.equal(said.headers['x-keyhound-key'], undefined);
});

test('the id that the gateway names is believed only where the configuration says so', async (t) => {
  const headers: [string, string][] = [
    ['X-Key-Id', 'k-17'],
    ['X-Api-Key', 'some-other-key'],
  ];
  const verdict = sampleVerdict({ key: 'nginx:k-17', rung: 'suspend', untilAt: null });
  const plain = await testEndpoint(t);
  await plain.store.putVerdict(verdict);
  assert.equal((await plain.ask('/decide/nginx', headers)).status, 200);
  const named = await testEndpoint(t, { keyId: { header: 'X-Key-Id', gateway: 'nginx' } });
  await named.store.putVerdict(verdict);
  const said = await named.ask('/decide/nginx', headers);
  assert.equal(said.status, 403);
  assert.equal(said.headers['x-keyhound-key'], 'nginx:k-17');
});

test('json: 200 with the decision, and the headers and the body to answer with', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'throttle-hard', limit: HARD });
  const body = JSON.stringify({ key: KEY, clientIp: '198.51.100.7', method: 'GET', path: '/v1' });
  const post = () => at.ask('/decide/json', [], { method: 'POST', body });
  const first = JSON.parse((await post()).body) as Record<string, unknown>;
  assert.equal(first['decision'], 'allow');
  const second = JSON.parse((await post()).body) as Record<string, unknown>;
  assert.equal(second['decision'], 'throttle');
  assert.equal(second['status'], 429);
  assert.equal(second['key'], idOf(KEY));
  assert.equal((second['headers'] as Record<string, string>)['Retry-After'], '60');
  assert.equal((second['body'] as Record<string, unknown>)['error'], 'rate_limit_exceeded');
  const named = JSON.stringify({ keyId: 'kong:7f2d' });
  await at.store.putVerdict(sampleVerdict({ key: 'kong:7f2d', untilAt: null }));
  const said = await at.ask('/decide/json', [], { method: 'POST', body: named });
  assert.equal((JSON.parse(said.body) as Record<string, unknown>)['decision'], 'refuse');
});

test('json: a body that is none is a 400 that quotes nothing of it', async (t) => {
  const at = await testEndpoint(t);
  for (const body of ['{"key":17,"x":"raw-secret"}', 'raw-secret', '[]', '{"key":""}']) {
    const said = await at.ask('/decide/json', [], { method: 'POST', body });
    assert.equal(said.status, 400, body);
    assert.doesNotMatch(said.body, /raw-secret|17/);
  }
  assert.equal((await at.ask('/decide/json')).status, 405);
});

test('json: a POST without a body is answered, with or without a Content-Length', async (t) => {
  const at = await testEndpoint(t);
  for (const header of ['', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const end = header.includes('chunked') ? '0\r\n\r\n' : '';
    const text = `POST /decide/json HTTP/1.1\r\nConnection: close\r\n${header}\r\n${end}`;
    assert.match(await raw(at.endpoint.port, text), /^HTTP\/1\.1 400 /, header);
  }
});

test('requests that follow each other on a connection are all answered, bodies of gateways aside', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'suspend' });
  const body = 'a body that nobody reads';
  const texts = [
    `GET /decide/forward HTTP/1.1\r\nX-Api-Key: ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    `POST /decide/envoy/v1 HTTP/1.1\r\nX-API-KEY: ${KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    'GET /decide/forward HTTP/1.1\r\nx-api-key: good\r\nConnection: close\r\n\r\n',
  ];
  const said = await raw(at.endpoint.port, texts.join(''));
  assert.deepEqual(said.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 403', 'HTTP/1.1 403', 'HTTP/1.1 200']);
});

test('what is no HTTP, or more than is read, is refused and never looks like a failure', async (t) => {
  const at = await testEndpoint(t);
  const long = 'x'.repeat(5_000_000);
  const requests = [
    `GET /decide/nginx HTTP/1.1\r\nX-Api-Key: ${long}\r\n\r\n`,
    'GET /decide/nginx HTTP/1.1\r\nX-Odd: \u0001\u0002\r\n\r\n',
    'ODD /decide/envoy/v1 HTTP/1.1\r\n\r\n',
    'CONNECT /decide/envoy HTTP/1.1\r\nHost: a\r\n\r\n',
  ];
  for (const text of requests) {
    assert.match(await raw(at.endpoint.port, text), /^HTTP\/1\.1 403 /, text.slice(0, 60));
  }
});

test('headers that a client invents change nothing for the gateway that passes them on', async (t) => {
  const at = await testEndpoint(t);
  const odd = ['Expect: 100-continue', 'Expect: a-miracle', 'Upgrade: websocket', 'TE: trailers'];
  for (const header of odd) {
    const text = `GET /decide/nginx HTTP/1.1\r\nX-Api-Key: a\r\nConnection: close\r\n${header}\r\n\r\n`;
    assert.match(await raw(at.endpoint.port, text), /HTTP\/1\.1 200 /, header);
  }
  const many = Array.from({ length: 2500 }, (_, i): [string, string] => [`X-H-${i}`, '1']);
  assert.equal((await at.ask('/decide/nginx', [...many, ['X-Api-Key', KEY]])).status, 200);
  await put(at, { rung: 'suspend' });
  assert.equal((await at.ask('/decide/nginx', [...many, ['X-Api-Key', KEY]])).status, 403);
});

test('when deciding fails the answer is what failMode says, and a decision for every gateway', async (t) => {
  const broken = () => {
    throw new Error('broken');
  };
  for (const failMode of ['allow', 'deny'] as const) {
    const at = await testEndpoint(t, { failMode }, { names: broken });
    for (const { path, headers } of Object.values(DIALECTS)) {
      assert.equal((await at.ask(path, headers(KEY))).status, failMode === 'allow' ? 200 : 403);
    }
    assert.equal(at.errors.length, 3);
    assert.equal(at.endpoint.status().counters.failures, 3);
    assert.doesNotMatch(String(at.errors[0]), /raw-key/);
  }
});

test('facts are those of any id that the key is known by', async (t) => {
  const names = (key: string) => [`h:${key}`, `kong:${key}`];
  const all: Record<string, KeyFacts> = { 'h:a': { plan: undefined }, 'kong:a': { plan: 'free' } };
  const limits = [
    { name: 'free', requests: 10, window: '1m', plans: ['free'], enforce: true },
    { name: 'all', requests: 5, window: '1d', enforce: true },
  ];
  const at = await testEndpoint(t, { limits }, { names, facts: (id) => all[id] });
  const said = await at.ask('/decide/forward', [['X-Api-Key', 'a']]);
  assert.equal(said.headers['ratelimit'], '"free";r=9;t=6, "all";r=4;t=17280');
  const other = await at.ask('/decide/forward', [['X-Api-Key', 'b']]);
  assert.equal(other.headers['ratelimit-policy'], '"all";q=5;w=86400');
});

test('a key that is being rotated is told when it ends', async (t) => {
  const facts = () => ({ sunsetAt: Date.parse('2026-03-08T12:00:00Z') });
  const at = await testEndpoint(t, {}, { facts });
  const said = await at.ask('/decide/forward', [['X-Api-Key', 'a']]);
  assert.equal(said.headers['sunset'], 'Sun, 08 Mar 2026 12:00:00 GMT');
});

test('limits fall with the load that is told, and are renewed for every key', async (t) => {
  const limits = [{ name: 'minute', requests: 100, window: '1m', enforce: true }];
  const shed = { enabled: true, highLoad: 0.9, lowLoad: 0.7, holdMs: 1000, factorMin: 0.3 };
  const at = await testEndpoint(t, { limits, shed });
  const policy = async () =>
    (await at.ask('/decide/forward', [['X-Api-Key', 'a']])).headers['ratelimit-policy'];
  assert.equal(await policy(), '"minute";q=100;w=60');
  const told = await at.ask('/decide/load', [], { method: 'POST', body: '{"load":0.95}' });
  assert.equal(told.status, 200);
  at.endpoint.look();
  at.clock.at += 1000;
  at.endpoint.look();
  assert.equal(await policy(), '"minute";q=80;w=60');
  const bad = await at.ask('/decide/load', [], { method: 'POST', body: '{"load":"high"}' });
  assert.equal(bad.status, 400);
});

test('metrics count what was decided, by dialect', async (t) => {
  const at = await testEndpoint(t);
  await put(at, { rung: 'suspend' });
  await at.ask('/decide/nginx', [['X-Api-Key', KEY]]);
  await at.ask('/decide/forward', [['X-Api-Key', 'good']]);
  const { body, headers } = await at.ask('/metrics');
  assert.match(String(headers['content-type']), /^text\/plain; version=/);
  assert.match(body, /^keyhound_decisions_total\{dialect="nginx",decision="refuse"\} 1$/m);
  assert.match(body, /^keyhound_decisions_total\{dialect="forward",decision="allow"\} 1$/m);
  assert.match(body, /^keyhound_verdicts_count 1$/m);
});

test('health says whether verdicts are known, and other paths are told the right ones', async (t) => {
  const at = await testEndpoint(t);
  assert.equal((await at.ask('/healthz')).status, 200);
  assert.equal((await at.ask('/readyz')).status, 200);
  assert.equal((await at.ask('/decide')).status, 404);
  assert.equal((await at.ask('/decide/nginxes')).status, 404);
});

async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(text);
  let said = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    said += part;
  });
  await once(socket, 'close');
  return said;
}
