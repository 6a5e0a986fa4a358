/**
 * An event: one use of a key, decoded, with the raw key already gone.
 *
 * One ApiEvent is reused for every record of a reader. The objects it refers to (key, place, route, client)
 * are immutable and shared through caches, so an event costs no allocation when its parts were seen before.
 * Saved state never holds a reference or an index of a cache, only the stable codes declared here.
 */
import { AUTH, type Auth, LIMITED_BY, type LimitedBy } from './record.ts';

/** Identity of a key. `id` is what people see; the digest is what state is keyed by. */
export interface KeyIdentity {
  /** `GATEWAY:credential-id`, `h:` + 32 hex digits of the HMAC, or `ip:ADDRESS` for `--key client_ip`. */
  readonly id: string;
  /**
   * First 128 bits of the HMAC (`h:` ids) or of SHA-256(id), as four signed 32-bit words: signed, because an
   * engine keeps those in the object itself, while larger numbers cost a pointer each.
   */
  readonly digest0: number;
  readonly digest1: number;
  readonly digest2: number;
  readonly digest3: number;
}

/** Number of key groups, fixed for life (design.md §1). */
export const KEY_GROUPS = 256;

/** Key group of a key: the first digest word mod 256. */
export function keyGroupOf(key: KeyIdentity): number {
  return key.digest0 & (KEY_GROUPS - 1);
}

/** The same, from the digest as it is saved: its first word is written least significant byte first. */
export function keyGroupOfDigest(digest: Uint8Array): number {
  return digest[0]!;
}

export interface Place {
  /** ISO 3166-1 alpha-2, or '' when unknown or private. */
  readonly country: string;
  readonly region: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Accuracy radius, km. */
  readonly radiusKm: number;
  /** IANA zone, '' when unknown. */
  readonly timeZone: string;
  /** Autonomous system number; 0 when unknown. */
  readonly asn: number;
  /** Stable code of the country: (letter1 * 26 + letter2) + 1, in 1..676; 0 when unknown. */
  readonly countryCode: number;
  /** Stable 32-bit hash of country and region; 0 when the country is unknown. */
  readonly regionCode: number;
  readonly kind: 'public' | 'private' | 'unknown';
}

export const UNKNOWN_PLACE: Place = Object.freeze({
  country: '',
  region: '',
  city: '',
  latitude: 0,
  longitude: 0,
  radiusKm: 0,
  timeZone: '',
  asn: 0,
  countryCode: 0,
  regionCode: 0,
  kind: 'unknown',
});

/** Route template, e.g. `/v1/orders/{id}`, never holding a raw value. `code` is its stable 32-bit hash. */
export interface Route {
  readonly template: string;
  readonly code: number;
}
export const UNKNOWN_ROUTE: Route = Object.freeze({ template: '', code: 0 });

/** Client family out of a fixed vocabulary (`curl`, `browser`, `python-requests`, …). */
export interface ClientFamily {
  readonly name: string;
  readonly code: number;
}
export const UNKNOWN_CLIENT: ClientFamily = Object.freeze({ name: 'unknown', code: 0 });

/** Ways in which a use lies outside what its key is declared for, as bits of `scopeBreaches`. */
export const SCOPE_BREACH = Object.freeze({
  route: 1,
  method: 2,
  network: 4,
  environment: 8,
  expiry: 16,
});
export type ScopeBreach = keyof typeof SCOPE_BREACH;

export interface ApiEvent {
  /** Begin of the request, epoch ms. */
  at: number;
  key: KeyIdentity;
  /** The gateway checked the key. Only attested use feeds baselines and findings (design.md §4.2). */
  attested: boolean;
  auth: Auth;
  /** The source may lead to an action (`act`), or only to alerts (`observe`). */
  mayAct: boolean;
  limitedBy: LimitedBy;
  status: number;
  durationMs: number;
  bytesIn: number;
  bytesOut: number;
  place: Place;
  /** Stable 32-bit hash of the /24 (IPv4) or /64 (IPv6); 0 when the address is unknown. */
  network: number;
  /** The same as text, e.g. 203.0.113.0/24 or 2001:db8::/64; '' when the address is unknown. */
  networkId: string;
  method: string;
  route: Route;
  /** Stable 32-bit hash of the last id in the path, e.g. of the 17 of `/v1/orders/17`; 0 without one. */
  resource: number;
  /** That id where it is a number below 2^53, else -1. */
  resourceNumber: number;
  client: ClientFamily;
  /** The request carries what only browsers send: Origin, Sec-Fetch. */
  fromBrowser: boolean;
  /** '' when the record names none. */
  consumer: string;
  /** What the source says that its gateway serves, e.g. production; '' when it does not. */
  environment: string;
  /** Bits of SCOPE_BREACH, by the registry at the time of enrichment: later stages have no whole address. */
  scopeBreaches: number;
  /**
   * 64-bit fingerprint of the gateway's own request id together with time, path, status and bytes;
   * both words 0 when there is no such id. Equal fingerprints are the same request delivered twice.
   */
  fingerprint0: number;
  fingerprint1: number;
  /** Stream the record came from (index given by the engine) and its position in it. */
  stream: number;
  position: number;
}

export const NO_KEY: KeyIdentity = Object.freeze({
  id: '',
  digest0: 0,
  digest1: 0,
  digest2: 0,
  digest3: 0,
});

export function createEvent(): ApiEvent {
  return {
    at: 0,
    key: NO_KEY,
    attested: false,
    auth: AUTH.unknown,
    mayAct: false,
    limitedBy: LIMITED_BY.nobody,
    status: 0,
    durationMs: -1,
    bytesIn: -1,
    bytesOut: -1,
    place: UNKNOWN_PLACE,
    network: 0,
    networkId: '',
    method: '',
    route: UNKNOWN_ROUTE,
    resource: 0,
    resourceNumber: -1,
    client: UNKNOWN_CLIENT,
    fromBrowser: false,
    consumer: '',
    environment: '',
    scopeBreaches: 0,
    fingerprint0: 0,
    fingerprint1: 0,
    stream: 0,
    position: -1,
  };
}

/** Copies an event field by field (its parts are immutable and shared). */
export function copyEvent(from: ApiEvent, to: ApiEvent): void {
  to.at = from.at;
  to.key = from.key;
  to.attested = from.attested;
  to.auth = from.auth;
  to.mayAct = from.mayAct;
  to.limitedBy = from.limitedBy;
  to.status = from.status;
  to.durationMs = from.durationMs;
  to.bytesIn = from.bytesIn;
  to.bytesOut = from.bytesOut;
  to.place = from.place;
  to.network = from.network;
  to.networkId = from.networkId;
  to.method = from.method;
  to.route = from.route;
  to.resource = from.resource;
  to.resourceNumber = from.resourceNumber;
  to.client = from.client;
  to.fromBrowser = from.fromBrowser;
  to.consumer = from.consumer;
  to.environment = from.environment;
  to.scopeBreaches = from.scopeBreaches;
  to.fingerprint0 = from.fingerprint0;
  to.fingerprint1 = from.fingerprint1;
  to.stream = from.stream;
  to.position = from.position;
}
