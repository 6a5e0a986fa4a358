import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALARM_AT, createMetric, SCORE_MAX } from '../../../detectors/metric/metric.ts';
import { uniform } from '../baselines/chance.ts';

const START = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Point = readonly [atMs: number, value: number];

function scores(points: readonly Point[]): (number | undefined)[] {
  const metric = createMetric();
  return points.map(([atMs, value]) => metric.score(atMs, value));
}
function alarmsOf(points: readonly Point[]): number[] {
  return [...scores(points).entries()]
    .filter(([, score]) => (score ?? 0) >= ALARM_AT)
    .map(([i]) => i);
}

/** Seeded noise around a day's wave. */
function wave(count: number, stepMs: number, seed = 1): Point[] {
  const random = uniform(seed);
  return Array.from({ length: count }, (_, i) => {
    const atMs = START + i * stepMs;
    const day = Math.sin((2 * Math.PI * atMs) / (24 * HOUR));
    return [atMs, 100 + 30 * day + 8 * (random() + random() + random() - 1.5)];
  });
}
function withValues(points: readonly Point[], values: Readonly<Record<number, number>>): Point[] {
  return points.map(([atMs, value], i) => [atMs, values[i] ?? value]);
}

test('causal: a series cut anywhere has the same scores up to the cut, whatever came after', () => {
  const points = withValues(wave(2000, 5 * MINUTE), { 700: 400, 1500: 900, 1501: -300 });
  const whole = scores(points);
  for (const cut of [1, 2, 15, 701, 1500, 1999]) {
    assert.deepEqual(scores(points.slice(0, cut)), whole.slice(0, cut));
    const other: Point[] = points.slice(cut).map(([atMs]) => [atMs, 1e9]);
    assert.deepEqual(
      scores([...points.slice(0, cut), ...other]).slice(0, cut),
      whole.slice(0, cut),
    );
  }
});

test('deterministic, and series scored side by side do not touch each other', () => {
  const a = wave(500, HOUR, 1);
  const b = wave(500, MINUTE, 2);
  const metrics = [createMetric(), createMetric()] as const;
  const together = a.map((_, i) => [metrics[0].score(...a[i]!), metrics[1].score(...b[i]!)]);
  assert.deepEqual(
    together.map(([score]) => score),
    scores(a),
  );
  assert.deepEqual(
    together.map(([, score]) => score),
    scores(b),
  );
});

test('a leap up or down is an alarm at once, in series of any pace', () => {
  for (const stepMs of [MINUTE, 5 * MINUTE, HOUR]) {
    const points = wave(3000, stepMs);
    for (const value of [300, -100]) {
      assert.ok(alarmsOf(withValues(points, { 2900: value })).includes(2900), `${stepMs} ${value}`);
    }
  }
});

test('what never was scores above any jump, and higher the farther it goes', () => {
  const points = wave(3000, 5 * MINUTE);
  const at = (value: number) => scores(withValues(points, { 2900: value }))[2900]!;
  assert.ok(at(250) > 4);
  assert.ok(at(1000) > at(250) + 0.5);
  assert.ok(at(1e6) > at(1000) + 2);
});

test('ordinary noise around a daily wave stays silent', () => {
  for (const [stepMs, days] of [
    [MINUTE, 5],
    [5 * MINUTE, 20],
    [HOUR, 100],
  ] as const) {
    const count = (days * 24 * HOUR) / stepMs;
    const alarms = alarmsOf(wave(count, stepMs, 7));
    assert.ok(alarms.length <= days / 10 + 1, `${stepMs}: ${alarms.length} alarms in ${days} days`);
  }
});

/** Counts of two at a time on the whole, independent: of the same mean and variance. */
function counts(count: number, stepMs: number): Point[] {
  const random = uniform(11);
  const poisson = (): number => {
    let product = random();
    let n = 0;
    for (; product > Math.exp(-2); n++) product *= random();
    return n;
  };
  return Array.from({ length: count }, (_, i) => [START + i * stepMs, poisson()]);
}

