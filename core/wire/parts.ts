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
/** Parts whose memory is read ahead. */
const AHEAD = 32;
const FIRST_PARTS = 64;
/** Room for more is let go of after its batch: what hostile bytes leave behind must stay small. */
const KEPT_MAX = 1 << 13;

/** The entries of one batch by index; 0 is none. */
class Entries<T> {
  /** Room that is used again: what lies behind `length` is of batches before. */
  readonly list: T[];
  readonly #cache: PartCache<T>;
  /** Of each part: begin, end, slot. */
  #noted = new Uint32Array(3 * FIRST_PARTS);
  #count = 0;
  /** Of reading ahead; kept so that it is not left out. */
  seen = 0;

  constructor(none: T, cache: PartCache<T>) {
    this.list = [none];
    this.#cache = cache;
  }

  /** Of the batch, with the one that is none. */
  get length(): number {
    return 1 + this.#count;
  }

  clear(): void {
    this.#count = 0;
    if (this.list.length > KEPT_MAX) this.list.length = 1;
    if (this.#noted.length > 3 * KEPT_MAX) this.#noted = new Uint32Array(3 * FIRST_PARTS);
  }

  /** Notes where the field at hand lies; `settle` reads it. */
  read(input: Input): void {
    const end = input.range();
    const i = this.#count++;
    if (i === PARTS_MAX) throw damagedBatch('it has too many parts');
    if (3 * i === this.#noted.length) this.#grow();
    this.#noted[3 * i] = input.at;
    this.#noted[3 * i + 1] = end;
    this.#noted[3 * i + 2] = this.#cache.slotOf(input.view, input.at, end);
    input.at = end;
  }

  settle({ view }: Input): void {
    const noted = this.#noted;
    const count = this.#count;
    let seen = 0;
    for (let from = 0; from < count; from += AHEAD) {
      const to = Math.min(count, from + AHEAD);
      for (let i = from; i < to; i++) seen ^= this.#cache.touch(noted[3 * i + 2]!);
      for (let i = from; i < to; i++) {
        const slot = noted[3 * i + 2]!;
        this.list[1 + i] = this.#cache.get(view, noted[3 * i]!, noted[3 * i + 1]!, slot);
      }
    }
    this.seen = seen;
  }

  #grow(): void {
    const noted = new Uint32Array(2 * this.#noted.length);
    noted.set(this.#noted);
    this.#noted = noted;
  }
}

/** What all batches of a process have named so far. Readers may share one: nothing of a batch is kept here. */
export class KnownParts {
  readonly streams = new PartCache(1 << 8, readStream);
  readonly keys = new PartCache(1 << 16, readKey);
  readonly places = new PartCache(1 << 15, readPlace);
  readonly routes = new PartCache(1 << 12, readRoute);
  readonly clients = new PartCache(1 << 8, readClient);
  readonly networks = new PartCache(1 << 16, readNetwork);
  readonly strings = new PartCache(1 << 14, (bytes) => decodeText(bytes, 0, bytes.length));
}

export class Parts {
  readonly streams: Entries<StreamIdentity>;
  readonly keys: Entries<KeyIdentity>;
  readonly places: Entries<Place>;
  readonly routes: Entries<Route>;
  readonly clients: Entries<ClientFamily>;
  readonly networks: Entries<Network>;
  readonly strings: Entries<string>;
  readonly #all: readonly Entries<unknown>[];

  constructor(known: KnownParts) {
    this.streams = new Entries(NO_STREAM, known.streams);
    this.keys = new Entries(NO_KEY, known.keys);
    this.places = new Entries(UNKNOWN_PLACE, known.places);
    this.routes = new Entries(UNKNOWN_ROUTE, known.routes);
    this.clients = new Entries(UNKNOWN_CLIENT, known.clients);
    this.networks = new Entries(NO_NETWORK, known.networks);
    this.strings = new Entries('', known.strings);
    this.#all = [
      this.streams,
      this.keys,
      this.places,
      this.routes,
      this.clients,
      this.networks,
      this.strings,
    ];
  }

  /** Finds or makes all that was read. */
  settle(input: Input): void {
    for (const entries of this.#all) entries.settle(input);
  }

  clear(): void {
    for (const entries of this.#all) entries.clear();
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
