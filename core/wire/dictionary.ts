/** Parts of the items of one batch, each written once, and the index it got. */
import type { ClientFamily, KeyIdentity, Place, Route } from '../event.ts';
import { PLACE_KINDS, type StreamIdentity } from './layout.ts';
import { Output, WIRE } from './output.ts';

export interface Network {
  readonly id: string;
  readonly code: number;
}

export class Dictionary<T> {
  /** The entries, each with its tag. */
  readonly out = new Output();
  readonly #tag: number;
  readonly #none: T;
  readonly #write: (out: Output, part: T) => void;
  readonly #indexes = new Map<T, number>();
  #last: T;
  #lastIndex = 0;

  constructor(tag: number, none: T, write: (out: Output, part: T) => void) {
    this.#tag = tag;
    this.#none = none;
    this.#last = none;
    this.#write = write;
  }

  /** From 1; 0 for the part that stands for none. */
  index(part: T): number {
    if (part === this.#last) return this.#lastIndex;
    if (part === this.#none) return 0;
    const index = this.#indexes.get(part) ?? this.#add(part);
    this.#last = part;
    this.#lastIndex = index;
    return index;
  }

  clear(): void {
    this.out.clear();
    this.#indexes.clear();
    this.#last = this.#none;
    this.#lastIndex = 0;
  }

  #add(part: T): number {
    const index = this.#indexes.size + 1;
    this.#indexes.set(part, index);
    this.out.tag(this.#tag, WIRE.bytes);
    this.#write(this.out, part);
    return index;
  }
}

/**
 * Networks by their text, from which their codes follow. Where a code does not, the network goes by ` CODE TEXT`
 * here, which no text is like.
 */
export class Networks {
  readonly #byName: Dictionary<string>;
  readonly #codes = new Map<string, number>();
  readonly #texts = new Map<string, string>();
  #code = 0;

  constructor(tag: number) {
    this.#byName = new Dictionary<string>(tag, '', (out, name) => {
      const start = out.begin();
      text(out, 1, this.#texts.get(name) ?? name);
      fixed32(out, 2, this.#code);
      out.end(start);
    });
  }

  get out(): Output {
    return this.#byName.out;
  }

  index(id: string, code: number): number {
    if (id === '' && code === 0) return 0;
    this.#code = code;
    const known = this.#codes.get(id);
    if (known === code) return this.#byName.index(id);
    if (known === undefined && id !== '' && !id.startsWith(' ')) {
      this.#codes.set(id, code);
      return this.#byName.index(id);
    }
    const name = ` ${code} ${id}`;
    this.#texts.set(name, id);
    return this.#byName.index(name);
  }

  clear(): void {
    this.#byName.clear();
    this.#codes.clear();
    this.#texts.clear();
  }
}

export function writeStream(out: Output, stream: StreamIdentity): void {
  const start = out.begin();
  text(out, 1, stream.name);
  text(out, 2, stream.source);
  double(out, 3, stream.latenessMs);
  out.end(start);
}

export function writeKey(out: Output, key: KeyIdentity): void {
  const start = out.begin();
  out.tag(1, WIRE.bytes);
  out.uint(16);
  out.rawWord(key.digest0);
  out.rawWord(key.digest1);
  out.rawWord(key.digest2);
  out.rawWord(key.digest3);
  text(out, 2, key.id);
  out.end(start);
}

export function writePlace(out: Output, place: Place): void {
  const start = out.begin();
  text(out, 1, place.country);
  text(out, 2, place.region);
  text(out, 3, place.city);
  double(out, 4, place.latitude);
  double(out, 5, place.longitude);
  double(out, 6, place.radiusKm);
  text(out, 7, place.timeZone);
  uint(out, 8, place.asn);
  uint(out, 9, place.countryCode);
  fixed32(out, 10, place.regionCode);
  uint(out, 11, PLACE_KINDS.indexOf(place.kind));
  out.end(start);
}

export function writeRoute(out: Output, route: Route): void {
  const start = out.begin();
  text(out, 1, route.template);
  fixed32(out, 2, route.code);
  out.end(start);
}

export function writeClient(out: Output, client: ClientFamily): void {
  const start = out.begin();
  text(out, 1, client.name);
  fixed32(out, 2, client.code);
  out.end(start);
}

export function writeText(out: Output, value: string): void {
  out.text(value);
}

function text(out: Output, field: number, value: string): void {
  if (value === '') return;
  out.tag(field, WIRE.bytes);
  out.text(value);
}

function double(out: Output, field: number, value: number): void {
  if (Object.is(value, 0)) return;
  out.tag(field, WIRE.fixed64);
  out.double(value);
}

function uint(out: Output, field: number, value: number): void {
  if (value === 0) return;
  out.tag(field, WIRE.varint);
  out.uint(value);
}

function fixed32(out: Output, field: number, value: number): void {
  if (value === 0) return;
  out.tag(field, WIRE.fixed32);
  out.fixed32(value);
}
