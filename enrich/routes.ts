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
import { ByteCache } from './byte-cache.ts';
import { Segment } from './segment.ts';
import type { Target } from './target.ts';

const SEGMENTS_MAX = 6;
const LENGTH_MAX = 128;
/** `/*` that says there was more. */
const MORE_LENGTH = 2;
const SLOT_BYTES = LENGTH_MAX + 2;
const SLASH = 0x2f;
const STAR = 0x2a;

export class Routes {
  readonly #cache: ByteCache<Route>;
  /** Longer than a template may be by one segment, so that a segment is written before it is judged. */
  readonly #out = new Uint8Array(2 * LENGTH_MAX);
  readonly #segment = new Segment();
  #literals = 0;

  constructor(cacheSlots: number) {
    this.#cache = new ByteCache(cacheSlots, SLOT_BYTES);
  }

  /** The gateway's own route name where it says something, else the template of the target. */
  resolve(draft: RecordDraft, target: Target): Route {
    const named = draft.start[FIELD.route]!;
    if (named >= 0) {
      const end = draft.end[FIELD.route]!;
      const length = this.#build(fieldBytes(draft, FIELD.route), named, end, false);
      // A name that is nothing but an id (Kong's unnamed routes) would be the same for all of them.
      if (this.#literals > 0) return this.#lookUp(length);
    }
    if (!target.present) return UNKNOWN_ROUTE;
    return this.#lookUp(this.#build(target.bytes, target.pathStart, target.pathEnd, true));
  }

  /** Writes the template and answers its length. A name keeps its first segment without a slash. */
  #build(bytes: Uint8Array, start: number, end: number, isPath: boolean): number {
    const out = this.#out;
    const segment = this.#segment;
    let length = 0;
    let segments = 0;
    this.#literals = 0;
    for (let at = start; at < end; ) {
      if (bytes[at] === SLASH) {
        at++;
        continue;
      }
      let to = length;
      if (isPath || at > start) {
        out[to++] = SLASH;
        at = segment.read(bytes, at, end, out, to);
      } else at = segment.readName(bytes, at, end, out, to);
      if (segment.isId) to = writeId(out, to);
      else to += segment.length;
      if (segments === SEGMENTS_MAX || to > LENGTH_MAX - MORE_LENGTH) {
        out[length++] = SLASH;
        out[length++] = STAR;
        break;
      }
      if (!segment.isId) this.#literals++;
      length = to;
      segments++;
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

/** Writes `{id}`. */
function writeId(out: Uint8Array, to: number): number {
  out[to] = 0x7b;
  out[to + 1] = 0x69;
  out[to + 2] = 0x64;
  out[to + 3] = 0x7d;
  return to + 4;
}
