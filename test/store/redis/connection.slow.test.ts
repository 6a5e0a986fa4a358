import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import type { RedisConfig } from '../../../core/config.ts';
import { checkRedis } from '../../../store/redis/check.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../servers/redis.ts';
import { checkpointNumber, numbersIn } from '../rows.ts';
import { loaded } from '../state-contract.ts';
import { openOwned } from './driver.ts';
import { rejectsWith } from './refusals.ts';

/** What docs/redis.md tells operators to grant. */
const RULES = 'resetchannels ~keyhound:* +@connection +@hash +@scripting +del +info +time';
const ACL = { username: 'keyhound', password: 'made-up-secret', rules: RULES };

async function serverOf(t: TestContext, options: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  t.after(() => server.stop());
  return server;
}

async function works(config: RedisConfig): Promise<void> {
  const first = await openOwned(config, { triesMax: 1 });
  await first.state.commit(checkpointNumber(1));
  await first.state.close();
  const second = await openOwned(config, { triesMax: 1 });
  assert.deepEqual([...numbersIn(await loaded(second.state))], [1]);
  await second.state.close();
}

test('TLS with an authority of our own', async (t) => {
  const server = await serverOf(t, { tls: 'server' });
  await works(server.config());
  await works({ ...server.config(), tls: { ...server.config().tls, serverName: 'localhost' } });
  const { tls, ...unknownAuthority } = server.config();
  assert.ok(tls);
  await rejectsWith(openOwned(unknownAuthority), 'operating', 'redis-tls');
  const wrongName = { ...server.config(), tls: { ...tls, serverName: 'other.example' } };
  await rejectsWith(openOwned(wrongName), 'operating', 'redis-tls');
  const missing = { ...server.config(), tls: { ca: '/nowhere/ca.pem' } };
  await rejectsWith(openOwned(missing), 'usage', 'tls-file');
});

test('mutual TLS with an ACL user', async (t) => {
  const server = await serverOf(t, { tls: 'mutual', acl: ACL });
  await works(server.config());
  const { ca } = server.config().tls!;
  await rejectsWith(openOwned({ ...server.config(), tls: { ca } }), 'operating', 'redis-tls');
});

test('plaintext is never spoken where certificates are named', async (t) => {
  const server = await serverOf(t, {});
  const config = { ...server.config(), tls: {} };
  await rejectsWith(openOwned(config), 'operating', 'redis-tls');
});

test('an ACL user with the rules of the manual is enough', async (t) => {
  const server = await serverOf(t, { acl: ACL });
  await works(server.config());
  const checks = await checkRedis(server.config(), systemClock);
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    ['redis', 'redis persistence', 'redis memory', 'redis clock'].map((name) => [name, true]),
    JSON.stringify(checks),
  );
});

test('credentials may stand in the URL', async (t) => {
  const server = await serverOf(t, { acl: ACL });
  const url = server.url.replace('redis://', `redis://${ACL.username}:${ACL.password}@`);
  await works({ url, prefix: 'keyhound' });
});

test('a refused login is told without the password', async (t) => {
  const server = await serverOf(t, { acl: ACL });
  const { url, prefix } = server.config();
  const password = 'made-up-guess';
  const wrong = { url, prefix, username: ACL.username, password };
  const inUrl = { url: url.replace('redis://', `redis://${ACL.username}:${password}@`), prefix };
  for (const config of [wrong, inUrl, { url, prefix }]) {
    const said = await rejectsWith(openOwned(config), 'operating', 'redis-login');
    assert.doesNotMatch(said, /made-up/);
    const [check, ...rest] = await checkRedis(config, systemClock);
    assert.deepEqual([check?.name, check?.ok, rest], ['redis', false, []]);
    assert.doesNotMatch(JSON.stringify(check), /made-up/);
  }
  const broken = { url: `redis://u:${password}@:0/x`, prefix };
  assert.doesNotMatch(await rejectsWith(openOwned(broken), 'usage', 'config-invalid'), /made-up/);
});

test('a user without a right that is needed is told so', async (t) => {
  const rules = RULES.replace('+@scripting', '');
  const server = await serverOf(t, { acl: { ...ACL, rules } });
  const said = await rejectsWith(openOwned(server.config()), 'operating', 'redis-permission');
  assert.doesNotMatch(said, /made-up/);
});

test('the check names what would lose state', async (t) => {
  const args = ['--appendonly', 'no', '--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'];
  const server = await serverOf(t, { args });
  const ahead = { now: () => systemClock.now() - 60_000 };
  const checks = await checkRedis(server.config(), ahead);
  const bad = checks.filter(({ ok }) => !ok);
  assert.deepEqual(
    bad.map(({ name }) => name),
    ['redis persistence', 'redis memory', 'redis clock'],
  );
  assert.ok(bad.every(({ hint }) => (hint ?? '').length > 10));
  assert.match(bad[2]!.detail, /\d{5} ms ahead of ours/);
});

test('the check names memory that is nearly full, and a server that is away', async (t) => {
  const server = await serverOf(t, { args: ['--maxmemory', '1mb'] });
  const [, , memory] = await checkRedis(server.config(), systemClock);
  assert.equal(memory?.ok, false, JSON.stringify(memory));
  assert.match(memory?.hint ?? '', /maxmemory/);
  await server.kill();
  const [away] = await checkRedis(server.config(), systemClock);
  assert.match(away?.detail ?? '', /does not answer/);
});