test('wide noise becomes a habit: few alarms a day, at any pace, and a true leap is still told', () => {
  for (const [stepMs, days] of [
    [10_000, 1],
    [MINUTE, 4],
    [5 * MINUTE, 20],
  ] as const) {
    const count = (days * 24 * HOUR) / stepMs;
    const alarms = alarmsOf(counts(count, stepMs));
    assert.ok(alarms.length <= 6 * days, `${stepMs}: ${alarms.length} alarms in ${days} days`);
    const at = count - 50;
    assert.ok(alarmsOf(withValues(counts(count, stepMs), { [at]: 60 })).includes(at), `${stepMs}`);
  }
});

test('one episode is told once: after a leap the same height is none, a greater one is', () => {
  const heights = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [2500 + i, 300]));
  const alarms = alarmsOf(withValues(wave(2600, 5 * MINUTE), { ...heights, 2515: 900 }));
  assert.deepEqual(
    alarms.filter((i) => i >= 2500),
    [2500, 2515],
  );
});

test('a series says the same in other units and upside down', () => {
  const points = withValues(wave(1500, 5 * MINUTE), { 1000: 300, 1400: 20 });
  const whole = scores(points);
  for (const factor of [1e-9, 1024, -1, 1e200]) {
    const scaled = scores(points.map(([atMs, value]) => [atMs, value * factor]));
    scaled.forEach((score, i) => {
      assert.ok(Math.abs(score! - whole[i]!) < 1e-4, `×${factor}: ${i}: ${score} ${whole[i]}`);
    });
  }
});

test('a constant series is silent, and its first other value is not', () => {
  for (const constant of [0, 5, -3e9]) {
    const points: Point[] = Array.from({ length: 3000 }, (_, i) => [
      START + i * 5 * MINUTE,
      i === 2800 ? constant + 1 + Math.abs(constant) : constant,
    ]);
    assert.deepEqual(alarmsOf(points), [2800], `${constant}`);
  }
});

test('a missing time or value is neither judged nor learned', () => {
  const points = wave(300, HOUR);
  const holed: Point[] = points.flatMap(([atMs, value], i) =>
    i % 50 === 49
      ? [
          [atMs, value],
          [atMs, Number.NaN],
          [Number.NaN, 5],
        ]
      : [[atMs, value]],
  );
  const all = scores(holed);
  assert.equal(all.filter((score) => score === undefined).length, 12);
  assert.deepEqual(
    all.filter((score) => score !== undefined),
    scores(points),
  );
});

test('every score is finite and within 0 and 300, whatever comes in', () => {
  const random = uniform(3);
  const odd = [0, -0, 1e308, -1e308, 5e-324, Number.MAX_VALUE, Infinity, -Infinity, 1e-300, -7];
  const steps = [0, 1, -HOUR, MINUTE, HOUR, 400 * 24 * HOUR, -40 * 365 * 24 * HOUR];
  let atMs = START;
  const points: Point[] = Array.from({ length: 4000 }, () => {
    atMs += steps[Math.floor(random() * steps.length)]!;
    const value = random() < 0.3 ? odd[Math.floor(random() * odd.length)]! : random();
    return [atMs, value];
  });
  for (const score of scores([...points, ...wave(200, 0)])) {
    assert.ok(score !== undefined && score >= 0 && score <= SCORE_MAX, String(score));
  }
});

test('repeated, unordered and late times do not disturb: the leap is found, the rest stays calm', () => {
  const points = withValues(wave(2000, 5 * MINUTE), { 1900: 400 });
  const untidy: Point[] = points
    .map(([atMs, value], i): Point => [i % 7 === 0 ? atMs - 5 * MINUTE : atMs, value])
    .filter((_, i) => i === 1900 || i % 11 !== 0);
  const alarms = alarmsOf(untidy);
  assert.ok(alarms.includes(untidy.findIndex(([, value]) => value === 400)));
  assert.ok(alarms.length <= 6, `${alarms.length} alarms`);
});

test('a gap of weeks is no alarm by itself', () => {
  const points = wave(20_000, 5 * MINUTE).filter((_, i) => i < 8000 || i >= 8000 + 28 * 288);
  const near = alarmsOf(points).filter((i) => i >= 8000 && i < 8010);
  assert.deepEqual(near, []);
});
