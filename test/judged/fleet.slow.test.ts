/** Issue 4, "How it is judged": what hits many keys at once is not held against them; acceptance seed. */
import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import { type FleetResult, KNOW_HOURS } from '../../bench/eval/traffic/fleets.ts';
import { SEEDS } from '../../bench/eval/traffic/plan.ts';
import { runTasks } from '../../bench/eval/traffic/pool.ts';

const RATES = { min: 0.02, max: 0.05 };

describe('sixty keys after four weeks of learning', () => {
  let results: readonly FleetResult[] = [];

  before(async () => {
    const seed = SEEDS.acceptance + 200;
    const task = { kind: 'fleet', seed, keys: 60, rates: RATES } as const;
    ({ fleets: results } = await runTasks([task], () => {}));
  });

  function scene(t: TestContext, start: string): FleetResult {
    const result = results.find(({ name }) => name.startsWith(start))!;
    const { why, ...counts } = result;
    t.diagnostic(JSON.stringify(counts));
    for (const line of why.slice(0, 8)) t.diagnostic(line);
    return result;
  }

  it('a deploy that fails every key for ten minutes: the fleet is told, no key is at high or above', (t) => {
    const { keysHigh, keysHit, others } = scene(t, 'deploy that fails every key');
    assert.equal(keysHit, 60);
    assert.equal(keysHigh, 0);
    assert.equal(others.fleet, 1);
  });

  for (const start of [
    'launch ×5, 20 keys of many consumers',
    'launch ×5, all keys of a consumer',
    'launch ×5, every key',
  ]) {
    it(`${start}: one incident of the fleet, at most 1 % of the keys at high or above`, (t) => {
      const { keysHigh, keysHit, others } = scene(t, start);
      assert.ok(keysHit >= 20, String(keysHit));
      assert.ok(keysHigh <= 0.01 * keysHit, `${keysHigh} of ${keysHit} keys`);
      assert.equal((others.fleet ?? 0) + (others.consumer ?? 0), 1);
    });
  }

  it('a month-end batch without a calendar: at most one incident a key', (t) => {
    assert.ok(scene(t, 'month-end batch, no calendar').mostOfOneKey <= 1);
  });

  it('an hour like any other: nothing', (t) => {
    const { keysLow, others } = scene(t, 'nothing at all');
    assert.deepEqual({ keysLow, others }, { keysLow: 0, others: {} });
  });
});

it('a change of clocks sets nothing off that knows hours, whether keys follow local time or not', async (t) => {
  const task = { kind: 'clocks', seed: SEEDS.acceptance + 300, keys: 24, rates: RATES } as const;
  const { fleets } = await runTasks([task], () => {});
  const { detectors, keysMedium, why } = fleets[0]!;
  for (const line of why) t.diagnostic(line);
  assert.equal(keysMedium, 0);
  for (const id of KNOW_HOURS) {
    assert.equal(detectors[id] ?? 0, 0, id);
  }
});
