/** Entries of the dictionaries of a batch: what came in an earlier batch is the same object again. */
import {
  type ClientFamily,
  type KeyIdentity,
  NO_KEY,
  type Place,
  type Route,
  UNKNOWN_CLIENT,
  UNKNOWN_PLACE,
  UNKNOWN_ROUTE,
} from '../event.ts';
import { PartCache } from '../part-cache.ts';
import type { Network } from './dictionary.ts';
import { decodeText, Input } from './input.ts';
import { damagedBatch, ITEMS_MAX, PLACE_KINDS, type StreamIdentity } from './layout.ts';
import { WIRE } from './output.ts';

const NO_NETWORK: Network = Object.freeze({ id: '', code: 0 });
const NO_STREAM: StreamIdentity = Object.freeze({ name: '', source: '', latenessMs: 0 });

/** An event has three texts of its own, at most. */
const PARTS_MAX = 3 * ITEMS_MAX;

/** The entries of one batch by index; 0 is none. */
class Entries<T> {
  readonly list: T[];
  readonly #cache: PartCache<T>;

  constructor(slots: number, none: T, parse: (bytes: Uint8Array) => T) {
    this.list = [none];
    this.#cache = new PartCache(slots, parse);
  }

  read(input: Input): void {
    const end = input.range();
    if (this.list.length > PARTS_MAX) throw damagedBatch('it has too many parts');
    this.list.push(this.#cache.get(input.bytes, input.at, end));
    input.at = end;
  }
}

export class Parts {
  readonly streams = new Entries<StreamIdentity>(1 << 8, NO_STREAM, readStream);
  readonly keys = new Entries<KeyIdentity>(1 << 15, NO_KEY, readKey);
  readonly places = new Entries<Place>(1 << 13, UNKNOWN_PLACE, readPlace);
  readonly routes = new Entries<Route>(1 << 12, UNKNOWN_ROUTE, readRoute);
  readonly clients = new Entries<ClientFamily>(1 << 8, UNKNOWN_CLIENT, readClient);
  readonly networks = new Entries<Network>(1 << 13, NO_NETWORK, readNetwork);
  readonly strings = new Entries<string>(1 << 12, '', (bytes) =>
    decodeText(bytes, 0, bytes.length),
  );
  readonly #all = [
    this.streams,
    this.keys,
    this.places,
    this.routes,
    this.clients,
    this.networks,
    this.strings,
  ];

  clear(): void {
    for (const { list } of this.#all) list.length = 1;
  }
}

/** The caches read one part at a time, and none within another. */
const INPUT = new Input();

function fields(bytes: Uint8Array): Input {
  INPUT.begin(bytes, 0, bytes.length);
  return INPUT;
}

function readStream(bytes: Uint8Array): StreamIdentity {
  const input = fields(bytes);
  const stream = { name: '', source: '', latenessMs: 0 };
  while (input.next()) {
    if (input.field === 1) stream.name = input.textField();
    else if (input.field === 2) stream.source = input.textField();
    else if (input.field === 3) stream.latenessMs = input.doubleField();
    else input.skip();
  }
  return Object.freeze(stream);
}

function readKey(bytes: Uint8Array): KeyIdentity {
  const input = fields(bytes);
  const key = { id: '', digest0: 0, digest1: 0, digest2: 0, digest3: 0 };
  while (input.next()) {
    if (input.field === 1) {
      const to = input.range();
      const { at, view } = input;
      if (to - at !== 16) throw damagedBatch('a digest is not of 16 bytes');
      key.digest0 = view.getInt32(at);
      key.digest1 = view.getInt32(at + 4);
      key.digest2 = view.getInt32(at + 8);
      key.digest3 = view.getInt32(at + 12);
      input.at = to;
    } else if (input.field === 2) key.id = input.textField();
    else input.skip();
  }
  return Object.freeze(key);
}

function readPlace(bytes: Uint8Array): Place {
  const input = fields(bytes);
  const place: { -readonly [P in keyof Place]: Place[P] } = { ...UNKNOWN_PLACE };
  while (input.next()) {
    if (input.field === 1) place.country = input.textField();
    else if (input.field === 2) place.region = input.textField();
    else if (input.field === 3) place.city = input.textField();
    else if (input.field === 4) place.latitude = input.doubleField();
    else if (input.field === 5) place.longitude = input.doubleField();
    else if (input.field === 6) place.radiusKm = input.doubleField();
    else if (input.field === 7) place.timeZone = input.textField();
    else if (input.field === 8) place.asn = input.varintField();
    else if (input.field === 9) place.countryCode = input.varintField();
    else if (input.field === 10) place.regionCode = input.fixed32Field();
    else if (input.field === 11) place.kind = PLACE_KINDS[input.varintField()] ?? 'unknown';
    else input.skip();
  }
  return Object.freeze(place);
}

function readRoute(bytes: Uint8Array): Route {
  const { text, code } = readNamed(bytes);
  return Object.freeze({ template: text, code });
}

function readClient(bytes: Uint8Array): ClientFamily {
  const { text, code } = readNamed(bytes);
  return Object.freeze({ name: text, code });
}

function readNetwork(bytes: Uint8Array): Network {
  const { text, code } = readNamed(bytes);
  return Object.freeze({ id: text, code });
}

function readNamed(bytes: Uint8Array): { text: string; code: number } {
  const input = fields(bytes);
  const named = { text: '', code: 0 };
  while (input.next()) {
    if (input.field === 1 && input.wireType === WIRE.bytes) named.text = input.textField();
    else if (input.field === 2 && input.wireType === WIRE.fixed32)
      named.code = input.fixed32Field();
    else input.skip();
  }
  return named;
}
