/** From which risk on there would have been no more alerts than are wanted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { alertBudget } from '../../core/alert-budget.ts';

const DAY_MS = 86_400_000;

test('the least threshold that meets the budget', () => {
  const risks = [
    [4.2, 40],
    [5.5, 20],
    [7.3, 4],
    [12, 1],
  ] as const;
  const at = (perDay: number) => {
    const { threshold, alertsPerDay } = alertBudget(risks, 10 * DAY_MS, perDay);
    return [threshold, alertsPerDay];
  };
  assert.deepEqual(at(10), [4, 6.5]);
  assert.deepEqual(at(6), [4.3, 2.5]);
  assert.deepEqual(at(2.5), [4.3, 2.5]);
  assert.deepEqual(at(1), [5.6, 0.5]);
  assert.deepEqual(at(0.1), [7.4, 0.1]);
  assert.deepEqual(at(0.01), [12.1, 0]);
});

test('less than a day counts as one, and no incident needs no threshold', () => {
  assert.equal(alertBudget([[8, 3]], DAY_MS / 24, 2).threshold, 8.1);
  assert.equal(alertBudget([[8, 3]], DAY_MS / 24, 3).threshold, 4);
  const { threshold, incidents, days } = alertBudget([], 0, 1);
  assert.deepEqual([threshold, incidents, days], [4, 0, 1]);
});

test('whatever the risks: the budget is kept, and a tenth less would not keep it', () => {
  const risk = fc.double({ min: 4, max: 30, noNaN: true }).map((value) => Number(value.toFixed(3)));
  fc.assert(
    fc.property(fc.array(risk, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (all, days) => {
      const from = (threshold: number) => all.filter((one) => one >= threshold).length / days;
      const { threshold } = alertBudget(
        all.map((one) => [one, 1]),
        days * DAY_MS,
        1,
      );
      assert.ok(from(threshold) <= 1);
      if (threshold > 4) assert.ok(from(threshold - 0.1 - 1e-9) > 1, `${threshold}`);
    }),
    { seed: 7 },
  );
});
