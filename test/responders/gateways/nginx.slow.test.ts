/** A real NGINX whose keys are throttled and refused by map files. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { startNginx } from '../../servers/gateways/nginx.ts';
import type { Gateway } from '../../servers/gateways/process.ts';
import { snippet } from '../../support/snippets.ts';
import { clientOf } from './client.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-maps-'));
after(() => rm(folder, { recursive: true, force: true }));
for (const file of ['refused.map', 'throttle-slow.map']) {
  await writeFile(path.join(folder, file), '');
}
const TIME = { timeout: 60_000 };

const PAGE = 'docs/gateways-proxies.md';
// The operator's own map says which id a raw key has; two of these differ by case only.
await writeFile(
  path.join(folder, 'keys.map'),
  '"raw-one" "key.One"; "raw-two" "key.one"; "raw-hex" "0af-9";\n',
);
const HTTP = snippet(PAGE, 'nginx', 0, {
  '/etc/nginx/keys.map': path.join(folder, 'keys.map'),
  '/etc/nginx/keyhound': folder,
});
const SERVER = `
location / {
  if ($keyhound_refused) { return 403; }
  try_files /none @api;
}
location @api { return 200; }
`;

function adapter(nginx: Gateway) {
  const home = path.dirname(nginx.logFile);
  const program = process.env['KEYHOUND_TEST_NGINX'] ?? 'nginx';
  return adapterOf('nginx', {
    folder,
    reload: [
      ...[program, '-p', home, '-c', path.join(home, 'nginx.conf')],
      ...['-e', 'stderr', '-s', 'reload'],
    ],
    throttles: [{ name: 'slow', perMinute: 6 }],
  });
}

test('a key is throttled, refused and given back, and its sibling is let alone', TIME, async () => {
  let nginx = await startNginx({ http: HTTP, server: SERVER });
  try {
    const edge = adapter(nginx);
    const target = { subjectId: 'nginx:key.One', credentialId: 'key.One' };
    const original = await edge.read(target, NEVER);
    let mine = clientOf(nginx.port, { 'x-api-key': 'raw-one' });
    let other = clientOf(nginx.port, { 'x-api-key': 'raw-two' });
    await mine.all(5, 200);

    const limit = { requests: 7, windowMs: 60_000 };
    await bring(edge, target, original, wishOf('throttle-hard', { limit }));
    await mine.until(429);
    await other.all(5, 200);

    const refused = await bring(edge, target, original, wishOf('suspend'));
    await mine.until(403);
    assert.deepEqual(await edge.read(target, NEVER), refused);
    await other.all(5, 200);

    await nginx.remove();
    nginx = await startNginx({ http: HTTP, server: SERVER });
    const again = adapter(nginx);
    mine = clientOf(nginx.port, { 'x-api-key': 'raw-one' });
    other = clientOf(nginx.port, { 'x-api-key': 'raw-two' });
    await mine.all(3, 403);
    await other.all(3, 200);

    const back = await bring(again, target, original, null);
    assert.equal(back.fingerprint, original.fingerprint);
    await mine.until(200);
  } finally {
    await nginx.remove();
  }
});

test(
  'a reload that NGINX refuses changes nothing, and the error has its reason',
  TIME,
  async () => {
    const nginx = await startNginx({ http: HTTP, server: SERVER });
    try {
      const edge = adapter(nginx);
      const target = { subjectId: 'nginx:0af-9', credentialId: '0af-9' };
      const original = await edge.read(target, NEVER);
      const config = path.join(path.dirname(nginx.logFile), 'nginx.conf');
      const sound = await readFile(config, 'utf8');
      await writeFile(config, `${sound}\nnonsense;\n`);
      await assert.rejects(bring(edge, target, original, wishOf('suspend')), (error: Error) => {
        assert.equal((error as Error & { code: string }).code, 'gateway-command');
        assert.match((error as Error & { hint: string }).hint, /nonsense/);
        return true;
      });
      await clientOf(nginx.port, { 'x-api-key': 'raw-hex' }).all(3, 200);
      await writeFile(config, sound);
      await bring(edge, target, original, wishOf('suspend'));
      await clientOf(nginx.port, { 'x-api-key': 'raw-hex' }).until(403);
      await bring(edge, target, original, null);
      await clientOf(nginx.port, { 'x-api-key': 'raw-hex' }).until(200);
    } finally {
      await nginx.remove();
    }
  },
);
