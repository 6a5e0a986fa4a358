/** Real HAProxies whose keys are throttled and refused by maps, through their runtime API. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { hashedIdentity } from '../../../enrich/digest.ts';
import { pepperKey } from '../../../enrich/pepper.ts';
import { startHaproxy } from '../../servers/gateways/haproxy.ts';
import type { Gateway } from '../../servers/gateways/process.ts';
import { snippet } from '../../support/snippets.ts';
import { clientOf } from './client.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const PEPPER = 'a pepper for tests only';
const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-maps-'));
after(() => rm(folder, { recursive: true, force: true }));
const refused = path.join(folder, 'refused.map');
const limits = path.join(folder, 'limits.map');
for (const file of [refused, limits]) await writeFile(file, '');
await writeFile(path.join(folder, 'ids.map'), 'raw-one key.One\nraw-two key.Two\n');

const PAGE = 'docs/gateways-proxies.md';
const LAST = '  default_backend api\n';
const CONFIG = snippet(PAGE, 'haproxy', 0, {
  '/run/haproxy/admin.sock mode 660 group keyhound': 'FOLDER/admin.sock mode 600',
  ':8080': 'BIND',
  '/etc/haproxy/keyhound': folder,
  '/etc/haproxy/ids.map': path.join(folder, 'ids.map'),
  // Before a key is counted, as the page says; and no server is needed behind it.
  '  http-request track-sc0': `${snippet(PAGE, 'haproxy', 1)}  http-request track-sc0`,
  [LAST]: '  http-request return status 200\n',
});
process.env['KEYHOUND_PEPPER_BASE64'] = Buffer.from(PEPPER).toString('base64');

const socketOf = (gateway: Gateway) => path.join(path.dirname(gateway.logFile), 'admin.sock');
const adapter = (...gateways: Gateway[]) =>
  adapterOf('haproxy', {
    nodes: gateways.map((gateway) => ({ socket: socketOf(gateway), files: folder })),
    refused,
    limits,
    hashes: true,
  });
const KEY = { subjectId: 'haproxy:key.One', credentialId: 'key.One' };
const TIME = { timeout: 60_000 };

test(
  'a key is throttled, refused and given back at every node, also after a restart',
  TIME,
  async () => {
    const a = await startHaproxy({ config: CONFIG });
    let b = await startHaproxy({ config: CONFIG });
    try {
      let edge = adapter(a, b);
      const original = await edge.read(KEY, NEVER);
      const clients = (key: string) =>
        [a, b].map(({ port }) => clientOf(port, { 'x-api-key': key }));
      for (const client of clients('raw-one')) await client.all(5, 200);

      const limit = { requests: 18, windowMs: 60_000 };
      await bring(edge, KEY, original, wishOf('throttle-hard', { limit }));
      for (const client of clients('raw-one')) await client.all(3, 429);
      for (const client of clients('raw-two')) await client.all(5, 200);

      const stopped = await bring(edge, KEY, original, wishOf('suspend'));
      for (const client of clients('raw-one')) await client.all(3, 403);
      assert.equal((await edge.owned(NEVER)).length, 1);

      await b.remove();
      b = await startHaproxy({ config: CONFIG });
      edge = adapter(a, b);
      for (const client of clients('raw-one')) await client.all(3, 403);
      assert.deepEqual(await edge.read(KEY, NEVER), stopped);

      assert.deepEqual(await bring(edge, KEY, original, null), original);
      for (const client of clients('raw-one')) await client.all(3, 200);
      assert.equal((await readFile(refused, 'utf8')).includes('key.One'), false);
      assert.deepEqual(await edge.owned(NEVER), []);
    } finally {
      await a.remove();
      await b.remove();
    }
  },
);

test(
  'a key without an id of the gateway is known by our hash, which HAProxy computes',
  TIME,
  async () => {
    const gateway = await startHaproxy({ config: CONFIG });
    try {
      const edge = adapter(gateway);
      const raw = Buffer.from('raw-unknown');
      const { id } = hashedIdentity(pepperKey(PEPPER).key, raw, 0, raw.length);
      const target = { subjectId: id };
      assert.equal(edge.covers(id), true);
      const original = await edge.read(target, NEVER);
      await bring(edge, target, original, wishOf('revoke'));
      await clientOf(gateway.port, { 'x-api-key': 'raw-unknown' }).all(3, 403);
      await clientOf(gateway.port, { 'x-api-key': 'raw-other' }).all(3, 200);
      await bring(edge, target, original, null);
      await clientOf(gateway.port, { 'x-api-key': 'raw-unknown' }).all(3, 200);
    } finally {
      await gateway.remove();
    }
  },
);

test(
  'a node that does not answer is an error that another try may help, named in the check',
  TIME,
  async () => {
    const a = await startHaproxy({ config: CONFIG });
    const b = await startHaproxy({ config: CONFIG });
    try {
      const edge = adapter(a, b);
      const original = await edge.read(KEY, NEVER);
      await b.stop();
      await assert.rejects(bring(edge, KEY, original, wishOf('suspend')), {
        code: 'gateway-unreachable',
        retryable: true,
      });
      const checks = await edge.check(NEVER);
      assert.deepEqual(
        checks.map(({ ok }) => ok),
        [true, false, true],
      );
      assert.match(checks[0]!.detail, /^HAProxy 2\./);
    } finally {
      await a.remove();
      await b.remove();
    }
  },
);
