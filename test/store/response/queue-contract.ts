/** What every driver of ActionQueue has to keep. Called once per driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionQueue } from '../../../core/action.ts';
import { type PlacedDriver, seenAnew, withPlace } from './place.ts';

type Handle = (action: string, call: number) => Promise<number | undefined> | number | undefined;

const HOUR_MS = 3_600_000;
const PAST = Date.UTC(2026, 2, 1);
const done = () => undefined;

function entry(action: string, change: { gateway?: string; subject?: string; at?: number } = {}) {
  return { gateway: 'kong', action, subject: `kong:${action}`, at: PAST, ...change };
}

/** Works on a gateway until so many handlers have ended; answers what was handed out, in order. */
async function worked(
  queue: ActionQueue,
  calls: number,
  handle: Handle = done,
  gateway = 'kong',
): Promise<string[]> {
  const enough = new AbortController();
  const handed: string[] = [];
  let ended = 0;
  const handler = async (action: string) => {
    handed.push(action);
    try {
      return await handle(action, handed.length);
    } finally {
      if (++ended >= calls) setImmediate(() => enough.abort());
    }
  };
  await queue.work(gateway, handler, enough.signal);
  return handed;
}

/** Nothing is left: an entry added last is all that is handed out. */
async function assertEmpty(queue: ActionQueue): Promise<void> {
  await queue.add(entry('last', { at: Date.now() }));
  assert.deepEqual(await worked(queue, 1), ['last']);
}

export function testActionQueue(driver: PlacedDriver<ActionQueue>): void {
  const name = (guarantee: string) => `${driver.name} queue: ${guarantee}`;
  testOrder(driver, name);
  testAgain(driver, name);
  testEnds(driver, name);
}

function testOrder(driver: PlacedDriver<ActionQueue>, name: (g: string) => string): void {
  test(name('work of a key is handed out the earliest first, and is done with'), () =>
    withPlace(driver, async (queue) => {
      for (const [action, at] of [
        ['c', 3],
        ['a', 1],
        ['now', Date.now()],
        ['b', 2],
        ['first', 0],
      ] as const) {
        await queue.add(entry(action, { subject: 'kong:1', at }));
      }
      assert.deepEqual(await worked(queue, 5), ['first', 'a', 'b', 'c', 'now']);
      await assertEmpty(queue);
    }),
  );

  test(name('work is one at a time a key, while that on other keys goes on'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a1', { subject: 'kong:a', at: 1 }));
      await queue.add(entry('a2', { subject: 'kong:a', at: 2 }));
      await queue.add(entry('b1', { subject: 'kong:b', at: 3 }));
      await queue.add(entry('b2', { subject: 'kong:b', at: 4 }));
      const ofOther = Promise.withResolvers<undefined>();
      const at = new Set<string>();
      const handed = await worked(queue, 4, async (action) => {
        const key = action[0]!;
        assert.equal(at.has(key), false, `two of ${key} at once`);
        at.add(key);
        if (action === 'a1') await ofOther.promise;
        if (action === 'b2') ofOther.resolve(undefined);
        at.delete(key);
        return undefined;
      });
      assert.deepEqual(handed.toSorted(), ['a1', 'a2', 'b1', 'b2']);
      assert.ok(handed.indexOf('a2') > handed.indexOf('b2'), 'it waited for the first of its key');
    }),
  );

  test(name('each gateway is handed its own'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a'));
      await queue.add(entry('b', { gateway: 'edge' }));
      const both = await Promise.all([worked(queue, 1), worked(queue, 1, done, 'edge')]);
      assert.deepEqual(both, [['a'], ['b']]);
    }),
  );

  test(name('work that is added while somebody waits for it is handed out'), () =>
    withPlace(driver, async (queue) => {
      const all = new AbortController();
      // By name: an entry whose addition is sent twice may come once more.
      const handed = new Set<string>();
      const handler = async (action: string) => {
        if (handed.add(action).size === 3) setImmediate(() => all.abort());
        return undefined;
      };
      const work = queue.work('kong', handler, all.signal);
      await queue.add(entry('a'));
      await queue.add(entry('b'));
      await queue.add(entry('c', { at: Date.now() + 30 }));
      await work;
      assert.deepEqual([...handed].toSorted(), ['a', 'b', 'c']);
    }),
  );

  test(name('work is not handed out before it is due'), () =>
    withPlace(driver, async (queue) => {
      const at = Date.now() + 200;
      await queue.add(entry('later', { at }));
      await queue.add(entry('never', { at: at + HOUR_MS }));
      let handedAt = 0;
      const handed = await worked(queue, 1, () => {
        handedAt = Date.now();
        return undefined;
      });
      assert.deepEqual(handed, ['later']);
      // A timer may fire a millisecond early.
      assert.ok(handedAt >= at - 2, `${at - handedAt} ms early`);
    }),
  );
}

