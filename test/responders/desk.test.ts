/** From incident to decision: rungs, expiry, repetition, calm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInEffect } from '../../core/decision.ts';
import { DEFAULT_POLICY } from '../../responders/policy.ts';
import { sampleProfile } from '../support/response-samples.ts';
import { createWorld, HOUR, KEY, MINUTE, type Said, SECOND, T0 } from './scene.ts';

test('a new install shows what it would have done, and does nothing', () => {
  const world = createWorld({ policy: DEFAULT_POLICY });
  world.tell(
    'kong:1',
    [
      ['scope', 12],
      ['new-place', 8],
    ],
    T0,
  );
  const [decision] = world.decisions();
  assert.equal(world.decisions().length, 1);
  assert.deepEqual(
    [decision?.rung, decision?.mode, decision?.state],
    ['suspend', 'observe', 'noted'],
  );
  assert.deepEqual(world.standing(T0), []);
});

test('low and medium are told, high is throttled, critical is suspended', () => {
  const world = createWorld();
  world.tell('kong:low', [['new-place', 5.5]], T0);
  world.tell('kong:medium', [['scope', 7.2]], T0);
  world.tell('kong:high', [['scope', 9]], T0);
  world.tell(
    'kong:critical',
    [
      ['scope', 9.5],
      ['new-place', 5.5],
    ],
    T0,
  );
  assert.deepEqual(
    world.decisions().map(({ subject, rung, state }) => `${subject.id} ${rung} ${state}`),
    [
      'kong:low alert noted',
      'kong:medium alert noted',
      'kong:high throttle-hard standing',
      'kong:critical suspend standing',
    ],
  );
  assert.deepEqual(world.decisions()[2]?.limit, { requests: 24, windowMs: MINUTE });
});

test('where the gateway asks per request, high contains what departs from the profile', () => {
  const profile = sampleProfile();
  const env = { asksPerRequest: () => true, profileOf: () => profile };
  const world = createWorld({ env });
  world.tell(
    'kong:away',
    [
      ['scope', 8.2],
      ['new-place', 5.2],
    ],
    T0,
  );
  world.tell('kong:home', [['scope', 9]], T0);
  assert.deepEqual(world.standing(T0), ['kong:away contain', 'kong:home throttle-hard']);
});

test('behaviour alone never revokes by default, however bad it is', () => {
  const world = createWorld();
  world.tell(
    'kong:1',
    [
      ['scope', 300],
      ['new-place', 300],
      ['enumeration', 300],
    ],
    T0,
  );
  assert.deepEqual(world.standing(T0), ['kong:1 suspend']);
});

test('a rung that no gateway of the key can is replaced by the next best, or told', () => {
  const some = createWorld({ env: { rungsOf: () => new Set(['throttle-hard'] as const) } });
  some.tell(
    'kong:1',
    [
      ['scope', 12],
      ['new-place', 6],
    ],
    T0,
  );
  assert.deepEqual(some.standing(T0), ['kong:1 throttle-hard']);
  assert.equal(some.decisions()[0]?.wanted, 'suspend');
  const none = createWorld({ env: { rungsOf: () => new Set() } });
  none.tell(
    'kong:1',
    [
      ['scope', 12],
      ['new-place', 6],
    ],
    T0,
  );
  const [decision] = none.decisions();
  assert.deepEqual(
    [decision?.rung, decision?.wanted, decision?.heldBy],
    ['alert', 'suspend', 'gateway'],
  );
});

test('a decision is in effect until its time, whether or not anything swept it', () => {
  const world = createWorld();
  world.tell(
    'kong:1',
    [
      ['scope', 12],
      ['new-place', 6],
    ],
    T0,
  );
  const [decision] = world.decisions();
  assert.equal(isInEffect(decision!, T0 + 15 * MINUTE - 1), true);
  assert.equal(isInEffect(decision!, T0 + 15 * MINUTE), false);
  assert.deepEqual(world.standing(T0 + 15 * MINUTE), []);
  world.desk.tick(T0 + 15 * MINUTE);
  assert.equal(world.decisions()[0]?.endedAs, 'expired');
});

test('more evidence takes the next rung, and the one before ends', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 9]], T0);
  world.tell(
    'kong:1',
    [
      ['scope', 10],
      ['new-place', 6],
    ],
    T0 + MINUTE,
  );
  assert.deepEqual(world.standing(T0 + MINUTE), ['kong:1 suspend']);
  assert.deepEqual(
    world.decisions().map(({ rung, endedAs }) => [rung, endedAs]),
    [
      ['throttle-hard', 'replaced'],
      ['suspend', undefined],
    ],
  );
});

test('a throttle ends when it is calm, a suspension only in its time', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 9]], T0);
  world.tell(
    'kong:2',
    [
      ['scope', 12],
      ['new-place', 6],
    ],
    T0,
  );
  world.close('kong:1', T0 + 10 * MINUTE);
  world.close('kong:2', T0 + 10 * MINUTE);
  assert.deepEqual(world.standing(T0 + 10 * MINUTE), ['kong:2 suspend']);
  assert.equal(world.decisions()[0]?.endedAs, 'calm');
});

test('a suspension that holds nowhere, as its gateway is away, ends when it is calm', () => {
  const putOff = new Set<string>();
  const world = createWorld({ env: { isPutOff: (id) => putOff.has(id) } });
  for (const key of ['kong:1', 'kong:2']) {
    world.tell(
      key,
      [
        ['scope', 12],
        ['new-place', 6],
      ],
      T0,
    );
  }
  putOff.add(world.decisions()[0]!.id);
  world.close('kong:1', T0 + 10 * MINUTE);
  world.close('kong:2', T0 + 10 * MINUTE);
  assert.deepEqual(world.standing(T0 + 10 * MINUTE), ['kong:2 suspend']);
  assert.equal(world.decisions()[0]?.endedAs, 'calm');
});

test('a suspension that had its time goes on milder, while its incident is open, until there is more', () => {
  const critical = (score: number): readonly Said[] => [
    ['volume-spike', score],
    ['new-place', 6],
  ];
  const departing = { asksPerRequest: () => true, profileOf: () => sampleProfile() };
  for (const [env, after] of [
    [departing, 'contain'],
    [{ asksPerRequest: () => false }, 'throttle-hard'],
  ] as const) {
    const world = createWorld({ env });
    world.tell('kong:1', critical(12), T0);
    world.until(T0 + 14 * MINUTE);
    assert.deepEqual(world.standing(T0 + 14 * MINUTE), ['kong:1 suspend']);
    world.until(T0 + 16 * MINUTE);
    assert.deepEqual(world.standing(T0 + 16 * MINUTE), [`kong:1 ${after}`]);
    world.tell('kong:1', critical(13), T0 + 17 * MINUTE);
    assert.deepEqual(world.standing(T0 + 17 * MINUTE), [`kong:1 ${after}`], 'about the same');
    world.tell('kong:1', critical(20), T0 + 18 * MINUTE);
    world.until(T0 + 19 * MINUTE);
    assert.deepEqual(world.standing(T0 + 19 * MINUTE), ['kong:1 suspend']);
  }
});

test('a throttle goes on while its incident is open, up to the most that is allowed', () => {
  const world = createWorld();
  world.tell('kong:1', [['scope', 9]], T0);
  world.until(T0 + 2 * HOUR);
  assert.deepEqual(world.standing(T0 + 2 * HOUR), ['kong:1 throttle-hard']);
  assert.equal(world.decisions().length, 1);
  world.until(T0 + 25 * HOUR);
  assert.equal(world.decisions()[0]?.endedAs, 'expired');
});

test('a key that does it again is held longer, then one rung higher', () => {
  const world = createWorld();
  const spans: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const at = T0 + turn * HOUR;
    world.tell('kong:1', [['scope', 9]], at, {
      id: `inc_${turn}`,
      openedAt: new Date(at).toISOString(),
    });
    const last = world.decisions().at(-1)!;
    spans.push(`${last.rung} ${last.forMs! / MINUTE}`);
    world.close('kong:1', at + 20 * MINUTE);
  }
  assert.deepEqual(spans, ['throttle-hard 60', 'throttle-hard 120', 'suspend 60']);
});

test('what was told before makes no second decision', () => {
  const world = createWorld();
  const incident = world.tell('kong:1', [['scope', 9]], T0);
  world.desk.incident(incident, T0 + SECOND);
  world.until(T0 + MINUTE);
  assert.equal(world.told.length, 1);
});

test('the same calls give the same decisions', () => {
  const run = (): string => {
    const world = createWorld();
    for (let i = 0; i < 40; i++) {
      world.tell(
        `kong:${i % 7}`,
        [
          ['scope', 4 + (i % 9)],
          ['volume-spike', 4 + (i % 5)],
        ],
        T0 + i * SECOND,
      );
      world.until(T0 + i * SECOND);
    }
    return JSON.stringify(world.told);
  };
  assert.equal(run(), run());
});

test('incidents of other subjects are not acted upon', () => {
  const world = createWorld();
  world.tell(
    'kong:1',
    [
      ['scope', 12],
      ['new-place', 6],
    ],
    T0,
    {
      subject: { kind: 'consumer', id: 'acme' },
    },
  );
  assert.deepEqual(world.told, []);
});

test('a key of which nothing is known gets the limit for that', () => {
  const world = createWorld();
  const { key: _, ...rest } = { key: KEY };
  world.tell('kong:1', [['scope', 9]], T0, { key: { ...KEY, busyPerHour: 0 }, ...rest });
  assert.deepEqual(world.decisions()[0]?.limit, { requests: 60, windowMs: MINUTE });
});
