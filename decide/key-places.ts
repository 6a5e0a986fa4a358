/**
 * Where the keys of a request are. All places are looked at, not only the first that holds something: with a made-up
 * key in the one place and a suspended key in the other a thief would pass, if the service behind takes the other.
 * For the same reason every value of a repeated header counts, also where a proxy joined them with commas.
 */
import { type KeySpec, parseKeySpec } from '../core/key-spec.ts';
import { type Extractor, extractorOf } from '../enrich/key-extract.ts';
import { FOUND, QueryFinder } from '../enrich/query.ts';

/** Nobody honest shows more. */
export const KEYS_MAX = 8;
const TARGET_BYTES_MAX = 65_536;
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
  readonly #target = Buffer.alloc(TARGET_BYTES_MAX);

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
   * token). False when there are more than KEYS_MAX.
   */
  read(
    valuesOf: (header: string) => readonly string[],
    target: string,
    except: string,
    out: string[],
  ): boolean {
    for (const { header, extractor } of this.#headers) {
      const values = valuesOf(header);
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        this.#take(extractor, value, except, out);
        if (value.includes(',')) {
          for (const part of value.split(',')) this.#take(extractor, part.trim(), except, out);
        }
        if (out.length > KEYS_MAX) return false;
      }
    }
    if (this.#query.length > 0) this.#parameters(target, out);
    for (const pattern of this.#paths) this.#segment(pattern, target, out);
    return out.length <= KEYS_MAX;
  }

  #take(extractor: Extractor, value: string, except: string, out: string[]): void {
    if (value === '' || value === '-') return;
    const key = keyOf(extractor, value);
    if (key !== '' && key !== except) add(out, key);
  }

  /** Parameters are found one name at a time: of two that differ, both count. */
  #parameters(target: string, out: string[]): void {
    const question = target.indexOf('?');
    if (question < 0) return;
    const bytes = this.#target;
    const query = target.slice(question + 1);
    for (const part of query.split('&')) {
      const end = bytes.write(part, 0, TARGET_BYTES_MAX, 'latin1');
      const finder = this.#finder;
      if (finder.find(bytes, 0, end, this.#query) !== FOUND.one) continue;
      add(out, latin1(finder.bytes, finder.start, finder.end));
    }
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

function headerOf(spec: KeySpec): string | undefined {
  switch (spec.kind) {
    case 'header':
      return spec.name.toLowerCase();
    case 'bearer':
    case 'basic':
    case 'jwt':
      return 'authorization';
    case 'cookie':
      return 'cookie';
    default:
      return undefined;
  }
}
