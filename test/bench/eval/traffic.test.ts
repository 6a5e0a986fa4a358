import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { figuresOf, judgedDelays, quantile } from '../../../bench/eval/traffic/figures.ts';
import { LATENESS_MS, Lab, onlyKey } from '../../../bench/eval/traffic/lab.ts';
import { SEEDS, tasksOf } from '../../../bench/eval/traffic/plan.ts';
import type { Try } from '../../../bench/eval/traffic/tries.ts';
import { createTraffic } from '../../../traffic/traffic.ts';

const DAY_MS = 86_400_000;

describe('a fork', () => {
  const options = {
    seed: 5,
    keys: 3,
    days: 16,
    novelty: false,
    overrides: { 0: { class: 'steady', rate: 0.05 } } as const,
  };
  const fromAt = createTraffic(options).fromAt + 15 * DAY_MS;
  const attacks = [{ kind: 'stolen-key', keyIndex: 0, fromAt, durationMs: 600_000 }] as const;
  const traffic = createTraffic({ ...options, attacks });
  const id = `kong:${traffic.keys[0]!.credentialId}`;
  const learner = new Lab({ durable: true });
  learner.run(createTraffic(options).events(), fromAt);
  const learned = learner.snapshot();

  test('of one key says what the whole run says of it', () => {
    const whole = new Lab({ durable: false });
    whole.run(traffic.events(), traffic.toAt);
    const fork = new Lab({ durable: false, state: onlyKey(learned, id) });
    fork.run(traffic.eventsOfKey(0, { fromAt }), traffic.toAt);
    const said = (lab: Lab) =>
      lab.findings
        .filter(({ at, line }) => line.subject.id === id && at >= fromAt)
        .map(({ line }) => [line.id, line.revision, line.score, line.why]);
    assert.ok(said(fork).length > 0);
    assert.deepEqual(said(fork), said(whole));
  });

  test('leaves the history as it was', () => {
    const state = onlyKey(learned, id);
    const scores = [1, 2].map(() => {
      const fork = new Lab({ durable: false, state });
      fork.run(traffic.eventsOfKey(0, { fromAt }), traffic.toAt);
      fork.tick(traffic.toAt + LATENESS_MS);
      return fork.findings.map(({ line }) => line.score);
    });
    assert.deepEqual(scores[0], scores[1]);
  });
});

describe('the plan', () => {
  test('has more than 400 key-months over six rates, and seeds of its own for acceptance', () => {
    const quiet = tasksOf(SEEDS.tuning, false).flatMap((t) => (t.kind === 'quiet' ? [t] : []));
    const keyMonths = quiet.reduce((sum, t) => sum + 5 * t.keysPerClass * t.months, 0);
    assert.ok(keyMonths > 400, String(keyMonths));
    assert.equal(new Set(quiet.map((t) => t.rate)).size, 6);
    const seeds = (name: keyof typeof SEEDS) => tasksOf(SEEDS[name], false).map((t) => t.seed);
    const tuning = new Set(seeds('tuning'));
    assert.ok(seeds('acceptance').every((seed) => !tuning.has(seed)));
  });
});

describe('figures', () => {
  test('what was never seen counts as later than everything', () => {
    assert.equal(quantile([3, 1, undefined, 2], 0.5), 2);
    assert.equal(quantile([3, 1, undefined, 2], 0.9), Number.POSITIVE_INFINITY);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });

  test('delays that are judged are of the tries that are judged', () => {
    const one = (more: Partial<Try>): Try => ({
      attack: '×9.12',
      class: 'steady',
      rate: 1,
      base: 0.005,
      six: { ms: 4000, requests: 40 },
      low: undefined,
      medium: undefined,
      high: undefined,
      detectors: {},
      ...more,
    });
    const never = { six: undefined };
    const [steady, ...none] = judgedDelays([one({}), one({ rate: 0.2, ...never })]);
    assert.deepEqual([steady!.value, none.length], [4, 0]);
    const errors = 'errors to 60 % (forbidden)';
    const [few, many] = judgedDelays([
      one({ attack: errors }),
      one({ attack: errors, base: 0.1, ...never }),
      one({ attack: 'errors to 60 % (server)', ...never }),
    ]);
    assert.deepEqual([few!.value, many!.value], [40, Number.POSITIVE_INFINITY]);
  });

  test('false alarms are per key-month over all rates', () => {
    const cell = { keyMonths: 10, events: 1, why: [], sixes: [], rate: 1 };
    const figures = figuresOf({
      quiet: [
        { ...cell, findings: { spread: { six: 2, eight: 1 } }, incidents: { high: 1, low: 4 } },
        { ...cell, findings: {}, incidents: {} },
      ],
      tries: [],
      fleets: [],
      poisonings: [],
    });
    const value = (start: string) => figures.find((f) => f.what.startsWith(start))?.value;
    assert.equal(value('incidents of medium or more'), 0.05);
    assert.equal(value('incidents of low or more'), 0.25);
    assert.equal(value('spread: findings at 6'), 0.1);
    assert.equal(value('spread: findings at 8'), 0.05);
  });
});
