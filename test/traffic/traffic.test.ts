import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attacksFromAt } from '../../traffic/attack-plan.ts';
import {
  type ATTACK_KINDS,
  KEY_CLASSES,
  type Traffic,
  type TrafficEvent,
  type TrafficOptions,
  USUAL_ATTACK_KINDS,
} from '../../traffic/contract.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../traffic/traffic.ts';
import { zoneOffsetMs } from '../../traffic/zones.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

function lineOf(e: TrafficEvent): string {
  return `${e.at} ${e.key.index} ${e.address.text} ${e.agent.text} ${e.route.name} ${e.resource} ${e.status} ${e.durationMs} ${e.bytesIn} ${e.bytesOut} ${e.request0} ${e.request1} ${e.label}`;
}

function linesOf(options: TrafficOptions): string[] {
  return Array.from(createTraffic(options).events(), lineOf);
}

describe('determinism', () => {
  const options = { seed: 11, keys: 40, days: 2, attacks: 4 };
  const lines = linesOf(options);

  test('the same seed makes the same requests', () => {
    assert.deepEqual(linesOf(options), lines);
  });

  test('another seed makes other requests', () => {
    assert.notDeepEqual(linesOf({ ...options, seed: 12 }), lines);
  });

  test('requests come in order of time, within the span', () => {
    const traffic = createTraffic(options);
    let before = traffic.fromAt;
    let count = 0;
    for (const event of traffic.events()) {
      assert.ok(event.at >= before && event.at < traffic.toAt);
      before = event.at;
      count++;
    }
    assert.ok(count > 5_000);
  });

  test("one key's stream is exactly its part of the merged stream", () => {
    const traffic = createTraffic(options);
    const merged = new Map<number, string[]>();
    for (const event of traffic.events()) {
      const lines = merged.get(event.key.index) ?? [];
      lines.push(lineOf(event));
      merged.set(event.key.index, lines);
    }
    for (const key of traffic.keys) {
      const lines: string[] = [];
      for (const event of traffic.eventsOfKey(key.index)) lines.push(lineOf(event));
      assert.deepEqual(lines, merged.get(key.index) ?? []);
    }
  });

  test('a stream from the middle goes on as the whole one does, and past its end', () => {
    const traffic = createTraffic(options);
    const at = traffic.fromAt + DAY_MS + 1_234_567;
    const whole: string[] = [];
    for (const event of traffic.events({ fromAt: at })) whole.push(lineOf(event));
    const live: string[] = [];
    for (const event of traffic.streamFrom(at)) {
      if (event.at > traffic.toAt + DAY_MS) break;
      live.push(lineOf(event));
    }
    assert.deepEqual(live.slice(0, whole.length), whole);
    assert.ok(live.length > whole.length);
  });

  test('a key is the same whatever the number of days, attacks and novelty', () => {
    const a = createTraffic({ seed: 3, keys: 20, days: 1 });
    const b = createTraffic({ seed: 3, keys: 20, days: 30, attacks: 5, novelty: false });
    assert.deepEqual(a.keys, b.keys);
  });
});

