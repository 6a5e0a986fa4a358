/** A real NGINX with the set-up of docs/decide.md. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decoded } from '../gateways/through.ts';
import { startNginx } from '../servers/gateways/nginx.ts';
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
  readonly nginx: Gateway;
}

async function setup(t: TestContext): Promise<Setup> {
  const endpoint = await startEndpoint(t);
  const service = await startService(t);
  const nginx = await startNginx({
    http: replaced(documented('# nginx: http'), { '127.0.0.1:8421': `127.0.0.1:${endpoint.port}` }),
    server: replaced(documented('# nginx: server'), {
      '127.0.0.1:8080': `127.0.0.1:${service.port}`,
      '/var/log/nginx/keyhound.log': 'LOG_FILE',
    }),
  });
  t.after(() => nginx.remove());
  return { endpoint, service, nginx };
}

test('NGINX: allow, throttle with all that the client may know, suspend, and a log that says whose it was', async (t) => {
  const { endpoint, service, nginx } = await setup(t);
  const [good, fast, stolen] = ['good-key', 'fast-key', 'stolen-key'];
  const limit = { requests: 1, windowMs: 3_600_000 };
  await endpoint.put(
    sampleVerdict({ key: idOf(fast), rung: 'throttle-hard', untilAt: null, limit }),
  );
  await endpoint.put(sampleVerdict({ key: idOf(stolen), rung: 'suspend', untilAt: null }));

  assert.equal((await ask(nginx.port, { key: good })).status, 200);
  const first = await ask(nginx.port, { key: fast });
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-policy'], '"rate";q=1;w=3600');
  const second = await ask(nginx.port, { key: fast });
  assert.equal(second.status, 429);
  const body = JSON.parse(second.body) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), [
    ...['error', 'current_usage', 'limit', 'reset_time', 'retry_after'],
  ]);
  assert.equal(String(body['retry_after']), second.headers['retry-after']);
  assert.match(String(second.headers['ratelimit']), /^"rate";r=0;t=3\d{3}$/);
  const refused = await ask(nginx.port, { key: stolen });
  assert.equal(refused.status, 403);
  assert.deepEqual(JSON.parse(refused.body), { error: 'forbidden' });
  assert.equal(service.got.length, 2);
  await nginx.stop();

  const logFormat = documented('# nginx: http').split('log_format keyhound ')[1]!.trim();
  const events = decoded('nginx', nginx.logFile, { logFormat: logFormat.replace(/;$/, '') });
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

test('NGINX: the endpoint killed with -9 under load loses no good request, and holds its verdicts when it is back', async (t) => {
  const { endpoint, service, nginx } = await setup(t);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  assert.equal((await ask(nginx.port, { key: 'stolen-key' })).status, 403);
  const plan = { requests: 3000, clients: 16, at: 1000 };
  let back: EndpointProcess | undefined;
  const load = await underLoad(nginx.port, plan, async () => {
    await endpoint.kill();
    back = await endpoint.again();
  });
  assert.deepEqual(load.statuses, { 200: 3000 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  assert.ok(back !== undefined);
  assert.equal((await ask(nginx.port, { key: 'stolen-key' })).status, 403);
});

test('NGINX: the endpoint frozen under load loses no good request', async (t) => {
  const { endpoint, service, nginx } = await setup(t);
  const plan = { requests: 400, clients: 16, at: 200 };
  const load = await underLoad(nginx.port, plan, () => endpoint.signal('SIGSTOP'));
  assert.deepEqual(load.statuses, { 200: 400 });
  assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
  endpoint.signal('SIGCONT');
});

test('NGINX: no client can make the endpoint look dead and pass', async (t) => {
  const { endpoint, nginx } = await setup(t);
  await endpoint.put(sampleVerdict({ key: idOf('stolen-key'), rung: 'suspend', untilAt: null }));
  const tricks: Record<string, string>[] = [
    { 'X-Long': 'x'.repeat(7000), 'X-Longer': 'x'.repeat(7000), 'X-Longest': 'x'.repeat(7000) },
    { Expect: '100-continue' },
    { 'X-Odd': '\u00ff\u00fe' },
    { Upgrade: 'websocket', Connection: 'upgrade' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key'), 'X-Real-IP': 'a, b' },
    { 'X-Original-URI': '/a', 'X-Original-Method': 'GET', Authorization: 'Bearer good-key' },
  ];
  for (const headers of tricks) {
    const { status } = await ask(nginx.port, { key: 'stolen-key', headers });
    assert.equal(status, 403, Object.keys(headers).join());
  }
});

test('NGINX: a contained key goes on with its routes from its network, whatever else it writes', async (t) => {
  const { endpoint, nginx } = await setup(t);
  await checkContained(endpoint, nginx.port);
});
