/**
 * Request target → route template. Grammar of a template: `/` or up to six segments, each `/literal` or
 * `/{id}`, then `/*` when there was more; at most 128 characters, all printable ASCII, never a query.
 *
 * The template is built into a reused buffer and looked up by its bytes, so targets that differ only in
 * their ids meet in one cached object and allocate nothing.
 */
import { type Route, UNKNOWN_ROUTE } from '../core/event.ts';
import { hash32 } from '../core/hash.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { Span } from './address-text.ts';
import { ByteCache } from './byte-cache.ts';
import { pathSpan } from './path-span.ts';
import { isIdentifier } from './segment.ts';

const SEGMENTS_MAX = 6;
const LENGTH_MAX = 128;
/** Longest literal segment; longer ones are ids. */
const SEGMENT_MAX = 23;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const STAR = 0x2a;
const ID = Uint8Array.from([0x7b, 0x69, 0x64, 0x7d]);

export class Routes {
  readonly #cache: ByteCache<Route>;
  readonly #out = new Uint8Array(LENGTH_MAX + SEGMENT_MAX + 1);
  readonly #span = new Span();
  #literals = 0;

  constructor(cacheSlots: number) {
    this.#cache = new ByteCache(cacheSlots, LENGTH_MAX);
  }

  /** The gateway's own route name where it says something, else the template of the target. */
  resolve(draft: RecordDraft): Route {
    const named = draft.start[FIELD.route]!;
    if (named >= 0) {
      const bytes = fieldBytes(draft, FIELD.route);
      const length = this.#build(bytes, named, draft.end[FIELD.route]!, false);
      // A name that is nothing but an id (Kong's unnamed routes) would be the same for all of them.
      if (this.#literals > 0) return this.#lookUp(length);
    }
    const start = draft.start[FIELD.target]!;
    if (start < 0) return UNKNOWN_ROUTE;
    const bytes = fieldBytes(draft, FIELD.target);
    pathSpan(bytes, start, draft.end[FIELD.target]!, this.#span);
    return this.#lookUp(this.#build(bytes, this.#span.start, this.#span.end, true));
  }

  /** Writes the template and answers its length. A name keeps its first segment without a slash. */
  #build(bytes: Uint8Array, start: number, end: number, isPath: boolean): number {
    const out = this.#out;
    let length = 0;
    let segments = 0;
    this.#literals = 0;
    for (let at = start; at < end; ) {
      if (bytes[at] === SLASH) {
        at++;
        continue;
      }
      let to = at;
      // Matrix parameters (`;jsessionid=…`) end a segment.
      while (to < end && bytes[to] !== SLASH && bytes[to] !== SEMICOLON) to++;
      const isId = to - at > SEGMENT_MAX || isIdentifier(bytes, at, to);
      if (segments === SEGMENTS_MAX || length + (isId ? 5 : to - at + 1) > LENGTH_MAX - 2) {
        out[length++] = SLASH;
        out[length++] = STAR;
        break;
      }
      if (isPath || segments > 0 || bytes[start] === SLASH) out[length++] = SLASH;
      if (isId) {
        out.set(ID, length);
        length += ID.length;
      } else {
        for (let i = at; i < to; i++) out[length++] = bytes[i]!;
        this.#literals++;
      }
      segments++;
      at = to;
      while (at < end && bytes[at] !== SLASH) at++;
    }
    if (length === 0) out[length++] = SLASH;
    return length;
  }

  #lookUp(length: number): Route {
    const known = this.#cache.get(this.#out, 0, length);
    if (known !== undefined) return known;
    const template = Buffer.from(this.#out.subarray(0, length)).toString('latin1');
    const route = Object.freeze({ template, code: hash32(this.#out, 0, length) || 1 });
    this.#cache.set(this.#out, 0, length, route);
    return route;
  }
}
