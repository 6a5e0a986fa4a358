/** A real Envoy with the set-up of docs/decide.md. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { decoded } from '../gateways/through.ts';
import { startEnvoy } from '../servers/gateways/envoy.ts';
import type { Gateway } from '../servers/gateways/process.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import {
  ask,
  checkContained,
  documented,
  type EndpointProcess,
  type Service,
  startEndpoint,
  startService,
  underLoad,
} from './gateway-tools.ts';
import { idOf } from './tools.ts';

interface Setup {
  readonly endpoint: EndpointProcess;
  readonly service: Service;
  readonly envoy: Gateway;
}

async function setup(t: TestContext): Promise<Setup> {
  const endpoint = await startEndpoint(t);
  const service = await startService(t);
  const envoy = await startEnvoy({
    jsonFormat: parse(documented('# envoy: json_format')) as Record<string, string>,
    httpFilters: [parse(documented('# envoy: filter')) as object],
    clusters: { keyhound: endpoint.port, service: service.port },
    service: 'service',
  });
  t.after(() => envoy.remove());
  return { endpoint, service, envoy };
}

test('Envoy: allow, throttle with all that the client may know, suspend, and a log that says whose it was', async (t) => {
  const { endpoint, service, envoy } = await setup(t);
  const [good, fast, stolen] = ['good-key', 'fast-key', 'stolen-key'];
  const limit = { requests: 1, windowMs: 3_600_000 };
  await endpoint.put(
    sampleVerdict({ key: idOf(fast), rung: 'throttle-hard', untilAt: null, limit }),
  );
  await endpoint.put(sampleVerdict({ key: idOf(stolen), rung: 'suspend', untilAt: null }));

  const free = await ask(envoy.port, { key: good });
  assert.equal(free.status, 200);
  for (const name of ['ratelimit', 'ratelimit-policy', 'sunset']) {
    assert.equal(free.headers[name], undefined, name);
  }
  const first = await ask(envoy.port, { key: fast });
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-policy'], '"rate";q=1;w=3600');
  assert.equal(first.headers['ratelimit'], '"rate";r=0;t=3600');
  const second = await ask(envoy.port, { key: fast });
  assert.equal(second.status, 429);
  const body = JSON.parse(second.body) as Record<string, unknown>;
  assert.equal(String(body['retry_after']), second.headers['retry-after']);
  assert.match(String(second.headers['ratelimit']), /^"rate";r=0;t=3\d{3}$/);
  const refused = await ask(envoy.port, { key: stolen });
  assert.equal(refused.status, 403);
  assert.deepEqual(JSON.parse(refused.body), { error: 'forbidden' });
  assert.equal(service.got.length, 2);
  await envoy.stop();

  const events = decoded('envoy', envoy.logFile);
  assert.deepEqual(
    events.map(({ status, auth, limitedBy, text }) => [
      status,
      auth,
      limitedBy,
      text?.credentialId,
    ]),
    [
      [200, 'ok', 'nobody', idOf(good)],
      [200, 'ok', 'nobody', idOf(fast)],
      [429, 'ok', 'keyhound', idOf(fast)],
      [403, 'ok', 'keyhound', idOf(stolen)],
    ],
  );
});

test('Envoy: the endpoint killed with -9 under load loses no good request, and holds its verdicts when it is back', async (t) => {
  const { endpoint, service, envoy } = await setup(t);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  assert.equal((await ask(envoy.port, { key: 'stolen-key' })).status, 403);
  const plan = { requests: 3000, clients: 16, at: 1000 };
  let back: EndpointProcess | undefined;
  const load = await underLoad(envoy.port, plan, async () => {
    await endpoint.kill();
    back = await endpoint.again();
  });
  assert.deepEqual(load.statuses, { 200: 3000 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  assert.ok(back !== undefined);
  assert.equal((await ask(envoy.port, { key: 'stolen-key' })).status, 403);
});

test('Envoy: the endpoint frozen under load loses no good request', async (t) => {
  const { endpoint, service, envoy } = await setup(t);
  const plan = { requests: 400, clients: 16, at: 200 };
  const load = await underLoad(envoy.port, plan, () => endpoint.signal('SIGSTOP'));
  assert.deepEqual(load.statuses, { 200: 400 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  endpoint.signal('SIGCONT');
});

test('Envoy: no client can make the endpoint look dead and pass', async (t) => {
  const { endpoint, envoy } = await setup(t);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  const tricks: Record<string, string>[] = [
    { 'X-Forwarded-For': 'x'.repeat(50_000) },
    { Expect: '100-continue' },
    { Accept: '\u00ff\u00fe' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key') },
  ];
  for (const headers of tricks) {
    const { status } = await ask(envoy.port, { key: 'stolen-key', headers });
    assert.equal(status, 403, Object.keys(headers).join());
  }
});

test('Envoy: a contained key goes on with its routes from its network, whatever else it writes', async (t) => {
  const { endpoint, envoy } = await setup(t);
  // For a client on loopback Envoy writes its own address into X-Forwarded-For.
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outside = own.find(({ internal, family }) => !internal && family === 'IPv4');
  await checkContained(endpoint, envoy.port, outside?.address);
});
