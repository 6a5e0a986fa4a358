/**
 * Random decisions, ends, faults, kills and changes by people, in random order. However it went, in the end each key
 * is at the gateway as the records say, nothing is stuck, and once all is taken back the gateway is as people left it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Action, type ActionStore, isUnsettled } from '../../../core/action.ts';
import type { AuditLog } from '../../../core/audit.ts';
import type { Decision } from '../../../core/decision.ts';
import type { GatewayAdapter } from '../../../core/gateway.ts';
import type { ActingRung } from '../../../core/ladder.ts';
import { createActionRunner } from '../../../responders/actions/runner.ts';
import { isStanding, strictest, wishOf } from '../../../responders/actions/wishes.ts';
import { sampleDecision } from '../../support/response-samples.ts';
import { type FakeApi, type FakeFault, type FakeKey, fakeKey, fakeServer } from './fake-api.ts';
import { fakeAdapter, withWish } from './fake-gateway.ts';
import { memoryActions, memoryAudit, memoryClock, memoryQueue } from './memory.ts';
import { HOUR_MS, START } from './rig.ts';

const KEYS = ['kong:a', 'kong:b'];
const FAULTS: FakeFault[] = ['reset', 'after', 'unavailable', 'too-many'];

type Step =
  | {
      readonly do: 'decide';
      readonly key: number;
      readonly rung: ActingRung;
      readonly minutes: number;
    }
  | { readonly do: 'end'; readonly nth: number }
  | { readonly do: 'work'; readonly minutes: number }
  | { readonly do: 'person'; readonly key: number; readonly gives: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      key: fc.nat(1),
      rung: fc.constantFrom<ActingRung>('throttle-soft', 'throttle-hard', 'suspend', 'revoke'),
      minutes: fc.integer({ min: 1, max: 90 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), nth: fc.nat(9) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('work' as const),
      minutes: fc.integer({ min: 0, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('person' as const),
      key: fc.nat(1),
      gives: fc.boolean(),
    }),
  },
);

const scenario = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  write: fc.constantFrom('set' as const, 'create' as const),
  tells: fc.boolean(),
  people: fc.boolean(),
  /** With few, actions are given up and taken up again. */
  failuresMax: fc.constantFrom(2, 8),
  /** Calls and writes between two faults, and between two kills. */
  faultEvery: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 40 }),
  killEvery: fc.array(fc.integer({ min: 3, max: 25 }), { maxLength: 8 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

class Killed extends Error {}

/** The world outlives the processes in it. */
class World {
  readonly clock = memoryClock(START);
  readonly store = memoryActions();
  readonly audit = memoryAudit();
  readonly queue = memoryQueue(this.clock);
  readonly server = fakeServer();
  readonly decisions = new Map<string, Decision>();
  /** As people left it: what all comes back to. */
  readonly theirs = new Map<string, FakeKey>();
  readonly scenario: Scenario;
  adapter!: GatewayAdapter;
  runner!: ReturnType<typeof createActionRunner>;
  process = 0;
  peaceful = false;
  #toFault: number;
  #toKill: number;
  #faults = 0;
  #kills = 0;

  constructor(given: Scenario) {
    this.scenario = given;
    for (const key of KEYS) this.server.keys.set(key, fakeKey());
    this.#toFault = given.faultEvery[0]!;
    this.#toKill = given.killEvery[0] ?? Number.MAX_SAFE_INTEGER;
    this.server.fault = () => this.#nextFault();
  }
  #nextFault(): FakeFault {
    if (this.peaceful || --this.#toFault > 0) return 'none';
    const { faultEvery } = this.scenario;
    this.#toFault = faultEvery[++this.#faults % faultEvery.length]!;
    return FAULTS[(this.#faults * 7 + this.server.calls.length) % FAULTS.length]!;
  }
  /** Every call that leaves a process: the process may end before it or after it. */
  #through<T extends object>(parts: T, process: number): T {
    const passes = async <R>(run: () => Promise<R>): Promise<R> => {
      if (process !== this.process) throw new Killed();
      const dies = !this.peaceful && --this.#toKill <= 0;
      if (dies && this.#toKill % 2 === 0) this.#kill();
      const answer = process === this.process ? await run() : undefined;
      if (dies) this.#kill();
      if (process !== this.process) throw new Killed();
      return answer as R;
    };
    const wrapped = Object.entries(parts).map(([name, value]) => [
      name,
      typeof value === 'function'
        ? (...given: unknown[]) => passes(() => value.apply(parts, given))
        : value,
    ]);
    return Object.fromEntries(wrapped) as T;
  }
  #kill(): void {
    const { killEvery } = this.scenario;
    this.#toKill = killEvery[++this.#kills] ?? Number.MAX_SAFE_INTEGER;
    this.process++;
  }
  /** A process that has just started. */
  async begin(): Promise<void> {
    for (;;) {
      const process = this.process;
      const { write, tells, people } = this.scenario;
      // Only an adapter that can tell keeps people's changes apart from a write that was not heard of.
      const knows = { write, tells: tells || people };
      this.adapter = fakeAdapter(this.#through<FakeApi>(this.server.api, process), knows);
      this.runner = createActionRunner({
        adapters: [this.adapter],
        store: this.#through<ActionStore>(this.store, process),
        queue: this.queue,
        audit: this.#through<AuditLog>(this.audit, process),
        decisions: { decision: async (id) => this.decisions.get(id) },
        clock: this.clock,
        random: () => 0.5,
        pace: async () => {},
        bounds: { failuresMax: this.scenario.failuresMax },
      });
      void this.runner.run(new AbortController().signal).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
      if (process === this.process) return;
    }
  }
  /** In a process that lives: does it again in the next one, as whoever asks would. */
  async surely(run: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      const { process } = this;
      try {
        await run();
        if (process === this.process) return;
      } catch (error) {
        if (process === this.process) throw error;
      }
      await this.begin();
    }
    assert.fail('no process lives long enough');
  }
  async work(untilMs: number): Promise<void> {
    for (let steps = 0; steps < 5000; steps++) {
      const { process } = this;
      const worked = await this.queue.step(untilMs);
      if (process !== this.process) await this.begin();
      else if (!worked) {
        this.clock.set(untilMs);
        return;
      }
    }
    assert.fail(`it works for ever: ${JSON.stringify(this.store.all().slice(0, 3), null, 1)}`);
  }
}

async function take(world: World, one: Step, n: number): Promise<void> {
  if (one.do === 'work') return await world.work(world.clock.now() + one.minutes * 60_000);
  if (one.do === 'person') {
    if (world.scenario.people) personChanges(world, KEYS[one.key]!, one.gives, n);
    return;
  }
  if (one.do === 'end') {
    const decisions = [...world.decisions.values()];
    const ended = decisions[one.nth % Math.max(1, decisions.length)];
    if (ended === undefined) return;
    world.decisions.set(ended.id, { ...ended, state: 'ended', endedAs: 'restored' });
    return await world.surely(() => world.runner.undo(ended.id, 'person:ann', 'restored'));
  }
  const decision = sampleDecision({
    id: `dec_${String(n).padStart(20, '0')}`,
    subject: { kind: 'key', id: KEYS[one.key]! },
    rung: one.rung,
    ...(one.rung.startsWith('throttle') ? { limit: { requests: 1 + n, windowMs: 60_000 } } : {}),
    untilAt: new Date(world.clock.now() + one.minutes * 60_000).toISOString(),
  });
  world.decisions.set(decision.id, decision);
  await world.surely(() => world.runner.request(decision, world.adapter));
}

/** Gives the key back as it was, or sets a limit of their own on what they see. */
function personChanges(world: World, id: string, gives: boolean, n: number): void {
  const key = world.server.keys.get(id)!;
  if (gives) Object.assign(key, structuredClone(world.theirs.get(id) ?? fakeKey()));
  else key.perMinute = 10_000 + n;
  world.theirs.set(id, structuredClone(key));
}

function assertAsRecorded(world: World): void {
  const actions = world.store.all();
  for (const id of KEYS) {
    const ofKey = actions.filter(({ subject }) => subject.id === id);
    // What waits for its next try is not yet as it is to be.
    if (ofKey.some((action) => isUnsettled(action) || action.state === 'failed')) continue;
    const standing = ofKey.filter((action) => isStanding(action, world.clock.now()));
    const effective = strictest(standing);
    const original = effective?.original?.facts as unknown as FakeKey | undefined;
    const { write } = world.scenario;
    if (effective === undefined || original === undefined) continue;
    const expected = withWish(original, wishOf(effective), write);
    assert.deepEqual(world.server.keys.get(id), expected, `${id}: what stands is in effect`);
  }
}

function assertSettled(actions: readonly Action[]): void {
  const stuck = actions.filter(
    ({ state, wants }) => state === 'planned' || state === 'running' || wants !== 'undone',
  );
  assert.deepEqual(stuck, [], 'nothing is stuck');
  for (const { id, state, wants } of actions) {
    assert.ok(state === 'undone' || (state === 'conflict' && wants === 'undone'), `${id} ${state}`);
  }
}

async function play(given: Scenario): Promise<World> {
  const world = new World(given);
  await world.begin();
  for (const [n, one] of given.steps.entries()) await take(world, one, n);
  world.peaceful = true;
  await world.begin();
  await world.work(world.clock.now() + 60_000);
  if (!given.people) assertAsRecorded(world);
  await world.work(world.clock.now() + 48 * HOUR_MS);
  return world;
}

test('however decisions, faults, kills and ends come, the gateway is as the records say, and ends as before', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const world = await play({ ...given, people: false });
      assertSettled(world.store.all());
      for (const id of KEYS) assert.deepEqual(world.server.keys.get(id), fakeKey(), id);
      for (const { state } of world.store.all()) assert.equal(state, 'undone');
    }),
    { numRuns: 150 },
  );
});

test('a person’s later change is never overwritten, however else it goes', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const world = await play({ ...given, write: 'set', people: true });
      assertSettled(world.store.all());
      for (const id of KEYS) {
        const expected = world.theirs.get(id) ?? fakeKey();
        assert.deepEqual(world.server.keys.get(id), expected, `${id}: as people left it`);
      }
    }),
    { numRuns: 150 },
  );
});
