/** A real Caddy with the set-up of docs/decide.md. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decoded } from '../gateways/through.ts';
import { startCaddy } from '../servers/gateways/caddy.ts';
import type { Gateway } from '../servers/gateways/process.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import {
  ask,
  checkContained,
  documented,
  type EndpointProcess,
  replaced,
  type Service,
  startEndpoint,
  startService,
  underLoad,
} from './gateway-tools.ts';
import { idOf } from './tools.ts';

interface Setup {
  readonly endpoint: EndpointProcess;
  readonly service: Service;
  readonly caddy: Gateway;
}

async function setup(t: TestContext): Promise<Setup> {
  const endpoint = await startEndpoint(t);
  const service = await startService(t);
  const caddy = await startCaddy({
    newer: true,
    site: replaced(documented('# caddy: site'), {
      '127.0.0.1:8421': `127.0.0.1:${endpoint.port}`,
      '127.0.0.1:8080': `127.0.0.1:${service.port}`,
    }),
  });
  t.after(() => caddy.remove());
  return { endpoint, service, caddy };
}

test('Caddy: allow, throttle with all that the client may know, suspend, and a log that says whose it was', async (t) => {
  const { endpoint, service, caddy } = await setup(t);
  const [good, fast, stolen] = ['good-key', 'fast-key', 'stolen-key'];
  const limit = { requests: 1, windowMs: 3_600_000 };
  await endpoint.put(
    sampleVerdict({ key: idOf(fast), rung: 'throttle-hard', untilAt: null, limit }),
  );
  await endpoint.put(sampleVerdict({ key: idOf(stolen), rung: 'suspend', untilAt: null }));

  const free = await ask(caddy.port, { key: good });
  assert.equal(free.status, 200);
  for (const name of ['ratelimit', 'ratelimit-policy', 'sunset']) {
    assert.equal(free.headers[name], undefined, name);
  }
  assert.equal(service.last.headers['x-keyhound-key'], idOf(good));
  const first = await ask(caddy.port, { key: fast });
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-policy'], '"rate";q=1;w=3600');
  assert.equal(first.headers['ratelimit'], '"rate";r=0;t=3600');
  const second = await ask(caddy.port, { key: fast });
  assert.equal(second.status, 429);
  const body = JSON.parse(second.body) as Record<string, unknown>;
  assert.equal(String(body['retry_after']), second.headers['retry-after']);
  assert.match(String(second.headers['ratelimit']), /^"rate";r=0;t=3\d{3}$/);
  const refused = await ask(caddy.port, { key: stolen });
  assert.equal(refused.status, 403);
  assert.deepEqual(JSON.parse(refused.body), { error: 'forbidden' });
  assert.equal(service.got.length, 2);
  await caddy.stop();

  const events = decoded('caddy', caddy.logFile);
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

test('Caddy: the endpoint killed with -9 under load loses no good request, and holds its verdicts when it is back', async (t) => {
  const { endpoint, service, caddy } = await setup(t);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  assert.equal((await ask(caddy.port, { key: 'stolen-key' })).status, 403);
  const plan = { requests: 3000, clients: 16, at: 1000 };
  let back: EndpointProcess | undefined;
  const load = await underLoad(caddy.port, plan, async () => {
    await endpoint.kill();
    back = await endpoint.again();
  });
  assert.deepEqual(load.statuses, { 200: 3000 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  assert.ok(back !== undefined);
  assert.equal((await ask(caddy.port, { key: 'stolen-key' })).status, 403);
});

test('Caddy: the endpoint frozen under load loses no good request', async (t) => {
  const { endpoint, service, caddy } = await setup(t);
  const plan = { requests: 400, clients: 16, at: 200 };
  const load = await underLoad(caddy.port, plan, () => endpoint.signal('SIGSTOP'));
  assert.deepEqual(load.statuses, { 200: 400 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  endpoint.signal('SIGCONT');
});

test('Caddy: a request is never sent twice to a service that failed, and no client makes the endpoint look dead', async (t) => {
  const { endpoint, service, caddy } = await setup(t);
  service.breaks.next = true;
  const sent = { key: 'good-key', headers: { 'X-Test-Id': 'once' }, body: 'a' };
  assert.equal((await ask(caddy.port, sent)).status, 502);
  assert.deepEqual(service.got, ['once']);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  const tricks: Record<string, string>[] = [
    { 'X-Long': 'x'.repeat(12_000) },
    { Expect: '100-continue' },
    { 'X-Odd': '\u00ff\u00fe' },
    { Upgrade: 'websocket', Connection: 'upgrade' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key') },
    { 'X-Forwarded-Uri': '/a', 'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Method': 'PUT' },
  ];
  for (const headers of tricks) {
    const { status } = await ask(caddy.port, { key: 'stolen-key', headers });
    assert.equal(status, 403, Object.keys(headers).join());
  }
});

test('Caddy: a contained key goes on with its routes from its network, whatever else it writes', async (t) => {
  const { endpoint, caddy } = await setup(t);
  await checkContained(endpoint, caddy.port);
});
