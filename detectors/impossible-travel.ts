/**
 * Catches two uses of a key too far apart for the time between them.
 *
 * Idea: great-circle distance less both accuracy radii, over the time passed (at least a minute), faster
 * than an airliner and farther than 500 km, when at least one of the two places is new for the key. A pair
 * of places met in three different hours is habit: one deployment in two regions. Algorithms.md §5.5, §9.
 * Fails: new networks near by; addresses that the geography data places wrongly by more than their radius.
 * Cost: a comparison of two places an event; a distance when they differ. 41 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent, Place } from '../core/event.ts';
import { finish, mix32 } from '../core/hash.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, rounded, span } from './words.ts';

const PAIRS = 3;
const HOURS_MODULO = 1 << 16;

const LAYOUT = {
  /** Second of the last placed event; 0 before the first. */
  lastSecond: 'u32',
  latitude: 'f32',
  longitude: 'f32',
  radiusKm: 'f16',
  country: 'u16',
  region: 'u32',
  pair: ['u32', PAIRS],
  /** Modulo 2^16. */
  pairHour: ['u16', PAIRS],
  pairHours: ['u8', PAIRS],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  speedMaxKmh: z.number().min(100).default(1000).describe('Fastest believable travel, km/h.'),
  distanceMinKm: z.number().min(0).default(500).describe('Nearer places are never judged, km.'),
});
type Config = z.infer<typeof config>;

const SCORE = 4;
const SCORE_NEW_COUNTRY = 5.5;
const HABIT_HOURS = 3;
const RADIUS_DEFAULT_KM = 100;
const RADIUS_COUNTRY_KM = 500;
const EARTH_RADIUS_KM = 6371;

const last = { distance: 0, seconds: 0, country: '' };

/** Great-circle distance by the haversine formula, km. */
export function distanceKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const rad = Math.PI / 180;
  const a = Math.sin(((lat2 - lat1) * rad) / 2);
  const b = Math.sin(((lon2 - lon1) * rad) / 2);
  const h = a * a + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * b * b;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

function accuracyKm(place: Place): number {
  if (place.city === '') return Math.max(RADIUS_COUNTRY_KM, place.radiusKm);
  return place.radiusKm > 0 ? place.radiusKm : RADIUS_DEFAULT_KM;
}

/** The same for both directions. */
function pairOf(a: number, b: number): number {
  return finish(mix32(mix32(0, Math.min(a, b)), Math.max(a, b)));
}

export const impossibleTravel = defineDetector<typeof LAYOUT, Config>({
  id: 'impossible-travel',
  version: 4,
  family: 'place',
  summary: 'two places too far apart for the time',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: true,
  placesDaysMax: 180,
  needs: ['place'],
  seesFailures: false,

  init(): void {},

  readyAt(subject: Subject): number {
    return subject.places.settledAt(subject.firstAt, subject.events, subject.second * 1000);
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const { place } = event;
    if (place.countryCode === 0 || state.lastSecond === 0) return 0;
    if (place.regionCode === state.region && place.countryCode === state.country) return 0;
    const distance = distanceKm(state.latitude, state.longitude, place.latitude, place.longitude);
    if (distance < config.distanceMinKm) return 0;
    const seconds = Math.max(60, Math.abs(event.at / 1000 - state.lastSecond));
    const least = Math.max(0, distance - state.radiusKm - accuracyKm(place));
    if ((least / seconds) * 3600 <= config.speedMaxKmh) return 0;
    const { places } = subject;
    const countriesKnown =
      places.knowsCountry(place.countryCode) && places.knowsCountry(state.country);
    if (countriesKnown && places.knowsRegion(place.regionCode) && places.knowsRegion(state.region))
      return 0;
    if (!places.settled(subject.second - subject.firstAt / 1000, subject.events)) return 0;
    if (habitual(state, pairOf(state.region, place.regionCode))) return 0;
    last.distance = distance;
    last.seconds = Math.abs(event.at / 1000 - state.lastSecond);
    return countriesKnown ? SCORE : SCORE_NEW_COUNTRY;
  },

  describe(state: State, event: ApiEvent): Evidence {
    const to = event.place.city || event.place.country;
    return {
      fromAt: Math.min(1000 * state.lastSecond, event.at),
      observed: {
        distanceKm: rounded(last.distance),
        seconds: rounded(last.seconds),
        country: event.place.country,
        city: event.place.city,
      },
      expected: { radiusKm: rounded(state.radiusKm + accuracyKm(event.place)) },
      why:
        `used ${count(last.distance)} km apart within ${span(Math.max(1, last.seconds))}, the second time ` +
        `from ${to}; the addresses are known to ${count(state.radiusKm)} and ` +
        `${count(accuracyKm(event.place))} km`,
      parts: [{ name: 'distance for the time', score: 1 }],
    };
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    const { place } = event;
    if (place.countryCode === 0) return;
    if (subject.weight >= 1 && state.lastSecond !== 0 && place.regionCode !== state.region) {
      learnPair(state, pairOf(state.region, place.regionCode), Math.floor(subject.second / 3600));
    }
    const second = Math.floor(event.at / 1000);
    if (second < state.lastSecond) return;
    state.lastSecond = second;
    if (place.regionCode === state.region && place.countryCode === state.country) return;
    state.latitude = place.latitude;
    state.longitude = place.longitude;
    state.radiusKm = accuracyKm(place);
    state.country = place.countryCode;
    state.region = place.regionCode;
  },
});

function habitual(state: State, pair: number): boolean {
  for (let i = 0; i < PAIRS; i++) {
    if (state.pair.get(i) === pair) return state.pairHours.get(i) >= HABIT_HOURS;
  }
  return false;
}

function learnPair(state: State, pair: number, hour: number): void {
  let slot = 0;
  let oldest = -1;
  for (let i = 0; i < PAIRS; i++) {
    if (state.pair.get(i) === pair) {
      if (state.pairHour.get(i) !== (hour & (HOURS_MODULO - 1))) {
        state.pairHours.set(i, Math.min(255, state.pairHours.get(i) + 1));
        state.pairHour.set(i, hour);
      }
      return;
    }
    const isFree = state.pair.get(i) === 0;
    const age = isFree ? HOURS_MODULO : (hour - state.pairHour.get(i)) & (HOURS_MODULO - 1);
    if (age <= oldest) continue;
    slot = i;
    oldest = age;
  }
  state.pair.set(slot, pair);
  state.pairHour.set(slot, hour);
  state.pairHours.set(slot, 1);
}
