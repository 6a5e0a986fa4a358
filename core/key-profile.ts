/** What a key was used for before an episode: known-good use that `contain` lets go on. Codes, never texts. */
import type { Route } from './event.ts';
import { hashText } from './hash.ts';
import { isInRoutes, networkCode, routeCode, systemCode } from './use-codes.ts';

export interface KeyProfile {
  /** ISO 3166 codes. Empty: nothing is known, any country goes. */
  readonly countries: readonly string[];
  /** Codes of networks (networkCode). Empty: nothing is known, any network of a known country goes. */
  readonly networkCodes: readonly number[];
  /** Codes of autonomous systems (systemCode): a known one stands for all of its networks. */
  readonly systemCodes: readonly number[];
  /** Filter of methods and route templates (isInRoutes). Empty: nothing is known, any goes. */
  readonly routeFilter: readonly number[];
  /** Event time of what it was read from. */
  readonly asOfAt: string;
}

/** What of a use counts. A client string never admits. */
export interface ProfiledUse {
  readonly method: string;
  readonly route: Route;
  /** ApiEvent.network; 0 when the address is unknown. */
  readonly network: number;
  readonly place: { readonly country: string; readonly asn: number };
}

export const DEPARTURES = ['country', 'network', 'route'] as const;
export type Departure = (typeof DEPARTURES)[number];

/** In what a use departs from the profile; undefined for known-good use. The one place that compares them. */
export function departureOf(profile: KeyProfile, use: ProfiledUse): Departure | undefined {
  const { country } = use.place;
  const { countries, routeFilter } = profile;
  if (country !== '' && countries.length > 0 && !countries.includes(country)) return 'country';
  if (!knowsNetwork(profile, use)) return 'network';
  return routeFilter.length === 0 || knowsRoute(routeFilter, use) ? undefined : 'route';
}

function knowsNetwork(profile: KeyProfile, { network, place }: ProfiledUse): boolean {
  const { countries, networkCodes, systemCodes } = profile;
  if (network !== 0 && networkCodes.includes(networkCode(network))) return true;
  if (place.asn !== 0 && systemCodes.includes(systemCode(place.asn))) return true;
  // Whoever cannot be placed is not of a known country.
  return networkCodes.length === 0 && (place.country !== '' || countries.length === 0);
}

/** Segments of a path that are looked at for names. */
const SEGMENTS_MAX = 8;

/**
 * Detection may have found that segments are names, and have met `/users/{name}` where the gateway says
 * `/users/alice`: up to two of them may stand for names.
 */
function knowsRoute(routes: readonly number[], { method, route }: ProfiledUse): boolean {
  if (route.code === 0 || isInRoutes(routes, routeCode(method, route))) return true;
  if (!route.template.startsWith('/')) return false;
  const segments = route.template.slice(1).split('/', SEGMENTS_MAX + 1);
  if (segments.length > SEGMENTS_MAX) return false;
  for (let i = 0; i < segments.length; i++) {
    for (let j = i; j < segments.length; j++) {
      if (segments[i]!.startsWith('{') || segments[j]!.startsWith('{')) continue;
      const named = `/${segments.with(i, '{name}').with(j, '{name}').join('/')}`;
      if (isInRoutes(routes, routeCode(method, { code: hashText(named) || 1 }))) return true;
    }
  }
  return false;
}