describe('rates', () => {
  const days = 14;
  for (const kind of KEY_CLASSES) {
    test(`${kind} keys make their nominal mean rate`, () => {
      const keys = 30;
      const traffic = createTraffic({
        seed: 5,
        keys,
        days,
        novelty: false,
        classMix: { [kind]: 1 },
        rates: { min: 0.002, max: 0.004 },
      });
      let expected = 0;
      for (const key of traffic.keys) expected += key.rate * days * 86_400;
      const ratio = countOf(traffic) / expected;
      assert.ok(ratio > 0.95 && ratio < 1.05, `${kind}: ${ratio.toFixed(3)} of nominal`);
    });
  }

  test('the default mix of 200 keys makes 2 to 3 million requests in 28 days', () => {
    const rates = createTraffic({ seed: 1, keys: 200, days: 28 }).keys.map((key) => key.rate);
    const expected = rates.reduce((sum, rate) => sum + rate, 0) * 28 * 86_400;
    assert.ok(expected > 2e6 && expected < 3e6, String(expected));
  });

  test('noise of a noisy key from minute to minute is lognormal with the nominal sigma', () => {
    const options = { seed: 8, keys: 1, days: 1, novelty: false };
    const traffic = createTraffic({ ...options, overrides: { 0: { class: 'noisy', rate: 10 } } });
    const counts = minuteCounts(traffic);
    // Neighbouring minutes share rhythm and slow noise: their log ratio has variance 2 * 0.25^2 plus counting noise.
    const ratios: number[] = [];
    for (let i = 1; i < counts.length; i++) {
      const [a, b] = [counts[i - 1]!, counts[i]!];
      if (Math.min(a, b) > 100) ratios.push(Math.log(b / a) ** 2 - 1 / a - 1 / b);
    }
    const sigma = Math.sqrt(ratios.reduce((sum, r) => sum + r, 0) / ratios.length / 2);
    assert.ok(sigma > 0.235 && sigma < 0.265, `sigma ${sigma.toFixed(3)}`);
  });

  test('a steady key has no more than counting noise from minute to minute', () => {
    const options = { seed: 8, keys: 1, days: 2, novelty: false };
    const traffic = createTraffic({ ...options, overrides: { 0: { class: 'steady', rate: 5 } } });
    const counts = minuteCounts(traffic);
    let sum = 0;
    for (let i = 1; i < counts.length; i++) {
      const [a, b] = [counts[i - 1]!, counts[i]!];
      sum += (b - a) ** 2 / (a + b);
    }
    const dispersion = sum / (counts.length - 1);
    assert.ok(dispersion > 0.93 && dispersion < 1.08, String(dispersion));
  });

  test('office keys sleep at night and at the weekend', () => {
    const traffic = createTraffic({
      seed: 4,
      keys: 20,
      days: 14,
      novelty: false,
      classMix: { office: 1 },
    });
    let outside = 0;
    let all = 0;
    let count = 0;
    for (const event of traffic.events()) {
      if (++count % 20 !== 0) continue;
      const offset = zoneOffsetMs(event.key.home.zone, event.at);
      const local = new Date(event.at + offset);
      const hour = local.getUTCHours();
      all++;
      if (local.getUTCDay() % 6 === 0 || hour < 8 || hour >= 18) outside++;
    }
    assert.ok(all > 1_000);
    assert.ok(outside / all < 0.03, `${outside} of ${all}`);
  });

  test('bursty keys come in batches, steady ones do not', () => {
    const share = (kind: 'steady' | 'bursty') => {
      const options = { seed: 9, keys: 1, days: 10, novelty: false };
      const traffic = createTraffic({ ...options, overrides: { 0: { class: kind, rate: 0.02 } } });
      let close = 0;
      let count = 0;
      let before = 0;
      for (const event of traffic.eventsOfKey(0)) {
        if (event.at - before < 2000) close++;
        before = event.at;
        count++;
      }
      return close / count;
    };
    assert.ok(share('bursty') > 0.65);
    assert.ok(share('steady') < 0.15);
  });
});

describe('attacks', () => {
  const days = 8;
  const traffic = createTraffic({ seed: 21, keys: 80, days, attacks: 20 });

  test('are labelled exactly: every request of one lies in its label, every label has requests', () => {
    const seen = new Map<number, number>();
    for (const event of traffic.events()) {
      if (event.label < 0) continue;
      const label = traffic.labels[event.label]!;
      assert.equal(event.key.index, label.keyIndex);
      assert.ok(event.at >= label.fromAt && event.at < label.toAt);
      seen.set(event.label, (seen.get(event.label) ?? 0) + 1);
    }
    for (const [index, label] of traffic.labels.entries()) {
      if (label.kind === 'silence') assert.ok(!seen.has(index));
      else assert.ok((seen.get(index) ?? 0) >= 2, `${label.kind}: ${seen.get(index)}`);
    }
  });

  test('planned ones hit different keys in the last part of the span, every usual kind', () => {
    assert.equal(traffic.labels.length, 20);
    assert.equal(new Set(traffic.labels.map((label) => label.keyIndex)).size, 20);
    assert.deepEqual(
      [...new Set(traffic.labels.map((label) => label.kind))].sort(),
      [...USUAL_ATTACK_KINDS].sort(),
    );
    for (const label of traffic.labels) {
      assert.ok(label.fromAt >= attacksFromAt(traffic.fromAt, days) && label.toAt <= traffic.toAt);
    }
  });

  test('change nothing before they begin and nothing of other keys', () => {
    const calm = createTraffic({ seed: 21, keys: 80, days });
    const label = traffic.labels[0]!;
    const other = traffic.keys.findIndex(
      (key) => !traffic.labels.some((l) => l.keyIndex === key.index),
    );
    for (const [index, toAt] of [
      [label.keyIndex, label.fromAt],
      [other, traffic.toAt],
    ] as const) {
      const a: string[] = [];
      for (const event of traffic.eventsOfKey(index, { toAt })) a.push(lineOf(event));
      const b: string[] = [];
      for (const event of calm.eventsOfKey(index, { toAt })) b.push(lineOf(event));
      assert.deepEqual(a, b);
    }
  });

  test('an innocent month has no request that belongs to an attack', () => {
    for (const event of createTraffic({ seed: 2, keys: 30, days: 28 }).events()) {
      assert.equal(event.label, -1);
    }
  });
});

