/** Several nodes, one limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAnswer } from '../../decide/decider.ts';
import { Limits } from '../../decide/limits.ts';
import type { Layer } from '../../decide/limits-layers.ts';
import { SharedLimits } from '../../decide/limits-shared.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { limitsInMemory, type MemoryLimitStore } from './limit-store.ts';
import { TestClock } from './tools.ts';

const LIMIT = { requests: 6000, windowMs: 60_000 };
const LAYER: Layer = { name: 'minute', limit: LIMIT, enforce: true };

interface Node {
  readonly shared: SharedLimits;
  readonly errors: unknown[];
  /** How many of these requests pass. */
  ask(tries: number): number;
}

function node(name: string, store: MemoryLimitStore, clock: TestClock, layers = [LAYER]): Node {
  const limits = new Limits({ layersOf: () => layers, facts: () => undefined });
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const shared = new SharedLimits({ limits, store, node: name, clock, onError });
  return {
    ...{ shared, errors },
    ask(tries) {
      let passed = 0;
      const answer = createAnswer();
      for (let i = 0; i < tries; i++) {
        answer.decision = 'allow';
        limits.take(['a'], undefined, clock.now(), answer);
        if (answer.decision === 'allow') passed += 1;
      }
      return passed;
    },
  };
}

/** Requests that pass in so many tenths of a second. */
async function run(
  clock: TestClock,
  nodes: readonly Node[],
  tenths: number,
  tries: readonly number[],
): Promise<number[]> {
  const passed = nodes.map(() => 0);
  for (let tenth = 0; tenth < tenths; tenth++) {
    for (const [i, one] of nodes.entries()) passed[i]! += one.ask(tries[i]!);
    await Promise.all(nodes.map(({ shared }) => shared.settle()));
    clock.at += 100;
  }
  return passed;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

test('two nodes together let pass what one limit allows, and each its part of the demand', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const nodes = [node('a', store, clock), node('b', store, clock)];
  await run(clock, nodes, 1200, [300, 100]);
  const passed = await run(clock, nodes, 600, [300, 100]);
  assert.ok(Math.abs(sum(passed) - 6000) <= 60, `${passed} in a minute`);
  const part = passed[0]! / sum(passed);
  assert.ok(part > 0.65 && part < 0.85, `${passed}`);
});

test('demand that moves to the other node takes its part along', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const nodes = [node('a', store, clock), node('b', store, clock)];
  await run(clock, nodes, 1200, [400, 0]);
  await run(clock, nodes, 600, [0, 400]);
  const passed = await run(clock, nodes, 600, [0, 400]);
  assert.ok(passed[1]! > 5900 && passed[1]! <= 6060, `${passed}`);
});

test('with the store away each node goes on with its last part, and together they keep the limit', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const nodes = [node('a', store, clock), node('b', store, clock)];
  await run(clock, nodes, 1200, [300, 100]);
  store.away = true;
  const since = clock.at;
  const passed = await run(clock, nodes, 600, [300, 100]);
  assert.ok(Math.abs(sum(passed) - 6000) <= 60, `${passed} in a minute`);
  assert.equal(nodes[0]!.shared.awaySince, since);
  assert.equal(nodes[0]!.errors.length, 1, 'told once, not ten times a second');
  store.away = false;
  await run(clock, nodes, 1, [0, 0]);
  assert.equal(nodes[0]!.shared.awaySince, undefined);
  const after = await run(clock, nodes, 600, [300, 100]);
  assert.ok(sum(after) <= 6060, `${after}: what was spent meanwhile is told`);
});

test('a limit of less than one request a node and round is kept on the whole', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const layer: Layer = { ...LAYER, limit: { requests: 6, windowMs: 60_000 } };
  const nodes = ['a', 'b', 'c'].map((name) => node(name, store, clock, [layer]));
  await run(clock, nodes, 1200, [1, 1, 1]);
  const passed = await run(clock, nodes, 6000, [1, 1, 1]);
  assert.ok(sum(passed) >= 50 && sum(passed) <= 66, `${passed} in ten minutes`);
});

test('a hard throttle begins with a second’s tokens on every node', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const limits = new Limits({ layersOf: () => [], facts: () => undefined });
  const shared = new SharedLimits({ ...{ limits, store, node: 'a', clock }, onError: () => {} });
  const verdict = sampleVerdict({ key: 'a', rung: 'throttle-hard', untilAt: null, limit: LIMIT });
  const answer = createAnswer();
  limits.take(['a'], verdict, clock.now(), answer);
  await shared.settle();
  assert.equal(store.tokens('a rate'), 99);
});

test('nothing is asked of the store when nothing was asked of the node', async () => {
  const clock = new TestClock();
  const store = limitsInMemory(clock.now);
  const one = node('a', store, clock);
  await one.shared.settle();
  assert.equal(store.rounds, 0);
  one.ask(1);
  await one.shared.close();
  assert.equal(store.tokens('a minute'), 5999);
});
