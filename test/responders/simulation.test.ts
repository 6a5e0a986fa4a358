/** Anything in any order: what holds of decisions all the same. The seed is in the message of what fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toIso } from '../../core/clock.ts';
import { type Decision, isInEffect } from '../../core/decision.ts';
import { ACTING_RUNGS, compareRungs } from '../../core/ladder.ts';
import { DEFAULT_AUTOMATIC, DEFAULT_POLICY, type Policy } from '../../responders/policy.ts';
import { createPolicyHolder } from '../../responders/policy-holder.ts';
import { createRandom, type Random } from '../../traffic/random.ts';
import { createWorld, DAY, HOUR, KEY, MINUTE, type Said, SECOND, T0, type World } from './scene.ts';

const STEPS = 300;
const KEYS = 12;
const PROTECTED = ['kong:0', 'kong:1'];
const DETECTORS = ['volume-spike', 'error-rate', 'new-place', 'scope', 'enumeration', 'latency'];
const PEOPLE = ['ann', 'bob', 'cid'];
const BUDGET = { ...DEFAULT_AUTOMATIC.brakes.budget.perHour, suspend: 3, 'throttle-hard': 4 };

function policyFor(random: Random): Policy {
  const { brakes, ladder } = DEFAULT_AUTOMATIC;
  const mode = random.pick(['automatic', 'approval', 'off'] as const);
  return {
    ...DEFAULT_AUTOMATIC,
    version: `v${random.below(1e6)}`,
    ladder: { ...ladder, suspend: { mode, percent: 100 } },
    brakes: { ...brakes, budget: { ...brakes.budget, perHour: BUDGET } },
  };
}

interface Run {
  readonly world: World;
  readonly log: { readonly decision: Decision; readonly killed: boolean }[];
  readonly endMs: number;
  /** What was open after each step. */
  readonly opens: { readonly nowMs: number; readonly open: readonly Decision[] }[];
}

function live(seed: number): Run {
  const random = createRandom(seed, 0x6465736b);
  const holder = createPolicyHolder(policyFor(random), 0);
  const entries = PROTECTED.map((id) => ({ id, protected: true }));
  const world = createWorld({ holder, entries, env: { trafficPerHour: () => 20_000 } });
  const log: Run['log'] = [];
  const opens: Run['opens'] = [];
  let killed = false;
  let nowMs = T0;
  for (let i = 0; i < STEPS; i++) {
    nowMs += random.pick([0, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE]);
    world.until(nowMs, 20 * SECOND);
    const told = world.told.length;
    killed = step(world, random, nowMs, killed, i);
    for (const decision of world.told.slice(log.length, told))
      log.push({ decision, killed: false });
    for (const decision of world.told.slice(told)) log.push({ decision, killed });
    opens.push({ nowMs, open: world.desk.open() });
  }
  return { world, log, opens, endMs: nowMs };
}

/** Answers whether the kill switch is on. */
function step(world: World, random: Random, nowMs: number, killed: boolean, i: number): boolean {
  const key = `kong:${random.below(KEYS)}`;
  const by = random.pick(PEOPLE);
  const { desk } = world;
  switch (random.below(12)) {
    case 0:
      world.close(key, nowMs, random.below(3) === 0 ? { closedAs: 'false-alarm' } : {});
      return killed;
    case 1: {
      const rung = random.pick(ACTING_RUNGS);
      const subject = { kind: 'key', id: key } as const;
      desk.command({ rung, subject, by, reason: 'by hand', requestId: `r${i}` }, nowMs);
      return killed;
    }
    case 2:
      desk.restore({ subjectId: key, by, reason: 'ours' }, nowMs);
      return killed;
    case 3:
    case 4:
      for (const { id, state } of desk.open()) {
        if (state === 'waiting') desk.approve(id, by, nowMs);
      }
      return killed;
    case 5:
      for (const { id } of desk.open().slice(0, 1)) desk.deny(id, by, nowMs);
      return killed;
    case 6:
      desk.kill(!killed, random.below(4) === 0, by, nowMs);
      return !killed;
    case 7:
      world.holder.replace(random.below(4) === 0 ? DEFAULT_POLICY : policyFor(random), nowMs);
      return killed;
    default: {
      const said = DETECTORS.filter(() => random.below(3) === 0).map(
        (detector): Said => [detector, 4 + random.below(120) / 10],
      );
      const firstAt = toIso(nowMs - (random.below(4) === 0 ? DAY : 60 * DAY));
      const partOf = random.below(10) === 0 ? { partOf: 'inc_fleet' } : {};
      if (said.length > 0) world.tell(key, said, nowMs, { key: { ...KEY, firstAt }, ...partOf });
      return killed;
    }
  }
}

