import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ATTACK_DEFAULTS } from '../../traffic/attacks.ts';
import {
  ATTACK_KINDS,
  type AttackKind,
  type AttackSpec,
  type Traffic,
  type TrafficEvent,
} from '../../traffic/contract.ts';
import { kmBetween } from '../../traffic/places.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../traffic/traffic.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A Thursday, 10:00 UTC. */
const AT = DEFAULT_FROM_AT + 3 * DAY_MS + 10 * HOUR_MS;

function attacked(kind: AttackKind, more: Partial<AttackSpec> = {}, rate = 0.5): Traffic {
  return createTraffic({
    seed: 6,
    keys: 4,
    days: 5,
    novelty: false,
    overrides: { 0: { class: 'steady', rate, errorShare: 0.002 } },
    attacks: [{ kind, keyIndex: 0, fromAt: AT, ...more }],
  });
}

/** Copies of the attacker's requests. */
function requests(traffic: Traffic, all = false): TrafficEvent[] {
  const label = traffic.labels[0]!;
  const toAt = Math.min(label.toAt, traffic.toAt);
  const events: TrafficEvent[] = [];
  for (const event of traffic.eventsOfKey(0, { fromAt: label.fromAt, toAt })) {
    if (all || event.label >= 0) events.push({ ...event });
  }
  return events;
}

function shareOf(events: readonly TrafficEvent[], what: (event: TrafficEvent) => boolean): number {
  return events.filter(what).length / events.length;
}

function distinct(events: readonly TrafficEvent[], of: (event: TrafficEvent) => unknown): number {
  return new Set(events.map(of)).size;
}

describe('where an attack comes from', () => {
  test('new-country: few requests more, from one new country, with another tool', () => {
    const traffic = attacked('new-country');
    const events = requests(traffic);
    const known = traffic.keys[0]!.addresses.map(({ city }) => city.country);
    assert.equal(
      distinct(events, (e) => e.address),
      1,
    );
    assert.ok(!known.includes(events[0]!.address.city.country));
    assert.ok(shareOf(requests(traffic, true), (e) => e.label >= 0) < 0.15);
  });

  test('impossible-travel: from far away, between the owner’s own requests', () => {
    const traffic = attacked('impossible-travel');
    const home = traffic.keys[0]!.home;
    for (const { address } of requests(traffic)) {
      assert.ok(kmBetween(address.city, home) > 2000);
    }
    const all = requests(traffic, true);
    const flips = all.filter((e, i) => i > 0 && e.label !== all[i - 1]!.label).length;
    assert.ok(flips > 50, String(flips));
  });

  test('sharing: from many networks at the same time', () => {
    const events = requests(attacked('sharing'));
    assert.ok(distinct(events, (e) => e.address.text) > 30);
  });

  for (const ipVersion of [4, 6] as const) {
    test(`stuffing: one IPv${ipVersion} network, a new raw key each time, all refused`, () => {
      const traffic = attacked('stuffing', { ipVersion });
      const events = requests(traffic);
      const own = new Set(traffic.keys.map((key) => key.rawKey));
      const parts = ipVersion === 4 ? 3 : 4;
      const separator = ipVersion === 4 ? '.' : ':';
      const networkOf = (e: TrafficEvent) =>
        e.address.text.split(separator).slice(0, parts).join(separator);
      assert.equal(distinct(events, networkOf), 1);
      const suffix = ipVersion === 4 ? '.0/24' : '::/64';
      assert.equal(traffic.labels[0]!.network, networkOf(events[0]!) + suffix);
      assert.equal(
        distinct(events, (e) => e.key.rawKey),
        events.length,
      );
      assert.ok(events.every((e) => e.status === 401 && !own.has(e.key.rawKey)));
      assert.ok(distinct(events, (e) => e.address.text) > 40);
      assert.ok(events.length > 1000);
    });
  }

  test('spread-stuffing: many networks fail on keys of one consumer', () => {
    const traffic = attacked('spread-stuffing');
    const events = requests(traffic);
    const { consumer } = traffic.keys[0]!;
    assert.equal(traffic.labels[0]!.consumer, consumer.name);
    assert.ok(events.every((e) => e.status === 401 && e.key.consumer === consumer));
    const tried = traffic.keys.filter((key) => key.consumer === consumer);
    assert.equal(
      distinct(events, (e) => e.key),
      tried.length,
    );
    assert.ok(distinct(events, (e) => e.address.text) > 150);
  });
});

