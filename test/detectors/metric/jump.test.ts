import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJump, scoreJump } from '../../../detectors/metric/jump.ts';
import { uniform } from '../baselines/chance.ts';

const MINUTE = 60_000;
const STEP = 5 * MINUTE;
/** What makes an alarm of five minutes; lower ones are told here too. */
const LIMIT = 3;
const START = Date.UTC(2026, 0, 5);

/** Scores of five-minute values around 100; `values` stand in their place, `passed` in the step's. */
function jumps(
  count: number,
  values: Readonly<Record<number, number>>,
  passed: Readonly<Record<number, number>> = {},
): number[] {
  const random = uniform(5);
  const jump = createJump();
  return Array.from({ length: count }, (_, i) => {
    const noise = 100 + 4 * (random() + random() - 1);
    const hour = Math.floor((START + i * STEP) / (60 * MINUTE)) % 24;
    return scoreJump(jump, values[i] ?? noise, hour, passed[i] ?? STEP, STEP, LIMIT);
  });
}

test('a spike is told once, and its return to the level is nothing', () => {
  const told = jumps(2010, { 2000: 200 });
  assert.ok(told[2000]! > 3, `${told[2000]}`);
  assert.deepEqual(told.slice(2001, 2006), [0, 0, 0, 0, 0]);
});

test('after a jump a lesser one is not told, a greater one is; half a day later both are', () => {
  const at = (i: number, value: number) => jumps(2200, { 2000: 300, [i]: value })[i]!;
  assert.equal(at(2010, 200), 0);
  assert.ok(at(2010, 900) > 3);
  assert.ok(at(2000 + 144, 200) > 2.5);
});

test('time that steps back neither silences what follows nor forgets what was told', () => {
  const back = { 2005: -30 * 24 * 60 * MINUTE };
  assert.ok(jumps(2200, { 2000: 300, 2144: 200 }, back)[2144]! > 2.5);
  assert.equal(jumps(2200, { 2000: 300, 2010: 200 }, back)[2010], 0);
});

test('what leaps every hour is less and less news', () => {
  const every: Record<number, number> = {};
  for (let i = 300; i < 9000; i += 12) every[i] = 200;
  const told = jumps(9000, every);
  const first = told[300]!;
  const last = Math.max(...told.slice(8900));
  assert.ok(last < first - 1, `${first} → ${last}`);
});

test('a leap to what is usual at this hour counts less than one away from it', () => {
  // High from 8 to 9 o'clock every day, for ten days.
  const day = 288;
  const habit: Record<number, number> = {};
  for (let d = 0; d < 10; d++) for (let i = 96; i < 108; i++) habit[d * day + i] = 180;
  const at = (value: number) => jumps(10 * day, { ...habit, [9 * day + 96]: value })[9 * day + 96]!;
  const towards = at(180);
  const away = at(20);
  assert.ok(towards < away - 0.2, `${towards} against ${away}`);
});

test('per minute a single low row is a lost sample; two of them are a fall, and a spike needs one', () => {
  const stepMs = MINUTE;
  const random = uniform(9);
  const values = Array.from({ length: 3000 }, () => 100 + 4 * (random() + random() - 1));
  const scored = (change: Readonly<Record<number, number>>) => {
    const jump = createJump();
    return values.map((value, i) => {
      const hour = Math.floor((START + i * stepMs) / (60 * MINUTE)) % 24;
      return scoreJump(jump, change[i] ?? value, hour, stepMs, stepMs, LIMIT);
    });
  };
  const lost = scored({ 2900: 0 });
  assert.ok(lost[2900]! < 1 && lost[2901]! < 1, `${lost[2900]} ${lost[2901]}`);
  assert.ok(scored({ 2900: 0, 2901: 0 })[2901]! > 1.5);
  assert.ok(scored({ 2900: 200 })[2900]! > 1.5);
});
