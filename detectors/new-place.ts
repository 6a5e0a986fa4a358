/**
 * Catches a key used from a country, or a region of a known country, that is new for it.
 *
 * Idea: how rarely this key meets anything new (Good–Turing over active hours), how few of its peers are used
 * from there, and how much comes: s = −log10 ν − log10 share + G(n; n̄, 2), n = requests from the new place in
 * ten minutes. A lone request is information only. Algorithms.md §5.4, §9 (a country adds 2 at most, and 1
 * without a prior over other keys).
 * Fails: a key that roams by habit; an attacker in the owner's own region; addresses nobody can place.
 * Cost: one bit test an event from a known place; its state is the shared places baseline.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { REGION_SLOT } from './baselines/places.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { counted, plural, rounded } from './words.ts';

const LAYOUT = {} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  requestsMin: z
    .number()
    .min(1)
    .default(3)
    .describe('Fewer requests in ten minutes are information only.'),
});
type Config = z.infer<typeof config>;

/** A lone request, and a new region of a known country, stay information. */
const LONE_MAX = 4.5;
const REGION_MAX = 4.9;
/**
 * Where a key moves or its users travel, many requests come from there at once: the number tells that somebody
 * works there, not that it happens in one life of a hundred million. Measured without it: 3 findings of up to 10
 * in 40 key-months of innocent travel and second sites.
 */
const COUNTRY_MAX = 7.9;

const last = { slot: 0, recent: 0, novelty: 0, amount: 0 };

export const newPlace = defineDetector<typeof LAYOUT, Config>({
  id: 'new-place',
  version: 1,
  family: 'place',
  summary: 'country or region new for the key',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: true,
  needs: ['place'],
  usesPrior: true,
  seesFailures: false,

  init(): void {},

  readyAt(subject: Subject): number {
    return subject.places.settledAt(subject.firstAt, subject.events, subject.second * 1000);
  },

  observe(_state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const { place } = event;
    const { places } = subject;
    if (place.countryCode === 0 || places.isLast(place) || places.state.active === 0) return 0;
    const isRegion = places.knowsCountry(place.countryCode);
    if (isRegion && places.knowsRegion(place.regionCode)) return 0;
    const code = isRegion ? place.regionCode : place.countryCode;
    if (code === 0) return 0;
    const slot = places.probation(code, subject.second, isRegion);
    if (!places.settled(subject.second - subject.firstAt / 1000, subject.events)) return 0;
    const recent = places.state.recent.get(slot);
    const usual = Math.max(2, places.state.usual);
    last.slot = slot;
    last.recent = recent;
    last.novelty = places.surprise(isRegion ? places.state.novelRegions : places.state.novel);
    if (!isRegion) last.novelty -= Math.log10(subject.prior.countryShare(code));
    last.amount = recent > usual ? negativeBinomialTail(recent, usual, 2) : 0;
    const score = last.novelty + last.amount;
    // Decay since the first request must not make three of them fewer than three.
    if (recent < config.requestsMin - 0.5) return Math.min(score, isRegion ? 0 : LONE_MAX);
    return Math.min(score, isRegion ? REGION_MAX : COUNTRY_MAX);
  },

  describe(_state: State, event: ApiEvent, subject: Subject): Evidence {
    const { place } = event;
    const { places } = subject;
    const isRegion = last.slot === REGION_SLOT;
    const known = places.knownCountries(6);
    const where = isRegion
      ? `${place.country}-${place.region || '?'}${place.city ? ` (${place.city})` : ''}`
      : `${place.country}${place.city ? ` (${place.city})` : ''}`;
    const hours = plural(Math.round(places.state.active), 'active hour');
    const from = known.length > 0 ? known.join(', ') : 'nowhere that could be placed';
    return {
      fromAt: places.state.first.get(last.slot) * 1000,
      observed: {
        country: place.country,
        region: place.region,
        city: place.city,
        requestsIn10Minutes: rounded(last.recent),
      },
      expected: { countries: known, activeHours: rounded(places.state.active) },
      why: isRegion
        ? `about ${counted(last.recent, 'request')} in ten minutes from ${where}, a region new for this key ` +
          `(in ${hours} it was used from ${from})`
        : `about ${counted(last.recent, 'request')} in ten minutes from ${where}, a country new for this key; ` +
          `in ${hours} it was used from ${from} only`,
      parts: [
        { name: 'this key seldom meets a new place', score: Math.max(0, last.novelty) },
        { name: 'number of requests from there', score: last.amount },
      ],
    };
  },
});
