/**
 * Which countries and regions a key is used from. Shared by new-place and impossible-travel.
 *
 * Countries known stay known: the first eight exactly, further ones by a bit that a 128th of the others share. Of
 * regions the six used last are kept. A place seen for the first time is a candidate; it becomes known when it
 * came back for a day, ten under suspicion. Novelty is counted in active hours, not requests (algorithms.md
 * §5.4, §9).
 */
import type { Place } from '../../core/event.ts';
import { finish, mix32 } from '../../core/hash.ts';
import type { StateOf } from '../engine/layout.ts';

/** Countries kept by their code; of further ones a bit of 128 each, which another may share. */
const COUNTRIES = 8;
const FURTHER_BYTES = 16;
const COUNTRY_CODES = 26 * 26;
const REGIONS = 6;
const HOURS_MODULO = 1 << 16;
export const CANDIDATES = 2;
const NOVELTY_HALF_LIFE_HOURS = 2000;
const RECENT_SECONDS = 600;
/** A candidate becomes known after this long, when it was used in at least ADOPT_HOURS hours. */
const ADOPT_SECONDS = 86_400;
/** The same on the day after an update of the geography data. */
const RELEARN_SECONDS = 6 * 3600;
const ADOPT_HOURS = 3;
/** Below this age and number of events every place is simply learned. */
const SETTLED_SECONDS = 7 * 86_400;
/** Fewer make no pace. */
const PACE_EVENTS = 20;
const SETTLED_EVENTS = 500;
const START_USUAL = 2;

export const PLACES_LAYOUT = {
  /** In the order in which they became known; 0: none. */
  countries: ['u16', COUNTRIES],
  further: ['u8', FURTHER_BYTES],
  regions: ['u32', REGIONS],
  /** Hour of the last use, modulo 2^16. */
  regionHour: ['u16', REGIONS],
  /** Active hours and new places that proved innocent, half-life 2000 active hours. */
  active: 'f32',
  novel: 'f32',
  novelRegions: 'f32',
  activeHour: 'u32',
  /** Country and region of the last event from a known place: most events need look no further. */
  lastCountry: 'u16',
  lastRegion: 'u32',
  /** Usual number of requests in ten minutes from a place that was new and proved innocent. */
  usual: 'f16',
  /** New places on probation: code of the country (index 0, 1) or region (index 2). */
  code: ['u32', CANDIDATES + 1],
  first: ['u32', CANDIDATES + 1],
  latest: ['u32', CANDIDATES + 1],
  hours: ['u8', CANDIDATES + 1],
  recent: ['f16', CANDIDATES + 1],
} as const;
export type PlacesState = StateOf<typeof PLACES_LAYOUT>;
export const REGION_SLOT = CANDIDATES;

const KEEP_HOUR = 2 ** (-1 / NOVELTY_HALF_LIFE_HOURS);

export class PlacesBaseline {
  readonly state: PlacesState;
  /** The geography data has changed: known addresses may lie elsewhere now, and are taken in sooner. */
  relearns = false;

  constructor(state: PlacesState) {
    this.state = state;
  }

  init(): void {
    this.state.usual = START_USUAL;
  }

  knowsCountry(code: number): boolean {
    const { countries, further } = this.state;
    for (let i = 0; i < COUNTRIES; i++) {
      const known = countries.get(i);
      if (known === 0) return false;
      if (known === code) return true;
    }
    const bit = bitOf(code);
    return (further.get(bit >> 3) & (1 << (bit & 7))) !== 0;
  }

  knowsRegion(code: number): boolean {
    return this.regionAt(code) >= 0;
  }

  /** The place of the last known event: known, without looking it up. */
  isLast(place: Place): boolean {
    const s = this.state;
    return place.regionCode === s.lastRegion && place.countryCode === s.lastCountry;
  }

  /** Codes of the countries that are known exactly. */
  countryCodes(): number[] {
    const { countries } = this.state;
    const known = Array.from({ length: COUNTRIES }, (_, i) => countries.get(i));
    return known.filter((code) => code !== 0);
  }

  /** Countries known, as ISO codes in their order, at most `limit` of the eight kept by name. */
  knownCountries(limit: number): string[] {
    const known: string[] = [];
    for (let i = 0; i < COUNTRIES && this.state.countries.get(i) !== 0; i++) {
      known.push(countryOf(this.state.countries.get(i)));
    }
    return known.sort().slice(0, limit);
  }

  /** All that are known, those beyond the first eight with a few that only look so. */
  allCountries(): string[] {
    const { further } = this.state;
    let bits = 0;
    for (let i = 0; i < FURTHER_BYTES; i++) bits |= further.get(i);
    if (bits === 0) return this.countryCodes().map(countryOf).sort();
    const found: string[] = [];
    for (let code = 1; code <= COUNTRY_CODES; code++) {
      if (this.knowsCountry(code)) found.push(countryOf(code));
    }
    return found;
  }

  settled(ageSeconds: number, events: number): boolean {
    return ageSeconds >= SETTLED_SECONDS || events >= SETTLED_EVENTS;
  }

  /** Instant from which new places are remarkable, epoch ms: estimated from the pace until `lastAt`. */
  settledAt(firstAt: number, events: number, lastAt: number): number {
    const byAge = firstAt + SETTLED_SECONDS * 1000;
    if (events < PACE_EVENTS) return byAge;
    const byPace = firstAt + (Math.max(0, lastAt - firstAt) * SETTLED_EVENTS) / events;
    // Within the first second the pace is infinite, and nobody has settled yet.
    const least = events < SETTLED_EVENTS ? lastAt + 1000 : firstAt;
    return Math.round(Math.min(byAge, Math.max(least, byPace)));
  }

