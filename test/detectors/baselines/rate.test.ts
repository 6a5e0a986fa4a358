/** What the volume baseline expects of a key without any rhythm (algorithms.md, pitfall 3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oracle from 'simple-statistics';
import { RateBaseline } from '../../../detectors/baselines/rate.ts';
import { RATE_LAYOUT } from '../../../detectors/baselines/rate-state.ts';
import { findSilence } from '../../../detectors/baselines/silence.ts';
import { stateOf, uniform } from './chance.ts';

const DAY = 86_400;
const FROM = Date.parse('2026-03-02T00:00:00Z') / 1000;

/** Means of predicted over true rate, for each day of a Poisson key's life. */
function predictedOverTrue(perSecond: number, days: number, seed: number): number[] {
  const rate = new RateBaseline(stateOf(RATE_LAYOUT), []);
  const draw = uniform(seed);
  const ratios: number[][] = Array.from({ length: days }, () => []);
  rate.init(FROM);
  for (let at = 0; ; ) {
    at -= Math.log(draw()) / perSecond;
    const second = Math.floor(at);
    if (second >= days * DAY) break;
    rate.turn();
    rate.advance(FROM + second);
    rate.tally();
    ratios[Math.floor(second / DAY)]!.push(rate.lambda / perSecond);
    rate.learn(1);
  }
  return ratios.map((day) => oracle.mean(day));
}

test('predicted over true rate of a Poisson key is 0.95 to 1.05 on every day after three weeks', () => {
  for (const [perSecond, seed] of [
    [0.2, 1],
    [0.05, 2],
    [0.05, 3],
  ] as const) {
    const days = predictedOverTrue(perSecond, 28, seed);
    for (const [day, ratio] of days.entries()) {
      if (day < 21) continue;
      assert.ok(ratio >= 0.95 && ratio <= 1.05, `day ${day} at ${perSecond}/s: ${ratio}`);
    }
  }
});

test('the whole weeks of a sleep are cut out of a life: rate, hours and age stay, the counters begin anew', () => {
  const rate = new RateBaseline(stateOf(RATE_LAYOUT), []);
  rate.init(FROM);
  let second = 0;
  // By day only, so that the hours of the week differ.
  for (; second < 21 * DAY; second += 300) {
    if ((second / 3600) % 24 < 8) continue;
    rate.advance(FROM + second);
    rate.tally();
    rate.learn(1);
  }
  const noon = 21 * DAY + 12 * 3600;
  rate.advance(FROM + noon);
  const before = {
    base: rate.base(),
    hour: rate.state.current,
    visits: rate.visits(),
    age: rate.ageHours,
  };
  rate.advance(FROM + noon + 8 * 7 * DAY);
  assert.ok(Math.abs(rate.base() / before.base - 1) < 0.02, `${rate.base()} of ${before.base}`);
  assert.ok(Math.abs(rate.state.current / before.hour - 1) < 0.02);
  assert.equal(rate.visits(), before.visits);
  assert.equal(rate.ageHours, before.age);
  assert.equal(rate.state.second, FROM + noon + 8 * 7 * DAY);
  assert.equal(rate.state.m.get(3), 0);
  // What is left over is lived as silence: three days are less than half of the rate.
  rate.advance(FROM + noon + 16 * 7 * DAY + 3 * DAY);
  assert.equal(rate.ageHours, before.age + 72);
  assert.ok(rate.base() > before.base * 0.6 && rate.base() < before.base * 0.9);
});

test('one event from a wrong clock costs a search of eight days at most', () => {
  const rate = new RateBaseline(stateOf(RATE_LAYOUT), []);
  rate.init(FROM);
  for (let second = 0; second < 3 * DAY; second += 3600) {
    rate.advance(FROM + second);
    rate.tally();
    rate.learn(1);
  }
  let hours = 0;
  const least = rate.leastMultiplierAt.bind(rate);
  rate.leastMultiplierAt = (hour) => {
    hours++;
    return least(hour);
  };
  const until = Date.parse('2125-01-01T00:00:00Z') / 1000;
  assert.equal(findSilence(rate, until, 300, { score: 0, scale: 1, seen: 0, expected: 0 }), -1);
  assert.ok(hours >= 7 * 24 && hours <= 8 * 24 + 5, `${hours} hours looked at`);
});
