/** Limits that are learned, rise and fall. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyFacts } from '../../decide/contract.ts';
import { createLayersOf } from '../../decide/limits-compose.ts';
import { type Layer, planLayers, windowMsOf } from '../../decide/limits-layers.ts';
import { hourlyOf, learnedLimit } from '../../decide/limits-learned.ts';
import { NO_SHED, nextShed, type ShedState, shed } from '../../decide/limits-load.ts';
import { raised, raiseFactor } from '../../decide/limits-raise.ts';
import { decideConfig } from './tools.ts';

const AT = Date.parse('2026-03-01T10:00:00Z');
const DAY_MS = 86_400_000;
const HOUR = (requests: number) => ({ requests, windowMs: 3_600_000 });
const MINUTE = (requests: number, enforce = true): Layer => ({
  ...{ name: 'minute', limit: { requests, windowMs: 60_000 }, enforce },
});

test('windows are read as they are written, and what is none is refused', () => {
  assert.equal(windowMsOf('1s'), 1000);
  assert.equal(windowMsOf('30d'), 30 * DAY_MS);
  for (const text of ['', '0s', '1', '1w', '-1s', '1.5h', '1 m']) {
    assert.equal(windowMsOf(text), undefined, text);
  }
  const bad = [{ name: 'a', requests: 1, window: '1w', enforce: true }];
  assert.throws(() => planLayers(bad), /decide\.limits: a: 1w is no window/);
});

test('a limit holds for the plans that it names, or for all', () => {
  const layersOf = planLayers([
    { name: 'free', requests: 10, window: '1m', plans: ['free'], enforce: true },
    { name: 'all', requests: 1000, window: '1h', enforce: true },
  ]);
  assert.deepEqual(
    layersOf('free').map(({ name }) => name),
    ['free', 'all'],
  );
  assert.deepEqual(
    layersOf('').map(({ name }) => name),
    ['all'],
  );
});

test('a learned limit is the p99 of the key’s hours times the factor, with its evidence', () => {
  const learned = learnedLimit({ hourP99: 1234, hours: 500 }, 3, []);
  assert.deepEqual(learned?.limit, HOUR(3800));
  assert.equal(learned?.evidence, 'p99 of 500 hours is 1234 requests; times 3');
});

test('nothing is learned from less than a week of hours, and no limit is tiny', () => {
  assert.equal(learnedLimit({ hourP99: 1000, hours: 167 }, 3, []), undefined);
  assert.equal(learnedLimit({ hours: 500 }, 3, []), undefined);
  assert.equal(learnedLimit(undefined, 3, []), undefined);
  assert.deepEqual(learnedLimit({ hourP99: 0, hours: 500 }, 3, [])?.limit, HOUR(60));
});

test('a learned limit is never under what the plan lets the key have', () => {
  const plan = [MINUTE(100), { ...MINUTE(50_000), limit: { requests: 50_000, windowMs: DAY_MS } }];
  assert.equal(hourlyOf(plan), 6000);
  const learned = learnedLimit({ hourP99: 10, hours: 500 }, 3, plan);
  assert.deepEqual(learned?.limit, HOUR(6000));
  assert.match(learned?.evidence ?? '', /the plan lets it have 6000$/);
  const shown = learnedLimit({ hourP99: 1000, hours: 500 }, 3, [MINUTE(1, false)]);
  assert.deepEqual(shown?.limit, HOUR(3000), 'a layer that is only shown sells nothing');
});

test('a learned limit is only shown until the configuration enforces it', () => {
  const facts: KeyFacts = { hourP99: 1000, hours: 500 };
  for (const enforce of [false, true]) {
    const settings = decideConfig({ learned: { factor: 3, enforce } });
    assert.deepEqual(createLayersOf(settings, () => 1)(facts, AT), [
      { name: 'learned', limit: HOUR(3000), enforce },
    ]);
  }
});

test('limits rise with a clean record, in steps, up to the factor', () => {
  const settings = { cleanDays: 100, cleanFactor: 2 };
  const after = (days: number) => raiseFactor({ cleanSinceAt: AT - days * DAY_MS }, settings, AT);
  assert.deepEqual([0, 4, 5, 50, 100, 1000].map(after), [1, 1, 1.05, 1.5, 2, 2]);
  assert.equal(raiseFactor({}, settings, AT), 1, 'nothing known, nothing raised');
  assert.equal(raiseFactor({ cleanSinceAt: AT + DAY_MS }, settings, AT), 1);
  const never = { cleanDays: 90, cleanFactor: 1 };
  assert.equal(raiseFactor({ cleanSinceAt: 0 }, never, AT), 1);
});

test('a planned event raises limits by its factor, never lowers them, and quotas stay', () => {
  const never = { cleanDays: 90, cleanFactor: 1 };
  assert.equal(raiseFactor({ plannedFactor: 5 }, never, AT), 5);
  assert.equal(raiseFactor({ plannedFactor: 0.5 }, never, AT), 1);
  assert.deepEqual(raised(HOUR(10), 5), HOUR(50));
  const daily = { requests: 10, windowMs: DAY_MS };
  assert.deepEqual(raised(daily, 5), daily);
});

const SHED = { highLoad: 0.9, lowLoad: 0.7, holdMs: 10_000, factorMin: 0.3 };

/** Factor after each second of these loads. */
function factors(loads: readonly (number | undefined)[], from: ShedState = NO_SHED): number[] {
  let state = from;
  return loads.map((load, second) => {
    state = nextShed(state, load, second * 1000, SHED);
    return state.factor;
  });
}

function seconds(count: number, load: number | undefined): (number | undefined)[] {
  return new Array<number | undefined>(count).fill(load);
}

test('limits fall a fifth at a time while the load stays high, down to the least', () => {
  const falling = factors(seconds(200, 0.95));
  assert.equal(falling[9], 1);
  assert.equal(falling[10], 0.8);
  assert.equal(falling[20], 0.8 * 0.8);
  assert.equal(falling.at(-1), 0.3);
});

test('a short peak, and a load that swings around either bound, change nothing', () => {
  assert.ok(
    factors([...seconds(9, 2), ...seconds(9, 0.8), ...seconds(9, 2)]).every((f) => f === 1),
  );
  const swinging = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 0.89 : 0.91));
  assert.ok(factors(swinging).every((factor) => factor === 1));
  const low = { factor: 0.5, side: 'low', sinceAt: 0 } as const;
  const around = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 0.69 : 0.71));
  assert.ok(factors(around, low).every((factor) => factor === 0.5));
});

test('limits rise again when the load stays low, or nobody tells it, slower than they fell', () => {
  const down = { factor: 0.64, side: 'high', sinceAt: 0 } as const;
  for (const load of [0.2, undefined]) {
    const rising = factors(seconds(100, load), down);
    assert.equal(rising[29], 0.64);
    assert.equal(rising[30]!.toFixed(3), '0.800');
    assert.equal(rising[60], 1);
  }
});

test('no key falls below its own p99, and none rises by falling', () => {
  assert.deepEqual(shed(HOUR(1000), 0.3, 700), HOUR(700));
  assert.deepEqual(shed(HOUR(1000), 0.3, 100), HOUR(300));
  assert.deepEqual(shed(HOUR(1000), 0.3, 5000), HOUR(1000));
  assert.deepEqual(shed(HOUR(1), 0.3, undefined), HOUR(1));
  const minute = { requests: 100, windowMs: 60_000 };
  assert.equal(shed(minute, 0.3, 900).requests, 60, 'four times its even part');
  const day = { requests: 100_000, windowMs: DAY_MS };
  assert.equal(shed(day, 0.3, 2000).requests, 48_000);
});
