/**
 * Binary form of an event: what the spool holds, and what findings keep of their events.
 *
 *   event   := version:u8(3) flags:u8 scopeBreaches:u8 at:f64 status duration bytesIn bytesOut network:u32
 *              resource:u32 resourceNumber key place route client method consumer networkId environment
 *              fingerprint?
 *   flags   := attested:1 mayAct:1 limitedBy:2 auth:2 hasFingerprint:1 fromBrowser:1  from the lowest bit
 *   status, duration, bytesIn, bytesOut, resourceNumber := number
 *   number  := varint(n + 2) for whole n from -1 to 2^50, else 0x00 f64
 *   key     := part { digest:u32×4 id:text }                                   empty: NO_KEY
 *   place   := part { kind:u8 latitude:f64 longitude:f64 radiusKm:f64 asn:number countryCode:number
 *              regionCode:u32 country:text region:text city:text timeZone:text }   empty: UNKNOWN_PLACE
 *   route   := part { code:u32 template:text }                                 empty: UNKNOWN_ROUTE
 *   client  := part { code:u32 name:text }                                     empty: UNKNOWN_CLIENT
 *   method, consumer, networkId, environment := part { UTF-8 }
 *   fingerprint := u32×2
 *   part    := length:varint bytes      text := length:varint UTF-8
 *   varint  := 7 bits a byte, least first, the high bit says that more follow;  u32, f64 little-endian
 *
 * Stream and position are not in it: whoever stores events knows where. An event holds no raw key and no
 * raw path, so neither can get in here. About 150 bytes an event.
 */
import {
  BytesReader,
  BytesWriter,
  damaged,
  NUMBER_BYTES_MAX,
  VARINT_BYTES_MAX,
  writeFloat,
  writeNumber,
  writePart,
  writeWord,
} from './binary.ts';
import { KeyhoundError } from './errors.ts';
import {
  type ApiEvent,
  type ClientFamily,
  type KeyIdentity,
  NO_KEY,
  type Place,
  type Route,
  UNKNOWN_CLIENT,
  UNKNOWN_PLACE,
  UNKNOWN_ROUTE,
} from './event.ts';
import { PartCache } from './part-cache.ts';
import type { Auth, LimitedBy } from './record.ts';

export const EVENT_VERSION = 3;

const HAS_FINGERPRINT = 0x40;
const FROM_BROWSER = 0x80;
/** Everything but the parts, at most. */
const FIXED_BYTES_MAX = 3 + 8 + 5 * NUMBER_BYTES_MAX + 8 + 8 * VARINT_BYTES_MAX + 8;

/**
 * Writes the event and answers the offset after it; -1, having written nothing, where the room might not
 * suffice. Parts seen before are copied, not encoded again.
 */
