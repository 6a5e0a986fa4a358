import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { z } from 'zod';
import { calendarSchema } from '../../core/config.ts';
import { loadCalendars, readCalendars } from '../../enrich/calendars.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'keyhound-calendars-'));
after(() => rmSync(folder, { recursive: true }));

type Written = Partial<z.input<typeof calendarSchema>>;
const calendar = (change: Written) =>
  calendarSchema.parse({ name: 'closing', kind: 'maintenance', ...change });

function read(...calendars: Written[]) {
  return readCalendars(calendars.map(calendar), folder);
}

/** `2026-03-31T20:00 2026-04-01T00:00`, in UTC. */
function spans(change: Written): string[] {
  const { windows, faults } = read(change);
  assert.deepEqual(faults, []);
  return windows.map(({ fromAt, toAt }) =>
    [fromAt, toAt].map((at) => new Date(at).toISOString().slice(0, 16)).join(' '),
  );
}

const faultsOf = (change: Written): string[] =>
  read(change).faults.map((fault) => `${fault.path.join('.')}: ${fault.message}`);

function ics(...lines: string[]): string {
  const name = `${lines.length}-${Math.abs(lines.join().length)}.ics`;
  writeFileSync(
    path.join(folder, name),
    `BEGIN:VCALENDAR\r\n${lines.join('\r\n')}\r\nEND:VCALENDAR\r\n`,
  );
  return name;
}

const event = (...lines: string[]): string[] => ['BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT'];

describe('dates of the configuration', () => {
  const from = '2026-03-28T22:00';
  const to = '2026-03-29T06:00';

  test('are in the zone of the calendar, or have an offset of their own', () => {
    const timeZone = 'Europe/Berlin';
    assert.deepEqual(spans({ events: [{ from, to }] }), ['2026-03-28T22:00 2026-03-29T06:00']);
    assert.deepEqual(spans({ timeZone, events: [{ from, to }] }), [
      '2026-03-28T21:00 2026-03-29T04:00',
    ]);
    const own = { from: '2026-03-28T22:00:00-05:00', to: '2026-03-29T06:00:00Z' };
    assert.deepEqual(spans({ timeZone, events: [own] }), ['2026-03-29T03:00 2026-03-29T06:00']);
    assert.deepEqual(spans({ events: [{ from: '2026-05-01', to: '2026-05-02' }] }), [
      '2026-05-01T00:00 2026-05-02T00:00',
    ]);
  });

  test('repeat at the same local time, over a change of the clocks', () => {
    const nightly = { from: '2026-03-27T23:00', to: '2026-03-28T01:00', repeat: 'daily' };
    const found = spans({ timeZone: 'Europe/Berlin', events: [nightly] });
    assert.deepEqual(found.slice(0, 3), [
      '2026-03-27T22:00 2026-03-28T00:00',
      '2026-03-28T22:00 2026-03-29T00:00',
      '2026-03-29T21:00 2026-03-29T23:00',
    ]);
    assert.equal(found.length, 10_000);
  });

  test('repeat by a rule as in iCalendar', () => {
    const monthEnd = { from: '2026-01-31T20:00', to: '2026-02-01T02:00' };
    const repeat = 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3';
    assert.deepEqual(spans({ events: [{ ...monthEnd, repeat }] }), [
      '2026-01-31T20:00 2026-02-01T02:00',
      '2026-02-28T20:00 2026-03-01T02:00',
      '2026-03-31T20:00 2026-04-01T02:00',
    ]);
  });

  test('that cannot be meant are told by their place', () => {
    assert.deepEqual(faultsOf({ events: [{ from: 'soon', to }] }), [
      '0.events.0.from: must be a time, e.g. 2026-03-31T22:00',
    ]);
    assert.match(faultsOf({ events: [{ from, to: from }] })[0]!, /0\.events\.0\.to: must be after/);
    const often = { from, to: '2026-03-28T22:00:10', repeat: 'FREQ=MINUTELY' };
    assert.match(faultsOf({ events: [often] })[0]!, /repeat: repeats more than 10,000/);
    assert.match(faultsOf({ events: [{ from, to, repeat: 'sometimes' }] })[0]!, /must be daily/);
    assert.match(faultsOf({})[0]!, /either path or events/);
    assert.match(faultsOf({ timeZone: 'Mars/Crater', events: [] })[0]!, /IANA/);
  });
});