describe('attacks by kind', () => {
  const fromAt = DEFAULT_FROM_AT + 3 * DAY_MS + 10 * 60 * MINUTE_MS;
  const one = (kind: (typeof ATTACK_KINDS)[number], rate: number, more = {}) =>
    createTraffic({
      seed: 6,
      keys: 1,
      days: 5,
      novelty: false,
      overrides: { 0: { class: kind === 'off-hours' ? 'office' : 'steady', rate } },
      attacks: [{ kind, keyIndex: 0, fromAt, ...more }],
    });

  test('stolen-key: 9.12 times the normal rate, from a country new for the key, another client', () => {
    const traffic = one('stolen-key', 1);
    const { toAt } = traffic.labels[0]!;
    const known = new Set(traffic.keys[0]!.addresses.map((address) => address.city.country));
    let stolen = 0;
    let all = 0;
    for (const event of traffic.eventsOfKey(0, { fromAt, toAt })) {
      all++;
      if (event.label < 0) continue;
      stolen++;
      assert.ok(!known.has(event.address.city.country));
      assert.notEqual(event.agent.family, traffic.keys[0]!.agent.family);
    }
    const normal = (traffic.normalRateAt(0, fromAt) * (toAt - fromAt)) / 1000;
    assert.ok(Math.abs(all / normal - 9.12) < 0.9, String(all / normal));
    assert.ok(stolen > 0);
  });

  test('stolen-key: not from where the key has travelled before', () => {
    const options = { seed: 3, keys: 120, days: 56, attacks: 120 };
    const traffic = createTraffic({ ...options, attackKinds: ['stolen-key'] });
    for (const label of traffic.labels) {
      const shifts = traffic.shiftsOf(label.keyIndex);
      const visited = shifts.map((shift) => shift.address?.city.country);
      for (const event of traffic.eventsOfKey(label.keyIndex, label)) {
        if (event.label >= 0) assert.ok(!visited.includes(event.address.city.country));
      }
    }
  });

  test('stolen-key: from the country that was asked for', () => {
    for (const event of one('stolen-key', 1, { country: 'VN' }).eventsOfKey(0)) {
      if (event.label >= 0) assert.equal(event.address.city.country, 'VN');
    }
    assert.throws(() => one('stolen-key', 1, { country: 'XX' }), RangeError);
  });

  test('error-burst: most of it is refused or not found', () => {
    let errors = 0;
    let count = 0;
    for (const event of one('error-burst', 1).eventsOfKey(0)) {
      if (event.label < 0) continue;
      count++;
      if ([401, 403, 404].includes(event.status)) errors++;
    }
    assert.ok(count > 100);
    assert.ok(errors / count > 0.6);
  });

  test('silence: not one request', () => {
    const traffic = one('silence', 1);
    const { toAt } = traffic.labels[0]!;
    assert.equal([...traffic.eventsOfKey(0, { fromAt, toAt })].length, 0);
    assert.ok([...traffic.eventsOfKey(0, { fromAt: toAt, toAt: toAt + MINUTE_MS })].length > 0);
  });

  test('spike: a thousand times the rate, from the usual addresses', () => {
    const traffic = one('spike', 1, { durationMs: 5000 });
    const usual = new Set(traffic.keys[0]!.addresses);
    let count = 0;
    for (const event of traffic.eventsOfKey(0)) {
      if (event.label < 0) continue;
      count++;
      assert.ok(usual.has(event.address));
    }
    const ratio = count / 5 / traffic.normalRateAt(0, fromAt);
    assert.ok(ratio > 900 && ratio < 1100, String(ratio));
  });
});

test('novelty comes about once a key and month, of every kind', () => {
  const traffic = createTraffic({ seed: 13, keys: 400, days: 28 });
  const kinds = new Map<string, number>();
  for (const key of traffic.keys) {
    for (const shift of traffic.shiftsOf(key.index)) {
      kinds.set(shift.kind, (kinds.get(shift.kind) ?? 0) + 1);
    }
  }
  const total = [...kinds.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total > 300 && total < 440, String(total));
  for (const kind of ['travel', 'region', 'client', 'route', 'growth', 'busy-day']) {
    assert.ok((kinds.get(kind) ?? 0) > 5, kind);
  }
});

test('key ids, labels and raw keys are unique', () => {
  const { keys } = createTraffic({ seed: 1, keys: 5000, days: 1 });
  for (const field of ['credentialId', 'accessKeyId', 'apiKeyId', 'rawKey', 'label'] as const) {
    assert.equal(new Set(keys.map((key) => key[field])).size, keys.length, field);
  }
  assert.match(
    keys[0]!.credentialId,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

function countOf(traffic: Traffic): number {
  let count = 0;
  for (const _ of traffic.events()) count++;
  return count;
}

function minuteCounts(traffic: Traffic): number[] {
  const counts = new Array<number>((traffic.toAt - traffic.fromAt) / MINUTE_MS).fill(0);
  for (const event of traffic.eventsOfKey(0)) {
    const minute = Math.floor((event.at - traffic.fromAt) / MINUTE_MS);
    counts[minute] = counts[minute]! + 1;
  }
  return counts;
}