export function encodeEvent(event: ApiEvent, buffer: Uint8Array, offset: number): number {
  const key = event.key === NO_KEY ? EMPTY : encodedPart(event.key, keyPart);
  const place = event.place === UNKNOWN_PLACE ? EMPTY : encodedPart(event.place, placePart);
  const route = event.route === UNKNOWN_ROUTE ? EMPTY : encodedPart(event.route, routePart);
  const client = event.client === UNKNOWN_CLIENT ? EMPTY : encodedPart(event.client, clientPart);
  const method = encodedText(event.method);
  const consumer = encodedText(event.consumer);
  const networkId = encodedText(event.networkId);
  const environment = encodedText(event.environment);
  const variable =
    key.length +
    place.length +
    route.length +
    client.length +
    method.length +
    consumer.length +
    networkId.length +
    environment.length;
  if (offset + FIXED_BYTES_MAX + variable > buffer.length) return -1;
  const hasFingerprint = event.fingerprint0 !== 0 || event.fingerprint1 !== 0;
  buffer[offset] = EVENT_VERSION;
  buffer[offset + 1] =
    (event.attested ? 1 : 0) |
    (event.mayAct ? 2 : 0) |
    (event.limitedBy << 2) |
    (event.auth << 4) |
    (hasFingerprint ? HAS_FINGERPRINT : 0) |
    (event.fromBrowser ? FROM_BROWSER : 0);
  buffer[offset + 2] = event.scopeBreaches;
  let at = writeFloat(buffer, offset + 3, event.at);
  at = writeNumber(buffer, at, event.status);
  at = writeNumber(buffer, at, event.durationMs);
  at = writeNumber(buffer, at, event.bytesIn);
  at = writeNumber(buffer, at, event.bytesOut);
  at = writeWord(buffer, at, event.network);
  at = writeWord(buffer, at, event.resource);
  at = writeNumber(buffer, at, event.resourceNumber);
  at = writePart(buffer, at, key);
  at = writePart(buffer, at, place);
  at = writePart(buffer, at, route);
  at = writePart(buffer, at, client);
  at = writePart(buffer, at, method);
  at = writePart(buffer, at, consumer);
  at = writePart(buffer, at, networkId);
  at = writePart(buffer, at, environment);
  if (!hasFingerprint) return at;
  at = writeWord(buffer, at, event.fingerprint0);
  return writeWord(buffer, at, event.fingerprint1);
}

export interface EventDecoder {
  /**
   * Fills `event` (all but stream and position) from bytes at `offset` and answers the offset after it.
   * Throws `operating` with code `event-version` or `event-damaged` where it cannot.
   */
  decode(bytes: Uint8Array, offset: number, event: ApiEvent): number;
}

/** A repeated key, place, route or client is the same object again, without allocating. Bounded caches. */
export function createEventDecoder(): EventDecoder {
  const reader = new BytesReader();
  const keys = new Parts<KeyIdentity>(1 << 15, NO_KEY, readKey);
  const places = new Parts<Place>(1 << 13, UNKNOWN_PLACE, readPlace);
  const routes = new Parts<Route>(1 << 12, UNKNOWN_ROUTE, readRoute);
  const clients = new Parts<ClientFamily>(1 << 8, UNKNOWN_CLIENT, readClient);
  const texts = new Parts<string>(1 << 12, '', (part) => part.rest());
  return {
    decode(bytes, offset, event) {
      if (bytes[offset] !== EVENT_VERSION) throw wrongVersion(bytes[offset]);
      const flags = bytes[offset + 1]!;
      event.scopeBreaches = bytes[offset + 2]!;
      reader.begin(bytes, offset + 3, bytes.length);
      event.attested = (flags & 1) !== 0;
      event.mayAct = (flags & 2) !== 0;
      event.limitedBy = ((flags >> 2) & 3) as LimitedBy;
      event.auth = ((flags >> 4) & 3) as Auth;
      event.at = reader.float();
      event.status = reader.number();
      event.durationMs = reader.number();
      event.bytesIn = reader.number();
      event.bytesOut = reader.number();
      event.network = reader.word();
      event.resource = reader.word();
      event.resourceNumber = reader.number();
      event.fromBrowser = (flags & FROM_BROWSER) !== 0;
      event.key = keys.read(reader);
      event.place = places.read(reader);
      event.route = routes.read(reader);
      event.client = clients.read(reader);
      event.method = texts.read(reader);
      event.consumer = texts.read(reader);
      event.networkId = texts.read(reader);
      event.environment = texts.read(reader);
      const hasFingerprint = (flags & HAS_FINGERPRINT) !== 0;
      event.fingerprint0 = hasFingerprint ? reader.word() : 0;
      event.fingerprint1 = hasFingerprint ? reader.word() : 0;
      if (reader.at > bytes.length) throw damaged();
      return reader.at;
    },
  };
}

/** Parts behind their lengths. */
class Parts<T> {
  readonly #cache: PartCache<T>;
  readonly #empty: T;
  readonly #reader = new BytesReader();

