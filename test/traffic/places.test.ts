import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { addressIn, CITIES, type City, COUNTRIES, citiesIn } from '../../traffic/places.ts';
import { createRandom } from '../../traffic/random.ts';

interface Located {
  readonly country: string;
  readonly region: string;
  readonly timezone?: string;
  readonly ll: readonly [number, number];
}
const geoip = createRequire(import.meta.url)('geoip-lite') as {
  lookup(address: string): Located | null;
};
const KM_MAX = 60;
const TRIES = 6;

test('every range lies where its city is, by geoip-lite', () => {
  const random = createRandom(1);
  const wrong: string[] = [];
  for (const city of CITIES) {
    for (const range of city.ranges) {
      for (let i = 0; i < TRIES; i++) {
        const address = addressIn({ ...city, ranges: [range] }, random);
        const found = geoip.lookup(address);
        const fault = found === null ? 'unknown' : faultOf(city, found);
        if (fault !== undefined) wrong.push(`${city.name} ${range} ${address}: ${fault}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('at least 25 countries, and far-apart cities in seven of them', () => {
  assert.ok(COUNTRIES.length >= 25);
  for (const country of ['US', 'DE', 'FR', 'GB', 'IN', 'BR', 'JP']) {
    const cities = citiesIn(country);
    assert.ok(cities.length >= 4, country);
    const farthest = Math.max(...cities.map((a) => Math.max(...cities.map((b) => distance(a, b)))));
    assert.ok(farthest > 350, `${country}: ${farthest} km`);
  }
});

function faultOf(city: City, found: Located): string | undefined {
  if (found.country !== city.country) return `country ${found.country}`;
  if (found.region !== city.region) return `region ${found.region}`;
  const [latitude, longitude] = found.ll;
  const km = distance(city, { latitude, longitude });
  return km > KM_MAX ? `${Math.round(km)} km away` : undefined;
}

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}
function distance(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const half =
    Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
    Math.cos(a.latitude * rad) *
      Math.cos(b.latitude * rad) *
      Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.sqrt(half));
}
