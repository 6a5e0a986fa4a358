import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../app/config.ts';
import type { Check } from '../../app/contract.ts';
import { doctor } from '../../app/doctor.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-doctor-'));
after(() => rmSync(folder, { recursive: true }));
const NOW = Date.UTC(2026, 8, 1);
const FREE = 'listen: {console: "127.0.0.1:0", decide: "127.0.0.1:0", intake: "127.0.0.1:0"}\n';

async function examine(
  text: string,
  env: Record<string, string> = {},
  afterLoading = (): void => {},
): Promise<ReadonlyMap<string, Check>> {
  const file = join(folder, 'keyhound.yaml');
  writeFileSync(file, text);
  const config = loadConfig({ file, env, cwd: folder });
  afterLoading();
  const checks = new Map<string, Check>();
  const all = { HOME: folder, ...env };
  for await (const check of doctor({ config, env: all, clock: { now: () => NOW } })) {
    checks.set(check.name, check);
  }
  return checks;
}

test('a new installation passes, and is not changed by looking at it', async () => {
  const checks = await examine(`${FREE}state: {dir: new}\n`);
  assert.deepEqual(
    [...checks.values()].filter(({ ok }) => !ok),
    [],
  );
  assert.match(checks.get('state folder')!.detail, /to be made/);
  assert.match(checks.get('pepper')!.detail, /none yet/);
  assert.match(checks.get('geography')!.detail, /geoip-lite/);
  assert.ok(!existsSync(join(folder, 'new')) && !existsSync(join(folder, '.config')));
});

test('a port in use fails, with what to change', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const checks = await examine(`listen: {console: "127.0.0.1:0", intake: "127.0.0.1:${port}"}\n`);
  server.close();
  assert.equal(checks.get('port console')!.ok, true);
  assert.equal(checks.get('port intake')!.ok, false);
  assert.match(checks.get('port intake')!.hint!, /listen\.intake/);
});

test('redis: a server that is away fails without its password, and the checks after it still run', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  const url = `redis://keyhound:made-up-secret@127.0.0.1:${port}/0`;
  const checks = await examine(`${FREE}redis: {url: "${url}"}\n`);
  assert.equal(checks.get('redis')!.ok, false);
  assert.match(checks.get('redis')!.detail, /127\.0\.0\.1:\d+ does not answer/);
  assert.doesNotMatch(JSON.stringify([...checks]), /made-up-secret/);
  assert.ok(checks.has('port console'));
});

test('syslog: an address that another program has fails, over UDP and TCP', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  const server = createServer().listen(0, '127.0.0.1');
  await Promise.all([once(socket, 'listening'), once(server, 'listening')]);
  const source = (name: string, listen: string): string =>
    `  - {name: ${name}, kind: syslog, format: haproxy, listen: "${listen}"}\n`;
  const checks = await examine(
    `${FREE}sources:\n${source('free-udp', 'udp://127.0.0.1:0')}${source('free-tcp', 'tcp://127.0.0.1:0')}` +
      source('udp', `udp://127.0.0.1:${socket.address().port}`) +
      source('tcp', `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`),
  );
  socket.close();
  server.close();
  for (const name of ['udp', 'tcp']) {
    assert.equal(checks.get(`source free-${name}`)!.ok, true);
    assert.equal(checks.get(`source ${name}`)!.ok, false);
    assert.match(checks.get(`source ${name}`)!.hint!, /listen/);
  }
});

test('sources: a file that is not there, one of another format, and a right one', async () => {
  const line =
    '198.51.100.7 - - [01/Mar/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"\n';
  writeFileSync(join(folder, 'access.log'), line.repeat(20));
  writeFileSync(join(folder, 'kong.log'), line.repeat(20));
  for (const name of ['k8s.log', 'k8s-2.log']) {
    writeFileSync(join(folder, name), `2026-03-01T10:00:00.1Z stdout F ${line}`.repeat(20));
  }
  const checks = await examine(`${FREE}sources:
  - {name: right, kind: file, format: combined, path: access.log}
  - {name: other, kind: file, format: kong, path: kong.log}
  - {name: absent, kind: file, format: kong, path: absent.log}
  - {name: bare, kind: file, format: combined, path: k8s.log}
  - {name: wrapped, kind: file, format: combined, path: k8s-2.log, envelope: cri}
`);
  assert.equal(checks.get('source right')!.ok, true);
  assert.match(checks.get('source other')!.detail, /looks like (combined|nginx)/);
  assert.equal(checks.get('source bare')!.ok, false);
  assert.match(checks.get('source bare')!.detail, /looks like combined with envelope: cri/);
  assert.equal(checks.get('source wrapped')!.ok, true);
  assert.equal(checks.get('source absent')!.ok, false);
  assert.match(checks.get('source absent')!.hint!, /`run` waits for it/);
});

