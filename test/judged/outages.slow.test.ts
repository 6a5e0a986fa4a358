/**
 * The distributed form while its servers are away, one after the other: the same incidents, to the byte, and the same
 * rows in Elasticsearch as in SQLite of one process (promises 3 and 4).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { difference, type Judged, judgedLog } from './distributed.ts';
import { assertPositionsAgree } from './positions.ts';
import { assertSameRows } from './same-rows.ts';
import { play, type Stage } from './scene.ts';
import { type Servers, startServers } from './stack.ts';

/** EVENTS=1000000 is what releases are judged by; CI has less time. */
const EVENTS = Number(process.env['EVENTS'] ?? 60_000);
const IS_LONG = EVENTS > 200_000;
const AWAY_MS = IS_LONG ? 10_000 : 2000;
const INDEX_AWAY_MS = IS_LONG ? 60_000 : 5000;

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-outages-'));
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

interface Breakable {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

async function away(server: Breakable, ms: number): Promise<void> {
  await server.kill();
  await sleep(ms);
  await server.restart();
}

async function takeAway({ fed }: Stage): Promise<void> {
  const { elasticsearch, kafka, redis } = servers;
  const index = fed(0.1).then(() => away(elasticsearch!, INDEX_AWAY_MS));
  await fed(0.2);
  await away(redis, AWAY_MS);
  await fed(0.4);
  await away(kafka, AWAY_MS);
  await fed(0.8);
  await away(redis, AWAY_MS);
  await index;
}

describe('promise 3 and 4: the same incidents while servers are away', () => {
  test('broker and Redis killed and restarted, Elasticsearch away for a while', async () => {
    const found = await play(servers, judged.log, {
      prefix: 'outages',
      partitions: 4,
      detects: 2,
      consoles: 1,
      disturb: takeAway,
      async afterwards(stack) {
        assert.equal((await assertPositionsAgree(stack)).left, 0);
        await assertSameRows(stack, judged);
      },
    });
    assert.equal(difference(found, judged.wanted), undefined);
  });
});
