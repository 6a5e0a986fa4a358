/** Contain: what departs from the profile is refused, known-good use goes on. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { departureOf } from '../../core/key-profile.ts';
import type { AskedUse } from '../../decide/contract.ts';
import { createUseReader } from '../../decide/profiled-use.ts';
import { enricher, resolve } from '../enrich/fakes.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { GEOGRAPHY, idOf, profileOf, type TestEndpoint, testEndpoint } from './tools.ts';

const KEY = 'raw-key-of-a-test-2';
const ORDERS = '/v1/orders/17?x=1';

const readUse = createUseReader({ geography: GEOGRAPHY, trustedProxies: [], routes: true });

function useOf(change: Partial<AskedUse> = {}): AskedUse {
  return {
    ...{ rawKeys: [], keyId: undefined, method: 'GET', target: ORDERS },
    ...{ clientAddress: '198.51.100.7', forwardedFor: '' },
    ...change,
  };
}

async function contained(
  t: TestContext,
  trustedProxies: string[] = [],
  containRoutes = true,
): Promise<TestEndpoint> {
  const at = await testEndpoint(t, { containRoutes }, { trustedProxies });
  const profile = { ...profileOf([useOf()], ['DE']), networkCodes: [] };
  await at.store.putVerdict(
    sampleVerdict({ key: idOf(KEY), rung: 'contain', untilAt: null, profile }),
  );
  return at;
}

function headersOf(change: Readonly<Record<string, string>> = {}): [string, string][] {
  const all = {
    ...{ 'X-Api-Key': KEY, 'X-Original-URI': ORDERS, 'X-Original-Method': 'GET' },
    'X-Real-IP': '198.51.100.7',
    ...change,
  };
  return Object.entries(all);
}

test('known-good use goes on: the same place, another id of the same route', async (t) => {
  const at = await contained(t);
  assert.equal((await at.ask('/decide/nginx', headersOf())).status, 200);
  const other = headersOf({ 'X-Original-URI': '/v1/orders/99?y=2' });
  assert.equal((await at.ask('/decide/nginx', other)).status, 200);
});

test('another country, another route and another method are refused without a reason', async (t) => {
  const at = await contained(t);
  const departures = [
    { 'X-Real-IP': '203.0.113.9' },
    { 'X-Original-URI': '/v1/exports' },
    { 'X-Original-Method': 'DELETE' },
  ];
  for (const change of departures) {
    const said = await at.ask('/decide/nginx', headersOf(change));
    assert.equal(said.status, 403, JSON.stringify(change));
    assert.deepEqual(JSON.parse(said.body), { error: 'forbidden' });
  }
});

test('what a client can write admits nobody: user agent, a forged X-Forwarded-For, a second path', async (t) => {
  const at = await contained(t);
  const abroad = { 'X-Real-IP': '203.0.113.9' };
  const tries = [
    { ...abroad, 'X-Forwarded-For': '198.51.100.7' },
    { ...abroad, 'User-Agent': 'the usual client' },
    { ...abroad, 'X-Forwarded-Uri': ORDERS },
  ];
  for (const change of tries) {
    assert.equal((await at.ask('/decide/nginx', headersOf(change))).status, 403);
  }
  const twice: [string, string][] = [['X-Real-IP', '198.51.100.7'], ...headersOf(abroad)];
  assert.equal((await at.ask('/decide/nginx', twice)).status, 403);
});

test('behind a proxy of ours the client is the right-most address that is none of ours', async (t) => {
  const at = await contained(t, ['10.0.0.0/8']);
  const via = (list: string) => headersOf({ 'X-Real-IP': '10.0.0.1', 'X-Forwarded-For': list });
  assert.equal((await at.ask('/decide/nginx', via('198.51.100.7'))).status, 200);
  assert.equal((await at.ask('/decide/nginx', via('203.0.113.9, 198.51.100.7'))).status, 200);
  assert.equal((await at.ask('/decide/nginx', via('198.51.100.7, 203.0.113.9'))).status, 403);
  const forward = (list: string): [string, string][] => [
    ['X-Api-Key', KEY],
    ['X-Forwarded-Uri', ORDERS],
    ['X-Forwarded-Method', 'GET'],
    ['X-Forwarded-For', list],
  ];
  assert.equal((await at.ask('/decide/forward', forward('198.51.100.7, 10.0.0.1'))).status, 200);
  assert.equal((await at.ask('/decide/forward', forward('198.51.100.7, 203.0.113.9'))).status, 403);
  const envoy = forward('198.51.100.7').filter(([name]) => !/Uri|Method/.test(name));
  assert.equal((await at.ask(`/decide/envoy${ORDERS}`, envoy)).status, 200);
  assert.equal((await at.ask('/decide/envoy/v1/exports', envoy)).status, 403);
  assert.equal((await at.ask(`/decide/envoy${ORDERS}`, envoy, { method: 'PUT' })).status, 403);
});

test('routes are not compared where the log names them otherwise, places are', async (t) => {
  const at = await contained(t, [], false);
  const other = headersOf({ 'X-Original-URI': '/v1/exports' });
  assert.equal((await at.ask('/decide/nginx', other)).status, 200);
  const abroad = headersOf({ 'X-Real-IP': '203.0.113.9' });
  assert.equal((await at.ask('/decide/nginx', abroad)).status, 403);
});

test('an address that cannot be read is no known one', async (t) => {
  const at = await contained(t);
  assert.equal((await at.ask('/decide/nginx', headersOf({ 'X-Real-IP': 'unix:' }))).status, 403);
});

test('a request is read as a record of the log is: the same network, country and route', () => {
  const requests = [
    useOf(),
    useOf({
      target: '/users/0b5f6c1e-9a0d-4a57-9a55-1d2f3c4b5a69/files',
      clientAddress: '203.0.113.9',
    }),
    useOf({
      method: 'POST',
      target: 'https://api.example/v1/orders?k=v',
      clientAddress: '2001:db8::7',
    }),
  ];
  for (const use of requests) {
    const texts = { rawKey: KEY, method: use.method, target: use.target };
    const { event: logged } = resolve(
      { ...texts, clientAddress: use.clientAddress },
      { by: enricher({ geography: GEOGRAPHY }) },
    );
    const read = readUse(use);
    assert.equal(read.network, logged.network);
    assert.equal(read.route.code, logged.route.code);
    assert.equal(read.method, logged.method);
    assert.equal(read.place.country, logged.place.country);
  }
});

test('contain without a profile knows nothing good', async (t) => {
  const at = await testEndpoint(t);
  await at.store.putVerdict(sampleVerdict({ key: idOf(KEY), rung: 'contain', untilAt: null }));
  assert.equal((await at.ask('/decide/nginx', headersOf())).status, 403);
  const empty = { countries: [], networkCodes: [], systemCodes: [], routeFilter: [], asOfAt: '' };
  assert.equal(departureOf(empty, readUse(useOf())), undefined);
});
