/** A real Caddy with the set-up of docs/decide.md. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decoded } from '../gateways/through.ts';
import { startCaddy } from '../servers/gateways/caddy.ts';
import { type AskingGateway, setUp, testAsking } from './asking-gateway.ts';
import { ask, documented, replaced } from './gateway-tools.ts';
import { idOf } from './tools.ts';

const CADDY: AskingGateway = {
  name: 'Caddy',
  start: ({ endpoint, service }) =>
    startCaddy({
      newer: true,
      site: replaced(documented('# caddy: site'), {
        '127.0.0.1:8421': `127.0.0.1:${endpoint}`,
        '127.0.0.1:8080': `127.0.0.1:${service}`,
      }),
    }),
  logged: ({ logFile }) => decoded('caddy', logFile),
  tricks: [
    { 'X-Long': 'x'.repeat(12_000) },
    { Expect: '100-continue' },
    { 'X-Odd': '\u00ff\u00fe' },
    { Upgrade: 'websocket', Connection: 'upgrade' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key') },
    { 'X-Forwarded-Uri': '/a', 'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Method': 'PUT' },
  ],
};

testAsking(CADDY);

test('Caddy: a request is sent once to a service that fails, which learns the id of the key', async (t) => {
  const { service, gateway } = await setUp(t, CADDY);
  service.breaks.next = true;
  const sent = { key: 'good-key', headers: { 'X-Test-Id': 'once' }, body: 'a' };
  assert.equal((await ask(gateway.port, sent)).status, 502);
  assert.deepEqual(service.got, ['once']);
  assert.equal(service.last.headers['x-keyhound-key'], idOf('good-key'));
});
