/** Habits of a day: told once, kept alive, never climbed unseen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endSpellHour,
  newsFrom,
  noteSpell,
  type Spells,
} from '../../../detectors/baselines/spells.ts';

const LEAST = Math.log(2);

function days(spells: Spells, count: number, ratio?: number): void {
  for (let hour = 0; hour < 24 * count; hour++) {
    if (ratio !== undefined && hour % 24 === 22) noteSpell(spells, Math.log(ratio));
    endSpellHour(spells, hour);
  }
}

function isNews(spells: Spells, ratio: number): boolean {
  return Math.log(ratio) >= newsFrom(spells, LEAST);
}

test('a spell that was told is news again only when half again as strong', () => {
  const spells = { usualSpell: 0, todaySpell: 0 };
  assert.ok(isNews(spells, 2) && !isNews(spells, 1.9));
  noteSpell(spells, Math.log(10));
  assert.ok(isNews(spells, 10), 'the whole day it is told as one');
  days(spells, 1);
  assert.ok(!isNews(spells, 14) && isNews(spells, 16));
});

test('what comes back every night stays usual; what does not fades', () => {
  const spells = { usualSpell: 0, todaySpell: 0 };
  days(spells, 60, 10);
  assert.ok(!isNews(spells, 14));
  days(spells, 30);
  assert.ok(isNews(spells, 8));
  days(spells, 200);
  assert.ok(isNews(spells, 2));
});

test('nobody climbs unseen by more than 3 % a day', () => {
  const spells = { usualSpell: 0, todaySpell: 0 };
  days(spells, 1, 10);
  for (let day = 0; day < 10; day++) days(spells, 1, 14);
  assert.ok(spells.usualSpell * 0.03 <= Math.log(10 * 1.03 ** 11), `${spells.usualSpell}`);
});
