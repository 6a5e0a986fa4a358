/** Who may ask. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { createCallers, isLoopback } from '../../decide/callers.ts';
import { idOf, testEndpoint } from './tools.ts';

const TOKEN = 'a-token-of-the-tests';

test('loopback is what never leaves this machine', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
    assert.ok(isLoopback(address), address);
  }
  for (const address of ['10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', undefined]) {
    assert.equal(isLoopback(address), false, String(address));
  }
});

test('the token is taken as X-Keyhound-Token or as a bearer, and as nothing else', () => {
  const callers = createCallers(TOKEN);
  assert.ok(callers.admits([TOKEN], []));
  assert.ok(callers.admits([], [`Bearer ${TOKEN}`]));
  assert.ok(callers.admits(['wrong'], [`bearer ${TOKEN}`]));
  const wrong: [string[], string[]][] = [
    [[], []],
    [['wrong'], []],
    [[TOKEN, TOKEN], []],
    [[], [TOKEN]],
    [[], [`Basic ${TOKEN}`]],
    [[`${TOKEN}x`], [`Bearer x${TOKEN}`]],
  ];
  for (const [tokens, authorization] of wrong) {
    assert.equal(
      callers.admits(tokens, authorization),
      false,
      JSON.stringify([tokens, authorization]),
    );
  }
});

test('without a token in the configuration nobody has one', () => {
  const callers = createCallers(undefined);
  for (const token of ['', 'undefined', TOKEN]) {
    assert.equal(callers.admits([token], [`Bearer ${token}`]), false);
  }
});

test('our own token is no key of a client', async (t) => {
  const at = await testEndpoint(t, { token: TOKEN });
  const said = await at.ask('/decide/forward', [['Authorization', `Bearer ${TOKEN}`]]);
  assert.equal(said.headers['x-keyhound-key'], undefined);
  const other = await at.ask('/decide/forward', [['Authorization', 'Bearer a-key']]);
  assert.equal(other.headers['x-keyhound-key'], idOf('a-key'));
});

const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test('from another address nothing is told without the token', {
  skip: OUTSIDE === undefined,
}, async (t) => {
  const at = await testEndpoint(t, { token: TOKEN }, { host: '0.0.0.0' });
  const status = (path: string, headers: Record<string, string>, method = 'GET') =>
    new Promise<number | undefined>((resolve, reject) => {
      const to = { host: OUTSIDE, localAddress: OUTSIDE, port: at.endpoint.port, path, headers };
      const sent = request({ ...to, method, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end();
    });
  for (const path of ['/decide/nginx', '/decide/forward', '/decide/envoy/a', '/decide/json']) {
    assert.equal(await status(path, { 'X-Api-Key': 'a' }), 401, path);
    assert.equal(await status(path, { 'X-Keyhound-Token': 'wrong' }), 401, path);
  }
  assert.equal(await status('/decide/load', {}, 'POST'), 401);
  assert.equal(await status('/decide/nginx', { 'X-Keyhound-Token': TOKEN }), 200);
  assert.equal(await status('/decide/nginx', { Authorization: `Bearer ${TOKEN}` }), 200);
  assert.equal(at.endpoint.status().counters.refusedCallers, 9);
});
