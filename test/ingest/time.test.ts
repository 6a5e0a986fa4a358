import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDigits, readNumber } from '../../ingest/numbers.ts';
import { epochByMagnitude, TimeReader, usable } from '../../ingest/time.ts';

const ENCODER = new TextEncoder();
const SEED = 20260301;

function clf(reader: TimeReader, text: string): number {
  const bytes = ENCODER.encode(`[${text}]`);
  return reader.clf(bytes, 1, bytes.length - 1);
}

function iso(reader: TimeReader, text: string): number {
  const bytes = ENCODER.encode(`"${text}"`);
  return reader.iso(bytes, 1, bytes.length - 1);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const instant = fc.date({
  min: new Date('1970-01-02T00:00:00Z'),
  max: new Date('2099-12-31T00:00:00Z'),
  noInvalidDate: true,
});

test('CLF times in any order and zone are what Date makes of them', () => {
  const reader = new TimeReader();
  const zone = fc.constantFrom('+0000', '-0000', '+0530', '-0330', '+1400', '-1200');
  fc.assert(
    fc.property(instant, zone, (date, offset) => {
      const text = date.toISOString();
      const month = MONTHS[date.getUTCMonth()];
      const line = `${text.slice(8, 10)}/${month}/${text.slice(0, 4)}:${text.slice(11, 19)} ${offset}`;
      const wanted = Date.parse(`${text.slice(0, 19)}${offset.slice(0, 3)}:${offset.slice(3)}`);
      assert.equal(clf(reader, line), wanted);
    }),
    { seed: SEED },
  );
});

test('the day and the zone that are kept are told apart by every byte', () => {
  const reader = new TimeReader();
  const at = (text: string, iso: string): void => {
    assert.equal(clf(reader, text), Date.parse(iso), text);
  };
  at('22/Nov/2026:04:18:21 +0100', '2026-11-22T04:18:21+01:00');
  at('22/Nov/2027:04:18:21 +0100', '2027-11-22T04:18:21+01:00');
  at('22/Nov/2027:04:18:21 -0100', '2027-11-22T04:18:21-01:00');
  at('23/Nov/2027:04:18:21 -0100', '2027-11-23T04:18:21-01:00');
  at('23/Nov/2027:04:18:21 -0130', '2027-11-23T04:18:21-01:30');
  for (const text of ['2026-11-22', '2027-11-22', '2027-12-22', '2027-12-23', '2027-02-23']) {
    assert.equal(iso(reader, `${text}T00:00:00Z`), Date.parse(text), text);
  }
});

test('RFC 3339 times in any order are what Date makes of them', () => {
  const reader = new TimeReader();
  const zone = fc.constantFrom('Z', '+00:00', '+05:30', '-03:30');
  const fraction = fc.constantFrom('', '.1', '.12', '.123', '.123456', '.999999999');
  fc.assert(
    fc.property(instant, fraction, zone, (date, part, offset) => {
      const text = `${date.toISOString().slice(0, 19)}${part}${offset}`;
      assert.equal(iso(reader, text), Date.parse(text), text);
    }),
    { seed: SEED },
  );
});

test('what is no time is NaN, also right after a good one', () => {
  const reader = new TimeReader();
  clf(reader, '22/Nov/2026:04:18:21 +0000');
  iso(reader, '2026-11-22T04:18:21Z');
  for (const text of [
    '22/Nov/2026:24:18:21 +0000',
    '22/Nov/2026:04:60:21 +0000',
    '22/Nov/2026 04:18:21 +0000',
    '22/Nov/2026:04:18:21 0000 ',
    '22/Nov/2026:04:18:21 +2500',
    '31/Nov/2026:04:18:21 +0000',
    '00/Nov/2026:04:18:21 +0000',
    '2x/Nov/2026:04:18:21 +0000',
    '22/nov/2026:04:18:21 +0000',
    '22/Nov/2026:04:18:21 +00000',
  ]) {
    assert.ok(Number.isNaN(clf(reader, text)), text);
  }
  for (const text of [
    '2026-11-22',
    '2026-11-31T04:18:21Z',
    '2026-13-22T04:18:21Z',
    '2026/11/22T04:18:21Z',
    '2026-11-22_04:18:21Z',
    '2026-11-22T04:18:21.Z',
    '2026-11-22T04:18:21ZZ',
    '2026-11-22T04:18:21+1',
    '2026-11-22T25:18:21Z',
  ]) {
    assert.ok(Number.isNaN(iso(reader, text)), text);
  }
  assert.ok(Number.isNaN(new TimeReader().clf(new Uint8Array(26), 0, 26)));
});

test('a time without a zone is UTC, with a short zone it is read', () => {
  const reader = new TimeReader();
  const wanted = Date.UTC(2026, 10, 22, 4, 18, 21);
  assert.equal(iso(reader, '2026-11-22 04:18:21'), wanted);
  assert.equal(iso(reader, '2026-11-22T05:18:21+01'), wanted);
  assert.equal(iso(reader, '2026-11-22T05:18:21,000+0100'), wanted);
});

test('an epoch in s, ms, µs or ns is the same instant', () => {
  for (const factor of [1, 1e3, 1e6, 1e9]) {
    assert.equal(epochByMagnitude(1_772_359_200 * factor), 1_772_359_200_000);
  }
  assert.equal(epochByMagnitude(1_772_359_200.1234), 1_772_359_200_123);
  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
    assert.ok(Number.isNaN(epochByMagnitude(value)), String(value));
  }
  assert.ok(Number.isNaN(usable(253_402_300_800_000)));
});

test('numbers are what Number makes of them, bit for bit', () => {
  const check = (text: string): void => {
    const bytes = ENCODER.encode(`x${text}x`);
    assert.ok(Object.is(readNumber(bytes, 1, bytes.length - 1), Number(text)), text);
  };
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      check(String(value));
    }),
    { seed: SEED, numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.nat(25), (digits, point) => {
      const text = String(digits);
      const at = Math.max(1, text.length - point);
      check(at < text.length ? `${text.slice(0, at)}.${text.slice(at)}` : text);
    }),
    { seed: SEED, numRuns: 1000 },
  );
  for (const text of ['', '-', '.', '1.', '.5', '1..2', '1.2.3', '0x1', '1e', '--1', '1 ', '+1']) {
    const bytes = ENCODER.encode(text);
    assert.ok(Number.isNaN(readNumber(bytes, 0, bytes.length)), text);
    assert.equal(readDigits(bytes, 0, bytes.length), -1, text);
  }
});
