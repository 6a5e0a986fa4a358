/** A real Caddy: what its own log makes of requests with keys. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scratch } from '../judged/keyhound.ts';
import { startCaddy } from '../servers/gateways/caddy.ts';
import { decoded, idOf, replayed, type Sent, send, startChecker } from './through.ts';

const ALICE = 'words of a made-up user';
/** bcrypt of ALICE, at its lowest cost. */
const ALICE_HASH = '$2a$04$s3RWpWC4Ok2/IdIw5pv0m.Aww8ifsz5XVlL1/1tyFVMHVjGW.N/v.';
const [KEY, THROTTLED, UNKNOWN] = [
  'raw-key-of-caddy-one',
  'raw-key-of-caddy-two',
  'made-up-key-of-caddy',
];
const FORWARDED = { 'x-forwarded-for': '198.51.100.7', 'user-agent': 'orders-app/2.1' };

function basic(password: string) {
  return { authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}` };
}

const FORGED = '","status":500,"user_id":"mallory","request":{"client_ip":"203.0.113.66"},"x":"';
const REQUESTS: readonly (Sent & { readonly status: number })[] = [
  { path: '/v1/orders/17?limit=10', headers: { ...FORWARDED, 'X-Api-Key': KEY }, status: 200 },
  {
    path: '/v1/orders/18',
    method: 'POST',
    headers: { ...FORWARDED, 'X-Api-Key': KEY },
    status: 200,
  },
  { path: '/missing', headers: { ...FORWARDED, 'X-Api-Key': KEY }, status: 404 },
  { path: '/checked', headers: { ...FORWARDED, 'X-Api-Key': KEY }, status: 200 },
  { path: '/checked', headers: { ...FORWARDED, 'X-Api-Key': THROTTLED }, status: 429 },
  { path: '/checked', headers: { ...FORWARDED, 'X-Api-Key': UNKNOWN }, status: 401 },
  {
    path: `/v1/"?q=${FORGED}`,
    headers: { 'user-agent': `app/1 ${FORGED}`, 'X-Api-Key': KEY },
    status: 200,
  },
  { path: '/v1/open', status: 200 },
  { path: '/users', headers: basic(ALICE), status: 200 },
  { path: '/users', headers: basic(ALICE), status: 200 },
  { path: '/users', headers: basic('wrong'), status: 401 },
];

test('Caddy: keys, users, refusals and what a client forges come out of its own log as they were', async (t) => {
  const folder = scratch(t);
  const checker = await startChecker(
    new Map([
      [KEY, { status: 200, headers: {} }],
      [THROTTLED, { status: 429, headers: { 'x-keyhound-decision': 'throttle' } }],
    ]),
  );
  t.after(() => checker.stop());
  const caddy = await startCaddy({
    site: `
	forward_auth /checked 127.0.0.1:${checker.port} {
		uri /decide
	}
	basicauth /users {
		alice ${ALICE_HASH}
	}
	respond /missing 404
	respond "twelve bytes"`,
  });
  t.after(() => caddy.remove());
  const begunAt = Date.now();
  const statuses: number[] = [];
  for (const sent of REQUESTS) statuses.push(await send(caddy.port, sent));
  assert.deepEqual(
    statuses,
    REQUESTS.map(({ status }) => status),
  );
  await caddy.stop();

  checkEvents(caddy.logFile, begunAt);
  await checkReplay(folder, caddy.logFile);
});

async function checkReplay(folder: string, logFile: string): Promise<void> {
  // Caddy checks no header: without --key only its own users are keys that are learned.
  const plain = await replayed(folder, logFile);
  assert.equal(plain.format, 'caddy');
  assert.deepEqual([...plain.keys], [['caddy:alice', 2]]);
  const named = await replayed(folder, logFile, ['--key', 'header:X-Api-Key']);
  const id = await idOf(folder, named.state, KEY);
  const throttled = await idOf(folder, named.state, THROTTLED);
  assert.match(id, /^h:[0-9a-f]{32}$/);
  // What Keyhound refused is known of, and not learned.
  assert.deepEqual(
    new Map(named.keys),
    new Map([
      [id, 5],
      [throttled, 0],
    ]),
  );
  assert.equal(named.summary.records, REQUESTS.length);
  assert.deepEqual(named.summary.rejected, { 'no-key': 4 });
  assert.ok(readFileSync(logFile, 'utf8').includes(KEY), 'the log itself holds the key');
  for (const { output } of [plain, named]) {
    for (const key of [KEY, THROTTLED, UNKNOWN]) assert.ok(!output.includes(key), output);
  }
}

function checkEvents(logFile: string, begunAt: number): void {
  const events = decoded('caddy', logFile);
  assert.deepEqual(
    events.map(({ result, status, bytesOut, auth, limitedBy, text }) => ({
      ...{ result, status, auth, limitedBy, method: text?.method, target: text?.target },
      ...{ key: text?.rawKey ?? text?.credentialId, agent: text?.userAgent, bytesOut },
      from: text?.forwardedFor ?? text?.clientAddress,
    })),
    REQUESTS.map(({ path, method, headers, status }) => {
      const named: Readonly<Record<string, string>> = headers ?? {};
      const isUser = path === '/users' && status === 200;
      return {
        ...{ result: 'ok', status, method: method ?? 'GET', target: path },
        auth: status === 401 ? 'failed' : isUser ? 'ok' : 'unknown',
        limitedBy: status === 429 ? 'keyhound' : 'nobody',
        key: named['X-Api-Key'] ?? (isUser ? 'alice' : undefined),
        agent: named['user-agent'],
        bytesOut: status === 200 ? 12 : 0,
        from: named['x-forwarded-for'] ?? '127.0.0.1',
      };
    }),
  );
  for (const { at, durationMs } of events) {
    // Caddy's `ts` is the end, in seconds; rounding may cost a millisecond.
    const startedAt = Date.parse(at ?? '');
    assert.ok(startedAt >= begunAt - 1 && startedAt <= Date.now(), at);
    assert.ok((durationMs ?? -1) >= 0);
  }
}
