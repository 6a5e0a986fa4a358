/** What every gateway must do that asks the decision endpoint, each tried with the set-up of docs/decide.md. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Decoded } from '../ingest/formats/cases.ts';
import type { Gateway } from '../servers/gateways/process.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import {
  ask,
  checkContained,
  type EndpointProcess,
  type Service,
  startEndpoint,
  startService,
  underLoad,
} from './gateway-tools.ts';
import { idOf } from './tools.ts';

export interface AskingGateway {
  readonly name: string;
  start(ports: { readonly endpoint: number; readonly service: number }): Promise<Gateway>;
  /** What its log says, once it is stopped. */
  logged(gateway: Gateway): readonly Decoded[];
  /** Headers of a client that make the gateway or the endpoint stumble, or lie to them. */
  readonly tricks: readonly Readonly<Record<string, string>>[];
  /** Address that it takes a client on this machine for; loopback unless given. */
  readonly clientAddress?: string | undefined;
}

export interface Setup {
  readonly endpoint: EndpointProcess;
  readonly service: Service;
  readonly gateway: Gateway;
}

export async function setUp(t: TestContext, asking: AskingGateway): Promise<Setup> {
  const endpoint = await startEndpoint(t);
  const service = await startService(t);
  const gateway = await asking.start({ endpoint: endpoint.port, service: service.port });
  t.after(() => gateway.remove());
  return { endpoint, service, gateway };
}

export function testAsking(asking: AskingGateway): void {
  const { name } = asking;

  test(`${name}: allow, throttle with all that the client may know, suspend, and a log that says whose it was`, (t) =>
    checkAnswers(t, asking));

  test(`${name}: the endpoint killed with -9 under load loses no good request, and holds its verdicts when it is back`, async (t) => {
    const { endpoint, service, gateway } = await setUp(t, asking);
    await suspend(endpoint, 'stolen-key');
    assert.equal((await ask(gateway.port, { key: 'stolen-key' })).status, 403);
    const plan = { requests: 3000, clients: 16, at: 1000 };
    let back: EndpointProcess | undefined;
    const load = await underLoad(gateway.port, plan, async () => {
      await endpoint.kill();
      back = await endpoint.again();
    });
    assert.deepEqual(load.statuses, { 200: 3000 });
    assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
    assert.ok(back !== undefined);
    assert.equal((await ask(gateway.port, { key: 'stolen-key' })).status, 403);
  });

  test(`${name}: the endpoint frozen under load loses no good request`, async (t) => {
    const { endpoint, service, gateway } = await setUp(t, asking);
    const plan = { requests: 400, clients: 16, at: 200 };
    const load = await underLoad(gateway.port, plan, () => endpoint.signal('SIGSTOP'));
    assert.deepEqual(load.statuses, { 200: 400 });
    assert.deepEqual([...service.got].sort(), [...load.passed].sort(), 'each of them once');
    endpoint.signal('SIGCONT');
  });

  test(`${name}: no client can make the endpoint look dead and pass`, async (t) => {
    const { endpoint, gateway } = await setUp(t, asking);
    await suspend(endpoint, 'stolen-key');
    for (const headers of asking.tricks) {
      const { status } = await ask(gateway.port, { key: 'stolen-key', headers });
      assert.equal(status, 403, Object.keys(headers).join());
    }
  });

  test(`${name}: a contained key goes on with its routes from its network, whatever else it writes`, async (t) => {
    const { endpoint, gateway } = await setUp(t, asking);
    await checkContained(endpoint, gateway.port, asking.clientAddress);
  });
}

function suspend(endpoint: EndpointProcess, key: string): Promise<void> {
  return endpoint.put(sampleVerdict({ key: idOf(key), rung: 'suspend', untilAt: null }));
}

async function checkAnswers(t: TestContext, asking: AskingGateway): Promise<void> {
  const { endpoint, service, gateway } = await setUp(t, asking);
  const [good, fast, stolen] = ['good-key', 'fast-key', 'stolen-key'];
  const limit = { requests: 1, windowMs: 3_600_000 };
  await endpoint.put(
    sampleVerdict({ key: idOf(fast), rung: 'throttle-hard', untilAt: null, limit }),
  );
  await suspend(endpoint, stolen);

  const free = await ask(gateway.port, { key: good });
  assert.equal(free.status, 200);
  for (const name of ['ratelimit', 'ratelimit-policy', 'sunset']) {
    assert.equal(free.headers[name], undefined, name);
  }
  const first = await ask(gateway.port, { key: fast });
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-policy'], '"rate";q=1;w=3600');
  assert.equal(first.headers['ratelimit'], '"rate";r=0;t=3600');
  const second = await ask(gateway.port, { key: fast });
  assert.equal(second.status, 429);
  const body = JSON.parse(second.body) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), [
    ...['error', 'current_usage', 'limit', 'reset_time', 'retry_after'],
  ]);
  assert.equal(String(body['retry_after']), second.headers['retry-after']);
  assert.match(String(second.headers['ratelimit']), /^"rate";r=0;t=3\d{3}$/);
  const refused = await ask(gateway.port, { key: stolen });
  assert.equal(refused.status, 403);
  assert.deepEqual(JSON.parse(refused.body), { error: 'forbidden' });
  assert.equal(service.got.length, 2);
  await gateway.stop();

  assert.deepEqual(
    asking
      .logged(gateway)
      .map(({ status, auth, limitedBy, text }) => [status, auth, limitedBy, text?.credentialId]),
    [
      [200, 'ok', 'nobody', idOf(good)],
      [200, 'ok', 'nobody', idOf(fast)],
      [429, 'ok', 'keyhound', idOf(fast)],
      [403, 'ok', 'keyhound', idOf(stolen)],
    ],
  );
}
