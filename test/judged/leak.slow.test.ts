/** A leaked key, end to end: a signed report → revoked at Kong → seen in the stream → told; and all that is refused. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { readSecrets, signMessage } from '../../responders/standard-webhooks.ts';
import { type FakeKong, startKong } from '../fakes/kong.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../fakes/webhook-receiver.ts';
import { until } from '../support/until.ts';
import { finish, scratch } from './keyhound.ts';
import { configure, type Service, serve, tokenOf } from './service.ts';

const SENDER = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const CHANNEL = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const CONSUMER = '5f1f5c6e-5a0b-4f0d-9d0e-0a2f0c3f9b11';
const OTHER = '00000000-0000-4000-8000-000000000002';
const KEY = '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded00';
const NEXT = '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded01';
const WEB = '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded02';
const RAW = 'made-up-raw-key-that-leaked';
const NEXT_RAW = 'made-up-raw-key-that-took-its-place';
const WEB_RAW = 'made-up-raw-key-of-the-web-page';

interface Scene {
  readonly folder: string;
  readonly service: Service;
  readonly kong: FakeKong;
  readonly channel: WebhookReceiver;
  report(body: object, change?: { secret?: string; id?: string; at?: number }): Promise<number>;
}

async function scene(t: TestContext): Promise<Scene> {
  const kong = await startKong();
  t.after(() => kong.close());
  for (const [id, raw, consumer] of [
    [KEY, RAW, CONSUMER],
    [NEXT, NEXT_RAW, CONSUMER],
    [WEB, WEB_RAW, OTHER],
  ] as const) {
    kong.consumers.set(consumer, { id: consumer, username: consumer.slice(0, 4) });
    kong.addCredential({ id, key: raw, consumer: { id: consumer } });
  }
  const channel = await startWebhookReceiver(CHANNEL, Date.now);
  t.after(() => channel.close());
  const folder = scratch(t);
  writeFileSync(path.join(folder, 'policy.yaml'), 'version: 1\nladder: {revoke: automatic}\n');
  configure(folder, {
    state: { dir: 'state' },
    listen: Object.fromEntries(
      ['console', 'decide', 'intake', 'hooks'].map((name) => [name, '127.0.0.1:0']),
    ),
    sources: [{ name: 'kong', kind: 'http', format: 'kong', token: tokenOf('kong'), trust: 'act' }],
    keys: [
      { id: `kong:${KEY}`, label: 'checkout', consumer: 'acme' },
      { id: `kong:${NEXT}`, label: 'checkout-2', consumer: 'acme', predecessor: `kong:${KEY}` },
      { id: `kong:${WEB}`, label: 'web', exposure: 'public' },
    ],
    policy: 'policy.yaml',
    gateways: [{ name: 'kong', kind: 'kong', urls: [kong.url] }],
    channels: [
      { name: 'soc', kind: 'webhook', url: channel.url, secret: CHANNEL, severity: 'info' },
    ],
    hooks: { leak: [{ name: 'scanner', secret: SENDER }] },
  });
  const service = await serve(t, folder);
  return {
    folder,
    service,
    kong,
    channel,
    async report(report, { secret = SENDER, id = 'msg_1', at = Date.now() } = {}) {
      const body = JSON.stringify(report);
      const headers = { ...signMessage({ id, body }, readSecrets(secret), at) };
      const url = `${service.listeners['hooks']}/hooks/leak`;
      return (await fetch(url, { method: 'POST', headers, body })).status;
    },
  };
}

/** What Kong logs of a request: who it was for Kong, and the raw key that came. */
async function use({ service }: Scene, key: string, raw: string, status = 200): Promise<void> {
  const record = {
    started_at: Date.now(),
    client_ip: '198.51.100.7',
    request: { method: 'GET', uri: '/v1/orders', headers: { apikey: raw } },
    response: { status, headers: {} },
    latencies: { request: 12 },
    ...(status === 401
      ? {}
      : { authenticated_entity: { id: key }, consumer: { id: CONSUMER, username: 'acme' } }),
  };
  const answer = await fetch(`${service.listeners['intake']}/intake/kong`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf('kong')}` },
    body: JSON.stringify(record),
  });
  assert.equal(answer.status, 200);
}

type Told = { id: string; state: string; severity: string; title: string } & {
  facts?: { name: string; value: string }[];
  done?: string[];
  undo?: string;
};

function alertsOf({ channel }: Scene): Told[] {
  return [...channel.messages.values()].flatMap(({ data }) => data.alerts as unknown as Told[]);
}

test('a leaked key is revoked, seen and told; nobody else is touched', async (t) => {
  const all = await scene(t);
  const { kong, service, report } = all;
  await use(all, KEY, RAW);
  await use(all, NEXT, NEXT_RAW);
  await use(all, WEB, WEB_RAW);
  await service.applied(3);

  const forger = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  assert.equal(await report({ token: RAW }, { secret: forger }), 401);
  assert.equal(await report({ token: RAW }, { at: Date.now() - 301_000 }), 400);
  assert.equal(await report({ token: 'nobody-has-this-key' }, { id: 'msg_0' }), 202);
  assert.equal(await report({ token: WEB_RAW }, { id: 'msg_2' }), 202);
  await until(() => alertsOf(all).some(({ title }) => title.startsWith('web was reported')));
  assert.equal(kong.credentials.size, 3, 'nothing was done about any of that');

  const sentAt = performance.now();
  const url = 'https://code.example/acme/app/blob/main/.env';
  assert.equal(await report({ token: RAW, url }), 202);
  await until(() => !kong.credentials.has(KEY));
  const revokedMs = performance.now() - sentAt;
  const isTold = ({ done = [] }: Told): boolean =>
    done.some((line) => /^revoked at kong/.test(line));
  await until(() => alertsOf(all).some(isTold));
  const toldMs = performance.now() - sentAt;
  t.diagnostic(`revoked after ${Math.round(revokedMs)} ms, told after ${Math.round(toldMs)} ms`);
  const told = alertsOf(all).find(isTold)!;
  assert.equal(told.severity, 'critical');
  const undo = /^keyhound (restore kong:7f2d\S+ --decision dec_\w+) --reason "…" (--yes)$/.exec(
    told.undo!,
  );
  assert.ok(undo !== null, told.undo);
  assert.deepEqual([...kong.credentials.keys()].sort(), [NEXT, WEB], 'its successor goes on');

  const calls = kong.calls.length;
  assert.equal(await report({ token: RAW, url }), 202, 'a replay');
  const lines = await service.get(`/api/v1/incidents`);
  assert.match(lines, /"severity":"critical"/);
  assert.match(lines, /The key is public: scanner sent the key itself/);
  const { actions } = JSON.parse(await service.get('/api/v1/actions')) as { actions: unknown[] };
  assert.equal(actions.length, 1);
  assert.equal(kong.calls.length, calls, 'and Kong is not asked again');
  assert.deepEqual(kong.violations, []);
  for (const raw of [RAW, WEB_RAW]) assert.ok(!service.child.stderr.includes(raw));
  // The thief goes on, and is refused: that is what the stream shows once every node of Kong knows.
  const isContained = async () => {
    await use(all, KEY, RAW, 401);
    return alertsOf(all).some(({ done = [] }) =>
      done.some((line) => /^contained at kong/.test(line)),
    );
  };
  await until(isContained, Boolean, { everyMs: 250 });
  toldAsOne(alertsOf(all));
  await restored(all, undo);
  await service.stop();
});

/** The report and its incident are one alert to people, which names both. */
function toldAsOne(alerts: readonly Told[]): void {
  const ofKey = alerts.filter(({ title }) => title.startsWith('checkout: '));
  assert.equal(new Set(ofKey.map(({ id }) => id)).size, 1, JSON.stringify(ofKey));
  const { facts = [], title } = ofKey.at(-1)!;
  const named = Object.fromEntries(facts.map(({ name, value }) => [name, value]));
  assert.equal(title, 'checkout: its key is public');
  assert.match(named['details']!, /^keyhound incidents show inc_/);
  assert.match(named['report']!, /^scanner, dec_/);
}

/** The command of the alert works as it stands there; without the decision's name the key stays revoked. */
async function restored({ folder, kong }: Scene, undo: RegExpExecArray): Promise<void> {
  const [key] = /kong:\S+/.exec(undo[1]!)!;
  const bare = ['restore', key, '--reason', 'ticket 17', '--yes'];
  const refused = await finish(bare, { cwd: folder });
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /revoked by a report of scanner.*by its name only/s);
  assert.ok(!kong.credentials.has(KEY));
  const named = [...undo[1]!.split(' '), '--reason', 'ticket 17', undo[2]!];
  const ended = await finish(named, { cwd: folder });
  assert.equal(ended.status, 0, ended.stderr);
  await until(() => kong.credentials.get(KEY)?.['key'] === RAW);
}
