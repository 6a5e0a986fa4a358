/** The textbook statistics of detectors/baselines against simple-statistics or direct computation. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as oracle from 'simple-statistics';
import { type Place, UNKNOWN_PLACE } from '../../../core/event.ts';
import { createDecay } from '../../../detectors/baselines/decay.ts';
import {
  addDispersion,
  initDispersion,
  solveDispersion,
} from '../../../detectors/baselines/dispersion.ts';
import { gumbelScore, learnMaximum } from '../../../detectors/baselines/gumbel.ts';
import { PLACES_LAYOUT, PlacesBaseline } from '../../../detectors/baselines/places.ts';
import { HOURS_OF_WEEK, learnHour, ratioOf } from '../../../detectors/baselines/profile.ts';
import { SCALES } from '../../../detectors/baselines/rate-state.ts';
import {
  bernoulliDivergence,
  negativeBinomialTail,
  normalTail,
  paretoTail,
  softened,
} from '../../../detectors/baselines/tails.ts';
import { distanceKm } from '../../../detectors/impossible-travel.ts';
import { stateOf, uniform } from './chance.ts';

const SEED = 20260301;

function near(actual: number, expected: number, tolerance: number, what = ''): void {
  const error = Math.abs(actual - expected) / Math.max(1e-300, Math.abs(expected));
  assert.ok(error <= tolerance, `${what} ${actual} for ${expected}: off by ${error}`);
}

/** log of the negative binomial's mass at k, mean m and size r. */
function logMass(k: number, m: number, r: number): number {
  return (
    oracle.gammaln(k + r) -
    oracle.gammaln(k + 1) -
    oracle.gammaln(r) +
    r * Math.log(r / (r + m)) +
    k * Math.log(m / (r + m))
  );
}

/** −log10 of P(X ≥ n) above the mean, of P(X ≤ n) below it, summed term by term. */
function exactTail(n: number, m: number, r: number): number {
  let sum = 0;
  const end = n > m ? n + 40 * Math.sqrt(m + (m * m) / r) + 200 : n;
  for (let k = n > m ? n : 0; k <= end; k++) sum += Math.exp(logMass(k, m, r));
  return -Math.log10(sum);
}

test('the Pareto tail, fitted by moments, is that of the law the sizes come from', () => {
  // Exceedances of shape 0.2 and scale 100: mean 125, variance 100² / (0.8² · 0.6).
  const mean = 125;
  const variance = 100 ** 2 / (0.8 ** 2 * 0.6);
  const shape = 0.5 * (1 - mean ** 2 / variance);
  near(shape, 0.2, 1e-9);
  near(paretoTail(1000, mean, shape), -Math.log10((1 + (0.2 * 1000) / 100) ** -5), 1e-9);
  near(paretoTail(1000, 125, 0), 1000 / 125 / Math.LN10, 1e-9);
  assert.equal(paretoTail(1000, 125, -5), paretoTail(1000, 125, 0));
  assert.equal(paretoTail(1000, 125, 3), paretoTail(1000, 125, 0.4));
});

test('the normal tail is that of the tables, never less surprising by more than 0.01', () => {
  for (const [z, p] of [
    [1, 0.158655254],
    [3, 1.349898e-3],
    [5, 2.866516e-7],
    [8, 6.220961e-16],
  ] as const) {
    const exact = -Math.log10(p);
    assert.ok(normalTail(z) <= exact + 1e-6 && normalTail(z) > exact - 0.01, `${z}`);
  }
  assert.equal(normalTail(0), 0);
  assert.equal(normalTail(-3), 0);
});

