import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SCENARIO_KINDS, type ScenarioSpec, type Traffic } from '../../traffic/contract.ts';
import { CLOCKS_CHANGE, keysOf, planScenarios } from '../../traffic/scenarios.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../traffic/traffic.ts';
import { zoneOffsetMs } from '../../traffic/zones.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const AT = DEFAULT_FROM_AT + DAY_MS + 10 * HOUR_MS;
const OPTIONS = {
  seed: 4,
  keys: 50,
  days: 3,
  novelty: false,
  classMix: { steady: 1 },
  rates: { min: 0.02, max: 0.05 },
};

function eventful(spec: Omit<ScenarioSpec, 'fromAt'>): Traffic {
  return createTraffic({ ...OPTIONS, scenarios: [{ fromAt: AT, ...spec }] });
}

/** Requests by key between two instants. */
function counts(traffic: Traffic, fromAt: number, toAt: number): number[] {
  const made = traffic.keys.map(() => 0);
  for (const event of traffic.events({ fromAt, toAt })) made[event.key.index]!++;
  return made;
}

describe('innocent events', () => {
  test('have no label', () => {
    const scenarios = SCENARIO_KINDS.map((kind) => ({ kind, fromAt: AT }));
    const traffic = createTraffic({ ...OPTIONS, scenarios });
    assert.deepEqual(traffic.labels, []);
    for (const event of traffic.events()) assert.equal(event.label, -1);
  });

  test('change nothing before they begin and nothing of the keys they spare', () => {
    const scenarios = SCENARIO_KINDS.map((kind) => ({ kind, fromAt: AT, keys: [3] }));
    const [calm, after] = [createTraffic(OPTIONS), createTraffic({ ...OPTIONS, scenarios })];
    const digest = (traffic: Traffic, index: number, toAt: number) => {
      const lines: string[] = [];
      for (const { at, status, address, resource } of traffic.eventsOfKey(index, { toAt })) {
        lines.push(`${at} ${status} ${address.text} ${resource}`);
      }
      return lines;
    };
    assert.deepEqual(digest(after, 3, AT), digest(calm, 3, AT));
    assert.notDeepEqual(digest(after, 3, calm.toAt), digest(calm, 3, calm.toAt));
    assert.deepEqual(digest(after, 4, calm.toAt), digest(calm, 4, calm.toAt));
  });

  test('deploy-outage: every request of every key fails for ten minutes', () => {
    const traffic = eventful({ kind: 'deploy-outage' });
    const statuses = new Map<number, number>();
    for (const { status } of traffic.events({ fromAt: AT, toAt: AT + 600_000 })) {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.ok((statuses.get(503) ?? 0) > 500);
    assert.deepEqual([...statuses.keys()].sort(), [401, 403, 503]);
  });

  test('launch: twenty keys make five times as much for an hour', () => {
    const traffic = eventful({ kind: 'launch' });
    const before = counts(createTraffic(OPTIONS), AT, AT + HOUR_MS);
    const ratios = counts(traffic, AT, AT + HOUR_MS).map((n, i) => n / before[i]!);
    assert.equal(ratios.filter((ratio) => ratio > 3).length, 20);
    assert.equal(ratios.filter((ratio) => ratio === 1).length, 30);
  });

  test('month-end: all keys of one consumer have a batch to do', () => {
    const spec = { kind: 'month-end', fromAt: AT } as const;
    const traffic = createTraffic({ ...OPTIONS, scenarios: [spec] });
    const hit = keysOf(spec, traffic.keys, OPTIONS.seed);
    assert.equal(new Set(hit.map((index) => traffic.keys[index]!.consumer)).size, 1);
    const made = counts(traffic, AT, AT + 3 * HOUR_MS);
    for (const index of hit) {
      const usual = traffic.keys[index]!.rate * 3 * 3600;
      assert.ok(made[index]! > 7 * usual, `${made[index]} of ${usual}`);
    }
  });

  test('lag: nothing of anybody for half an hour', () => {
    const traffic = eventful({ kind: 'lag' });
    assert.equal(Math.max(...counts(traffic, AT, AT + HOUR_MS / 2)), 0);
    assert.ok(Math.min(...counts(traffic, AT + HOUR_MS / 2, AT + 8 * HOUR_MS)) > 0);
  });

  test('migration: another address for good, and the old ones fall quiet', () => {
    const traffic = eventful({ kind: 'migration', keys: [7] });
    const addresses = new Set<string>();
    for (const event of traffic.eventsOfKey(7, { fromAt: AT })) addresses.add(event.address.text);
    assert.equal(addresses.size, 1);
    const old = traffic.keys[7]!.addresses.map((address) => address.text);
    assert.ok(!old.includes([...addresses][0]!));
  });

  test('agent-upgrade: another agent for good', () => {
    const traffic = eventful({ kind: 'agent-upgrade', keys: [7] });
    for (const event of traffic.eventsOfKey(7)) {
      assert.equal(event.agent === traffic.keys[7]!.agent, event.at < AT);
    }
  });

  test('step-growth: five times as much for good', () => {
    const grown = counts(eventful({ kind: 'step-growth', keys: [7] }), AT, AT + DAY_MS)[7]!;
    const usual = counts(createTraffic(OPTIONS), AT, AT + DAY_MS)[7]!;
    assert.ok(grown > 4.5 * usual && grown < 5.5 * usual);
  });

  test('are planned one a day, within the span, in its last part', () => {
    const span = { fromAt: DEFAULT_FROM_AT, days: 28 };
    const specs = planScenarios(SCENARIO_KINDS, span);
    assert.deepEqual(
      specs.map(({ kind }) => kind),
      [...SCENARIO_KINDS],
    );
    for (const { fromAt } of specs) {
      assert.ok(fromAt >= span.fromAt + 21 * DAY_MS && fromAt < span.fromAt + 28 * DAY_MS);
    }
  });
});

test('a span in which clocks change: office keys follow', () => {
  const { fromAt, at, days } = CLOCKS_CHANGE;
  assert.ok(at - fromAt > 28 * DAY_MS && at < fromAt + days * DAY_MS);
  const before = zoneOffsetMs('Europe/Berlin', at - DAY_MS);
  assert.equal(zoneOffsetMs('Europe/Berlin', at + DAY_MS) - before, HOUR_MS);
});

test('a key that is not there is named', () => {
  assert.throws(() => eventful({ kind: 'launch', keys: [50] }), /key 50 of 50/);
});

test('most requests are about what a key knows, and hardly any key walks ids', () => {
  const traffic = createTraffic({ ...OPTIONS, keys: 100, days: 2 });
  let walkers = 0;
  for (const key of traffic.keys) {
    let [before, close, count] = [-9, 0, 0];
    const seen = new Set<number>();
    for (const { resource } of traffic.eventsOfKey(key.index)) {
      if (resource === 0) continue;
      if (Math.abs(resource - before) <= 2) close++;
      before = resource;
      seen.add(resource);
      count++;
    }
    if (count < 100) continue;
    if (close / count > 0.5) walkers++;
    if (key.resources.freshShare < 0.5)
      assert.ok(seen.size < 0.95 * count, `${seen.size}/${count}`);
  }
  assert.ok(walkers >= 1 && walkers <= 10, String(walkers));
});
