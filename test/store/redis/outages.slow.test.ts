/** Redis killed, frozen, emptied, full; and an owner that was frozen itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { connectRedis, type LinkOptions } from '../../../store/redis/connection.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../servers/redis.ts';
import { checkpointNumber, numbered, numbersIn } from '../rows.ts';
import { loaded } from '../state-contract.ts';
import { newPrefix, openOwned } from './driver.ts';
import { rejectsWith } from './refusals.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

/** Gives up after about three seconds, and yet has time enough on a busy machine. */
const IMPATIENT: LinkOptions = { commandTimeoutMs: 300, triesMax: 5 };

async function own(t: TestContext, on: RedisServer, prefix = newPrefix(), options?: LinkOptions) {
  const { state } = await openOwned(on.config(prefix), options);
  t.after(() => state.close());
  return state;
}

async function serverOf(t: TestContext, options: RedisServerOptions): Promise<RedisServer> {
  const made = await startRedis(options);
  t.after(() => made.stop());
  return made;
}

async function asAdmin(on: RedisServer, ...command: [string, ...string[]]): Promise<void> {
  const admin = new Redis(on.url);
  try {
    await admin.call(...command);
  } finally {
    admin.disconnect();
  }
}

/** Settles when the server has let a command time out: what was sent before it is under way. */
async function untilSilent(on: RedisServer): Promise<void> {
  const link = await connectRedis(on.config(), { triesMax: 1, commandTimeoutMs: 100 }).catch(
    () => undefined,
  );
  await link?.insist(() => link.redis.ping()).catch(() => undefined);
  link?.close();
}

/** The owner has to claim and load anew, as if it were fenced by somebody else. */
async function rejectsAsLost(run: Promise<unknown>): Promise<void> {
  assert.match(await rejectsWith(run, 'operating', 'fenced'), /lost confirmed state/);
}

test('Redis killed with -9 has all that was confirmed, and a checkpoint under way gets through', async (t) => {
  // With everysec a write may be put off for two seconds while the disk is busy: the test after this one.
  const careful = await serverOf(t, { args: ['--appendfsync', 'always'] });
  const state = await own(t, careful);
  for (let n = 1; n <= 3; n++) {
    await state.commit(checkpointNumber(n));
    const underway = state.commit(checkpointNumber(n + 1));
    await careful.restart();
    await underway;
    assert.deepEqual([...numbersIn(await loaded(state))], [n + 1]);
  }
});

test('Redis killed with -9 without a write having reached the disk is noticed, and what is there is whole', async (t) => {
  const prefix = newPrefix();
  let state = await own(t, server, prefix);
  for (let n = 1; n <= 5; n++) {
    const underway = state.commit(checkpointNumber(n)).catch((error: unknown) => error);
    await server.restart();
    const error = await underway;
    if (error !== undefined) {
      await rejectsAsLost(Promise.reject(error));
      state = await own(t, server, prefix);
      await state.commit(checkpointNumber(n));
    }
    const kept = await state.load().catch(async () => (await own(t, server, prefix)).load());
    assert.deepEqual(kept && [...numbersIn(kept)], [n]);
  }
});

test('a checkpoint waits for a server that is frozen, and counts once', async (t) => {
  const state = await own(t, server, newPrefix(), { commandTimeoutMs: 100 });
  await state.commit(checkpointNumber(1));
  server.freeze();
  const underway = state.commit(checkpointNumber(2));
  await untilSilent(server);
  server.thaw();
  await underway;
  assert.deepEqual([...numbersIn(await loaded(state))], [2]);
});

test('a checkpoint that timed out may be handed over again', async (t) => {
  const state = await own(t, server, newPrefix(), IMPATIENT);
  await state.commit(checkpointNumber(1));
  server.freeze();
  await rejectsWith(state.commit(checkpointNumber(2)), 'operating', 'redis-away');
  server.thaw();
  await state.commit(checkpointNumber(2));
  assert.deepEqual([...numbersIn(await loaded(state))], [2]);
});

test('while Redis is away, nothing is opened and the error says so', async (t) => {
  const gone = await serverOf(t, {});
  const state = await own(t, gone, newPrefix(), { triesMax: 2 });
  await gone.kill();
  await rejectsWith(openOwned(gone.config()), 'operating', 'redis-away');
  await rejectsWith(state.commit(checkpointNumber(1)), 'operating', 'redis-away');
  await gone.restart();
});

test('state that Redis lost after confirming it is noticed, not built upon', async (t) => {
  const emptied = await serverOf(t, {});
  const prefix = newPrefix();
  const state = await own(t, emptied, prefix);
  await state.commit(checkpointNumber(1));
  await asAdmin(emptied, 'FLUSHALL');
  await rejectsAsLost(state.commit(checkpointNumber(2)));
  await rejectsAsLost(state.commit(checkpointNumber(2)));
  assert.equal(await (await own(t, emptied, prefix)).load(), undefined);
});

for (const [key, field] of [
  ['{p0}:owner', 'checkpoint'],
  ['{3}:owner', 'applied'],
] as const) {
  test(`one checkpoint lost by Redis is noticed as well (${field})`, async (t) => {
    const prefix = newPrefix();
    const state = await own(t, server, prefix);
    await state.commit(checkpointNumber(1));
    await state.commit(checkpointNumber(2));
    await asAdmin(server, 'HSET', `${prefix}:${key}`, field, '1');
    await rejectsAsLost(state.commit(checkpointNumber(3)));
  });
}

test('a full Redis refuses the checkpoint and keeps the one before', async (t) => {
  const small = await serverOf(t, { args: ['--maxmemory', '6mb'] });
  const state = await own(t, small);
  await state.commit(checkpointNumber(1));
  const sketch = { group: 3, part: 'sketch', bytes: numbered(2, 8 << 20) };
  const large = { ...checkpointNumber(2), groups: [sketch] };
  await rejectsWith(state.commit(large), 'operating', 'redis-full');
  await asAdmin(small, 'CONFIG', 'SET', 'maxmemory', '0');
  assert.deepEqual([...numbersIn(await loaded(state))], [1]);
  await state.commit(large);
  assert.deepEqual([...numbersIn(await loaded(state))], [2]);
});

test('a replica is refused by name', async (t) => {
  const replica = await serverOf(t, {});
  const state = await own(t, replica, newPrefix(), { triesMax: 3 });
  await asAdmin(replica, 'REPLICAOF', '127.0.0.1', '1');
  await rejectsWith(state.commit(checkpointNumber(1)), 'operating', 'redis-read-only');
});

test('an owner frozen with SIGSTOP changes nothing once its successor has claimed', async (t) => {
  const prefix = newPrefix();
  const script = fileURLToPath(new URL('../commit-child.ts', import.meta.url));
  const driverUrl = new URL('./driver.ts', import.meta.url).href;
  const child = spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    ...[script, driverUrl, `${server.url} ${prefix}`],
  ]);
  t.after(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === '5') break;
  }
  child.kill('SIGSTOP');
  const successor = await own(t, server, prefix);
  const [number] = numbersIn(await loaded(successor));
  assert.ok(number! >= 5, `${number}`);
  await successor.commit(checkpointNumber(1_000_000));
  child.kill('SIGCONT');
  child.stdout.resume();
  const [code] = await exit;
  assert.equal(code, 1);
  assert.match(errors, /fenced/);
  assert.deepEqual([...numbersIn(await loaded(successor))], [1_000_000]);
});