describe('an iCalendar file', () => {
  test('has zones, repetitions, exceptions, moved and cancelled occurrences, whole days', () => {
    const zone = 'TZID=Europe/Berlin';
    const file = ics(
      ...event(
        'SUMMARY:Month end',
        `DTSTART;${zone}:20260131T220000`,
        `DTEND;${zone}:20260201T020000`,
        'RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=5',
        `EXDATE;${zone}:20260228T220000`,
      ),
      ...event(
        `RECURRENCE-ID;${zone}:20260331T220000`,
        `DTSTART;${zone}:20260331T230000`,
        `DTEND;${zone}:20260401T030000`,
      ),
      ...event(
        `RECURRENCE-ID;${zone}:20260430T220000`,
        `DTSTART;${zone}:20260430T220000`,
        'STATUS:CANCELLED',
      ),
      ...event('UID:2', 'DTSTART:20260601T080000Z', 'DURATION:PT90M').filter(
        (line) => line !== 'UID:1',
      ),
      ...event('UID:3', 'DTSTART;VALUE=DATE:20260701').filter((line) => line !== 'UID:1'),
    );
    assert.deepEqual(spans({ path: file, timeZone: 'Europe/Berlin' }), [
      '2026-01-31T21:00 2026-02-01T01:00',
      '2026-03-31T21:00 2026-04-01T01:00',
      '2026-05-31T20:00 2026-06-01T00:00',
      '2026-06-01T08:00 2026-06-01T09:30',
      '2026-06-30T22:00 2026-07-01T22:00',
    ]);
    assert.equal(read({ path: file }).windows[0]?.why, 'Month end');
  });

  test('may bring a zone that only it knows', () => {
    const zone = [
      'BEGIN:VTIMEZONE',
      'TZID:Office Time',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
    ];
    const rest = ['TZOFFSETFROM:+0300', 'TZOFFSETTO:+0300', 'END:STANDARD', 'END:VTIMEZONE'];
    const own = event(
      'DTSTART;TZID=Office Time:20260301T100000',
      'DTEND;TZID=Office Time:20260301T110000',
    );
    assert.deepEqual(spans({ path: ics(...zone, ...rest, ...own) }), [
      '2026-03-01T07:00 2026-03-01T08:00',
    ]);
    assert.match(faultsOf({ path: ics(...own) })[0]!, /0\.path: event 1 has times .* unknown zone/);
  });

  test('that is broken, empty or not there is told', () => {
    writeFileSync(path.join(folder, 'text.ics'), 'no calendar at all');
    assert.deepEqual(faultsOf({ path: 'text.ics' }), ['0.path: is no iCalendar file']);
    assert.deepEqual(faultsOf({ path: ics('X-A:1') }), ['0.path: holds no events']);
    assert.match(faultsOf({ path: 'none.ics' })[0]!, /0\.path: cannot be read/);
    assert.match(faultsOf({ path: ics(...event('DTSTART:nonsense')) })[0]!, /event 1 has times/);
    assert.throws(() => loadCalendars([calendar({ path: 'none.ics' })], folder), {
      code: 'calendars-invalid',
    });
  });
});

test('what is open at an instant, whichever way time moves; its version is of the content', () => {
  const at = (hour: number): number => Date.parse('2026-03-01T00:00:00Z') + hour * 3_600_000;
  const day = (from: string, to: string) => ({
    from: `2026-03-01T${from}`,
    to: `2026-03-01T${to}`,
  });
  const written = [
    calendar({ name: 'a', events: [day('02:00', '06:00'), day('08:00', '09:00')] }),
    calendar({ name: 'b', events: [day('04:00', '08:00')] }),
  ];
  const made = loadCalendars(written, folder);
  const open = (hour: number): string =>
    made
      .at(at(hour))
      .windows.map(({ name }) => name)
      .join('');
  const expected = ['', '', 'a', 'a', 'ab', 'ab', 'b', 'b', 'a', '', ''];
  for (const hours of [expected.keys(), [...expected.keys()].reverse(), [4, 0, 8, 3, 9, 6, 2]]) {
    for (const hour of hours) assert.equal(open(hour), expected[hour], `${hour}:00`);
  }
  assert.equal(made.at(at(5)).toAt, at(6));
  assert.equal(open(5.999), 'ab');
  assert.equal(loadCalendars(written, folder).version, made.version);
  assert.notEqual(loadCalendars(written.slice(1), folder).version, made.version);
  assert.equal(loadCalendars([], folder).at(at(5)).windows.length, 0);
});