describe('negative binomial tail', () => {
  const grid = [2, 5, 20, 100].flatMap((m) =>
    [0.5, 2, 10, 100].flatMap((r) => [0, 0.2, 0.5, 1.5, 3, 6].map((f) => ({ m, r, n: m * f }))),
  );

  test('never claims more than the exact tail, and little less', () => {
    for (const { m, r, n } of grid) {
      const whole = Math.round(n);
      if (whole === m) continue;
      const bound = negativeBinomialTail(whole, m, r);
      const exact = exactTail(whole, m, r);
      assert.ok(bound <= exact + 1e-9, `n ${whole}, m ${m}, r ${r}: ${bound} > ${exact}`);
      assert.ok(exact - bound <= 1 + Math.log10(1 + whole), `n ${whole}, m ${m}, r ${r}: ${exact}`);
    }
  });

  test('is the Chernoff exponent: the best of all exponential bounds', () => {
    for (const { m, r, n } of grid) {
      if (n === 0 || n === m) continue;
      // sup over t of t·n − log E[e^(tX)], E[e^(tX)] = (1 − m/r·(e^t − 1))^(−r).
      const gain = (t: number): number => t * n + r * Math.log(1 - (m / r) * Math.expm1(t));
      let [low, high] = n > m ? [0, Math.log1p(r / m) - 1e-12] : [-60, 0];
      for (let i = 0; i < 200; i++) {
        const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
        if (gain(a) < gain(b)) low = a;
        else high = b;
      }
      near(negativeBinomialTail(n, m, r), gain((low + high) / 2) / Math.LN10, 1e-6);
    }
  });

  test('becomes the Poisson tail for a large size', () => {
    for (const m of [3, 12, 40]) {
      const n = 2 * m;
      const mass = (k: number): number => Math.exp(k * Math.log(m) - m - oracle.gammaln(k + 1));
      const table = oracle.poissonDistribution(m)!;
      for (let k = 0; k < m; k++) near(mass(k), table[k]!, 1e-6);
      const exact = -Math.log10(oracle.sum(Array.from({ length: 300 }, (_, i) => mass(n + i))));
      const bound = negativeBinomialTail(n, m, 1e9);
      assert.ok(
        bound <= exact && exact - bound <= Math.log10(2 * Math.PI * n),
        `${bound} ${exact}`,
      );
    }
  });
});

test('divergence of shares bounds the binomial tail', () => {
  let compared = 0;
  for (const [n, p] of [
    [8, 0.02],
    [64, 0.05],
    [64, 0.3],
    [200, 0.5],
  ] as const) {
    const mass = (k: number): number =>
      Math.exp(
        oracle.gammaln(n + 1) -
          oracle.gammaln(k + 1) -
          oracle.gammaln(n - k + 1) +
          k * Math.log(p) +
          (n - k) * Math.log(1 - p),
      );
    near(mass(1), oracle.binomialDistribution(n, p)![1]!, 1e-6);
    for (let k = Math.ceil(n * p) + 1; k <= n; k++) {
      const tail = oracle.sum(Array.from({ length: n - k + 1 }, (_, i) => mass(k + i)));
      const bound = (n * bernoulliDivergence(k / n, p)) / Math.LN10;
      const exact = -Math.log10(tail);
      assert.ok(bound <= exact + 1e-6, `${k} of ${n} at ${p}: ${bound} > ${exact}`);
      assert.ok(exact - bound <= 0.5 * Math.log10(8 * n) + 0.5, `${k} of ${n} at ${p}`);
      compared++;
    }
  }
  assert.ok(compared > 150);
  assert.equal(bernoulliDivergence(0.3, 0.3), 0);
  near(bernoulliDivergence(1, 0.25), Math.log(4), 1e-12);
  near(bernoulliDivergence(0, 0.25), -Math.log(0.75), 1e-12);
});

