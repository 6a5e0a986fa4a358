/** How much is done before people look, and who gets it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toIso } from '../../../core/clock.ts';
import { DEFAULT_AUTOMATIC, type Policy } from '../../../responders/policy.ts';
import {
  createWorld,
  DAY,
  HOUR,
  KEY,
  MINUTE,
  type Said,
  SECOND,
  T0,
  type World,
} from '../scene.ts';

const HIGH: readonly Said[] = [['scope', 9]];
const CRITICAL: readonly Said[] = [
  ['scope', 11],
  ['new-place', 6],
];

function suspended(world: World, nowMs: number): string[] {
  return world.standing(nowMs).filter((line) => line.endsWith(' suspend'));
}

function policyWith(change: Partial<Policy['brakes']['budget']>): Policy {
  const { brakes } = DEFAULT_AUTOMATIC;
  return { ...DEFAULT_AUTOMATIC, brakes: { ...brakes, budget: { ...brakes.budget, ...change } } };
}

const FOUR = { ...DEFAULT_AUTOMATIC.brakes.budget.perHour, suspend: 4, 'throttle-hard': 4 };
const ONLY_COUNT = { consumerPercent: 100, youngPercent: 100, reservePercent: 0 };

test('what is beyond the budget is held, somebody is told once, and it is done when the hour has passed', () => {
  const world = createWorld({
    policy: policyWith({ perHour: { ...FOUR, 'throttle-hard': 40 }, ...ONLY_COUNT }),
  });
  for (let i = 0; i < 6; i++) world.tell(`kong:${i}`, CRITICAL, T0 + i);
  assert.equal(suspended(world, T0 + 6).length, 4);
  assert.deepEqual(world.desk.status(T0 + 6).held, { budget: 2 });
  assert.equal(world.notices.length, 1);
  assert.match(
    world.decisions().at(-1)!.why,
    /Held: 4 keys were put under suspend within the hour/,
  );
  world.until(T0 + 14 * MINUTE);
  assert.deepEqual(world.desk.status(T0 + 14 * MINUTE).held, { budget: 2 });
  world.until(T0 + 15 * MINUTE + SECOND);
  assert.deepEqual(world.desk.status(T0 + 16 * MINUTE).held, {});
  const fifth = world
    .decisions()
    .find(({ subject, rung }) => subject.id === 'kong:5' && rung === 'suspend');
  assert.equal(fifth?.endedAs, 'expired');
  world.until(T0 + HOUR + SECOND);
  world.tell('kong:late', CRITICAL, T0 + HOUR + SECOND);
  assert.equal(world.standing(T0 + HOUR + SECOND).includes('kong:late suspend'), true);
});

test('what gets free goes to the highest risk', () => {
  const world = createWorld({ policy: policyWith({ perHour: FOUR, ...ONLY_COUNT }) });
  for (let i = 0; i < 4; i++) world.tell(`kong:${i}`, CRITICAL, T0);
  world.until(T0 + 50 * MINUTE);
  world.tell('kong:mild', CRITICAL, T0 + 50 * MINUTE);
  world.tell(
    'kong:bad',
    [
      ['scope', 30],
      ['new-place', 6],
    ],
    T0 + 50 * MINUTE,
  );
  world.desk.tick(T0 + HOUR);
  const free = world.standing(T0 + HOUR).filter((line) => /mild|bad/.test(line));
  assert.deepEqual(free, ['kong:mild suspend', 'kong:bad suspend']);
  const order = world.told.filter(
    ({ state, rung, subject }) =>
      state === 'standing' && rung === 'suspend' && /mild|bad/.test(subject.id),
  );
  assert.deepEqual(
    order.map(({ subject }) => subject.id),
    ['kong:bad', 'kong:mild'],
  );
});

test('decoys of one consumer eat no more than its share', () => {
  const entries = Array.from({ length: 40 }, (_, i) => ({ id: `kong:d${i}`, consumer: 'mallory' }));
  const world = createWorld({ entries });
  for (let i = 0; i < 40; i++) world.tell(`kong:d${i}`, CRITICAL, T0);
  assert.equal(suspended(world, T0).length, 2);
  world.tell('kong:victim', CRITICAL, T0 + SECOND);
  assert.equal(world.standing(T0 + SECOND).includes('kong:victim suspend'), true);
});

test('young keys eat no more than their share, whoever has them', () => {
  const world = createWorld();
  const young = { key: { ...KEY, firstAt: toIso(T0 - DAY) } };
  for (let i = 0; i < 40; i++) world.tell(`kong:d${i}`, CRITICAL, T0, young);
  assert.equal(suspended(world, T0).length, 2);
  world.tell('kong:victim', CRITICAL, T0 + SECOND);
  assert.equal(world.standing(T0 + SECOND).includes('kong:victim suspend'), true);
});

test('old decoys that only make noise leave a part for stronger evidence', () => {
  const quick = {
    fleet: { ...DEFAULT_AUTOMATIC.brakes.fleet, consumers: 1000, waitAloneMs: 5000 },
  };
  const policy = { ...DEFAULT_AUTOMATIC, brakes: { ...DEFAULT_AUTOMATIC.brakes, ...quick } };
  const world = createWorld({ policy });
  for (let i = 0; i < 200; i++) world.tell(`kong:d${i}`, [['volume-spike', 50]], T0);
  world.until(T0 + 10 * SECOND);
  assert.equal(world.standing(T0 + 10 * SECOND).length, 23);
  const env = { rungsOf: () => new Set(['throttle-hard'] as const) };
  const small = createWorld({ policy, env });
  for (let i = 0; i < 200; i++) small.tell(`kong:d${i}`, [['volume-spike', 50]], T0);
  small.until(T0 + 10 * SECOND);
  small.tell('kong:victim', CRITICAL, T0 + 10 * SECOND);
  assert.equal(small.standing(T0 + 10 * SECOND).includes('kong:victim throttle-hard'), true);
});

test('keys that carry much of the traffic are not all acted upon', () => {
  const world = createWorld({ env: { trafficPerHour: () => 10_000 } });
  for (let i = 0; i < 10; i++) world.tell(`kong:${i}`, HIGH, T0);
  // 600 an hour each: three are free, and 20 % of 10,000 is 2,000.
  assert.equal(world.standing(T0).length, 3);
  assert.match(world.desk.open().find(({ state }) => state === 'held')!.why, /24 % of the traffic/);
  world.close('kong:0', T0 + MINUTE);
  world.close('kong:1', T0 + MINUTE);
  world.until(T0 + MINUTE);
  assert.equal(world.standing(T0 + MINUTE).length, 3);
});

test('where the budget of a rung is spent, strong evidence gets the next milder one', () => {
  const world = createWorld({ policy: policyWith({ perHour: FOUR, ...ONLY_COUNT }) });
  for (let i = 0; i < 4; i++) world.tell(`kong:decoy${i}`, CRITICAL, T0);
  world.tell('kong:victim', CRITICAL, T0 + SECOND);
  assert.equal(world.standing(T0 + SECOND).includes('kong:victim throttle-hard'), true);
  const [standing, held] = world.desk.open().filter(({ subject }) => subject.id === 'kong:victim');
  assert.deepEqual([standing?.wanted, standing?.heldBy], ['suspend', 'budget']);
  assert.deepEqual([held?.rung, held?.state], ['suspend', 'held']);
  world.desk.tick(T0 + 14 * MINUTE);
  assert.equal(world.standing(T0 + 14 * MINUTE).includes('kong:victim throttle-hard'), true);
});

test('a restart does not give the budget again', () => {
  const policy = policyWith({ perHour: FOUR, ...ONLY_COUNT });
  const before = createWorld({ policy });
  for (let i = 0; i < 4; i++) before.tell(`kong:${i}`, CRITICAL, T0);
  const after = createWorld({ policy });
  after.desk.takeOver(before.decisions(), T0 + MINUTE);
  after.tell('kong:new', CRITICAL, T0 + MINUTE);
  assert.deepEqual(after.desk.status(T0 + MINUTE).held, { budget: 1 });
});

test('what was over before a restart was spent all the same, and what was held was not', () => {
  const policy = policyWith({ perHour: FOUR, ...ONLY_COUNT });
  const before = createWorld({ policy });
  for (let i = 0; i < 5; i++) before.tell(`kong:${i}`, CRITICAL, T0);
  before.until(T0 + 16 * MINUTE);
  const ended = before.decisions().filter(({ rung }) => rung === 'suspend');
  assert.equal(ended.filter(({ state }) => state === 'ended').length, 5);
  const later = T0 + 20 * MINUTE;
  const after = createWorld({ policy });
  after.desk.takeOver(ended, later);
  assert.equal(after.desk.status(later).spent.suspend, 4);
  const next = createWorld({ policy });
  next.desk.takeOver(ended, T0 + 2 * HOUR);
  assert.equal(next.desk.status(T0 + 2 * HOUR).spent.suspend, 0);
});

test('after a restart keys that stand carry what they carried, as far as detection says it', () => {
  const before = createWorld();
  for (let i = 0; i < 3; i++) before.tell(`kong:${i}`, HIGH, T0);
  const after = createWorld({ env: { trafficPerHour: () => 10_000, factsNow: () => KEY } });
  after.desk.takeOver(before.decisions(), T0 + MINUTE);
  after.tell('kong:new', HIGH, T0 + MINUTE);
  assert.match(after.desk.open().find(({ state }) => state === 'held')!.why, /24 % of the traffic/);
});

test('of thousands that are held the highest risk still comes first, and every one its turn', () => {
  const perHour = { ...FOUR, 'throttle-hard': 1 };
  const world = createWorld({ policy: policyWith({ perHour, ...ONLY_COUNT }) });
  world.tell('kong:first', HIGH, T0);
  world.until(T0 + 50 * MINUTE, MINUTE);
  for (let i = 0; i < 300; i++) world.tell(`kong:${i}`, HIGH, T0 + 50 * MINUTE);
  world.tell('kong:bad', [['scope', 9.9]], T0 + 50 * MINUTE);
  assert.deepEqual(world.desk.status(T0 + 50 * MINUTE).held, { budget: 301 });
  world.until(T0 + HOUR, 30 * SECOND);
  const done = world.standing(T0 + HOUR).filter((line) => line !== 'kong:first throttle-hard');
  assert.deepEqual(done, ['kong:bad throttle-hard']);
});
