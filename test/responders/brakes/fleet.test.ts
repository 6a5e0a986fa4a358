/** Many keys that deviate together are not to blame; one that does alone is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toIso } from '../../../core/clock.ts';
import { createWorld, DAY, KEY, MINUTE, type Said, SECOND, T0 } from '../scene.ts';

const SPIKE: Said = ['volume-spike', 12];
const PLACE: Said = ['new-place', 5.5];

function names(count: number, prefix = 'kong:k'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

test('a lone key used elsewhere at many times its rate is suspended after one span', () => {
  const world = createWorld();
  world.tell('kong:1', [SPIKE, PLACE], T0);
  assert.deepEqual(
    world.decisions().map(({ state, heldBy }) => [state, heldBy]),
    [['held', 'fleet']],
  );
  world.until(T0 + 9 * SECOND);
  assert.deepEqual(world.standing(T0 + 9 * SECOND), []);
  world.until(T0 + 10 * SECOND);
  assert.deepEqual(world.standing(T0 + 10 * SECOND), ['kong:1 suspend']);
});

test('place, credential and content do not wait', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 9]], T0);
  world.tell('kong:2', [['enumeration', 9]], T0);
  assert.deepEqual(world.standing(T0), ['kong:1 throttle-hard', 'kong:2 throttle-hard']);
});

test('what does not wait acts at once, and what waits raises it later', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 8.5], SPIKE], T0);
  assert.deepEqual(world.standing(T0), ['kong:1 throttle-hard']);
  assert.deepEqual(
    world.desk.open().map(({ rung, state, heldBy }) => [rung, state, heldBy]),
    [
      ['throttle-hard', 'standing', undefined],
      ['suspend', 'held', 'fleet'],
    ],
  );
  world.until(T0 + 10 * SECOND);
  assert.deepEqual(world.standing(T0 + 10 * SECOND), ['kong:1 suspend']);
  assert.equal(world.desk.open().length, 1);
});

test('a spike with nothing else waits until incidents of the fleet would be known', () => {
  const world = createWorld();
  world.tell('kong:1', [SPIKE], T0);
  world.until(T0 + 149 * SECOND);
  assert.deepEqual(world.standing(T0 + 149 * SECOND), []);
  world.until(T0 + 150 * SECOND);
  assert.deepEqual(world.standing(T0 + 150 * SECOND), ['kong:1 throttle-hard']);
});

test('a launch at all keys, spread over a minute, leads to no action', () => {
  const world = createWorld();
  names(100).forEach((key, i) => {
    const at = T0 + i * 600;
    world.until(at);
    // Some keys happen to be used from somewhere new, too.
    world.tell(key, i % 10 === 9 ? [SPIKE, PLACE] : [SPIKE], at);
  });
  world.until(T0 + 30 * MINUTE);
  assert.equal(
    world.told.some(({ state }) => state === 'standing'),
    false,
  );
  assert.deepEqual(world.desk.open(), []);
});

test('a broken deploy, in which keys fail and answer late, leads to no action', () => {
  const world = createWorld();
  names(20).forEach((key, i) => {
    const at = T0 + i * SECOND;
    world.until(at);
    world.tell(
      key,
      [
        ['error-rate', 40],
        ['latency', 30],
      ],
      at,
    );
  });
  world.until(T0 + 30 * MINUTE);
  assert.equal(
    world.told.some(({ state }) => state === 'standing'),
    false,
  );
});

test('keys that fall silent are never acted upon', () => {
  const world = createWorld();
  names(2).forEach((key) => {
    world.tell(
      key,
      [
        ['volume-drop', 40],
        ['new-place', 5.2],
      ],
      T0,
    );
  });
  world.until(T0 + 30 * MINUTE);
  assert.equal(
    world.told.some(({ state }) => state === 'standing'),
    false,
  );
});

test('a hundred young free keys that spike together have no vote, and hide no stolen key', () => {
  const world = createWorld();
  const young = { key: { ...KEY, firstAt: toIso(T0 - DAY) } };
  for (const key of names(100, 'kong:free')) world.tell(key, [SPIKE], T0, young);
  world.tell('kong:stolen', [SPIKE, PLACE], T0 + SECOND);
  world.until(T0 + 11 * SECOND);
  assert.deepEqual(world.standing(T0 + 11 * SECOND), ['kong:stolen suspend']);
});

test('three keys of a consumer that only send more do what their consumer does', () => {
  const entries = names(3).map((id) => ({ id, consumer: 'acme' }));
  const world = createWorld({ entries });
  names(3).forEach((key, i) => {
    world.until(T0 + i * 40 * SECOND);
    world.tell(key, [SPIKE], T0 + i * 40 * SECOND);
  });
  world.until(T0 + 30 * MINUTE);
  assert.equal(
    world.told.some(({ state }) => state === 'standing'),
    false,
  );
  // Not where place speaks against one of them.
  world.tell('kong:k0', [SPIKE, PLACE], T0 + 30 * MINUTE);
  world.until(T0 + 31 * MINUTE);
  assert.deepEqual(world.standing(T0 + 31 * MINUTE), ['kong:k0 suspend']);
});

test('volume and errors alone are throttled, and never shut a key out', () => {
  const world = createWorld();
  world.tell('kong:1', [SPIKE, ['error-rate', 40]], T0);
  world.until(T0 + 150 * SECOND);
  assert.deepEqual(world.standing(T0 + 150 * SECOND), ['kong:1 throttle-hard']);
  const [decision] = world.decisions();
  assert.deepEqual([decision?.wanted, decision?.heldBy], ['suspend', 'fleet']);
});

test('old keys of one consumer have one vote together', () => {
  const entries = names(50).map((id) => ({ id, consumer: 'acme' }));
  const world = createWorld({ entries });
  for (const key of names(50)) world.tell(key, [SPIKE], T0);
  world.tell('kong:other', [SPIKE], T0);
  world.until(T0 + 150 * SECOND);
  assert.equal(world.standing(T0 + 150 * SECOND).includes('kong:other throttle-hard'), true);
});

test('a few old decoys do not excuse a key that place speaks against', () => {
  const world = createWorld({ env: { activeKeys: () => 1000 } });
  for (const key of names(40, 'kong:decoy')) world.tell(key, [SPIKE], T0);
  world.tell('kong:stolen', [SPIKE, PLACE], T0 + SECOND);
  world.until(T0 + 3 * MINUTE);
  assert.deepEqual(world.standing(T0 + 3 * MINUTE), ['kong:stolen suspend']);
});

test('in a large fleet a few that deviate by chance excuse nobody', () => {
  const world = createWorld({ env: { activeKeys: () => 10_000 } });
  for (const key of names(5)) world.tell(key, [SPIKE], T0);
  world.until(T0 + 150 * SECOND);
  assert.equal(world.standing(T0 + 150 * SECOND).length, 5);
});

test('what became part of an incident of the fleet is not acted upon, and what stood on it ends', () => {
  const world = createWorld();
  world.tell('kong:1', [SPIKE], T0);
  world.until(T0 + 150 * SECOND);
  assert.deepEqual(world.standing(T0 + 150 * SECOND), ['kong:1 throttle-hard']);
  world.tell('kong:1', [SPIKE], T0 + 160 * SECOND, { partOf: 'inc_fleet' });
  assert.deepEqual(world.standing(T0 + 160 * SECOND), []);
  assert.equal(world.decisions()[0]?.endedAs, 'explained');
});

test('who was acted upon first in a launch is let go when it is known', () => {
  const world = createWorld();
  world.tell('kong:1', [SPIKE], T0);
  world.until(T0 + 150 * SECOND);
  world.tell('kong:2', [SPIKE], T0 + 200 * SECOND);
  world.tell('kong:3', [SPIKE], T0 + 210 * SECOND);
  world.until(T0 + 211 * SECOND);
  assert.deepEqual(world.standing(T0 + 211 * SECOND), []);
});

test('with lag the wait begins when it is told', () => {
  const world = createWorld();
  const late = { openedAt: toIso(T0 - 30 * SECOND), toAt: toIso(T0 - 30 * SECOND) };
  world.tell('kong:1', [['volume-spike', 12, late], PLACE], T0);
  assert.deepEqual(world.standing(T0), []);
  world.until(T0 + 10 * SECOND);
  assert.deepEqual(world.standing(T0 + 10 * SECOND), ['kong:1 suspend']);
});
