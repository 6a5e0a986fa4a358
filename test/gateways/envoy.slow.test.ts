/** A real Envoy with ext_authz and a local limit: what its own log makes of requests with keys. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scratch } from '../judged/keyhound.ts';
import { extAuthz, localRateLimit, startEnvoy } from '../servers/gateways/envoy.ts';
import { decoded, idOf, replayed, type Sent, send, startChecker } from './through.ts';

const [KEY, THROTTLED, UNKNOWN] = [
  'raw-key-of-envoy-one',
  'raw-key-of-envoy-two',
  'made-up-key-of-envoy',
];
const FORWARDED = { 'x-forwarded-for': '198.51.100.7', 'user-agent': 'orders-app/2.1' };

/** As docs/formats.md has it, and the raw key beside it. */
const JSON_FORMAT = {
  start_time: '%START_TIME%',
  duration: '%DURATION%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  route_name: '%ROUTE_NAME%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  'x-forwarded-for': '%REQ(X-FORWARDED-FOR)%',
  'user-agent': '%REQ(USER-AGENT)%',
  'x-request-id': '%REQ(X-REQUEST-ID)%',
  'x-api-key': '%REQ(X-API-KEY)%',
  key_id: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:x-keyhound-key)%',
  keyhound_decision: '%RESP(X-KEYHOUND-DECISION)%',
};

interface Expected extends Sent {
  readonly status: number;
  /** Who checked the key, and whose it was. */
  readonly auth: string;
  readonly id?: string;
  readonly limitedBy?: string;
  readonly bytesOut: number;
}

const FORGED =
  '","key_id":"client-9","response_code":500,"start_time":"2020-01-01T00:00:00Z","x":"';
const OK = { status: 200, auth: 'ok', id: 'client-1', bytesOut: 12 } as const;
const REQUESTS: readonly Expected[] = [
  { path: '/v1/orders/17?limit=10', headers: { ...FORWARDED, 'x-api-key': KEY }, ...OK },
  { path: '/v1/orders', method: 'POST', headers: { ...FORWARDED, 'x-api-key': KEY }, ...OK },
  {
    path: `/v1/"?q=${FORGED}`,
    headers: { ...FORWARDED, 'user-agent': `app/1 ${FORGED}`, 'x-api-key': KEY },
    ...OK,
  },
  {
    path: '/v1/orders',
    headers: { ...FORWARDED, 'x-api-key': THROTTLED },
    ...{ status: 429, auth: 'ok', id: 'client-2', limitedBy: 'keyhound', bytesOut: 0 },
  },
  {
    path: '/v1/orders',
    // What a client says of itself is not the answer of the service.
    headers: { ...FORWARDED, 'x-api-key': UNKNOWN, 'x-keyhound-key': 'client-1' },
    ...{ status: 401, auth: 'failed', bytesOut: 0 },
  },
  { path: '/v1/orders', headers: FORWARDED, status: 401, auth: 'failed', bytesOut: 0 },
  {
    path: '/v1/orders',
    headers: { ...FORWARDED, 'x-api-key': KEY },
    ...{ status: 429, auth: 'ok', id: 'client-1', limitedBy: 'gateway', bytesOut: 18 },
  },
];
/** Requests that pass ext_authz before the last. */
const ADMITTED = 3;

test('Envoy: keys, refusals, limits and what a client forges come out of its own log as they were', async (t) => {
  const folder = scratch(t);
  const checker = await startChecker(
    new Map([
      [KEY, { status: 200, headers: { 'x-keyhound-key': 'client-1' } }],
      [
        THROTTLED,
        {
          status: 429,
          headers: { 'x-keyhound-key': 'client-2', 'x-keyhound-decision': 'throttle' },
        },
      ],
    ]),
  );
  t.after(() => checker.stop());
  const envoy = await startEnvoy({
    jsonFormat: JSON_FORMAT,
    httpFilters: [extAuthz('checker'), localRateLimit(ADMITTED)],
    clusters: { checker: checker.port },
  });
  t.after(() => envoy.remove());
  const begunAt = Date.now();
  const statuses: number[] = [];
  for (const sent of REQUESTS) statuses.push(await send(envoy.port, sent));
  assert.deepEqual(
    statuses,
    REQUESTS.map(({ status }) => status),
  );
  await envoy.stop();

  const events = decoded('envoy', envoy.logFile);
  assert.deepEqual(
    events.map(({ result, status, bytesOut, auth, limitedBy, text }) => ({
      ...{ result, status, auth, limitedBy, bytesOut, method: text?.method, target: text?.target },
      ...{ id: text?.credentialId, rawKey: text?.rawKey, agent: text?.userAgent },
      from: text?.clientAddress?.replace(/:\d+$/, ''),
    })),
    REQUESTS.map(({ path, method, headers, status, auth, id, limitedBy, bytesOut }) => {
      const sent: Readonly<Record<string, string>> = headers ?? {};
      return {
        ...{ result: 'ok', status, auth, id, bytesOut, limitedBy: limitedBy ?? 'nobody' },
        ...{ method: method ?? 'GET', target: path, agent: sent['user-agent'] },
        ...{ rawKey: sent['x-api-key'], from: '198.51.100.7' },
      };
    }),
  );
  for (const { at } of events) {
    assert.ok(Date.parse(at ?? '') >= begunAt && Date.parse(at ?? '') <= Date.now(), at);
  }
  const ids = events.map(({ text }) => text?.requestId);
  assert.equal(new Set(ids).size, REQUESTS.length, 'Envoy makes a request id for each');

  await checkReplay(folder, envoy.logFile);
});

async function checkReplay(folder: string, logFile: string): Promise<void> {
  // The service has vouched for the ids: they are learned as they are. What a limit refused is not learned.
  const plain = await replayed(folder, logFile);
  assert.equal(plain.format, 'envoy');
  const byId = new Map([
    ['envoy:client-1', ADMITTED],
    ['envoy:client-2', 0],
  ]);
  assert.deepEqual(new Map(plain.keys), byId);
  assert.equal(await idOf(folder, plain.state, KEY), 'envoy:client-1');
  assert.equal(plain.summary.records, REQUESTS.length);
  assert.deepEqual(plain.summary.rejected, { 'no-key': 1 });
  // A field named by --key stands for the key instead.
  const named = await replayed(folder, logFile, ['--key', 'field:x-api-key']);
  const id = await idOf(folder, named.state, KEY);
  assert.equal(named.keys.get(id), ADMITTED);
  assert.ok(readFileSync(logFile, 'utf8').includes(KEY), 'the log itself holds the key');
  for (const { output } of [plain, named]) {
    for (const key of [KEY, THROTTLED, UNKNOWN]) assert.ok(!output.includes(key), output);
  }
}
