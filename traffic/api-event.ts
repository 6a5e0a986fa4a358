/**
 * A request as the event that the pipeline would make of its Kong record: for simulations that need the
 * engine and millions of events, without writing and reading logs. Places are the table's, not looked up.
 */
import { createHash } from 'node:crypto';
import type { ApiEvent, ClientFamily, KeyIdentity, Place, Route } from '../core/event.ts';
import { hash32, hashText, mix32 } from '../core/hash.ts';
import { AUTH, LIMITED_BY } from '../core/record.ts';
import type { Address, Agent, KeyProfile, RouteProfile, TrafficEvent } from './contract.ts';
import { subjectIdOf } from './write.ts';

/** What geoip-lite typically says about a city, km. */
const RADIUS_KM = 20;

/** Fills `event` but for stream and position. Parts are cached: nothing is allocated for what was seen before. */
export type EventFiller = (request: TrafficEvent, event: ApiEvent) => void;

export function createEventFiller(): EventFiller {
  const keys = cached(identityOf);
  const hosts = cached(hostOf);
  const routes = cached(routeOf);
  const clients = cached(clientOf);
  return (request, event) => {
    const host = hosts(request.address);
    event.at = request.at;
    event.key = keys(request.key);
    event.attested = request.status !== 401;
    event.auth = request.status === 401 ? AUTH.failed : AUTH.ok;
    event.mayAct = true;
    event.limitedBy = request.status === 429 ? LIMITED_BY.gateway : LIMITED_BY.nobody;
    event.status = request.status;
    event.durationMs = request.durationMs;
    event.bytesIn = request.bytesIn;
    event.bytesOut = request.bytesOut;
    event.place = host.place;
    event.network = host.network;
    event.networkId = host.networkId;
    event.method = request.route.method;
    event.route = routes(request.route);
    event.client = clients(request.agent);
    event.resource = resourceCode(request.resource);
    event.resourceNumber = request.resource > 0 ? request.resource : -1;
    event.fromBrowser = request.origin !== '';
    event.consumer = request.key.credentialId === '' ? '' : request.key.consumer.name;
    event.fingerprint0 = request.request0;
    event.fingerprint1 = mix32(request.request1, request.at) >>> 0;
  };
}

function cached<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}

interface Host {
  readonly place: Place;
  readonly network: number;
  readonly networkId: string;
}

function identityOf(key: KeyProfile): KeyIdentity {
  const madeUp = key.credentialId === '';
  const digest = createHash('sha256')
    .update(madeUp ? key.rawKey : subjectIdOf(key, 'kong', undefined)!)
    .digest();
  const id = madeUp ? `h:${digest.toString('hex', 0, 16)}` : subjectIdOf(key, 'kong', undefined)!;
  return Object.freeze({
    id,
    digest0: digest.readInt32BE(0),
    digest1: digest.readInt32BE(4),
    digest2: digest.readInt32BE(8),
    digest3: digest.readInt32BE(12),
  });
}

function hostOf(address: Address): Host {
  const { city } = address;
  const [first, second] = [city.country.charCodeAt(0) - 65, city.country.charCodeAt(1) - 65];
  const place: Place = Object.freeze({
    country: city.country,
    region: city.region,
    city: city.name,
    latitude: city.latitude,
    longitude: city.longitude,
    radiusKm: RADIUS_KM,
    timeZone: city.zone,
    asn: 0,
    countryCode: first * 26 + second + 1,
    regionCode: hashText(`${city.country}-${city.region}`) || 1,
    kind: 'public',
  });
  const six = address.text.includes(':');
  const parts = address.text.split(six ? ':' : '.').slice(0, six ? 4 : 3);
  const networkId = six ? `${parts.join(':')}::/64` : `${parts.join('.')}.0/24`;
  return { place, network: hashText(parts.join(' ')), networkId };
}

function routeOf(route: RouteProfile): Route {
  return Object.freeze({ template: route.template, code: hashText(route.template) });
}

/** As enrichment makes it of the number in the path. */
function resourceCode(resource: number): number {
  if (resource <= 0) return 0;
  let start = DIGITS.length;
  for (let rest = resource; rest > 0; rest = Math.floor(rest / 10))
    DIGITS[--start] = 48 + (rest % 10);
  return hash32(DIGITS, start, DIGITS.length) || 1;
}
const DIGITS = new Uint8Array(16);

function clientOf(agent: Agent): ClientFamily {
  return Object.freeze({ name: agent.family, code: hashText(agent.family) });
}
