/**
 * Detector state in Redis: saving, restoring, and how long one script keeps the server busy.
 *
 *   node --expose-gc bench/redis-restore.ts redis://127.0.0.1:6379 [SUBJECTS] [DIRTY]
 *
 * Writes under a prefix of its own and removes it at the end. Figures stand in docs/redis.md.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisConfig } from '../core/config.ts';
import { type Checkpoint, EMPTY_CHECKPOINT, type SubjectRow } from '../core/store.ts';
import { openRedisState, type PartitionState } from '../store/redis/state.ts';

const RECORD_BYTES = 1300;
const PAGE_ROWS = 4096;
const FILL_ROWS = 20_000;
const GROUPS = Array.from({ length: 256 }, (_, group) => group);

const [url = 'redis://127.0.0.1:6379', subjectsText = '1000000', dirtyText = '100000'] =
  process.argv.slice(2);
const subjects = Number(subjectsText);
const dirty = Math.min(Number(dirtyText), subjects);
const config: RedisConfig = { url, prefix: `bench-${randomUUID()}` };
const admin = new Redis(url, { commandTimeout: 60_000 });

function checkpoint(from: number, count: number): Checkpoint {
  return {
    ...EMPTY_CHECKPOINT,
    meta: { from },
    logPosition: from,
    subjects: rows(from, count),
  };
}

/** Group by group, as the engine writes them. */
function* rows(from: number, count: number): Generator<SubjectRow> {
  const record = new Uint8Array(RECORD_BYTES);
  for (const group of GROUPS) {
    for (let n = from + ((group - from) & 255); n < from + count; n += 256) {
      const digest = new Uint8Array(16);
      new DataView(digest.buffer).setUint32(0, n, true);
      new DataView(digest.buffer).setUint32(8, Math.imul(n, 0x9e3779b1), true);
      record.fill(n & 0xff);
      const id = `h:${Buffer.from(digest).toString('hex')}`;
      yield { group, digest, id, consumer: `tenant-${n % 500}`, record };
    }
  }
}

const open = () => openRedisState({ config, partitions: 1, pepperFingerprint: 'bench' });

async function timed<T>(name: string, run: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const server = await serverCpu();
  const cpu = process.cpuUsage();
  const result = await run();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - began) / 1000;
  const ours = ((user + system) / 1e6).toFixed(2);
  const theirs = ((await serverCpu()) - server).toFixed(2);
  console.log(`${name}: ${seconds.toFixed(2)} s; CPU here ${ours} s, server ${theirs} s`);
  return result;
}

async function slowest(): Promise<string> {
  const log = (await admin.slowlog('GET', -1)) as [number, number, number, Buffer[]][];
  const ours = log.filter(([, , , args]) => /^(?:eval|evalsha|hscan)$/i.test(`${args[0]}`));
  const millis = ours.map(([, , micros]) => micros / 1000).sort((a, b) => b - a);
  const worst = millis[0];
  if (worst === undefined) return 'none above 1 ms';
  const median = millis[millis.length >> 1]!;
  return `${worst.toFixed(1)} ms; median of the ${millis.length} above 1 ms: ${median.toFixed(1)} ms`;
}

async function save(state: PartitionState, count: number): Promise<void> {
  await admin.slowlog('RESET');
  await timed(`save ${count} records in one checkpoint`, () => state.commit(checkpoint(0, count)));
  console.log(`  longest on the server: ${await slowest()}`);
}

async function restore(state: PartitionState): Promise<void> {
  await admin.slowlog('RESET');
  globalThis.gc?.();
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  // As the engine does: page by page, as records come.
  const pages: Buffer[] = [];
  await timed(`restore ${subjects} records into a slab`, async () => {
    const loaded = await state.load();
    let at = 0;
    for (const row of loaded!.subjects) {
      if (at % PAGE_ROWS === 0) pages.push(Buffer.allocUnsafeSlow(PAGE_ROWS * RECORD_BYTES));
      pages.at(-1)!.set(row.record, (at % PAGE_ROWS) * RECORD_BYTES);
      if (++at % 10_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    }
    if (at !== subjects) throw new Error(`${at} of ${subjects} came back`);
  });
  await nextTurn();
  clearInterval(watch);
  const mib = (bytes: number) => `${Math.round(bytes / (1 << 20))} MiB`;
  console.log(`  longest on the server: ${await slowest()}`);
  console.log(
    `  resident memory at most ${mib(peak)}, of which the slab has ${mib(pages.length * PAGE_ROWS * RECORD_BYTES)}`,
  );
}

/** User and system, s. */
async function serverCpu(): Promise<number> {
  const info = await admin.info('cpu');
  return ['sys', 'user'].reduce(
    (sum, name) => sum + Number(new RegExp(`used_cpu_${name}:([\\d.]+)`).exec(info)![1]),
    0,
  );
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))![1]);
}

async function removeAll(): Promise<void> {
  let cursor = '0';
  do {
    const [next, keys] = await admin.scan(cursor, 'MATCH', `${config.prefix}:*`, 'COUNT', 1000);
    cursor = next;
    if (keys.length > 0) await admin.unlink(...keys);
  } while (cursor !== '0');
}

await admin.config('SET', 'slowlog-log-slower-than', '1000', 'slowlog-max-len', '100000');
const before = await usedBytes();
try {
  const redis = await open();
  const state = await redis.partition(0, GROUPS);
  await timed(`fill with ${subjects} records, ${FILL_ROWS} a checkpoint`, async () => {
    for (let from = 0; from < subjects; from += FILL_ROWS) {
      await state.commit(checkpoint(from, Math.min(FILL_ROWS, subjects - from)));
    }
  });
  console.log(`  ${Math.round(((await usedBytes()) - before) / subjects)} bytes a record in Redis`);
  for (const count of [2000, 10_000, dirty]) await save(state, count);
  await redis.close();
  const again = await open();
  await restore(await timed('claim', () => again.partition(0, GROUPS)));
  await again.close();
} finally {
  await removeAll();
  admin.disconnect();
}