const SEEDS = Array.from({ length: 8 }, (_, i) => 1000 + i);
const RUNS = new Map(SEEDS.map((seed) => [seed, live(seed)]));

test('revisions follow one another, and what ended stays ended', () => {
  for (const seed of SEEDS) {
    const last = new Map<string, Decision>();
    for (const { decision } of RUNS.get(seed)!.log) {
      const before = last.get(decision.id);
      assert.equal(decision.revision, (before?.revision ?? 0) + 1, `seed ${seed} ${decision.id}`);
      assert.notEqual(before?.state, 'ended', `seed ${seed} ${decision.id}`);
      last.set(decision.id, decision);
    }
  }
});

test('of an incident one decision stands, one is held and one waits, each stricter than the one before', () => {
  for (const seed of SEEDS) {
    for (const { nowMs, open } of RUNS.get(seed)!.opens) {
      const ofPolicy = open.filter(({ actor }) => actor === 'policy');
      for (const [incident, own] of Map.groupBy(ofPolicy, (one) => one.incident)) {
        const standing = own.filter((one) => isInEffect(one, nowMs));
        const held = own.filter(({ state }) => state === 'held');
        const waiting = own.filter(({ state }) => state === 'waiting');
        const name = `seed ${seed} ${incident}`;
        for (const list of [standing, held, waiting]) assert.ok(list.length <= 1, name);
        for (const other of [...held, ...waiting]) {
          for (const one of standing) assert.ok(compareRungs(other.rung, one.rung) > 0, name);
        }
      }
    }
  }
});

test('nothing comes into effect while the kill switch is on, and behaviour never revokes', () => {
  for (const seed of SEEDS) {
    const seen = new Map<string, Decision>();
    for (const { decision, killed } of RUNS.get(seed)!.log) {
      const isNew = decision.state === 'standing' && seen.get(decision.id)?.state !== 'standing';
      if (killed && isNew) assert.fail(`seed ${seed} ${decision.id}`);
      if (decision.actor === 'policy') assert.notEqual(decision.rung, 'revoke');
      seen.set(decision.id, decision);
    }
  }
});

test('a protected key is acted upon by two people only', () => {
  for (const seed of SEEDS) {
    for (const { decision } of RUNS.get(seed)!.log) {
      const { subject, state, actor, approvals = [] } = decision;
      if (!PROTECTED.includes(subject.id) || state !== 'standing') continue;
      const people = new Set(approvals.map(({ by }) => by));
      if (actor.startsWith('person:')) people.add(actor.slice('person:'.length));
      assert.ok(people.size >= 2, `seed ${seed} ${decision.id}`);
    }
  }
});

test('no hour has more actions of policy than its budget', () => {
  for (const seed of SEEDS) {
    const begun = new Map<string, { rung: string; at: number }>();
    for (const { decision } of RUNS.get(seed)!.log) {
      const { id, mode, state, rung, untilAt, forMs } = decision;
      if (mode !== 'automatic' || state !== 'standing' || begun.has(id)) continue;
      begun.set(id, { rung, at: Date.parse(untilAt!) - forMs! });
    }
    const all = [...begun.values()];
    for (const { rung, at } of all) {
      const within = all.filter((one) => one.rung === rung && one.at > at - HOUR && one.at <= at);
      const most = BUDGET[rung as keyof typeof BUDGET];
      assert.ok(within.length <= most, `seed ${seed} ${rung}: ${within.length}`);
    }
  }
});

test('the same again gives the same, and a restart in between keeps what is open', () => {
  for (const seed of SEEDS.slice(0, 3)) {
    const { world, endMs } = RUNS.get(seed)!;
    assert.equal(JSON.stringify(world.told), JSON.stringify(live(seed).world.told));
    const after = createWorld();
    after.desk.takeOver(JSON.parse(JSON.stringify(world.decisions())) as Decision[], endMs);
    const ids = (one: World): string[] =>
      one.desk
        .open()
        .map(({ id }) => id)
        .sort();
    assert.deepEqual(ids(after), ids(world), `seed ${seed}`);
    assert.deepEqual(after.told, []);
  }
});
