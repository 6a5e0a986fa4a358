/** A real HAProxy, with the configuration of docs/: JSON by TCP, and `option httplog` by UDP. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT, scratch } from '../judged/keyhound.ts';
import { startHaproxy } from '../servers/gateways/haproxy.ts';
import { live } from './live.ts';
import { type Sent, send } from './through.ts';

const [KEY, OTHER, UNKNOWN] = [
  'raw-key-of-haproxy-one',
  'raw-key-of-haproxy-two',
  'made-up-key-of-haproxy',
];
const FORGED = '","key_id":"client-2","status":500,"x":"#22 {|} " 1/1/0/0/0 0/0 "GET /x HTTP/1.1"';
const AGENT = { 'user-agent': 'orders-app/2.1' };
const REQUESTS: readonly (Sent & { readonly status: number })[] = [
  { path: '/v1/orders/17?limit=10', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 200 },
  { path: '/v1/orders', method: 'POST', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 200 },
  {
    path: `/v1/${encodeURIComponent(FORGED)}`,
    headers: { 'user-agent': `app/1 ${FORGED}`, 'X-Api-Key': KEY, cookie: `sid=${FORGED}` },
    status: 200,
  },
  { path: '/v1/orders', headers: { ...AGENT, 'X-Api-Key': OTHER }, status: 200 },
  { path: '/v1/orders', headers: { ...AGENT, 'X-Api-Key': UNKNOWN }, status: 401 },
  { path: '/v1/orders', headers: AGENT, status: 401 },
  { path: '/limited', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 429 },
];
/** Refused by a limit: known of, and not learned. */
const OF_KEY = 3;

/** The blocks of a page that hold these lines. */
function block(page: string, line: string): string {
  const blocks = readFileSync(path.join(ROOT, page), 'utf8').matchAll(/^```\w*\n([\s\S]*?)^```$/gm);
  const found = [...blocks].map((match) => match[1] ?? '').find((text) => text.includes(line));
  assert.ok(found !== undefined, `${page} has no block with ${line}`);
  return found;
}

const RULES = `
  http-request return status 429 if { path /limited }
  http-request return status 200 content-type text/plain string "twelve bytes"`;

test('HAProxy: JSON over TCP, with the keys that it has looked up', async (t) => {
  const folder = scratch(t);
  const keyhound = await live(t, folder, [
    { name: 'json', kind: 'syslog', listen: 'tcp://127.0.0.1:0', format: 'haproxy', trust: 'act' },
  ]);
  const frontend = block('docs/formats.md', 'frontend api');
  const [ring, log = ''] = block('docs/running.md', 'ring keyhound').split('frontend api');
  const haproxy = await startHaproxy({
    config: `${ring?.replace(/127\.0\.0\.1:\d+/, keyhound.address('json'))}
${frontend.replace('/etc/haproxy/keys.map', 'FOLDER/keys.map')}
  bind BIND
${log}
${RULES}`,
    files: { 'keys.map': `${KEY} client-1\n${OTHER} client-2\n` },
  });
  t.after(() => haproxy.remove());
  for (const sent of REQUESTS) assert.equal(await send(haproxy.port, sent), sent.status, sent.path);
  const learned = await keyhound.learned(REQUESTS.length);
  await haproxy.stop();
  assert.deepEqual(
    learned.keys,
    new Map([
      ['haproxy:client-1', OF_KEY],
      ['haproxy:client-2', 1],
    ]),
  );
  assert.deepEqual(learned.rejected, { 'no-key': 2 });
  for (const key of [KEY, OTHER, UNKNOWN]) assert.ok(!learned.output.includes(key));
});

test('HAProxy: httplog over UDP, with the header that it captures', async (t) => {
  const folder = scratch(t);
  const keyhound = await live(t, folder, [
    {
      ...{ name: 'httplog', kind: 'syslog', listen: 'udp://127.0.0.1:0', format: 'haproxy' },
      key: 'field:capture.1',
    },
  ]);
  const haproxy = await startHaproxy({
    config: `
frontend api
  bind BIND
  log ${keyhound.address('httplog')} len 8192 format rfc5424 local0
  option httplog
  capture request header X-Api-Key len 64
  capture request header User-Agent len 200
  capture cookie sid= len 200
  http-request deny deny_status 401 unless { req.hdr(x-api-key) -f FOLDER/keys.list }
${RULES}`,
    files: { 'keys.list': `${KEY}\n${OTHER}\n` },
  });
  t.after(() => haproxy.remove());
  for (const sent of REQUESTS) assert.equal(await send(haproxy.port, sent), sent.status, sent.path);
  const learned = await keyhound.learned(REQUESTS.length, [KEY, OTHER]);
  await haproxy.stop();
  assert.deepEqual(
    learned.keys,
    new Map([
      [learned.ids.get(KEY), OF_KEY],
      [learned.ids.get(OTHER), 1],
    ]),
  );
  assert.deepEqual(learned.rejected, { 'no-key': 1 });
  for (const raw of [KEY, OTHER, UNKNOWN]) assert.ok(!learned.output.includes(raw));
});
