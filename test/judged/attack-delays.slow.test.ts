/** Issue 4, "How it is judged": how soon a rise and failing requests are seen, with the seed that nothing was tuned on. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { quantile } from '../../bench/eval/traffic/figures.ts';
import { SEEDS } from '../../bench/eval/traffic/plan.ts';
import { runTasks } from '../../bench/eval/traffic/pool.ts';
import type { TriesTask, Try } from '../../bench/eval/traffic/tries.ts';

async function tries(task: Omit<TriesTask, 'kind'>): Promise<Try[]> {
  return (await runTasks([{ kind: 'tries', ...task }], () => {})).tries;
}

/** 90th percentile of the delay to a finding at 6. */
function p90(t: TestContext, name: string, all: readonly Try[], of: 'ms' | 'requests'): number {
  const delays = all.map((one) => one.six?.[of]);
  const [half, most] = [quantile(delays, 0.5), quantile(delays, 0.9)];
  t.diagnostic(`${name}: ${all.length} tries, median ${half} ${of}, 90th percentile ${most} ${of}`);
  return most;
}

describe('a key of 1 request/s that goes ×9.12', () => {
  for (const [name, seconds] of [
    ['steady', 30],
    ['noisy', 180],
  ] as const) {
    it(`${name}: is seen within ${seconds} s in nine of ten tries`, async (t) => {
      const all = await tries({
        seed: SEEDS.acceptance + 100,
        rate: 1,
        classes: [name],
        keysPerClass: 1,
        instants: 40,
        attacks: ['×9.12'],
      });
      assert.ok(p90(t, name, all, 'ms') <= seconds * 1000);
    });
  }
});

it('errors that go to 60 % are seen within 25 requests, 60 where one in ten fails anyway', async (t) => {
  const all = await tries({
    seed: SEEDS.acceptance + 101,
    rate: 0.05,
    classes: ['steady', 'noisy', 'bursty'],
    keysPerClass: 3,
    instants: 12,
    attacks: ['errors to 60 % (forbidden)', 'errors to 60 % (notFound)'],
  });
  const few = all.filter(({ base }) => base <= 0.02);
  const many = all.filter(({ base }) => base > 0.02);
  assert.ok(p90(t, 'usually at most 2 %', few, 'requests') <= 25);
  assert.ok(p90(t, 'usually 10 %', many, 'requests') <= 60);
});
