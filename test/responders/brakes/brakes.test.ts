/** Every other brake, seen to hold and to let go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calendarOf } from '../../../core/calendar.ts';
import { toIso } from '../../../core/clock.ts';
import { BRAKES } from '../../../responders/brakes/list.ts';
import { createWorld, DAY, HOUR, MINUTE, type Said, SECOND, T0, type World } from '../scene.ts';

const HIGH: readonly Said[] = [['scope', 9]];
const CRITICAL: readonly Said[] = [
  ['scope', 11],
  ['new-place', 6],
];

function lines(world: World): string[] {
  return world
    .decisions()
    .map(({ rung, state, heldBy }) =>
      [rung, state, ...(heldBy === undefined ? [] : [heldBy])].join(' '),
    );
}

test('brakes have names of their own, and say what they do', () => {
  assert.equal(new Set(BRAKES.map(({ id }) => id)).size, BRAKES.length);
  for (const { summary } of BRAKES) assert.ok(summary.length > 20);
});

test('kill: nothing new while it is on; what it held is done when it is off, if in time', () => {
  const world = createWorld();
  world.tell('kong:1', HIGH, T0);
  world.desk.kill(true, false, 'ann', T0);
  world.tell('kong:2', HIGH, T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:1 throttle-hard']);
  assert.deepEqual(world.desk.status(T0).held, { kill: 1 });
  world.desk.kill(false, false, 'ann', T0 + MINUTE);
  world.until(T0 + MINUTE);
  assert.deepEqual(world.standing(T0 + MINUTE), ['kong:1 throttle-hard', 'kong:2 throttle-hard']);
});

test('kill, told to lift: nothing stands, and the same evidence does not do it again', () => {
  const world = createWorld();
  world.tell('kong:1', HIGH, T0);
  world.desk.kill(true, true, 'ann', T0 + SECOND);
  assert.equal(world.decisions()[0]?.endedAs, 'stopped');
  world.desk.kill(false, false, 'ann', T0 + MINUTE);
  world.tell('kong:1', HIGH, T0 + MINUTE);
  assert.deepEqual(world.standing(T0 + MINUTE), []);
  world.tell('kong:1', CRITICAL, T0 + 2 * MINUTE);
  assert.deepEqual(world.standing(T0 + 2 * MINUTE), ['kong:1 suspend']);
});

test('protected: two people have to agree', () => {
  const world = createWorld({ entries: [{ id: 'kong:1', protected: true }] });
  world.tell('kong:1', CRITICAL, T0);
  const [decision] = world.decisions();
  assert.deepEqual(lines(world), ['suspend waiting protected']);
  assert.equal(decision?.approvalsNeeded, 2);
  assert.deepEqual(world.standing(T0), []);
  world.desk.approve(decision!.id, 'ann', T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), []);
  world.desk.approve(decision!.id, 'bob', T0 + 2 * SECOND);
  assert.deepEqual(world.standing(T0 + 2 * SECOND), ['kong:1 suspend']);
});

test('trust: evidence that may only be observed does not act, nor does it hide what may', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 20, { trust: 'observe' }]], T0);
  assert.deepEqual(lines(world), ['alert noted trust']);
  world.tell(
    'kong:2',
    [
      ['scope', 9],
      ['new-place', 6, { trust: 'observe' }],
    ],
    T0,
  );
  assert.deepEqual(world.standing(T0), ['kong:2 throttle-hard']);
  assert.equal(world.decisions()[1]?.wanted, 'suspend');
});

test('silence: what is silenced does not act', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 20, { silencedBy: 'rul_1' }]], T0);
  world.tell('kong:2', HIGH, T0, { silencedBy: 'rul_1' });
  assert.deepEqual(world.standing(T0), []);
  world.tell('kong:1', HIGH, T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:1 throttle-hard']);
});

test('allow: what stands ends at once, what people did stays', () => {
  let allowed = '';
  const env = { isAllowed: ({ subjectId }: { subjectId: string }) => subjectId === allowed };
  const world = createWorld({ env });
  world.tell('kong:1', HIGH, T0);
  world.tell('kong:2', HIGH, T0);
  const subject = { kind: 'key', id: 'kong:1' } as const;
  world.desk.command({ rung: 'suspend', subject, by: 'ann', reason: 'sure', requestId: '1' }, T0);
  allowed = 'kong:1';
  world.desk.allowanceAdded(T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:1 suspend', 'kong:2 throttle-hard']);
  assert.equal(world.decisions()[0]?.endedAs, 'allowed');
  world.tell('kong:1', CRITICAL, T0 + MINUTE);
  assert.equal(world.decisions().at(-1)?.heldBy, 'allow');
});

test('allow of a place ends what rests on that place alone', () => {
  let place = '';
  const env = { isAllowed: (seen: { place?: string | undefined }) => seen.place === place };
  const world = createWorld({ env });
  const abroad = { observed: { country: 'BR' } };
  world.tell('kong:1', [['scope', 9, abroad]], T0);
  world.tell('kong:2', HIGH, T0);
  place = 'BR';
  world.desk.allowanceAdded(T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:2 throttle-hard']);
});

test('allow of a network, which only detection can match, ends what rests on it; a silence does not', () => {
  const env = { isAllowance: (id: string) => id === 'rul_allow' };
  const world = createWorld({ env });
  world.tell('kong:1', HIGH, T0);
  world.tell('kong:2', HIGH, T0);
  world.tell('kong:1', [['scope', 9, { silencedBy: 'rul_allow' }]], T0 + SECOND);
  world.tell('kong:2', [['scope', 9, { silencedBy: 'rul_silence' }]], T0 + SECOND);
  assert.deepEqual(world.standing(T0 + SECOND), ['kong:2 throttle-hard']);
  assert.equal(world.decisions()[0]?.endedAs, 'allowed');
});

test('planned: what an open window concerns does not act, other evidence and other times do', () => {
  const window = {
    name: 'sales',
    why: 'spring sale',
    kind: 'planned' as const,
    fromAt: T0,
    toAt: T0 + HOUR,
    factor: 10,
    detectors: ['volume-spike'],
    concerns: () => true,
  };
  const world = createWorld({ calendar: calendarOf([window], '1') });
  world.tell('kong:1', [['volume-spike', 20]], T0);
  world.tell('kong:2', HIGH, T0);
  world.until(T0 + 10 * MINUTE);
  assert.deepEqual(world.standing(T0 + 10 * MINUTE), ['kong:2 throttle-hard']);
  assert.match(world.decisions()[0]!.why, /expected: spring sale/);
  world.until(T0 + 2 * HOUR);
  world.tell('kong:3', [['volume-spike', 20]], T0 + 2 * HOUR);
  world.until(T0 + 2 * HOUR + 150 * SECOND);
  assert.equal(world.standing(T0 + 2 * HOUR + 150 * SECOND).includes('kong:3 throttle-hard'), true);
});

test('network: a migration is told, no more', () => {
  const world = createWorld();
  world.tell(
    'kong:1',
    [
      ['new-place', 5.5],
      ['enumeration', 10],
    ],
    T0,
    { migration: true },
  );
  assert.deepEqual(lines(world), ['alert noted network']);
  world.tell(
    'kong:1',
    [
      ['new-place', 5.5],
      ['enumeration', 10],
    ],
    T0 + MINUTE,
  );
  assert.deepEqual(world.standing(T0 + MINUTE), ['kong:1 suspend']);
});

test('network: keys of one consumer that are new in the same place have moved', () => {
  const entries = [1, 2, 3, 4].map((i) => ({ id: `kong:${i}`, consumer: 'acme' }));
  const world = createWorld({ entries: [...entries, { id: 'kong:9', consumer: 'other' }] });
  const there = { observed: { country: 'US', city: 'Ashburn' } };
  const moved: Said[] = [
    ['new-place', 6, there],
    ['error-rate', 10],
  ];
  for (let i = 1; i <= 4; i++) {
    world.until(T0 + i * SECOND);
    world.tell(`kong:${i}`, moved, T0 + i * SECOND);
  }
  world.tell('kong:9', moved, T0 + 4 * SECOND);
  world.until(T0 + MINUTE);
  assert.deepEqual(world.standing(T0 + MINUTE), ['kong:9 suspend']);
  // What a move does not explain still speaks.
  world.tell(
    'kong:2',
    [
      ['new-place', 6, there],
      ['enumeration', 9],
    ],
    T0 + MINUTE,
  );
  assert.equal(world.standing(T0 + MINUTE).includes('kong:2 throttle-hard'), true);
});

test('stale: the more lag, the less is done, and a store that is away takes part', () => {
  const rung = (health: object, updatedAt = T0): string[] => {
    const world = createWorld({ health });
    world.tell('kong:1', CRITICAL, T0, { updatedAt: toIso(updatedAt) });
    return lines(world);
  };
  assert.deepEqual(rung({}), ['suspend standing']);
  assert.deepEqual(rung({ lagMs: 90 * SECOND }), ['suspend standing']);
  assert.deepEqual(rung({ lagMs: 3 * MINUTE }), ['throttle-hard standing stale']);
  assert.deepEqual(rung({ lagMs: HOUR }), ['alert noted stale']);
  assert.deepEqual(rung({}, T0 - HOUR), ['alert noted stale']);
  assert.deepEqual(rung({ storesAway: ['redis'] }), ['throttle-hard standing stale']);
  assert.deepEqual(rung({ coldSinceMs: T0 - HOUR }), ['throttle-hard standing stale']);
  assert.deepEqual(rung({ coldSinceMs: T0 - DAY }), ['suspend standing']);
});

test('stale: old geography data proves no travel, then no place', () => {
  const severities = (geographyAgeDays: number, detector: string): string | undefined => {
    const world = createWorld({ health: { geographyAgeDays } });
    world.tell(
      'kong:1',
      [
        ['scope', 11],
        [detector, 6],
      ],
      T0,
    );
    return world.standing(T0)[0];
  };
  assert.equal(severities(100, 'impossible-travel'), 'kong:1 suspend');
  assert.equal(severities(200, 'impossible-travel'), 'kong:1 throttle-hard');
  assert.equal(severities(200, 'new-place'), 'kong:1 suspend');
  assert.equal(severities(400, 'new-place'), 'kong:1 throttle-hard');
  assert.equal(severities(400, 'spread'), 'kong:1 suspend');
});

test('an hour of backlog that is read at once leads to no action', () => {
  const world = createWorld();
  for (let i = 0; i < 30; i++) {
    const at = toIso(T0 - HOUR + i * MINUTE);
    world.tell(`kong:${i}`, CRITICAL, T0 + i, { updatedAt: at, openedAt: at });
  }
  world.until(T0 + 30 * MINUTE);
  assert.equal(
    world.told.some(({ state }) => state === 'standing'),
    false,
  );
});