describe('Gumbel calibration', () => {
  const draw = uniform(SEED);
  const gumbel = (mu: number, beta: number): number => mu - beta * Math.log(-Math.log(draw()));

  test('learns mean and mean deviation of the hourly maxima, in 16 bits', () => {
    const { mu, beta } = stateOf({ mu: ['f16', 1], beta: ['f16', 1] });
    mu.set(0, 3);
    beta.set(0, 1);
    const maxima = Array.from({ length: 6000 }, () => gumbel(5, 1.5));
    for (const [age, x] of maxima.entries()) learnMaximum(mu, beta, 0, x, age, 1);
    const mean = oracle.mean(maxima);
    near(mu.get(0), mean, 0.05);
    near(beta.get(0), oracle.mean(maxima.map((x) => Math.abs(x - mean))), 0.1);
    // So learned, a score is met no more often than it says.
    const later = Array.from({ length: 50_000 }, () =>
      gumbelScore(gumbel(5, 1.5), mu.get(0), beta.get(0)),
    );
    for (const z of [1, 2, 3]) {
      const share = later.filter((score) => score >= z).length / later.length;
      assert.ok(share <= 2 * 10 ** -z, `score ${z}: ${share}`);
    }
  });

  test('steps far below what 16 bits hold add up', () => {
    const { mu, beta } = stateOf({ mu: ['f16', 1], beta: ['f16', 1] });
    mu.fill(5);
    beta.fill(0.5);
    for (let age = 2000; age < 8000; age++) learnMaximum(mu, beta, 0, 5.3, age, 1);
    near(mu.get(0), 5.3, 0.005);
    assert.ok(beta.get(0) < 0.05, `${beta.get(0)}`);
  });

  test('one monstrous hour moves it by six deviations at most', () => {
    const { mu, beta } = stateOf({ mu: ['f16', 1], beta: ['f16', 1] });
    mu.fill(3);
    beta.fill(1);
    learnMaximum(mu, beta, 0, 1e6, 1000, 1);
    assert.ok(mu.get(0) <= 3 + 6 / 720 + 2 ** -9);
  });
});

test('decay tables hold 2^(−t/H) over any span', () => {
  for (const halfLife of SCALES) {
    const decay = createDecay(halfLife);
    near(decay.tau, halfLife / Math.log(2), 1e-15);
    for (const span of [0, 1, 59, 511, 512, 513, 3600, 86_400, 262_143, 262_144, 10_000_000]) {
      const exact = 2 ** (-span / halfLife);
      if (exact > 1e-290) near(decay.over(span), exact, 1e-13, `${span} s at ${halfLife}`);
      else assert.ok(decay.over(span) < 1e-280);
    }
  }
});

test('haversine distances are those of the angle between two vectors', () => {
  const vector = (latitude: number, longitude: number): number[] => {
    const [a, b] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
    return [Math.cos(a) * Math.cos(b), Math.cos(a) * Math.sin(b), Math.sin(a)];
  };
  const latitude = fc.double({ min: -90, max: 90, noNaN: true });
  const longitude = fc.double({ min: -180, max: 180, noNaN: true });
  fc.assert(
    fc.property(latitude, longitude, latitude, longitude, (lat1, lon1, lat2, lon2) => {
      const [u, v] = [vector(lat1, lon1), vector(lat2, lon2)];
      const apart = Math.hypot(...u.map((x, i) => x - v[i]!));
      const together = Math.hypot(...u.map((x, i) => x + v[i]!));
      const exact = 6371 * 2 * Math.atan2(apart, together);
      assert.ok(Math.abs(distanceKm(lat1, lon1, lat2, lon2) - exact) < 0.01);
    }),
    { seed: SEED },
  );
  // Berlin to Tokyo, and half way round.
  near(distanceKm(52.52, 13.405, 35.68, 139.69), 8918, 0.002);
  near(distanceKm(0, 0, 0, 180), Math.PI * 6371, 1e-9);
});

test('Good–Turing: the rate of novelty over active hours, half-life 2000 of them', () => {
  const places = new PlacesBaseline(stateOf(PLACES_LAYOUT));
  places.init();
  const home = { country: 'DE', region: 'BE', city: '', latitude: 52, longitude: 13, radiusKm: 9 };
  const codes = { countryCode: 83, regionCode: 7, timeZone: '', asn: 0, kind: 'public' } as const;
  const hours = 3000;
  for (let hour = 1; hour <= hours; hour++) {
    places.learn({ ...home, ...codes }, hour * 3600, 1, true);
    places.learn({ ...home, ...codes }, hour * 3600 + 9, 1, true);
  }
  const keep = 2 ** (-1 / 2000);
  const active = (1 - keep ** hours) / (1 - keep);
  near(places.state.active, active, 1e-4);
  near(places.surprise(3), -Math.log10(3.5 / (10 + active)), 1e-5);
  assert.ok(Math.abs(places.surprise(1e9)) === 0);
});

