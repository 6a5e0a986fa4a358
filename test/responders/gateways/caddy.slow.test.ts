/** A real Caddy whose keys are refused by routes, through its admin API. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCaddy } from '../../servers/gateways/caddy.ts';
import { freePort } from '../../servers/gateways/process.ts';
import { clientOf } from './client.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const TIME = { timeout: 60_000 };
const SITE = '\trespond "ok" 200';

test(
  'a key is refused and given back by its public begin, also after a restart',
  TIME,
  async () => {
    const admin = `127.0.0.1:${await freePort()}`;
    let caddy = await startCaddy({ site: SITE, admin });
    try {
      const edge = adapterOf('caddy', {
        urls: [`http://${admin}`],
        header: 'X-Api-Key',
        value: '{id}.*',
        persisted: true,
      });
      const target = { subjectId: 'caddy:Key1', credentialId: 'Key1' };
      const client = (key: string) => clientOf(caddy.port, { 'x-api-key': key });
      const original = await edge.read(target, NEVER);
      const wrote = await bring(edge, target, original, wishOf('suspend'));
      await client('Key1.the-secret-part').all(3, 403);
      for (const other of ['Key1', 'Key12.x', 'key1.x', 'x.Key1.x'])
        await client(other).all(1, 200);

      await caddy.stop();
      const stopped = caddy;
      caddy = await startCaddy({ site: SITE, admin, resumes: stopped });
      await stopped.remove();
      await client('Key1.the-secret-part').all(3, 403);
      assert.deepEqual(await edge.read(target, NEVER), wrote);

      const later = wishOf('revoke', { tag: 'act_00000000000000000002' });
      assert.equal((await bring(edge, target, original, later)).fingerprint, wrote.fingerprint);
      assert.equal((await edge.owned(NEVER))[0]?.tag, 'act_00000000000000000002');
      assert.deepEqual(await bring(edge, target, original, null), original);
      await client('Key1.the-secret-part').all(3, 200);
      assert.deepEqual(await edge.owned(NEVER), []);
      assert.equal((await edge.check(NEVER))[0]?.ok, true);
    } finally {
      await caddy.remove();
    }
  },
);

test('a server of another name is an error, not a route somewhere', TIME, async () => {
  const admin = `127.0.0.1:${await freePort()}`;
  const caddy = await startCaddy({ site: SITE, admin });
  try {
    const settings = { urls: [`http://${admin}`], header: 'X-Key-Id' };
    const edge = adapterOf('caddy', { ...settings, server: 'srv9' });
    const target = { subjectId: 'caddy:k-1', credentialId: 'k-1' };
    await assert.rejects(edge.read(target, NEVER), { retryable: false });
    assert.equal((await edge.check(NEVER))[0]?.ok, false);
    const forgets = await adapterOf('caddy', settings).check(NEVER);
    assert.match(forgets[0]!.detail, /forgets ours at a restart/);
  } finally {
    await caddy.remove();
  }
});
