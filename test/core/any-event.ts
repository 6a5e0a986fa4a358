/** Any events, also such as no gateway would log. */
import fc from 'fast-check';
import {
  type ApiEvent,
  NO_KEY,
  UNKNOWN_CLIENT,
  UNKNOWN_PLACE,
  UNKNOWN_ROUTE,
} from '../../core/event.ts';

const signed = fc.integer();
export const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
export const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const amount = fc.oneof(
  fc.integer({ min: -1, max: 3_000_000_000 }),
  fc.double({ min: 0, max: 1e9, noNaN: true }),
  fc.constantFrom(-1, 0, 2 ** 40, 2 ** 53, 12.5, -7, -0, Number.NaN),
);
const plain = { noNullPrototype: true };
const key = fc.record(
  { id: text, digest0: signed, digest1: signed, digest2: signed, digest3: signed },
  plain,
);
const place = fc.record(
  {
    country: text,
    region: text,
    city: text,
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
    radiusKm: amount,
    timeZone: text,
    asn: fc.nat(),
    countryCode: fc.nat(676),
    regionCode: word,
    kind: fc.constantFrom('public', 'private', 'unknown'),
  },
  plain,
);
export const anyEvent: fc.Arbitrary<ApiEvent> = fc.record(
  {
    at: fc.double({ noNaN: true }),
    key: fc.oneof(fc.constant(NO_KEY), key),
    attested: fc.boolean(),
    auth: fc.constantFrom(0, 1, 2, 3),
    mayAct: fc.boolean(),
    limitedBy: fc.constantFrom(0, 1, 2),
    status: fc.nat(999),
    durationMs: amount,
    bytesIn: amount,
    bytesOut: amount,
    place: fc.oneof(fc.constant(UNKNOWN_PLACE), place),
    network: word,
    networkId: text,
    method: text,
    route: fc.oneof(fc.constant(UNKNOWN_ROUTE), fc.record({ template: text, code: word }, plain)),
    resource: word,
    resourceNumber: amount,
    fromBrowser: fc.boolean(),
    client: fc.oneof(fc.constant(UNKNOWN_CLIENT), fc.record({ name: text, code: word }, plain)),
    consumer: text,
    environment: text,
    scopeBreaches: fc.nat(255),
    fingerprint0: fc.oneof(fc.constant(0), word),
    fingerprint1: fc.oneof(fc.constant(0), word),
    stream: fc.constant(3),
    position: fc.constant(17),
  },
  plain,
);