test('the pepper is named by its fingerprint, never shown; a state of another one fails', async () => {
  const secret = 'a-pepper-of-more-than-sixteen-bytes';
  const state = mkdtempSync(join(folder, 'state-'));
  const store = await openSqliteStore({ folder: state, pepperFingerprint: '0123456789abcdef' });
  await store.close();
  chmodSync(state, 0o755);
  const checks = await examine(`${FREE}state: {dir: ${state}}\n`, { KEYHOUND_PEPPER: secret });
  assert.match(checks.get('pepper')!.detail, /from the environment, fingerprint [0-9a-f]{16}/);
  assert.ok(!JSON.stringify([...checks]).includes(secret));
  assert.equal(checks.get('state and pepper')!.ok, false);
  assert.equal(checks.get('state is private')!.ok, false);
  assert.match(checks.get('state')!.detail, /schema \d+.*not in use/);
});

test('a state of the pepper before is well while the pepper is being changed, as run takes it', async () => {
  const before = 'a-former-pepper-of-sixteen-bytes';
  const state = mkdtempSync(join(folder, 'state-'));
  const store = await openSqliteStore({
    folder: state,
    pepperFingerprint: pepperKey(before).fingerprint,
  });
  await store.close();
  const text = `${FREE}state: {dir: ${state}}\n`;
  const given = { KEYHOUND_PEPPER: before };
  assert.equal((await examine(text, given)).get('state and pepper')!.ok, true);
  const changed = {
    KEYHOUND_PEPPER: 'another-pepper-of-sixteen-bytes',
    KEYHOUND_PEPPER_PREVIOUS: before,
  };
  const told = (await examine(text, changed)).get('state and pepper')!;
  assert.equal(told.ok, true);
  assert.match(told.detail, /being changed/);
  const strange = { ...changed, KEYHOUND_PEPPER_PREVIOUS: 'a-third-pepper-of-sixteen-bytes' };
  assert.equal((await examine(text, strange)).get('state and pepper')!.ok, false);
});

test('a registry with faults fails, and the checks after it still run', async () => {
  writeFileSync(join(folder, 'keys.csv'), 'id,risk\na,terrible\n');
  const checks = await examine(`${FREE}keys: keys.csv\n`);
  assert.equal(checks.get('key registry')!.ok, false);
  assert.ok(checks.has('port intake'));
});

test('calendars are read, and the next window is told; a broken file fails with its reason', async () => {
  const dates = (from: string, to: string) => `events: [{from: "${from}", to: "${to}"}]`;
  // Read when the configuration was, and gone since.
  const event = ['BEGIN:VEVENT', 'UID:1', 'DTSTAMP:20260901T000000Z', 'DTSTART:20260905T100000Z'];
  const ics = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:x', ...event, 'DTEND:20260905T110000Z'];
  writeFileSync(join(folder, 'gone.ics'), [...ics, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n'));
  const checks = await examine(
    `${FREE}calendars:\n` +
      `  - {name: launch, kind: planned, ${dates('2026-09-03T10:00', '2026-09-03T12:00')}}\n` +
      `  - {name: past, kind: maintenance, ${dates('2025-01-01T00:00', '2025-01-01T02:00')}}\n` +
      '  - {name: gone, kind: planned, path: gone.ics}\n',
    {},
    () => rmSync(join(folder, 'gone.ics')),
  );
  assert.match(
    checks.get('calendar launch')!.detail,
    /1 windows, the next one at 2026-09-03T10:00/,
  );
  assert.match(checks.get('calendar past')!.detail, /none ahead/);
  assert.equal(checks.get('calendar gone')!.ok, false);
});
