/**
 * Where the keys of a request are. All places are looked at, not only the first that holds something: with a made-up
 * key in the one place and a suspended key in the other a thief would pass, if the service behind takes the other.
 * For the same reason every value of a repeated header counts, also where a proxy joined them with commas.
 */
import { headerOf, parseKeySpec } from '../core/key-spec.ts';
import { type Extractor, extractorOf } from '../enrich/key-extract.ts';
import { FOUND, QueryFinder } from '../enrich/query.ts';

/**
 * Nobody honest shows more keys, or a longer one; each bound also keeps what one request can cost in time. What is
 * beyond is refused: to look no further would let a key pass that stands there.
 */
export const KEYS_MAX = 8;
const VALUE_MAX = 32_768;
const TARGET_MAX = 65_536;
/** Parameters of a query in which keys differ. */
const PARAMETERS_MAX = 1000;
const PATH_MAX = 4096;

interface HeaderPlace {
  /** Lower case. */
  readonly header: string;
  readonly extractor: Extractor;
}

export class KeyPlaces {
  /** Headers that may hold a key, lower case. */
  readonly headers: readonly string[];
  readonly #headers: readonly HeaderPlace[];
  readonly #query: readonly Uint8Array[];
  readonly #paths: readonly RegExp[];
  readonly #finder = new QueryFinder();
  readonly #target = Buffer.alloc(TARGET_MAX);

  /** `specs` as `--key`. Throws `usage` on one that names no place in a request. */
  constructor(specs: readonly string[]) {
    const parsed = specs.map(parseKeySpec);
    this.#headers = parsed.flatMap((spec) => {
      const header = headerOf(spec);
      return header === undefined ? [] : [{ header, extractor: extractorOf(spec) }];
    });
    this.headers = [...new Set(this.#headers.map(({ header }) => header))];
    this.#query = parsed.flatMap((spec) =>
      spec.kind === 'query' ? [new TextEncoder().encode(spec.name.toLowerCase())] : [],
    );
    this.#paths = parsed.flatMap((spec) => (spec.kind === 'path' ? [spec.pattern] : []));
  }

  /**
   * Adds the keys of a request to `out`. `valuesOf` answers the values of a header, `except` is no key (our own
   * token). False when there is more than is looked at.
   */
  read(
    valuesOf: (header: string) => readonly string[],
    target: string,
    except: string,
    out: string[],
  ): boolean {
    for (const place of this.#headers) {
      const values = valuesOf(place.header);
      for (let i = 0; i < values.length; i++) {
        if (!readHeader(place, values[i]!, except, out)) return false;
      }
    }
    if (this.#query.length > 0 && !this.#parameters(target, out)) return false;
    for (const pattern of this.#paths) this.#segment(pattern, target, out);
    return out.length <= KEYS_MAX;
  }

  #parameters(target: string, out: string[]): boolean {
    const question = target.indexOf('?');
    if (question < 0) return true;
    if (target.length > TARGET_MAX) return false;
    const query = target.slice(question + 1);
    if (this.#parameter(query, out) !== FOUND.differing) return true;
    // Two that differ both count, so each is looked at by itself.
    const parts = query.split('&', PARAMETERS_MAX + 1);
    for (const part of parts) this.#parameter(part, out);
    return parts.length <= PARAMETERS_MAX;
  }

  #parameter(query: string, out: string[]): number {
    const end = this.#target.write(query, 0, TARGET_MAX, 'latin1');
    const finder = this.#finder;
    const found = finder.find(this.#target, 0, end, this.#query);
    if (found === FOUND.one) add(out, latin1(finder.bytes, finder.start, finder.end));
    return found;
  }

  #segment(pattern: RegExp, target: string, out: string[]): void {
    const path = target.split('?', 1)[0]!.slice(0, PATH_MAX);
    const match = pattern.exec(path);
    if (match === null) return;
    const text = match[1] ?? match[0];
    let decoded = text;
    try {
      decoded = Buffer.from(decodeURIComponent(text), 'utf8').toString('latin1');
    } catch {
      // Taken as it is, as enrich/identity.ts does.
    }
    if (decoded !== '' && decoded !== '-') add(out, decoded);
  }
}

/** Also each of several that a proxy joined; a cookie may hold commas, and is joined otherwise. */
function readHeader(place: HeaderPlace, value: string, except: string, out: string[]): boolean {
  if (value.length > VALUE_MAX) return false;
  take(place.extractor, value, except, out);
  if (place.header !== 'cookie' && value.includes(',')) {
    const parts = value.split(',', KEYS_MAX + 1);
    for (const part of parts) take(place.extractor, part.trim(), except, out);
    if (parts.length > KEYS_MAX) return false;
  }
  return out.length <= KEYS_MAX;
}

function take(extractor: Extractor, value: string, except: string, out: string[]): void {
  if (value === '' || value === '-') return;
  const key = keyOf(extractor, value);
  if (key !== '' && key !== except) add(out, key);
}

/** A header taken as it is needs no extractor, which costs more than all else here. */
function keyOf(extractor: Extractor, value: string): string {
  if (extractor.signature === 'plain') return value;
  if (extractor.signature === 'bearer') return bearerOf(value);
  const { key } = extractor.extract(Buffer.from(value, 'latin1'));
  return key === undefined ? '' : latin1(key, 0, key.length);
}

/** As enrich/key-extract.ts: the token behind `Bearer `, or the whole where there is no scheme. */
function bearerOf(value: string): string {
  const text = value.trim();
  const space = text.search(/[ \t]/);
  if (space < 0) return text;
  if (space !== 6 || text.slice(0, 6).toLowerCase() !== 'bearer') return '';
  const token = text.slice(space).trim();
  return /[ \t]/.test(token) ? '' : token;
}

function add(out: string[], key: string): void {
  if (!out.includes(key)) out.push(key);
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
