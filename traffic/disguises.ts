/** What an attacker's requests look like: where from, with what, for what, and how they are answered. */
import type {
  Address,
  AttackSpec,
  Burst,
  ErrorMix,
  KeyLife,
  KeyProfile,
  Label,
  RouteProfile,
} from './contract.ts';
import { hostIn } from './keys.ts';
import { CITIES, type City, COUNTRIES, citiesIn, kmBetween, networkIn } from './places.ts';
import type { Random } from './random.ts';
import { RESOURCES } from './resources.ts';
import { drawBrowser, drawTool, PROBES, ROUTES } from './vocabulary.ts';

/** Whom an attack hits. */
export interface Victim {
  readonly key: KeyProfile;
  readonly keys: readonly KeyProfile[];
  readonly life: KeyLife;
}

type Looks = Omit<Burst, 'kind' | 'fromAt' | 'toAt' | 'rate' | 'label'>;
export interface Disguise extends Looks {
  /** When it is not the key that will be seen. */
  readonly subject?: Pick<Label, 'network' | 'consumer'>;
}

const AS_THE_KEY = { address: undefined, agent: undefined, errors: undefined } as const;
/** Farther than anybody travels within the minutes between two requests. */
const FAR_KM = 2500;
const SHARING_HOSTS = 40;
const STUFFING_HOSTS = 60;
const STUFFING_NETWORKS = 200;
/** Share of the key's mean rate that a thief of bytes adds in requests. */
export const EXFILTRATION_SHARE = 0.2;

export function disguise(
  spec: AttackSpec,
  factor: number,
  victim: Victim,
  random: Random,
): Disguise {
  const { key, keys, life } = victim;
  switch (spec.kind) {
    case 'stolen-key':
    case 'new-country': {
      const country = spec.country ?? random.pick(countriesNewFor(key, life));
      const address = hostIn(random.pick(citiesOf(country)), random);
      return { ...AS_THE_KEY, address, agent: drawTool(key.agent, random) };
    }
    case 'error-burst': {
      const address = random.chance(0.5) ? hostIn(key.home, random) : undefined;
      const agent = address === undefined ? undefined : drawTool(key.agent, random);
      return { address, agent, errors: guessing(random.between(0.75, 1)) };
    }
    case 'impossible-travel':
      return { ...AS_THE_KEY, address: hostIn(farFrom(key.home, spec.country, random), random) };
    case 'sharing':
      return { ...AS_THE_KEY, addresses: manyHosts(SHARING_HOSTS, key.home, random) };
    case 'exfiltration':
      return {
        ...AS_THE_KEY,
        routes: readable(key),
        bytesFactor: (factor - 1) / EXFILTRATION_SHARE,
      };
    case 'huge-answer':
      return {
        ...AS_THE_KEY,
        routes: readable(key),
        bytesFactor: factor,
        once: true,
        errors: guessing(0),
      };
    case 'enumeration':
    case 'random-ids':
      return walking(spec.kind === 'enumeration' ? 'sequential' : 'random', key, random);
    case 'scanner': {
      const unused = ROUTES.filter((route) => !key.routes.includes(route));
      return { ...AS_THE_KEY, routes: [...PROBES, ...unused], errors: guessing(0.75) };
    }
    case 'browser':
      return {
        ...AS_THE_KEY,
        address: hostIn(random.pick(citiesIn(key.home.country)), random),
        agent: drawBrowser(random),
        origin: 'https://shop.example',
      };
    case 'stuffing':
      return stuffing(spec.ipVersion ?? (random.chance(0.5) ? 4 : 6), key, random);
    case 'spread-stuffing': {
      const own = keys.filter((other) => other.consumer === key.consumer);
      const addresses = manyHosts(STUFFING_NETWORKS, undefined, random);
      const agent = drawTool(key.agent, random);
      const subject = { consumer: key.consumer.name };
      return { ...AS_THE_KEY, agent, addresses, credentials: own, errors: REFUSED, subject };
    }
    case 'poisoning':
      return { ...AS_THE_KEY, growthPerDay: spec.growthPerDay ?? 0.05 };
    default:
      return AS_THE_KEY;
  }
}

/** Somebody who tries ids and rights: refused, forbidden, not there. */
function guessing(share: number): ErrorMix {
  return {
    unauthorized: 0.15 * share,
    forbidden: 0.35 * share,
    notFound: 0.5 * share,
    otherClient: 0,
    limited: 0,
    server: 0,
  };
}
const REFUSED: ErrorMix = { ...guessing(0), unauthorized: 1 };

/** What the key reads anyway, or a list where it only writes. */
function readable(key: KeyProfile): RouteProfile[] {
  const own = key.routes.filter((route) => route.readOnly);
  return own.length > 0 ? own : [ROUTES[0]!];
}

/** On a route of the key's own, or the route that gives most away where it has none with an id. */
function walking(order: 'sequential' | 'random', key: KeyProfile, random: Random): Disguise {
  const own = key.routes.filter((route) => route.numbered && route.readOnly);
  const route = random.pick(own.length > 0 ? own : ROUTES.filter((r) => r.numbered && r.readOnly));
  const notFound = order === 'sequential' ? 0.1 : 0.4;
  const walk = { order, first: 1 + random.below(RESOURCES / 2) };
  return { ...AS_THE_KEY, routes: [route], walk, errors: { ...guessing(0), notFound } };
}

function stuffing(version: 4 | 6, key: KeyProfile, random: Random): Disguise {
  const cities = CITIES.filter(({ ranges }) =>
    ranges.some((r) => r.includes(':') === (version === 6)),
  );
  const city = random.pick(cities);
  const network = networkIn(city, version, STUFFING_HOSTS, random);
  return {
    ...AS_THE_KEY,
    addresses: network.hosts.map((text) => Object.freeze({ text, city })),
    agent: drawTool(key.agent, random),
    credentials: 'made-up',
    errors: REFUSED,
    subject: { network: network.name },
  };
}

/** Every second one at home, where a home is given. */
function manyHosts(count: number, home: City | undefined, random: Random): Address[] {
  const near = home === undefined ? [] : citiesIn(home.country);
  return Array.from({ length: count }, (_, i) =>
    hostIn(random.pick(near.length > 0 && i % 2 === 0 ? near : CITIES), random),
  );
}

function farFrom(home: City, country: string | undefined, random: Random): City {
  const cities = country === undefined ? CITIES : citiesOf(country);
  const far = cities.filter((city) => kmBetween(city, home) >= FAR_KM);
  if (far.length === 0) throw new RangeError(`no city of ${country} is far from ${home.name}`);
  return random.pick(far);
}

function citiesOf(country: string): readonly City[] {
  const cities = citiesIn(country);
  if (cities.length === 0) throw new RangeError(`no address ranges for country ${country}`);
  return cities;
}

function countriesNewFor(key: KeyProfile, life: KeyLife): string[] {
  const known = new Set(key.addresses.map((address) => address.city.country));
  for (const shift of life.shifts) if (shift.address) known.add(shift.address.city.country);
  for (const burst of life.bursts) {
    if (burst.address) known.add(burst.address.city.country);
    for (const { city } of burst.addresses ?? []) known.add(city.country);
  }
  return COUNTRIES.filter((country) => !known.has(country));
}
