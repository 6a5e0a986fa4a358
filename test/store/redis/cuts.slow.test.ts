/** Every instant at which a checkpoint can be cut off, and every script of it that comes late. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RedisConfig } from '../../../core/config.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';
import { numbersIn } from '../rows.ts';
import { loaded } from '../state-contract.ts';
import { newPrefix } from './driver.ts';
import { type Around, LARGE_SUBJECTS, largeCheckpoint, openAround } from './faults.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

const asItIs: Around = (_name, call) => call();

/** The number that all parts of the state agree on. */
async function numberKept(config: RedisConfig): Promise<number> {
  const { state, close } = await openAround(config, asItIs);
  const kept = await loaded(state);
  const numbers = [...numbersIn(kept)];
  assert.equal(numbers.length, 1, `of one instant: ${numbers}`);
  assert.equal(kept.logPosition, numbers[0]);
  assert.equal([...kept.subjects].length, LARGE_SUBJECTS);
  // It goes on from there.
  await state.commit(largeCheckpoint(numbers[0]! + 1));
  assert.deepEqual([...numbersIn(await loaded(state))], [numbers[0]! + 1]);
  close();
  return numbers[0]!;
}

/** Dies at the `at`-th script of the second checkpoint, before or after the server has carried it out. */
async function cutAt(config: RedisConfig, at: number, executed: boolean) {
  let calls = -1;
  let committed = false;
  const { state, close } = await openAround(config, async (name, call) => {
    if (calls < 0) return call();
    const n = calls++;
    if (n > at || (n === at && !executed)) throw new Error('cut off');
    const answer = await call();
    if (name === 'commit') committed = true;
    if (n === at) throw new Error('cut off');
    return answer;
  });
  await state.commit(largeCheckpoint(1));
  calls = 0;
  const died = await failed(state.commit(largeCheckpoint(2)));
  close();
  return { died, committed };
}

function failed(run: Promise<unknown>): Promise<boolean> {
  return run.then(
    () => false,
    () => true,
  );
}

test('cut off at any script, a checkpoint is there whole or not at all', async () => {
  let at = 0;
  const outcomes = new Set<boolean>();
  for (let died = true; died; at++) {
    for (const executed of [false, true]) {
      const config = server.config(newPrefix());
      const cut = await cutAt(config, at, executed);
      assert.equal(await numberKept(config), cut.committed ? 2 : 1, `script ${at}, ${executed}`);
      outcomes.add(cut.committed);
      died = cut.died;
    }
  }
  assert.ok(at > 15, `${at} scripts tried`);
  assert.equal(outcomes.size, 2, 'cut before and after the instant that counts');
});

test('the owner goes on after a checkpoint that failed at any script', async () => {
  let at = 0;
  for (let died = true; died; at++) {
    let calls = -1;
    const { state, close } = await openAround(server.config(newPrefix()), async (_name, call) => {
      const answer = await call();
      if (calls >= 0 && calls++ === at) throw new Error('no answer');
      return answer;
    });
    await state.commit(largeCheckpoint(1));
    calls = 0;
    died = await failed(state.commit(largeCheckpoint(2)));
    calls = -1;
    await state.commit(largeCheckpoint(2));
    assert.deepEqual([...numbersIn(await loaded(state))], [2], `script ${at}`);
    close();
  }
  assert.ok(at > 15, `${at} scripts tried`);
});

test('scripts that a frozen server carries out late change nothing', async () => {
  const config = server.config(newPrefix());
  const earlier: (() => Promise<unknown>)[] = [];
  let replaying = false;
  const { state, close } = await openAround(config, async (_name, call) => {
    if (replaying) for (const late of [...earlier, ...earlier.toReversed()]) await late();
    earlier.push(call);
    return call();
  });
  for (const n of [1, 2]) await state.commit(largeCheckpoint(n));
  replaying = true;
  await state.commit(largeCheckpoint(3));
  replaying = false;
  for (const late of [...earlier, ...earlier.toReversed()]) await late();
  assert.deepEqual([...numbersIn(await loaded(state))], [3]);
  await state.commit(largeCheckpoint(4));
  close();
  assert.equal(await numberKept(config), 4);
  for (const late of earlier) await late().catch(() => undefined);
});

test('a script that is repeated because its answer got lost counts once', async () => {
  const { state, close } = await openAround(server.config(newPrefix()), async (_name, call) => {
    await call();
    return call();
  });
  for (const n of [1, 2]) {
    await state.commit(largeCheckpoint(n));
    assert.deepEqual([...numbersIn(await loaded(state))], [n]);
  }
  close();
});

test('what a failed attempt left behind is not taken for part of the next', async () => {
  const config = server.config(newPrefix());
  let cut = '';
  const { state, close } = await openAround(config, async (name, call) => {
    if (name === cut) throw new Error('cut off');
    return call();
  });
  await state.commit(largeCheckpoint(1));
  cut = 'commit';
  await assert.rejects(state.commit(largeCheckpoint(2)));
  cut = 'apply';
  const large = largeCheckpoint(1);
  const subjects = [...large.subjects].slice(0, 1);
  await assert.rejects(state.commit({ ...large, subjects, removedSubjects: [] }));
  close();
  assert.equal(await numberKept(config), 1);
});

test('of two that claim at the same time one owns the partition, and the other is fenced', async () => {
  const config = server.config(newPrefix());
  let overtake = true;
  let faster: Awaited<ReturnType<typeof openAround>> | undefined;
  const slower = await openAround(config, async (name, call) => {
    if (name === 'claimPartition' && overtake) {
      overtake = false;
      faster = await openAround(config, asItIs);
    }
    return call();
  });
  assert.notEqual(slower.state.epoch, faster!.state.epoch);
  await assert.rejects(faster!.state.commit(largeCheckpoint(1)), { code: 'fenced' });
  await slower.state.commit(largeCheckpoint(2));
  assert.deepEqual([...numbersIn(await loaded(slower.state))], [2]);
  slower.close();
  faster!.close();
});
