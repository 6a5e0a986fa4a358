/** What the volume baseline expects of a key without any rhythm (algorithms.md, pitfall 3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oracle from 'simple-statistics';
import { RateBaseline } from '../../../detectors/baselines/rate.ts';
import { RATE_LAYOUT } from '../../../detectors/baselines/rate-state.ts';
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