  constructor(slots: number, empty: T, parse: (reader: BytesReader) => T) {
    this.#empty = empty;
    this.#cache = new PartCache(slots, (bytes) => {
      this.#reader.begin(bytes, 0, bytes.length);
      return parse(this.#reader);
    });
  }

  read(from: BytesReader): T {
    const length = from.varint();
    if (length === 0) return this.#empty;
    const start = from.at;
    const end = start + length;
    if (end > from.end) throw damaged();
    from.at = end;
    return this.#cache.get(from.view, start, end);
  }
}

function readKey(part: BytesReader): KeyIdentity {
  const digest0 = part.word() | 0;
  const digest1 = part.word() | 0;
  const digest2 = part.word() | 0;
  const digest3 = part.word() | 0;
  return Object.freeze({ id: part.text(), digest0, digest1, digest2, digest3 });
}

function readPlace(part: BytesReader): Place {
  const kind = PLACE_KINDS[part.bytes[part.at++]!] ?? 'unknown';
  const latitude = part.float();
  const longitude = part.float();
  const radiusKm = part.float();
  const asn = part.number();
  const countryCode = part.number();
  const regionCode = part.word();
  const country = part.text();
  const region = part.text();
  const city = part.text();
  const timeZone = part.text();
  const where = { country, region, city, latitude, longitude, radiusKm, timeZone, asn };
  return Object.freeze({ ...where, countryCode, regionCode, kind });
}
const PLACE_KINDS = ['public', 'private', 'unknown'] as const;

function readRoute(part: BytesReader): Route {
  const code = part.word();
  return Object.freeze({ code, template: part.text() });
}

function readClient(part: BytesReader): ClientFamily {
  const code = part.word();
  return Object.freeze({ code, name: part.text() });
}

function encodedPart<T extends object>(value: T, write: (value: T) => BytesWriter): Uint8Array {
  const known = PARTS.get(value);
  if (known !== undefined) return known;
  const bytes = write(value).bytes();
  PARTS.set(value, bytes);
  return bytes;
}
/** Encoded parts by object: they are immutable and shared, so each is encoded once. */
const PARTS = new WeakMap<object, Uint8Array>();

function encodedText(text: string): Uint8Array {
  if (text === '') return EMPTY;
  const known = TEXTS.get(text);
  if (known !== undefined) return known;
  if (TEXTS.size >= TEXTS_MAX) TEXTS.clear();
  const bytes = ENCODER.encode(text);
  TEXTS.set(text, bytes);
  return bytes;
}
const TEXTS = new Map<string, Uint8Array>();
const TEXTS_MAX = 4096;

function keyPart(key: KeyIdentity): BytesWriter {
  const digest = new BytesWriter().word(key.digest0).word(key.digest1).word(key.digest2);
  return digest.word(key.digest3).text(key.id);
}

function placePart(place: Place): BytesWriter {
  return new BytesWriter()
    .byte(PLACE_KINDS.indexOf(place.kind))
    .float(place.latitude)
    .float(place.longitude)
    .float(place.radiusKm)
    .number(place.asn)
    .number(place.countryCode)
    .word(place.regionCode)
    .text(place.country)
    .text(place.region)
    .text(place.city)
    .text(place.timeZone);
}

function routePart(route: Route): BytesWriter {
  return new BytesWriter().word(route.code).text(route.template);
}

function clientPart(client: ClientFamily): BytesWriter {
  return new BytesWriter().word(client.code).text(client.name);
}

function wrongVersion(version: number | undefined): KeyhoundError {
  if (version === undefined || version === 0) return damaged();
  return new KeyhoundError('operating', `an event of version ${version} was found`, {
    code: 'event-version',
    hint: `This Keyhound reads version ${EVENT_VERSION}: start the newer one that wrote it.`,
  });
}

const EMPTY = new Uint8Array(0);
const ENCODER = new TextEncoder();
