/**
 * Issue 4, "How it is judged": an attacker who grows day by day from day 28 is noticed before he has taught the
 * baseline six or eight times its rate. `POISONINGS=200` runs as many as the issue names; here a part of them.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { KEY_CLASSES } from '../../traffic/contract.ts';
import { type Alarm, alarms, CHANGE_AT, type Life } from './poison.ts';

const RUNS = Number(process.env['POISONINGS'] ?? 20);
const SHARE_MIN = 0.95;
/** Requests per second; faster keys cost more time and are easier. */
const RATES = [0.0005, 0.002, 0.008, 0.02] as const;
const DAY_MS = 86_400_000;

function lifeOf(run: number, seed: number, days: number): Life {
  const { length } = KEY_CLASSES;
  const rate = RATES[Math.floor(run / length) % RATES.length]!;
  return { seed: seed + run, class: KEY_CLASSES[run % length]!, rate, days };
}

/** How many times its former rate a key makes when it is noticed; Infinity when it is not. */
function growthWhenSeen(run: number, seed: number, growthPerDay: number, max: number): number {
  const days = Math.ceil(Math.log(max) / Math.log1p(growthPerDay));
  const attack = { kind: 'poisoning', keyIndex: 0, fromAt: CHANGE_AT } as const;
  const attacks = [{ ...attack, durationMs: days * DAY_MS, growthPerDay }];
  for (const { day } of alarms({ ...lifeOf(run, seed, days), attacks })) {
    return (1 + growthPerDay) ** day;
  }
  return Number.POSITIVE_INFINITY;
}

function judge(t: TestContext, seed: number, growthPerDay: number, max: number): void {
  const growths = Array.from({ length: RUNS }, (_, run) =>
    growthWhenSeen(run, seed, growthPerDay, max),
  ).sort((a, b) => a - b);
  const seen = growths.filter((growth) => growth < max).length;
  const at = (q: number): string => growths[Math.floor(q * (RUNS - 1))]!.toFixed(2);
  t.diagnostic(`${seen} of ${RUNS} before ×${max}: median ×${at(0.5)}, p95 ×${at(0.95)}`);
  assert.ok(seen >= SHARE_MIN * RUNS);
}

describe('a baseline that somebody teaches', () => {
  it('growth of 5 % a day from day 28 is noticed before ×6 in 95 % of runs', (t) => {
    judge(t, 61_000, 0.05, 6);
  });

  it('growth of 20 % a day is noticed before ×8', (t) => {
    judge(t, 62_000, 0.2, 8);
  });

  it('growth of 1 % a day, and none, is not called a drift', (t) => {
    let told = 0;
    const runs = Math.ceil(RUNS / 4);
    for (const growthPerDay of [0, 0.01]) {
      for (let run = 0; run < runs; run++) {
        const attacks =
          growthPerDay === 0
            ? []
            : [{ kind: 'poisoning', keyIndex: 0, fromAt: CHANGE_AT, growthPerDay } as const];
        for (const { day, incident } of alarms({ ...lifeOf(run, 63_000, 60), attacks })) {
          t.diagnostic(`day ${day.toFixed(1)} at ${growthPerDay}: ${incident.why}`);
          if (/baseline drift/i.test(incident.why)) told++;
        }
      }
    }
    assert.equal(told, 0);
  });
});

describe('a key that makes five times as much for good', () => {
  it('alarms once, now and then twice, and is silent after the first week', (t) => {
    const counts: number[] = [];
    for (let run = 0; run < RUNS / 2; run++) {
      const scenarios = [{ kind: 'step-growth', fromAt: CHANGE_AT, factor: 5, keys: [0] } as const];
      const told: Alarm[] = [...alarms({ ...lifeOf(run, 64_000, 30), scenarios })];
      for (const { day, incident } of told) {
        if (day > 7) assert.fail(`run ${run}, day ${day.toFixed(1)}: ${incident.why}`);
      }
      counts.push(told.length);
    }
    t.diagnostic(`alarms of medium or more by key: ${counts.join(' ')}`);
    assert.ok(Math.max(...counts) <= 2);
    assert.ok(counts.filter((count) => count <= 1).length >= 0.9 * counts.length);
  });
});
