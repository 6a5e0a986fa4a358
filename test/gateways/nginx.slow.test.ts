/** A real NGINX, with the configuration of docs/running.md: its log by syslog, and from its file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT, scratch } from '../judged/keyhound.ts';
import { startNginx } from '../servers/gateways/nginx.ts';
import { live } from './live.ts';
import { decoded, type Sent, send } from './through.ts';

const [KEY, UNKNOWN] = ['raw-key-of-nginx-one', 'made-up-key-of-nginx'];
const FORGED = '" 500 1 "-" "x" 9.000 0123456789abcdef "raw-key-of-another" ","keyId":"mallory';
const AGENT = { 'user-agent': 'orders-app/2.1' };
const REQUESTS: readonly (Sent & { readonly status: number })[] = [
  { path: '/v1/orders/17?limit=10', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 200 },
  { path: '/v1/orders', method: 'POST', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 200 },
  {
    path: `/v1/${encodeURI(FORGED)}`,
    headers: { 'user-agent': `app/1 ${FORGED}`, 'X-Api-Key': KEY },
    status: 200,
  },
  { path: '/v1/orders', headers: { ...AGENT, 'X-Api-Key': UNKNOWN }, status: 401 },
  { path: '/v1/orders', headers: AGENT, status: 401 },
  { path: '/limited', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 200 },
  { path: '/limited', headers: { ...AGENT, 'X-Api-Key': KEY }, status: 429 },
];
const LEARNED = REQUESTS.filter(({ status }) => status === 200).length;

/** The `log_format` of the page, as NGINX and as Keyhound are to have it. */
function documented(): { directive: string; logFormat: string } {
  const page = readFileSync(path.join(ROOT, 'docs/running.md'), 'utf8');
  const directive = /^log_format keyhound [\s\S]*?;$/m.exec(page)?.[0] ?? '';
  const folded = /logFormat: >-\n((?: {6}.*\n)+)/.exec(page)?.[1] ?? '';
  return { directive, logFormat: folded.trim().replaceAll(/\n +/g, ' ') };
}

test('NGINX: the same keys, refusals and limits by syslog as from its file, whatever a client forges', async (t) => {
  const folder = scratch(t);
  const { directive, logFormat } = documented();
  const traits = { format: 'nginx', key: 'header:X-Api-Key', logFormat } as const;
  const bySyslog = await live(t, folder, [
    { name: 'syslog', kind: 'syslog', listen: 'udp://127.0.0.1:0', ...traits },
  ]);
  const nginx = await startNginx({
    http: `
${directive}
map $http_x_api_key $known { "${KEY}" 1; default ""; }
limit_req_zone $http_x_api_key zone=keys:1m rate=1r/m;
limit_req_status 429;`,
    server: `
access_log LOG_FILE keyhound;
access_log syslog:server=${bySyslog.address('syslog')},tag=nginx,nohostname keyhound;
location / {
  if ($known = "") { return 401; }
  return 200 "twelve bytes";
}
location /limited {
  limit_req zone=keys;
  try_files /none @answer;
}
location @answer { return 200 "twelve bytes"; }`,
  });
  t.after(() => nginx.remove());
  const statuses: number[] = [];
  for (const sent of REQUESTS) statuses.push(await send(nginx.port, sent));
  assert.deepEqual(
    statuses,
    REQUESTS.map(({ status }) => status),
  );
  const learned = await bySyslog.learned(REQUESTS.length, [KEY]);
  await nginx.stop();

  const byFile = await live(t, folder, [
    { name: 'file', kind: 'file', path: nginx.logFile, ...traits },
  ]);
  const fromFile = await byFile.learned(REQUESTS.length);
  assert.deepEqual(learned.keys, fromFile.keys);
  assert.deepEqual(learned.rejected, fromFile.rejected);
  // A key that NGINX does not know is claimed: counted, and no key of ours.
  assert.deepEqual([...learned.keys], [[learned.ids.get(KEY), LEARNED]]);
  assert.deepEqual(learned.rejected, { 'no-key': 1 });
  assert.ok(readFileSync(nginx.logFile, 'utf8').includes(KEY), 'the log itself holds the key');
  for (const { output } of [learned, fromFile]) {
    for (const key of [KEY, UNKNOWN]) assert.ok(!output.includes(key), output);
  }
  checkEvents(nginx.logFile, logFormat);
});

function checkEvents(logFile: string, logFormat: string): void {
  const key = { kind: 'header', name: 'x-api-key' } as const;
  const events = decoded('nginx', logFile, { key, logFormat });
  assert.deepEqual(
    events.map(({ result, status, auth, text }) => ({
      ...{ result, status, auth, method: text?.method, target: text?.target },
      ...{ key: text?.rawKey, agent: text?.userAgent, from: text?.clientAddress },
    })),
    REQUESTS.map(({ path: target, method, headers, status }) => ({
      ...{ result: 'ok', status, method: method ?? 'GET', target },
      auth: status === 401 ? 'failed' : 'unknown',
      key: headers?.['X-Api-Key'],
      agent: headers?.['user-agent'],
      from: '127.0.0.1',
    })),
  );
  const ids = events.map(({ text }) => text?.requestId);
  assert.equal(new Set(ids).size, REQUESTS.length, 'NGINX makes a request id for each');
}