describe('what an attack asks for', () => {
  test('exfiltration: ten times the bytes with a fifth more requests', () => {
    const traffic = attacked('exfiltration');
    const all = requests(traffic, true);
    const bytes = (label: boolean) =>
      all.filter((e) => e.label >= 0 === label).reduce((sum, e) => sum + e.bytesOut, 0);
    const ratio = 1 + bytes(true) / bytes(false);
    assert.ok(ratio > 5 && ratio < 20, String(ratio));
    assert.ok(shareOf(all, (e) => e.label >= 0) < 0.25);
  });

  test('huge-answer: one request, a thousand times a usual answer', () => {
    const events = requests(attacked('huge-answer'));
    assert.equal(events.length, 1);
    assert.ok(events[0]!.bytesOut > 100 * events[0]!.route.bytesMedian);
    assert.equal(events[0]!.at, AT);
  });

  test('enumeration: each id once, one after the other, over hours too', () => {
    const events = requests(attacked('enumeration', { durationMs: 2 * HOUR_MS }));
    assert.equal(
      distinct(events, (e) => e.resource),
      events.length,
    );
    const steps = events.slice(1).map((e, i) => e.resource - events[i]!.resource);
    assert.ok(steps.filter((step) => step === 1).length > 0.99 * steps.length);
    assert.ok(Math.min(...steps) > 0);
    assert.equal(
      distinct(events, (e) => e.route),
      1,
    );
  });

  test('random-ids: hardly one id twice, many of them not there', () => {
    const events = requests(attacked('random-ids'));
    assert.ok(distinct(events, (e) => e.resource) > 0.9 * events.length);
    const missing = shareOf(events, (e) => e.status === 404);
    assert.ok(missing > 0.3 && missing < 0.5, String(missing));
  });

  test('scanner: routes that the key never uses, most of them refused or not there', () => {
    const traffic = attacked('scanner');
    const events = requests(traffic);
    assert.ok(events.every((e) => !traffic.keys[0]!.routes.includes(e.route)));
    assert.ok(distinct(events, (e) => `${e.route.method} ${e.route.template}`) > 20);
    assert.ok(shareOf(events, (e) => e.status >= 400) > 0.6);
  });

  test('browser: with an Origin, which the key itself never sends', () => {
    const traffic = attacked('browser');
    for (const event of requests(traffic, true)) {
      assert.equal(event.origin !== '', event.label >= 0);
      if (event.label >= 0) assert.equal(event.agent.family, 'browser');
    }
  });
});

describe('how much an attack asks', () => {
  test('drop: a tenth of the requests is left', () => {
    const traffic = attacked('drop');
    const normal = traffic.normalRateAt(0, AT - 1) * (5 * 3600);
    const left = requests(traffic, true).length / normal;
    assert.ok(left > 0.05 && left < 0.2, String(left));
  });

  test('error-share: the share that was asked for, in the class that was asked for', () => {
    const traffic = attacked('error-share', { errorShare: 0.6, errorClass: 'server' });
    const share = shareOf(requests(traffic, true), (e) => e.status === 503);
    assert.ok(share > 0.5 && share < 0.7, String(share));
  });

  for (const factor of [2, 5, 9.12, 100, 1000]) {
    test(`spike ×${factor}`, () => {
      const seconds = factor === 1000 ? 60 : 600;
      const traffic = attacked('spike', { factor, durationMs: seconds * 1000 }, 1);
      const ratio = requests(traffic, true).length / traffic.normalRateAt(0, AT) / seconds;
      assert.ok(ratio > 0.85 * factor && ratio < 1.15 * factor, String(ratio));
    });
  }

  test('poisoning: 20 % a day makes six times as much on the tenth day', () => {
    const fromAt = DEFAULT_FROM_AT + DAY_MS;
    const traffic = createTraffic({
      seed: 6,
      keys: 1,
      days: 12,
      novelty: false,
      overrides: { 0: { class: 'steady', rate: 0.2 } },
      attacks: [{ kind: 'poisoning', keyIndex: 0, fromAt, growthPerDay: 0.2 }],
    });
    let [own, all] = [0, 0];
    const tenth = { fromAt: fromAt + 9.5 * DAY_MS, toAt: fromAt + 10.5 * DAY_MS };
    for (const event of traffic.eventsOfKey(0, tenth)) {
      all++;
      if (event.label < 0) own++;
    }
    assert.ok(Math.abs(all / own - 1.2 ** 10) < 0.6, String(all / own));
  });
});

test('every kind can be planned by number, and has requests in its label unless they stay away', () => {
  const without = ['silence', 'drop', 'error-share'];
  const traffic = createTraffic({
    seed: 77,
    keys: 60,
    days: 8,
    attacks: ATTACK_KINDS.length,
    attackKinds: ATTACK_KINDS,
  });
  const kinds = traffic.labels.map((label) => label.kind);
  assert.deepEqual([...kinds].sort(), [...ATTACK_KINDS].sort());
  const seen = new Set<number>();
  for (const event of traffic.events()) {
    if (event.label < 0) continue;
    const label = traffic.labels[event.label]!;
    assert.ok(event.at >= label.fromAt && event.at < label.toAt);
    seen.add(event.label);
  }
  for (const [index, { kind }] of traffic.labels.entries()) {
    assert.equal(seen.has(index), !without.includes(kind), kind);
    assert.ok(ATTACK_DEFAULTS[kind].durationMs > 0);
  }
});
