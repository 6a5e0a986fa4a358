/**
 * The distributed form finds, to the byte, what one process finds in the same log (promises 3 and 4): with one partition
 * and one process, with many, and while its processes are killed and frozen.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { difference, type Judged, judgedLog } from './distributed.ts';
import { assertPositionsAgree, countEvents } from './positions.ts';
import { play, type Stage } from './scene.ts';
import { lagOf, type Member, type Servers, startServers } from './stack.ts';

/** EVENTS=1000000 is what releases are judged by; CI has less time. */
const EVENTS = Number(process.env['EVENTS'] ?? 60_000);
const IS_LONG = EVENTS > 200_000;
const KILL_MS = IS_LONG ? 5000 : 2500;
/** As set by the stack. */
const SESSION_MS = 3000;

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-distributed-'));
let servers: Servers;
let judged: Judged;

before(async () => {
  [judged, servers] = await Promise.all([
    judgedLog(folder, EVENTS),
    startServers({ elasticsearch: false }),
  ]);
});

after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** One detect process after the other, as long as the log grows. */
async function killOneByOne(stage: Stage): Promise<void> {
  const { detects, stack } = stage;
  for (let round = 0; !stage.isFed; round++) {
    await sleep(KILL_MS);
    const at = round % detects.length;
    const { child } = detects[at]!;
    child.kill('SIGKILL');
    await child.ended;
    detects[at] = await stack.start('detect', detects[at]!.folder);
  }
}

/** One of them has, since it was started; or there was nothing left to save. */
async function hasSaved(detects: readonly Member[]): Promise<boolean> {
  const { partitions, messages } = await lagOf(detects, 'events');
  if (partitions === 8 && messages === 0) return true;
  const texts = await Promise.all(detects.map((member) => member.get('/metrics')));
  return texts.some((text) => /^keyhound_checkpoint_age_seconds \d/m.test(text));
}

describe('promise 3 and 4: the same incidents in the distributed form', () => {
  test('the log has incidents of keys, networks, consumers and the fleet', () => {
    const incidents = [...judged.wanted].filter(([name]) => name.startsWith('incident'));
    const kinds = incidents.map(([, text]) => JSON.parse(text).subject.kind as string);
    assert.deepEqual([...new Set(kinds)].sort(), ['consumer', 'fleet', 'key', 'network']);
    assert.ok(incidents.length > 15, `${incidents.length} incidents`);
  });

  test('one partition, one process', async () => {
    const log = { ...judged.log, feedMs: 0 };
    const found = await play(servers, log, { prefix: 'one', partitions: 1, detects: 1 });
    assert.equal(difference(found, judged.wanted), undefined);
  });

  test('three processes of eight partitions, killed one by one and then all at once', async (t) => {
    const found = await play(servers, judged.log, {
      prefix: 'killed',
      partitions: 8,
      detects: 3,
      async disturb(stage) {
        const { detects, stack } = stage;
        await killOneByOne(stage);
        await until(() => hasSaved(detects));
        for (const { child } of detects) child.kill('SIGKILL');
        for (const { child } of detects) await child.ended;
        const { events, left } = await assertPositionsAgree(stack);
        t.diagnostic(`${events} events in the records, ${left} messages to go on with`);
        assert.ok(events > 0);
        for (const [i, member] of detects.entries()) {
          detects[i] = await stack.start('detect', member.folder);
        }
      },
      async afterwards(stack) {
        assert.equal((await assertPositionsAgree(stack)).left, 0);
      },
    });
    assert.equal(difference(found, judged.wanted), undefined);
  });

  test('a process frozen for longer than its session changes nothing when it goes on', async () => {
    const found = await play(servers, judged.log, {
      prefix: 'frozen',
      partitions: 8,
      detects: 3,
      async disturb({ detects, fed }) {
        await fed(0.3);
        const [frozen, ...others] = detects;
        frozen!.child.kill('SIGSTOP');
        await sleep(SESSION_MS);
        // Its successors have all of it.
        await until(
          () => lagOf(others, 'events'),
          ({ partitions }) => partitions === 8,
        );
        await fed(0.7);
        frozen!.child.kill('SIGCONT');
      },
    });
    assert.equal(difference(found, judged.wanted), undefined);
  });

  test('an ingest process killed between producing and saving adds no event twice', async (t) => {
    let repeats = 0;
    const found = await play(servers, judged.log, {
      prefix: 'ingest',
      partitions: 4,
      detects: 2,
      async disturb(stage) {
        // The first one before it has saved anything.
        for (let killMs = 300; !stage.isFed; killMs = KILL_MS) {
          await sleep(killMs);
          stage.ingest.child.kill('SIGKILL');
          await stage.ingest.child.ended;
          stage.ingest = await stage.stack.start('ingest', stage.ingest.folder);
        }
      },
      async afterwards(stack) {
        ({ repeats } = countEvents(await stack.events()));
      },
    });
    t.diagnostic(`${repeats} events were in the topic twice`);
    assert.ok(repeats > 0, 'no kill fell between producing and saving');
    assert.equal(difference(found, judged.wanted), undefined);
  });
});
