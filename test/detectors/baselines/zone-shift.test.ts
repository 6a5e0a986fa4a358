import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_PLACE } from '../../../core/event.ts';
import { zoneShift, zoneShiftAt } from '../../../detectors/baselines/zone-shift.ts';

const at = (day: string): number => Date.parse(`${day}T10:00:00Z`);
const dayOf = (day: string): number => at(day) / 86_400_000 - 10 / 24;

test('for two weeks after a change both clocks are read, and nine days before it is in sight', () => {
  const spring = Math.round(dayOf('2026-03-29'));
  const rows: [string, number, number, number][] = [
    ['2026-03-19', 0, 0, 0],
    ['2026-03-20', 0, spring, 1],
    ['2026-03-28', 0, spring, 1],
    ['2026-03-29', 1, 0, 0],
    ['2026-04-02', 1, 0, 0],
    ['2026-04-03', 1, spring + 14, 0],
    ['2026-04-11', 1, spring + 14, 0],
    ['2026-04-12', 0, 0, 0],
  ];
  for (const [day, hours, nextDay, next] of rows) {
    assert.deepEqual(zoneShift('Europe/Berlin', at(day)), { hours, nextDay, next }, day);
  }
  assert.equal(zoneShift('Europe/Berlin', at('2026-10-26')).hours, -1);
  assert.equal(zoneShift('America/New_York', at('2026-03-29')).hours, 0);
});

test('a zone without changes and one that nobody knows never shift', () => {
  for (const zone of ['Asia/Tokyo', 'UTC', 'Mars/Crater', '']) {
    for (const day of ['2026-03-30', '2026-10-26']) {
      assert.equal(zoneShift(zone, at(day)).hours, 0, zone);
    }
  }
});

test('places of other zones and other days that share a cell of the memo are told apart', () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', ''];
  const days = ['2026-03-09', '2026-03-28', '2026-03-29', '2026-10-26'];
  const byDay = days.flatMap((day) => zones.map((timeZone) => ({ day, timeZone })));
  const byZone = zones.flatMap((timeZone) => days.map((day) => ({ day, timeZone })));
  for (const { day, timeZone } of [...byDay, ...byZone]) {
    const place = { ...UNKNOWN_PLACE, regionCode: 256 * zones.indexOf(timeZone), timeZone };
    assert.equal(zoneShiftAt(place, at(day)), zoneShift(timeZone, at(day)), timeZone + day);
  }
});
