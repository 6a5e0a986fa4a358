/**
 * Innocent novelty: what happens to a key in an ordinary month, about one thing a month. None of it is
 * labelled; a detector that calls it an attack is wrong.
 */
import {
  type Burst,
  type ErrorMix,
  type KeyProfile,
  NOVELTY_KINDS,
  type NoveltyKind,
  type Shift,
} from './contract.ts';
import { hostIn } from './keys.ts';
import { CITIES, type City, COUNTRIES, citiesIn } from './places.ts';
import { createRandom, type Random } from './random.ts';
import { DAY_MS, HOUR_MS, officeRate } from './rhythm.ts';
import { drawOtherAgent, ROUTES } from './vocabulary.ts';

const PER_KEY_DAYS = 28;
const MINUTE_MS = 60_000;
/** In the order of NOVELTY_KINDS. */
const WEIGHTS: Readonly<Record<NoveltyKind, number>> = {
  travel: 0.2,
  region: 0.06,
  client: 0.24,
  route: 0.2,
  growth: 0.1,
  'busy-day': 0.12,
  'retry-storm': 0.08,
};
/** A traveller makes few requests: at most this many an hour, and at most this share of the key's. */
const TRAVEL_PER_HOUR = 10;
const TRAVEL_SHARE_MAX = 0.15;
/** A client that retries while a service has a bad few minutes: one request in four fails. */
const STORM_ERRORS: ErrorMix = {
  unauthorized: 0,
  forbidden: 0,
  notFound: 0,
  otherClient: 0,
  limited: 0.05,
  server: 0.2,
};

export interface Novelty {
  readonly shifts: Shift[];
  readonly bursts: Burst[];
}

const NO_SHIFT = {
  toAt: Number.POSITIVE_INFINITY,
  rateFactor: 1,
  share: 0,
  address: undefined,
  agent: undefined,
  route: undefined,
} as const;

/** What happens to one key between two instants; `normalRate` in requests per second. */
export function planNovelty(
  key: KeyProfile,
  seed: number,
  span: { readonly fromAt: number; readonly toAt: number },
): Novelty {
  const random = createRandom(seed, 0x6e6f7665, key.index);
  const novelty: Novelty = { shifts: [], bursts: [] };
  const weights = NOVELTY_KINDS.map((kind) => WEIGHTS[kind]);
  let at = span.fromAt;
  for (;;) {
    at += random.exponential() * PER_KEY_DAYS * DAY_MS;
    if (at >= span.toAt) return novelty;
    const kind = NOVELTY_KINDS[random.weighted(weights)]!;
    if (kind === 'retry-storm') {
      const burst = storm(key, Math.floor(at), random);
      // Where nothing is asked, nothing is asked again.
      if (!isClosed(key, at)) novelty.bursts.push(burst);
    } else novelty.shifts.push(shiftOf(kind, key, Math.floor(at), random));
  }
}

function shiftOf(
  kind: Exclude<NoveltyKind, 'retry-storm'>,
  key: KeyProfile,
  fromAt: number,
  random: Random,
): Shift {
  const shift = { ...NO_SHIFT, kind, fromAt };
  switch (kind) {
    case 'travel': {
      const share = Math.min(TRAVEL_SHARE_MAX, TRAVEL_PER_HOUR / 3600 / key.rate);
      const toAt = fromAt + random.between(4 * HOUR_MS, 4 * DAY_MS);
      return { ...shift, toAt, share, address: hostIn(abroad(key, random), random) };
    }
    case 'region':
      return {
        ...shift,
        share: random.between(0.1, 0.4),
        address: hostIn(otherSite(key, random), random),
      };
    case 'client':
      return { ...shift, share: random.between(0.5, 1), agent: drawOtherAgent(key.agent, random) };
    case 'route':
      return { ...shift, share: random.between(0.02, 0.2), route: newRoute(key, random) };
    case 'growth':
      return { ...shift, rateFactor: random.between(1.1, 1.35) };
    case 'busy-day':
      return {
        ...shift,
        toAt: fromAt + random.between(8, 24) * HOUR_MS,
        rateFactor: random.between(1.5, 2),
      };
  }
}

/** An office outside of its hours. */
function isClosed(key: KeyProfile, at: number): boolean {
  return key.class === 'office' && officeRate(key, at) * 1000 < key.rate;
}

function storm(key: KeyProfile, fromAt: number, random: Random): Burst {
  return {
    kind: 'retry-storm',
    fromAt,
    toAt: fromAt + random.between(2 * MINUTE_MS, 6 * MINUTE_MS),
    rate: key.rate * random.between(0.5, 1.5),
    address: undefined,
    agent: undefined,
    errors: STORM_ERRORS,
    label: -1,
  };
}

function abroad(key: KeyProfile, random: Random): City {
  const countries = COUNTRIES.filter((country) => country !== key.home.country);
  return random.pick(citiesIn(random.pick(countries)));
}

/** A server key's second region: most often a city of the same country. */
function otherSite(key: KeyProfile, random: Random): City {
  const near = citiesIn(key.home.country).filter((city) => city !== key.home);
  if (near.length > 0 && random.chance(0.7)) return random.pick(near);
  return random.pick(CITIES.filter((city) => city !== key.home));
}

function newRoute(key: KeyProfile, random: Random) {
  return random.pick(ROUTES.filter((route) => !key.routes.includes(route)));
}
