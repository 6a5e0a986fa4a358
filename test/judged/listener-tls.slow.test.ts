/** Our own listeners over TLS 1.3: who is heard, and that the command line finds its way to them. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeCertificates } from '../servers/certificates.ts';
import { send } from './https.ts';
import { finish, scratch, start } from './keyhound.ts';

const TOKEN = 'token-of-the-made-gateway';

function record(): string {
  const at = new Date().toISOString();
  return `${JSON.stringify({ time: at, key: 'made-key-1', status: 200, method: 'GET', path: '/a' })}\n`;
}

test('console and intake over TLS: 1.3 only, clients with a certificate where asked for, and the CLI', async (t) => {
  const cwd = scratch(t);
  mkdirSync(path.join(cwd, 'certs'));
  const files = await makeCertificates(path.join(cwd, 'certs'), 60);
  const tls = { cert: 'certs/server.pem', key: 'certs/server.key' };
  const config = {
    state: { dir: 'state' },
    listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    tls: { console: tls, intake: { ...tls, clientCa: 'certs/ca.pem' } },
    sources: [{ name: 'edge', kind: 'http', format: 'keyhound', token: TOKEN }],
  };
  writeFileSync(path.join(cwd, 'keyhound.yaml'), JSON.stringify(config));
  const child = start(['run', '--json'], { cwd });
  t.after(() => child.kill('SIGKILL'));
  const told = (await child.told(/"listeners":(\{[^}]*\})/))[1]!;
  const { console: console_, intake } = JSON.parse(told) as { console: string; intake: string };
  assert.match(console_, /^https:/);
  assert.match(intake, /^https:/);

  const ca = readFileSync(files.ca);
  const own = { cert: readFileSync(files.clientCert), key: readFileSync(files.clientKey) };
  const probe = `${console_}/healthz`;
  assert.equal(await send(probe, { ca }), 200);
  await assert.rejects(send(probe, {}), 'the authority is not one of the system');
  await assert.rejects(send(probe, { ca, maxVersion: 'TLSv1.2' }), /protocol version/);
  await assert.rejects(fetch(probe.replace('https:', 'http:')), 'no plaintext beside it');

  const push = `${intake}/intake/keyhound`;
  assert.equal(await send(push, { ca, ...own, token: TOKEN, body: record() }), 200);
  await assert.rejects(send(push, { ca, token: TOKEN, body: record() }), 'a certificate is needed');
  assert.equal(await send(push, { ca, ...own, body: record() }), 401, 'the token is needed too');

  const asked = await finish(['incidents', '--json'], { cwd });
  assert.equal(asked.status, 0, asked.stderr);
  const checks = (await finish(['doctor', '--json'], { cwd })).stdout;
  assert.match(checks, /"certificate console","ok":true/);
  assert.match(checks, /"certificate intake","ok":true,.*clients need one too/);

  // A certificate that is not the one in the configuration is not talked to, though its authority is the same.
  const others = await makeCertificates(scratch(t));
  cpSync(others.serverCert, files.serverCert);
  cpSync(others.serverKey, files.serverKey);
  const strange = await finish(['incidents', '--json'], { cwd });
  assert.equal(strange.status, 1);
  assert.match(strange.stderr, /api-unreachable/);
  const short = (await finish(['doctor', '--json'], { cwd })).stdout;
  assert.match(short, /"certificate console","ok":false,.*0 days left.*Renew/);
  child.kill('SIGTERM');
  await child.ended;
});

test('a key that is of another certificate keeps run from starting, and says so', async (t) => {
  const cwd = scratch(t);
  const { serverCert: cert, clientKey: key } = await makeCertificates(cwd);
  const listen = { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' };
  const config = { state: { dir: 'state' }, listen, tls: { console: { cert, key } } };
  writeFileSync(path.join(cwd, 'keyhound.yaml'), JSON.stringify(config));
  const ran = await finish(['run'], { cwd });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /is not the private key of.*\[tls-file\]|tls-file/s);
});