  /** How rarely anything new comes along, −log10 of the Good–Turing rate. */
  surprise(novel: number): number {
    return -Math.log10(Math.min(1, (0.5 + novel) / (10 + this.state.active)));
  }

  /**
   * Notes a request from a candidate and answers its slot. Countries share two slots, the one idle longest
   * gives way; regions of known countries have one.
   */
  probation(code: number, second: number, isRegion: boolean): number {
    const s = this.state;
    let slot = isRegion ? REGION_SLOT : 0;
    if (!isRegion && s.code.get(0) !== code) {
      slot = s.code.get(1) === code || s.latest.get(1) < s.latest.get(0) ? 1 : 0;
    }
    if (s.code.get(slot) !== code) {
      s.code.set(slot, code);
      s.first.set(slot, second);
      s.latest.set(slot, second);
      s.hours.set(slot, 1);
      s.recent.set(slot, 1);
      return slot;
    }
    const before = s.latest.get(slot);
    const gap = Math.max(0, second - before);
    s.recent.set(slot, s.recent.get(slot) * Math.exp(-gap / RECENT_SECONDS) + 1);
    if (Math.floor(second / 3600) > Math.floor(before / 3600))
      s.hours.set(slot, Math.min(255, s.hours.get(slot) + 1));
    s.latest.set(slot, Math.max(before, second));
    return slot;
  }

  /** What is on probation starts anew. */
  forgetCandidates(): void {
    this.state.code.fill(0);
  }

  /** Learns the place of an attested event. Probation takes the longer the less `weight`; at 0 it stands still. */
  learn(place: Place, second: number, weight: number, settled: boolean): void {
    const s = this.state;
    const hour = Math.floor(second / 3600);
    const isNewHour = hour > s.activeHour;
    if (isNewHour) {
      const keep = KEEP_HOUR;
      s.active = s.active * keep + 1;
      s.novel *= keep;
      s.novelRegions *= keep;
      s.activeHour = hour;
    }
    if (weight === 0 || place.countryCode === 0) return;
    if (!isNewHour && this.isLast(place)) return;
    if (!this.knowsCountry(place.countryCode)) {
      if (
        !this.adopts(place.countryCode, settled, weight, 0) &&
        !this.adopts(place.countryCode, settled, weight, 1)
      )
        return;
      this.addCountry(place.countryCode);
      this.addRegion(place.regionCode, hour);
      return;
    }
    const at = this.regionAt(place.regionCode);
    if (at >= 0) {
      s.regionHour.set(at, hour);
      s.lastCountry = place.countryCode;
      s.lastRegion = place.regionCode;
    } else if (this.adopts(place.regionCode, settled, weight, REGION_SLOT)) {
      s.novelRegions += settled ? 1 : 0;
      this.addRegion(place.regionCode, hour);
    }
  }

  /** Whether a place may become known now; what it brought then is innocent, and raises the usual. */
  private adopts(code: number, settled: boolean, weight: number, slot: number): boolean {
    if ((!settled || (this.relearns && slot === REGION_SLOT)) && weight === 1) return true;
    const s = this.state;
    if (s.code.get(slot) !== code) return false;
    const probation = this.relearns ? RELEARN_SECONDS : ADOPT_SECONDS;
    if ((s.latest.get(slot) - s.first.get(slot)) * weight < probation) return false;
    if (s.hours.get(slot) * weight < ADOPT_HOURS) return false;
    if (slot !== REGION_SLOT) {
      s.novel += 1;
      s.usual += 0.1 * (Math.min(s.recent.get(slot), 4 * s.usual + 8) - s.usual);
    }
    s.code.set(slot, 0);
    return true;
  }

  private addCountry(code: number): void {
    const { countries, further } = this.state;
    for (let i = 0; i < COUNTRIES; i++) {
      if (countries.get(i) !== 0) continue;
      countries.set(i, code);
      return;
    }
    const bit = bitOf(code);
    further.set(bit >> 3, further.get(bit >> 3) | (1 << (bit & 7)));
  }

  private addRegion(code: number, hour: number): void {
    const s = this.state;
    let slot = 0;
    let oldest = -1;
    for (let i = 0; i < REGIONS && oldest < HOURS_MODULO; i++) {
      const isFree = s.regions.get(i) === 0;
      const age = isFree ? HOURS_MODULO : (hour - s.regionHour.get(i)) & (HOURS_MODULO - 1);
      if (age <= oldest) continue;
      slot = i;
      oldest = age;
    }
    s.regions.set(slot, code);
    s.regionHour.set(slot, hour);
  }

  private regionAt(code: number): number {
    for (let i = 0; i < REGIONS; i++) if (this.state.regions.get(i) === code) return i;
    return -1;
  }
}

/** Bit of a country beyond the first eight. */
function bitOf(code: number): number {
  return finish(mix32(0, code)) & (8 * FURTHER_BYTES - 1);
}

/** ISO code of a stable country code (core/event.ts). */
export function countryOf(code: number): string {
  const letters = code - 1;
  return String.fromCharCode(65 + Math.floor(letters / 26), 65 + (letters % 26));
}
