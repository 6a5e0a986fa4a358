/** Token buckets on a real Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LimitReport, LimitStore } from '../../../core/limits.ts';
import { connectRedis } from '../../../store/redis/connection.ts';
import { openLimitStore } from '../../../store/redis/limits.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { newPrefix } from './driver.ts';
import { rejectsWith } from './refusals.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

/** So long that nothing is gained while the test runs: a token in 100 seconds. */
const HOURLY = { requests: 36, windowMs: 3_600_000 };

function report(change: Partial<LimitReport> = {}): LimitReport {
  return { bucket: 'kong:7f2d hour', limit: HOURLY, taken: 1, wanted: 1, ...change };
}

async function withStore(use: (store: LimitStore, prefix: string) => Promise<void>): Promise<void> {
  const prefix = newPrefix();
  const store = await openLimitStore(server.config(prefix));
  try {
    await use(store, prefix);
  } finally {
    await store.close();
  }
}

async function left(store: LimitStore, change: Partial<LimitReport>, node = 'a'): Promise<number> {
  return Math.round((await store.take(node, [report(change)]))[0]!.left);
}

test('a bucket begins full, and what nodes take is taken for all', () =>
  withStore(async (store) => {
    assert.equal(await left(store, { taken: 6 }), 30);
    assert.equal(await left(store, { taken: 10 }, 'b'), 20);
    assert.equal(await left(store, { taken: 0 }), 20);
    assert.equal(await left(store, { taken: 50 }), -30, 'nodes overshoot');
    assert.equal(await left(store, { taken: 50 }), -36, 'down to the limit');
    assert.equal(await left(store, { bucket: 'kong:other hour', begins: 3 }), 2);
  }));

test('tokens are gained evenly, and never beyond the limit', () =>
  withStore(async (store) => {
    const limit = { requests: 1000, windowMs: 1000 };
    await store.take('a', [report({ limit, taken: 1000 })]);
    const first = await store.take('a', [report({ limit, taken: 0 })]);
    let grant = first[0]!;
    assert.ok(grant.left < 900, `${grant.left}`);
    for (let last = grant.left; grant.left < 1000; last = grant.left) {
      grant = (await store.take('a', [report({ limit, taken: 0 })]))[0]!;
      assert.ok(grant.left >= last && grant.left <= 1000);
    }
  }));

test('what was used stays used when the limit changes', () =>
  withStore(async (store) => {
    assert.equal(await left(store, { taken: 6 }), 30);
    assert.equal(await left(store, { taken: 0, limit: { ...HOURLY, requests: 100 } }), 94);
    assert.equal(await left(store, { taken: 0, limit: { ...HOURLY, requests: 10 } }), 4);
  }));

test('shares follow what nodes want', () =>
  withStore(async (store) => {
    const shareOf = async (node: string, wanted: number) =>
      (await store.take(node, [report({ taken: 0, wanted })]))[0]!.share;
    assert.equal(await shareOf('a', 30), 1, 'the first to ask');
    assert.ok(Math.abs((await shareOf('b', 10)) - 0.25) < 0.01);
    assert.ok(Math.abs((await shareOf('a', 0)) - 0.75) < 0.01);
    const idle = await shareOf('c', 0);
    assert.ok(idle > 0 && idle < 0.01);
  }));

test('many reports are answered in their order', () =>
  withStore(async (store) => {
    const reports = Array.from({ length: 1000 }, (_, n) =>
      report({ bucket: `kong:${n} hour`, taken: n % 36 }),
    );
    const grants = await store.take('a', reports);
    assert.deepEqual(
      grants.map((grant) => Math.round(grant.left)),
      reports.map(({ taken }) => 36 - taken),
    );
  }));

test('a bucket that is full again is forgotten in time', () =>
  withStore(async (store, prefix) => {
    await store.take('a', [
      report(),
      report({ bucket: 'kong:1 second', limit: { requests: 9, windowMs: 1000 } }),
    ]);
    const { redis, close } = await connectRedis(server.config());
    const [hour, second] = await Promise.all(
      ['kong:7f2d hour', 'kong:1 second'].map((name) => redis.pttl(`${prefix}:{limits}:${name}`)),
    );
    close();
    assert.ok(hour! > 90_000 && hour! <= 100_000, `${hour}`);
    assert.ok(second! > 0 && second! <= 30_000, `${second}`);
  }));

test('while Redis is away it says so at once', async () => {
  const other = await startRedis();
  const store = await openLimitStore(other.config());
  await other.stop();
  try {
    await rejectsWith(store.take('a', [report()]), 'operating', 'redis-away');
  } finally {
    await store.close();
  }
});
