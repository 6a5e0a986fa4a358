import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CITIES } from '../../traffic/places.ts';
import { DEFAULT_FROM_AT } from '../../traffic/traffic.ts';
import { zoneOffsetMs } from '../../traffic/zones.ts';

const HOUR_MS = 3_600_000;

test('offsets follow the zone, daylight saving included', () => {
  const hours = (zone: string, iso: string) => zoneOffsetMs(zone, Date.parse(iso)) / HOUR_MS;
  assert.equal(hours('Europe/Berlin', '2026-03-28T12:00:00Z'), 1);
  assert.equal(hours('Europe/Berlin', '2026-03-30T12:00:00Z'), 2);
  assert.equal(hours('Asia/Kolkata', '2026-03-02T00:00:00Z'), 5.5);
  assert.equal(hours('America/New_York', '2026-01-15T00:00:00Z'), -5);
  assert.equal(hours('Europe/London', '2026-01-15T00:00:00Z'), 0);
});

test('every city has a zone the runtime knows, near its longitude', () => {
  for (const city of CITIES) {
    const hours = zoneOffsetMs(city.zone, Date.parse('2026-01-15T00:00:00Z')) / HOUR_MS;
    assert.ok(Math.abs(hours - city.longitude / 15) < 3.6, city.name);
  }
});

test('no zone changes its clocks within four months of the default begin', () => {
  for (const zone of new Set(CITIES.map((city) => city.zone))) {
    for (let day = 0; day < 120; day += 3) {
      const offset = zoneOffsetMs(zone, DEFAULT_FROM_AT + day * 24 * HOUR_MS);
      assert.equal(offset, zoneOffsetMs(zone, DEFAULT_FROM_AT), `${zone} day ${day}`);
    }
  }
});
