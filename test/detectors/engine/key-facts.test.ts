/** What an incident says of its key, and what the key was used for before. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ApiEvent, UNKNOWN_PLACE } from '../../../core/event.ts';
import type { FindingInputs } from '../../../core/finding.ts';
import { departureOf, type KeyProfile } from '../../../core/key-profile.ts';
import { DETECTORS } from '../../../detectors/list.ts';
import { type Bench, latest, openBench } from '../bench.ts';
import { PROBES, script, VOLUME } from './probe.ts';

const WEEK_MINUTES = 7 * 1440;
const BEGIN = 2 * WEEK_MINUTES;
const BERLIN = { ...UNKNOWN_PLACE, country: 'DE', countryCode: 3 * 26 + 4 + 1, regionCode: 7 };
const TOKYO = { ...UNKNOWN_PLACE, country: 'JP', countryCode: 9 * 26 + 15 + 1, regionCode: 8 };
const ORDERS = { template: '/v1/orders/{id}', code: 0x1234_5678 };
const USERS = { template: '/v1/users', code: 0x7654_3210 };
const HOME = 0x1111_2222;
const AWAY = 0x3333_4444;
const OWN = { place: BERLIN, network: HOME, route: ORDERS, status: 200 };

interface Lived extends Bench {
  readonly inputs: FindingInputs[];
  readonly at: ReturnType<typeof script>;
}

/** A key of two weeks: from seven to nineteen o'clock 60 requests an hour, one an hour at night. */
function lived(detectors = PROBES): Lived {
  const inputs: FindingInputs[] = [];
  const bench = openBench({ detectors, durable: true, onInputs: (one) => inputs.push(one) });
  const at = script();
  const events: ApiEvent[] = [];
  for (let minute = 0; minute < BEGIN; minute++) {
    const hour = Math.floor(minute / 60) % 24;
    if (minute % 60 === 0 || (hour >= 7 && hour < 19)) events.push(at(minute, OWN));
  }
  bench.feed(events);
  return { ...bench, inputs, at };
}

/** Something happens at an hour of the day after. */
function alarmed(hour: number, bench = lived()): Lived {
  bench.feed([bench.at(BEGIN + 60 * hour, { ...OWN, method: 'volume', bytesOut: 9 })]);
  return bench;
}

describe('the facts of a key', () => {
  test('say when it came, what it makes at this hour, in its busy ones, and who is ready', () => {
    const [noon] = latest(alarmed(12).incidents);
    const { key } = noon!;
    assert.equal(key!.firstAt, '2026-03-02T00:00:00.000Z');
    assert.equal(key!.events, 14 * (12 * 60 + 12));
    assert.ok(Math.abs(key!.usualPerHour - 60) < 6, `${key!.usualPerHour} an hour at noon`);
    assert.equal(key!.busyPerHour, 60, 'no more than its worst hour');
    assert.deepEqual(key!.readiness, { volume: 'ready' });
    const [night] = latest(alarmed(25).incidents);
    assert.ok(night!.key!.usualPerHour < 6, `${night!.key!.usualPerHour} an hour at night`);
  });

  test('are those of the latest evidence told, and name the detectors of all of it', () => {
    const bench = alarmed(12);
    bench.feed([bench.at(BEGIN + 60 * 12 + 5, { ...OWN, method: 'place', bytesOut: 5 })]);
    const [first, second] = bench.incidents.slice(-2);
    assert.deepEqual(Object.keys(first!.key!.readiness), ['volume']);
    assert.deepEqual(Object.keys(second!.key!.readiness), ['volume', 'place']);
    assert.equal(second!.key!.events, first!.key!.events + 1);
  });

  test('of a detector that is not ready yet say so', () => {
    const young = { ...VOLUME, readyAt: ({ firstAt }: { firstAt: number }) => firstAt + 1e10 };
    const [incident] = latest(alarmed(12, lived([young])).incidents);
    assert.deepEqual(incident!.key!.readiness, { volume: 'learning' });
  });
});

describe('the profile of a key before an episode', () => {
  function profile(): KeyProfile {
    const bench = lived([...DETECTORS, VOLUME]);
    alarmed(12, bench);
    const found = bench.engine.profileOf(bench.inputs.at(-1)!);
    assert.ok(found !== undefined);
    return found;
  }
  const before = profile();
  const use = { ...OWN, method: 'GET' };

  test('admits what it was used for', () => {
    assert.deepEqual(before.countries, ['DE']);
    assert.equal(before.networkCodes.length, 1);
    assert.equal(before.asOfAt, '2026-03-15T23:00:00.000Z');
    assert.equal(departureOf(before, use), undefined);
  });

  test('tells a new country, a new network, a new route or method', () => {
    assert.equal(departureOf(before, { ...use, place: TOKYO }), 'country');
    assert.equal(departureOf(before, { ...use, network: AWAY }), 'network');
    assert.equal(departureOf(before, { ...use, place: UNKNOWN_PLACE, network: 0 }), 'network');
    assert.equal(departureOf(before, { ...use, route: USERS }), 'route');
    assert.equal(departureOf(before, { ...use, method: 'DELETE' }), 'route');
  });

  test('holds nothing against anybody that it does not know of', () => {
    const blank = { ...before, countries: [], networkCodes: [], systemCodes: [], routeFilter: [] };
    assert.equal(departureOf(blank, { ...use, place: TOKYO, network: AWAY }), undefined);
    const placed = { ...blank, countries: ['DE'] };
    assert.equal(departureOf(placed, { ...use, network: AWAY, route: USERS }), undefined);
    assert.equal(departureOf(placed, { ...use, place: UNKNOWN_PLACE }), 'network');
  });

  test('stands with the incident as it was when that opened, and is what its record tells', () => {
    const bench = lived([...DETECTORS, VOLUME]);
    alarmed(12, bench);
    assert.deepEqual(bench.incidents.at(-1)!.key!.profile, before);
    const other = { ...OWN, route: USERS, method: 'volume' };
    bench.feed([0, 1, 2].map((i) => bench.at(BEGIN + 721 + i, { ...other, bytesOut: 20 + 9 * i })));
    assert.equal(bench.incidents.length > 3, true);
    assert.deepEqual(bench.incidents.at(-1)!.key!.profile, before);
  });

  test('is none for a record of another layout', () => {
    const bench = alarmed(12);
    const [one] = bench.inputs;
    assert.equal(bench.engine.profileOf({ ...one!, layoutVersion: 'other' }), undefined);
  });
});
