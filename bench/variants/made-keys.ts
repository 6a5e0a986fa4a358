/** Made keys and events for engines larger than the traffic model can feed. */
import {
  type ApiEvent,
  createEvent,
  type KeyIdentity,
  type Place,
  UNKNOWN_PLACE,
} from '../../core/event.ts';
import { finish, hashText, mix32 } from '../../core/hash.ts';
import { AUTH } from '../../core/record.ts';
import { CITIES } from '../../traffic/places.ts';

const ROUTES = 24;
const CLIENTS = 6;

/** Identity of key i: spread digests, an id as long as Kong's. */
export function madeKey(i: number): KeyIdentity {
  const word = (salt: number) => finish(mix32(salt, i));
  const [digest0, digest1, digest2, digest3] = [word(1), word(2), word(3), word(4)];
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  const tail = hex(digest2) + hex(digest3);
  const middle = `${tail.slice(0, 4)}-4${tail.slice(5, 8)}-a${tail.slice(9, 12)}`;
  const id = `kong:${hex(digest0)}-${middle}-${tail.slice(12)}${hex(digest1)}`;
  return Object.freeze({
    id,
    digest0: digest0 | 0,
    digest1: digest1 | 0,
    digest2: digest2 | 0,
    digest3: digest3 | 0,
  });
}

const PLACES: readonly Place[] = CITIES.map((city, i) =>
  Object.freeze({
    ...UNKNOWN_PLACE,
    country: city.country,
    region: city.region,
    city: city.name,
    latitude: city.latitude,
    longitude: city.longitude,
    radiusKm: 20,
    timeZone: city.zone,
    countryCode: 1 + (hashText(city.country) % 676),
    regionCode: 1 + i,
    kind: 'public' as const,
  }),
);
const ROUTE_LIST = Array.from({ length: ROUTES }, (_, i) =>
  Object.freeze({ template: `/v1/r${i}/{id}`, code: hashText(`route ${i}`) }),
);
const CLIENT_LIST = Array.from({ length: CLIENTS }, (_, i) =>
  Object.freeze({ name: `client-${i}`, code: hashText(`client ${i}`) }),
);

export interface EventMaker {
  readonly event: ApiEvent;
  /** Sets the event to request `n` of key `i`: its own place and client, one request in fifty fails. */
  make(key: KeyIdentity, i: number, n: number, at: number, stream: number): ApiEvent;
}

export function createEventMaker(): EventMaker {
  const event = createEvent();
  event.attested = true;
  event.auth = AUTH.ok;
  event.mayAct = true;
  event.method = 'GET';
  return {
    event,
    make(key, i, n, at, stream) {
      const word = finish(mix32(n, i));
      event.key = key;
      event.at = at;
      event.stream = stream;
      event.position = n;
      event.status = word % 50 === 0 ? 404 : 200;
      event.durationMs = 5 + (word & 63);
      event.bytesIn = 200;
      event.bytesOut = 500 + (word & 1023);
      event.place = PLACES[i % PLACES.length]!;
      event.network = 1 + i;
      event.route = ROUTE_LIST[word % ROUTES]!;
      event.client = CLIENT_LIST[i % CLIENTS]!;
      event.fingerprint0 = finish(n);
      event.fingerprint1 = word;
      return event;
    },
  };
}