test('every country learned is known, of the others few beyond the eighth', () => {
  const places = new PlacesBaseline(stateOf(PLACES_LAYOUT));
  places.init();
  const place = (countryCode: number): Place => ({
    ...UNKNOWN_PLACE,
    countryCode,
    regionCode: countryCode,
  });
  const unknown = (): number => {
    let count = 0;
    for (let code = 300; code <= 676; code++) if (!places.knowsCountry(code)) count++;
    return count;
  };
  for (let code = 1; code <= 12; code++) places.learn(place(code), 3600 * code, 1, false);
  for (let code = 1; code <= 12; code++) assert.ok(places.knowsCountry(code), `${code}`);
  assert.equal(places.knowsCountry(0), false);
  assert.ok(unknown() >= 360, `${unknown()} of 377`);
  assert.equal(places.knownCountries(20).length, 8);
  // Of regions the six used last are kept.
  assert.deepEqual(
    [1, 6, 7, 12].map((code) => places.knowsRegion(code)),
    [false, false, true, true],
  );
});

test('batchiness and wobble are the weighted least squares of the residuals, with a ridge', () => {
  const state = stateOf({ sums: ['f32', 20], ab: ['f32', 8] });
  initDispersion(state, 4);
  const draw = uniform(SEED + 1);
  const [priorA, priorB] = [state.ab.get(2), state.ab.get(3)];
  const samples: { m: number; u: number; w: number }[] = [];
  let m = 0;
  for (let i = 0; i < 5000; i++) {
    m = 5 + 60 * draw();
    const n = m + Math.sqrt(m * (3 + 0.1 * m)) * (draw() + draw() + draw() - 1.5) * 2;
    addDispersion(state, 1, n, m, 1, 1);
    const w = m / (m * (1 + priorA + priorB * m) ** 2 + 1 + priorA);
    samples.push({ m, u: ((n - m) ** 2 - m) / m, w });
  }
  solveDispersion(state, 1, m);
  const ridge = 40 / (1 + priorA + priorB * m) ** 2;
  const loss = (a: number, b: number): number =>
    oracle.sum(samples.map((x) => x.w * (x.u - a - b * x.m) ** 2)) +
    ridge * (a - priorA) ** 2 +
    ridge * m * m * (b - priorB) ** 2;
  const [a, b] = [state.ab.get(2), state.ab.get(3)];
  assert.ok(b > 0.05 && b < priorB, `wobble ${b}`);
  for (const turn of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const [da, db] = [0.02 * Math.cos(turn), 0.002 * Math.sin(turn)];
    assert.ok(loss(a, b) < loss(a + da, b + db), `better at ${a + da}, ${b + db}`);
  }
});

test('the hour-of-week byte loses nothing on average', () => {
  for (const ratio of [0.03, 0.4, 1, 2.7, 9]) {
    const learned = Array.from({ length: 4000 }, (_, salt) => {
      const { profile } = stateOf({ profile: ['u8', HOURS_OF_WEEK] });
      learnHour(profile, HOURS_OF_WEEK * 3 + 7, 400, ratio * 500, 500, 1, salt);
      return ratioOf(profile, 7);
    });
    near(oracle.mean(learned), ratio, 0.01, `ratio ${ratio}`);
  }
});

test('a softened score counts in full, then less and less, and never beyond its most', () => {
  assert.equal(softened(4, 5, 8, 12), 4);
  near(softened(17, 5, 8, 12), 5 + 3 * (1 - Math.exp(-1)), 1e-9, 'after its decades');
  const scores = Array.from({ length: 60 }, (_, i) => softened(i * 5, 5, 8, 12));
  assert.ok(scores.every((score, i) => score <= 8 && (i === 0 || score >= scores[i - 1]!)));
});
