/** What a volume baseline lets itself be taught, and what it takes back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  acceptLevel,
  drifted,
  keepBase,
  newLevel,
  rollBack,
  standIn,
} from '../../../detectors/baselines/drift.ts';
import { RateBaseline } from '../../../detectors/baselines/rate.ts';
import { RATE_LAYOUT } from '../../../detectors/baselines/rate-state.ts';
import { stateOf } from './chance.ts';

const DAY = 86_400;
const HOUR = 3600;
const FROM = Date.parse('2026-03-02T00:00:00Z') / 1000;

/** A key that can be lived on, and the drifts found at the ends of its days. */
function life() {
  const drifts: number[] = [];
  const rate: RateBaseline = new RateBaseline(stateOf(RATE_LAYOUT), [
    {
      hourEnded() {},
      dayEnded() {
        if (!rate.isDamped) keepBase(rate);
        const drift = drifted(rate);
        if (drift > 0) drifts.push(drift);
      },
    },
  ]);
  rate.init(FROM);
  let now = FROM;
  return {
    rate,
    drifts,
    get now() {
      return now;
    },
    /** Requests at an even pace. `weight`: how much they teach. */
    live(seconds: number, perDay: number, weight = 1): void {
      rate.isDamped = weight < 1;
      const end = now + seconds;
      for (; now < end; now += Math.round(DAY / perDay)) {
        rate.turn();
        rate.advance(now);
        rate.tally();
        rate.learn(weight);
      }
    },
  };
}

function grown(perDay: number, growth: number, days: number): ReturnType<typeof life> {
  const key = life();
  key.live(28 * DAY, perDay);
  for (let day = 0; day < days; day++) key.live(DAY, perDay * (1 + growth) ** day);
  return key;
}

describe('the anchor', () => {
  test('growth of 5 % a day is told before it is fourfold and a half, once for each 2.2 times', () => {
    const seen = Math.ceil(Math.log(4.5) / Math.log(1.05));
    assert.deepEqual(grown(500, 0.05, 20).drifts, []);
    assert.equal(grown(500, 0.05, seen).drifts.length, 1);
    assert.equal(grown(500, 0.05, seen + 10).drifts.length, 1);
  });

  test('growth of 1 % a day is never told', () => {
    assert.deepEqual(grown(500, 0.01, 90).drifts, []);
  });

  test('a few requests more of a hardly used key are no drift', () => {
    const key = life();
    key.live(28 * DAY, 1);
    key.live(28 * DAY, 3);
    assert.deepEqual(key.drifts, []);
  });

  test('a drift that proves bad is taken back to the mean of months; else it is the key’s life now', () => {
    const key = life();
    key.live(28 * DAY, 500);
    for (let day = 0; key.drifts.length === 0; day++) key.live(DAY, 500 * 1.05 ** day);
    const { rate } = key;
    assert.ok(rate.state.anchor > 0.9 * rate.base(), 'accepted as it is told');
    const taught = rate.base() * DAY;
    rollBack(rate);
    assert.ok(rate.base() * DAY < taught / 2, `${rate.base() * DAY} of ${taught}`);
    assert.ok(rate.base() * DAY < 800);
    assert.ok(Math.abs(rate.state.anchor / rate.base() - 1) < 1e-6);
  });
});

describe('a bad interval', () => {
  test('is taken back to the start of the day in which it began, however long it was', () => {
    const key = life();
    key.live(28 * DAY, 500);
    const before = key.rate.base();
    key.live(3 * DAY, 20_000, 0.1);
    assert.ok(key.rate.base() > 1.2 * before, 'it has taught something');
    rollBack(key.rate);
    assert.ok(Math.abs(key.rate.base() / before - 1) < 0.02, `${key.rate.base()} for ${before}`);
  });

  test('teaches no more than a tenth of four times the expected in an hour under suspicion', () => {
    const key = life();
    key.live(28 * DAY, 100);
    const before = key.rate.state.baseEvents;
    key.live(DAY, 100_000, 0.1);
    const expected = 100 * 2.5;
    const most = 0.1 * (4 * expected + 24 * 8);
    assert.ok(key.rate.state.baseEvents - before < most, `${key.rate.state.baseEvents - before}`);
  });

  test('cannot keep a key from learning: at a tenth of the pace it goes on', () => {
    const key = life();
    key.live(28 * DAY, 500);
    key.live(60 * DAY, 1000, 0.1);
    assert.ok(key.rate.base() * DAY > 950, String(key.rate.base() * DAY));
  });
});

describe('a new level', () => {
  test('is told from what has ended, and once accepted it does not drift', () => {
    const key = life();
    key.live(28 * DAY, 2000);
    key.live(3 * HOUR, 10_000);
    const level = newLevel(key.rate, key.now);
    assert.ok(level > 3, String(level));
    assert.equal(newLevel(key.rate, key.now + 2 * HOUR), 0, 'quiet since');
    acceptLevel(key.rate, level);
    key.live(30 * DAY, 10_000);
    assert.deepEqual(key.drifts, []);
  });
});

describe('a request that a limit refused', () => {
  test('fills up what is missing of what was expected, and no more', () => {
    const key = life();
    key.live(28 * DAY, 2000);
    const { rate } = key;
    const base = rate.base();
    // Every request of three days is refused, and many more than usual.
    for (let second = 0; second < 3 * DAY; second += 10) {
      rate.turn();
      rate.advance(key.now + second);
      standIn(rate);
    }
    assert.ok(Math.abs(rate.base() / base - 1) < 0.05, `${rate.base()} for ${base}`);
    assert.equal(rate.state.hourCount, 0, 'none of them counts as use');
    for (let k = 0; k < 5; k++) assert.ok(rate.state.y.get(k) <= rate.state.m.get(k) + 1e-3);
    for (let k = 2; k < 5; k++) assert.ok(rate.state.y.get(k) > 0.8 * rate.state.m.get(k));
  });
});
