/** Issue 4, "How it is judged": months of keys that nobody attacks, with the seed that nothing was tuned on. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { SEEDS } from '../../bench/eval/traffic/plan.ts';
import { type Results, runTasks } from '../../bench/eval/traffic/pool.ts';
import { atLeast, type Severity } from '../../core/finding.ts';

/** [requests per second, keys of each of the five classes, measured months after four weeks of learning]. */
const CELLS = [
  [0.05, 2, 2],
  [0.02, 5, 2],
  [0.005, 10, 2],
] as const;

describe('170 key-months without attacks, with innocent novelty', () => {
  let quiet: Results['quiet'] = [];
  let keyMonths = 0;

  before(async () => {
    const tasks = CELLS.map(([rate, keysPerClass, months], i) => {
      return { kind: 'quiet', seed: SEEDS.acceptance + i, rate, keysPerClass, months } as const;
    });
    ({ quiet } = await runTasks(tasks, () => {}));
    keyMonths = quiet.reduce((sum, cell) => sum + cell.keyMonths, 0);
  });

  it('raise at most 0.03 incidents of medium or more per key-month', (t) => {
    const counts: Partial<Record<Severity, number>> = {};
    for (const cell of quiet) {
      for (const line of cell.why) t.diagnostic(line);
      for (const [severity, n] of Object.entries(cell.incidents) as [Severity, number][]) {
        counts[severity] = (counts[severity] ?? 0) + n;
      }
    }
    t.diagnostic(`${keyMonths} key-months: ${JSON.stringify(counts)}`);
    const medium = Object.entries(counts).filter(([s]) => atLeast(s as Severity, 'medium'));
    const sum = medium.reduce((n, [, count]) => n + count, 0);
    assert.equal(keyMonths, 170);
    assert.ok(sum / keyMonths <= 0.03, `${sum} in ${keyMonths} key-months`);
  });

  it('bring each detector to 6 at most 0.05 times per key-month, and to 8 never', (t) => {
    const sums = new Map<string, { six: number; eight: number }>();
    for (const { findings } of quiet) {
      for (const [detector, { six, eight }] of Object.entries(findings)) {
        const sum = sums.get(detector) ?? { six: 0, eight: 0 };
        sums.set(detector, { six: sum.six + six, eight: sum.eight + eight });
      }
    }
    t.diagnostic(JSON.stringify(Object.fromEntries(sums)));
    for (const [detector, { six, eight }] of sums) {
      assert.ok(six / keyMonths <= 0.05, `${detector}: ${six} at 6 in ${keyMonths} key-months`);
      assert.equal(eight, 0, `${detector} at 8`);
    }
  });
});
