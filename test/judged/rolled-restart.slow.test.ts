/**
 * An upgrade of the whole installation while traffic goes on: one process of each role after the other is told to end
 * and replaced, again and again; the incidents are, to the byte, those of an unbroken run (promises 3 and 4).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../support/until.ts';
import { difference, type Judged, judgedLog } from './distributed.ts';
import { assertPositionsAgree } from './positions.ts';
import { assertSameRows } from './same-rows.ts';
import { endInOrder, play, type Stage } from './scene.ts';
import { type Member, type Servers, startServers } from './stack.ts';

/** EVENTS=1000000 is what releases are judged by; CI has less time. */
const EVENTS = Number(process.env['EVENTS'] ?? 40_000);
/** All of them are replaced once in about 40 s. */
const FEED_MS = Math.max(40_000, EVENTS / 6);

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-rolled-'));
let servers: Servers;
let judged: Judged;

before(async () => {
  [judged, servers] = await Promise.all([
    judgedLog(folder, EVENTS),
    startServers({ elasticsearch: true }),
  ]);
});

after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Ends one in order, starts the next one in its place, and waits until that lacks nothing. */
async function replace({ stack }: Stage, role: string, member: Member): Promise<Member> {
  await endInOrder([member]);
  const next = await stack.start(role, member.folder);
  await until(
    async () => JSON.parse(await next.get('/readyz')) as { missing?: unknown[] },
    ({ missing = [] }) => missing.length === 0,
  );
  return next;
}

/** One after the other, as an operator does it; answers how many were replaced. */
async function roll(stage: Stage): Promise<number> {
  const { consoles, detects, others } = stage;
  let count = 0;
  while (!stage.isFed) {
    for (const [i, member] of detects.entries()) {
      detects[i] = await replace(stage, 'detect', member);
    }
    stage.ingest = await replace(stage, 'ingest', stage.ingest);
    for (const other of others) other.member = await replace(stage, other.role, other.member);
    for (const [i, member] of consoles.entries()) {
      consoles[i] = await replace(stage, 'console', member);
    }
    count += detects.length + 1 + others.length + consoles.length;
  }
  return count;
}

test('every process replaced while the log grows: the incidents of an unbroken run', async (t) => {
  let count = 0;
  const found = await play(
    servers,
    { ...judged.log, feedMs: FEED_MS },
    {
      prefix: 'rolled',
      partitions: 4,
      detects: 2,
      consoles: 2,
      others: ['respond', 'respond', 'decide'],
      async disturb(stage) {
        count = await roll(stage);
      },
      async afterwards(stack) {
        assert.equal((await assertPositionsAgree(stack)).left, 0);
        await assertSameRows(stack, judged);
      },
    },
  );
  t.diagnostic(`${count} processes were replaced`);
  assert.equal(difference(found, judged.wanted), undefined);
});
