/** A lease on a real Redis: one holder at a time, whoever dies or freezes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openLease } from '../../../store/redis/lease.ts';
import { startRedis } from '../../servers/redis.ts';
import { until } from '../../support/until.ts';

const LEASE_MS = 400;
const never = new AbortController().signal;

test('a lease is held by one at a time, and passes on when it is let go or lost', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const open = async () => {
    const lease = await openLease(server.config(), 'test', { leaseMs: LEASE_MS });
    t.after(() => lease.close());
    return lease;
  };
  const [a, b] = [await open(), await open()];
  const first = await a.acquire(never);
  assert.ok(first !== undefined);
  let isSecond = false;
  const second = b.acquire(never).then((held) => {
    isSecond = true;
    return held!;
  });
  // Renewed many times over, it stays.
  await delay(3 * LEASE_MS);
  assert.deepEqual([isSecond, first.lost.aborted], [false, false]);
  await first.release();
  const held = await second;
  assert.equal(first.lost.aborted, true);

  // Cut off from Redis its holder gives up, before another one can have it.
  server.freeze();
  await until(() => held.lost.aborted);
  server.thaw();
  const third = await a.acquire(never);
  assert.equal(third?.lost.aborted, false);
  await third?.release();
});

test('a lease of one that died ends, and waiting for one ends with the signal', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const a = await openLease(server.config(), 'test', { leaseMs: LEASE_MS });
  assert.ok((await a.acquire(never)) !== undefined);
  a.close();
  const b = await openLease(server.config(), 'test', { leaseMs: LEASE_MS });
  t.after(() => b.close());
  const stop = new AbortController();
  const waiting = b.acquire(stop.signal);
  stop.abort();
  assert.equal(await waiting, undefined);
  assert.ok((await b.acquire(never)) !== undefined);
});

test('who cannot have a lease because Redis is full says so, and has it when there is room', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const admin = new Redis(server.url);
  t.after(() => admin.disconnect());
  const lease = await openLease(server.config(), 'test', { leaseMs: LEASE_MS });
  t.after(() => lease.close());
  const held = await lease.acquire(never);
  assert.equal(lease.trouble(), undefined);
  await admin.config('SET', 'maxmemory', '1');
  await until(() => held!.lost.aborted);
  assert.match(lease.trouble() ?? '', /takes no more data/);
  const again = lease.acquire(never);
  await admin.config('SET', 'maxmemory', '0');
  assert.ok((await again) !== undefined);
  assert.equal(lease.trouble(), undefined);
});
