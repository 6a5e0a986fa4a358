/** Makes places: stable codes, bounds, and one shared object per distinct place. */
import { type Place, UNKNOWN_PLACE } from '../core/event.ts';
import { hashText } from '../core/hash.ts';

/** Accuracy radius when the data gives none, km (algorithms.md §5.5). */
const RADIUS_CITY_KM = 100;
const RADIUS_COUNTRY_KM = 500;
/** No coordinates at all: half the Earth's girth, so that no distance can be concluded from them. */
const RADIUS_NOWHERE_KM = 20_037;
const TEXT_MAX = 64;
const INTERNED_MAX = 32_768;

export interface PlaceParts {
  readonly country: string;
  readonly region: string;
  readonly city: string;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly radiusKm: number | null;
  readonly timeZone: string;
  readonly asn: number;
}

export const PRIVATE_PLACE: Place = Object.freeze({ ...UNKNOWN_PLACE, kind: 'private' });

/** (letter1 * 26 + letter2) + 1 of two upper-case letters, in 1..676; else 0. */
export function countryCodeOf(country: string): number {
  if (!/^[A-Z]{2}$/.test(country)) return 0;
  return (country.charCodeAt(0) - 65) * 26 + (country.charCodeAt(1) - 65) + 1;
}

/** Stable 32-bit hash of country and region, never 0 for a known country. */
export function regionCodeOf(country: string, region: string): number {
  return countryCodeOf(country) === 0 ? 0 : hashText(`${country}-${region}`) || 1;
}

/** Builds places and hands out the same object for the same place. Bounded: it starts afresh when full. */
export class Places {
  readonly #interned = new Map<string, Place>();

  /** UNKNOWN_PLACE when the country is not two letters and no network is known. */
  place(parts: PlaceParts): Place {
    const country = parts.country.toUpperCase();
    const code = countryCodeOf(country);
    if (code === 0 && parts.asn === 0) return UNKNOWN_PLACE;
    const { latitude, longitude, radiusKm, timeZone, asn } = parts;
    const id = `${country}\n${parts.region}\n${parts.city}\n${latitude} ${longitude} ${radiusKm} ${asn}\n${timeZone}`;
    const known = this.#interned.get(id);
    if (known !== undefined) return known;
    const made =
      code === 0 ? Object.freeze({ ...UNKNOWN_PLACE, asn }) : build(country, code, parts);
    if (this.#interned.size >= INTERNED_MAX) this.#interned.clear();
    this.#interned.set(id, made);
    return made;
  }
}

function build(country: string, countryCode: number, parts: PlaceParts): Place {
  const located = isLocated(parts.latitude, parts.longitude);
  const region = parts.region.slice(0, TEXT_MAX);
  const city = parts.city.slice(0, TEXT_MAX);
  return Object.freeze({
    country,
    region,
    city,
    latitude: located ? (parts.latitude ?? 0) : 0,
    longitude: located ? (parts.longitude ?? 0) : 0,
    radiusKm: located ? radiusOf(parts.radiusKm, city) : RADIUS_NOWHERE_KM,
    timeZone: parts.timeZone,
    asn: parts.asn,
    countryCode,
    regionCode: regionCodeOf(country, region),
    kind: 'public',
  });
}

/** 0, 0 lies in the sea: it is how data sets write "no coordinates". */
function isLocated(latitude: number | null, longitude: number | null): boolean {
  if (latitude === null || longitude === null) return false;
  if (latitude === 0 && longitude === 0) return false;
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

function radiusOf(radiusKm: number | null, city: string): number {
  if (radiusKm !== null && radiusKm > 0 && radiusKm <= RADIUS_NOWHERE_KM) return radiusKm;
  return city === '' ? RADIUS_COUNTRY_KM : RADIUS_CITY_KM;
}