function testAgain(driver: PlacedDriver<ActionQueue>, name: (g: string) => string): void {
  test(name('work comes again when the handler says, and no other time is needed'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a'));
      const again = (_action: string, call: number) => (call < 3 ? Date.now() + 10 : undefined);
      assert.deepEqual(await worked(queue, 3, again), ['a', 'a', 'a']);
      await assertEmpty(queue);
    }),
  );

  test(name('work whose handler throws comes again'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a'));
      const handed = await worked(queue, 2, (_action, call) => {
        if (call === 1) throw new Error('the gateway is away');
        return undefined;
      });
      assert.deepEqual(handed, ['a', 'a']);
      await assertEmpty(queue);
    }),
  );

  test(name('an entry that is added again moves to the earlier time, and stays one'), () =>
    withPlace(driver, async (queue) => {
      const later = Date.now() + HOUR_MS;
      await queue.add(entry('a', { at: later }));
      await queue.add(entry('b'));
      await queue.add(entry('a'));
      await queue.add(entry('b', { at: later }));
      assert.deepEqual((await worked(queue, 2)).toSorted(), ['a', 'b']);
      await assertEmpty(queue);
    }),
  );

  test(name('an entry that is added while it is worked on comes once more'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a'));
      await queue.add(entry('b'));
      const handed = await worked(queue, 4, async (action, call) => {
        if (call <= 2) await queue.add(entry(action));
        return call <= 2 && action === 'b' ? Date.now() + HOUR_MS : undefined;
      });
      assert.deepEqual(handed.toSorted(), ['a', 'a', 'b', 'b']);
      await assertEmpty(queue);
    }),
  );

  test(name('what is due is counted by gateway, what is not yet due is not'), () =>
    withPlace(driver, async (queue) => {
      assert.deepEqual(await queue.depth(), {});
      await queue.add(entry('a'));
      await queue.add(entry('b'));
      await queue.add(entry('c', { gateway: 'edge' }));
      await queue.add(entry('d', { at: Date.now() + HOUR_MS }));
      assert.deepEqual(await queue.depth(), { kong: 2, edge: 1 });
      await worked(queue, 2);
      assert.equal((await queue.depth())['kong'] ?? 0, 0);
    }),
  );
}

function testEnds(driver: PlacedDriver<ActionQueue>, name: (g: string) => string): void {
  test(
    name('at the signal handlers are told and waited for, and what they leave is handed out again'),
    () =>
      withPlace(driver, async (queue) => {
        const ending = new AbortController();
        const told: string[] = [];
        await queue.add(entry('a'));
        const handler = async (action: string, signal: AbortSignal) => {
          const aborted = Promise.withResolvers<undefined>();
          signal.addEventListener('abort', () => aborted.resolve(undefined));
          ending.abort();
          await aborted.promise;
          told.push(action);
          throw signal.reason;
        };
        await queue.work('kong', handler, ending.signal);
        assert.deepEqual(told, ['a']);
        assert.deepEqual(await worked(queue, 1), ['a']);
      }),
  );

  test(name('work already over at the signal hands out nothing'), () =>
    withPlace(driver, async (queue) => {
      await queue.add(entry('a'));
      await queue.work('kong', () => assert.fail('handed out'), AbortSignal.abort());
      assert.deepEqual(await worked(queue, 1), ['a']);
    }),
  );

  test(name('what was added is handed out by the next process'), () =>
    withPlace(driver, async (queue, place) => {
      await queue.add(entry('a'));
      await queue.add(entry('b'));
      const handed = await seenAnew(driver, place, (anew) => worked(anew, 2));
      assert.deepEqual(handed.toSorted(), ['a', 'b']);
    }),
  );
}
