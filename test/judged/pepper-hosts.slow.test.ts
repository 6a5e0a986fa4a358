/** Hosts with different peppers refuse to start; and who cannot ask yet waits, and says so. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { startRedis } from '../servers/redis.ts';
import { until } from '../support/until.ts';
import { scratch, start } from './keyhound.ts';

interface Readiness {
  readonly ready: boolean;
  readonly missing: readonly { readonly name: string; readonly detail: string }[];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function readinessOf(port: number): Promise<Readiness> {
  const answer = await until(() => fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined));
  return (await answer!.json()) as Readiness;
}

test('an ingest waits for Redis, then refuses a pepper that is not that of the first', async (t) => {
  const folder = scratch(t);
  const redis = await startRedis();
  t.after(() => redis.stop());
  const launch = (name: string, port: number, pepper?: string) => {
    const cwd = path.join(folder, name);
    mkdirSync(cwd);
    const config = {
      state: { dir: 'state' },
      listen: { console: `127.0.0.1:${port}`, decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
      // Nobody there: the pepper is judged before any broker is asked.
      kafka: { brokers: ['127.0.0.1:1'], partitions: 4 },
      redis: { url: redis.url },
    };
    writeFileSync(path.join(cwd, 'keyhound.yaml'), JSON.stringify(config));
    const env = pepper === undefined ? {} : { KEYHOUND_PEPPER: pepper };
    const child = start(['run', '--role', 'ingest', '--json'], { cwd, env });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  await redis.kill();
  const port = await freePort();
  const first = launch('first', port);
  for (;;) {
    const { ready, missing } = await readinessOf(port);
    assert.equal(ready, false);
    const lack = missing.find(({ name }) => name === 'redis');
    if (lack === undefined) continue;
    assert.match(lack.detail, /127\.0\.0\.1:\d+ does not answer/);
    break;
  }
  await redis.restart();
  await first.told(/"listeners":/);
  const { missing } = await readinessOf(port);
  assert.ok(
    !missing.some(({ name }) => name === 'redis' || name === 'start'),
    JSON.stringify(missing),
  );

  const second = launch('second', await freePort(), 'another-pepper-of-sixteen-bytes');
  const { status } = await second.ended;
  assert.equal(status, 2, second.stderr);
  assert.match(second.stderr, /pepper-mismatch/);
});

test('an ingest that is stopped while it waits ends at once, and well', async (t) => {
  const cwd = scratch(t);
  const port = await freePort();
  const config = {
    listen: { console: `127.0.0.1:${port}`, decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
    kafka: { brokers: ['127.0.0.1:1'] },
    redis: { url: 'redis://127.0.0.1:1' },
  };
  writeFileSync(path.join(cwd, 'keyhound.yaml'), JSON.stringify(config));
  const child = start(['run', '--role', 'ingest', '--json'], { cwd });
  t.after(() => child.kill('SIGKILL'));
  assert.equal((await readinessOf(port)).ready, false);
  child.kill('SIGTERM');
  assert.equal((await child.ended).status, 143, child.stderr);
});
