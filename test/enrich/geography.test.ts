import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import ipaddr from 'ipaddr.js';
import { UNKNOWN_PLACE } from '../../core/event.ts';
import { openGeography } from '../../enrich/geography.ts';
import { countryCodeOf, Places, PRIVATE_PLACE, regionCodeOf } from '../../enrich/place.ts';
import { Double, writeMmdb } from './mmdb.ts';

const bundled = openGeography();
const placeOf = (text: string) => bundled.placeOf(ipaddr.process(text));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-geo-'));
after(() => fs.rmSync(folder, { recursive: true }));

test('public addresses of both families have a place with an accuracy radius', () => {
  const british = placeOf('81.2.69.142');
  assert.deepEqual(
    [british.country, british.kind, british.timeZone],
    ['GB', 'public', 'Europe/London'],
  );
  assert.ok(british.radiusKm > 0 && british.latitude > 49 && british.latitude < 61);
  const german = placeOf('2a02:8108::1');
  assert.deepEqual([german.country, german.kind], ['DE', 'public']);
  assert.equal(german.countryCode, countryCodeOf('DE'));
  assert.notEqual(german.regionCode, 0);
});

test('addresses of no public network are private, addresses of nobody are unknown', () => {
  const home = ['10.1.2.3', '127.0.0.1', '169.254.1.1', '100.64.0.1', '192.168.1.1', '172.16.0.9'];
  const docs = ['198.51.100.7', '203.0.113.9', '192.0.2.1', '2001:db8::1', '198.18.0.1'];
  for (const text of [...home, ...docs, '::1', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1']) {
    assert.equal(placeOf(text), PRIVATE_PLACE, text);
  }
  for (const text of ['0.0.0.0', '::', '255.255.255.255', '224.0.0.1', '251.228.255.218']) {
    assert.equal(placeOf(text), UNKNOWN_PLACE, text);
  }
});

test('codes are stable: they stand in saved state', () => {
  assert.equal(countryCodeOf('AA'), 1);
  assert.equal(countryCodeOf('ZZ'), 676);
  assert.equal(countryCodeOf('de'), 0);
  assert.equal(countryCodeOf(''), 0);
  assert.equal(regionCodeOf('DE', 'BE'), 1674789802);
  assert.equal(regionCodeOf('', 'BE'), 0);
});

test('the bundled data says its version and how old it is at least', () => {
  assert.match(bundled.version, /^geoip-lite \d+\.\d+\.\d+ \(city [0-9a-f]{8}\)$/);
  const info = bundled.info(Date.parse('2026-07-18T12:00:00Z'));
  assert.deepEqual(info, {
    source: 'geoip-lite',
    version: bundled.version,
    builtAt: Date.parse('2026-07-08'),
    ageDays: 10,
  });
});

test('own .mmdb files give places, network operators and their build date', () => {
  const builtAt = Date.parse('2026-02-03T00:00:00Z');
  const city = path.join(folder, 'city.mmdb');
  const asn = path.join(folder, 'asn.mmdb');
  const record = {
    country: { iso_code: 'NZ' },
    subdivisions: [{ iso_code: 'WGN' }],
    city: { names: { en: 'Wellington' } },
    location: {
      latitude: new Double(-41.3),
      longitude: new Double(174.8),
      accuracy_radius: 20,
      time_zone: 'Pacific/Auckland',
    },
  };
  fs.writeFileSync(city, writeMmdb('8.8.8.0/24', 'Own-City', builtAt, record));
  const operator = { autonomous_system_number: 64500 };
  fs.writeFileSync(asn, writeMmdb('8.8.0.0/16', 'Own-ASN', builtAt, operator));
  const own = openGeography({ city, asn });
  const place = own.placeOf(ipaddr.process('8.8.8.8'));
  assert.deepEqual(
    [place.country, place.region, place.city, place.radiusKm, place.asn, place.timeZone],
    ['NZ', 'WGN', 'Wellington', 20, 64500, 'Pacific/Auckland'],
  );
  assert.equal(own.version, 'Own-City 2026-02-03, Own-ASN 2026-02-03');
  assert.equal(own.info(builtAt + 3 * 86_400_000).ageDays, 3);
  const elsewhere = own.placeOf(ipaddr.process('8.8.9.9'));
  assert.deepEqual([elsewhere.kind, elsewhere.asn], ['unknown', 64500]);
  assert.equal(own.placeOf(ipaddr.process('9.9.9.9')), UNKNOWN_PLACE);
  // 0808:0808 are the bits of 8.8.8.8, and nothing else of it.
  assert.equal(own.placeOf(ipaddr.process('808:808::1')), UNKNOWN_PLACE);
});

test('an .mmdb file whose cities have no names is read without them', () => {
  const city = path.join(folder, 'nameless.mmdb');
  const record = { country: { iso_code: 'NZ' }, city: { geoname_id: 7 } };
  fs.writeFileSync(city, writeMmdb('8.8.8.0/24', 'Nameless', Date.UTC(2026, 1, 3), record));
  const place = openGeography({ city }).placeOf(ipaddr.process('8.8.8.8'));
  assert.deepEqual([place.country, place.city], ['NZ', '']);
});

test('a file that is no .mmdb is refused as a usage error', () => {
  const file = path.join(folder, 'not.mmdb');
  fs.writeFileSync(file, 'hello');
  assert.throws(() => openGeography({ city: file }), { kind: 'usage' });
  assert.throws(() => openGeography({ asn: path.join(folder, 'none.mmdb') }), { kind: 'usage' });
});

test('without coordinates the radius is the whole Earth, so that nobody travels too fast', () => {
  const parts = { country: 'FR', region: '', city: '', timeZone: '', asn: 0 };
  const places = new Places();
  const nowhere = places.place({ ...parts, latitude: null, longitude: null, radiusKm: 5 });
  assert.ok(nowhere.radiusKm > 20_000);
  const zero = places.place({ ...parts, latitude: 0, longitude: 0, radiusKm: 5 });
  assert.ok(zero.radiusKm > 20_000);
  const country = places.place({ ...parts, latitude: 46, longitude: 2, radiusKm: null });
  assert.equal(country.radiusKm, 500);
  assert.equal(places.place({ ...parts, latitude: 46, longitude: 2, radiusKm: null }), country);
});

test('what was found for one address is the place of another only where the data says so of all its /24', () => {
  // Spread over the whole space, with ends of /24s: the ranges of the data end anywhere.
  const starts = Array.from({ length: 1500 }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 0) & ~0xff);
  let different = 0;
  for (const start of starts) {
    const found = new Set<unknown>();
    for (const host of [200, 0, 3, 64, 129, 255, 200]) {
      const address = (start | host) >>> 0;
      const text = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
      const place = bundled.placeOfIpv4?.(address);
      assert.equal(place, placeOf(text), text);
      found.add(place);
    }
    if (found.size > 1) different++;
  }
  assert.ok(different > 20, `${different} /24s of more than one place`);
});
