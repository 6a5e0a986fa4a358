/**
 * Segments of routes that are names, e.g. the `alice` of `/users/alice`: enrichment knows an id by its looks
 * (enrich/segment.ts), a name only shows by how many there are. A parent below which about 128 different words
 * were asked for with success within a week is variable, and from the second day after on `/users/alice` is
 * `/users/{name}` for the detectors that ask what route it is (Subject.route). Whatever compares with what people
 * wrote (scope, restricted routes) sees the route as it came.
 *
 * Only attested, successful requests of known keys count: who tries words that are not there changes nothing.
 * Counting a route again changes nothing either, so what is remembered of routes is a cache, and parents are
 * never given up before their week is over, so that it makes no difference what the cache holds.
 * Bounds: 2048 parents a week of 256 bits each, 1024 variable ones; what comes beyond is not learned.
 */
import type { ApiEvent, Route } from '../../core/event.ts';
import { hashText } from '../../core/hash.ts';
import { onesIn } from '../baselines/bits.ts';

/** Name of the part in the snapshot; it stands in key group 0. */
export const ROUTES_PART = 'routes';

const PARENTS_MAX = 2048;
const VARIABLE_MAX = 1024;
const BYTES = 32;
/** Bits set by 128 different words, by linear counting: 256 · (1 − e^(−128/256)). */
const BITS_FOUND = 101;
const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;
/** From the day of the discovery to the first day that knows it (design.md: what comes from other subjects). */
const DELAY_DAYS = 2;
const SLOTS = 4096;

interface Parent {
  readonly bits: Uint8Array;
  set: number;
}

interface Saved {
  readonly week: number;
  readonly parents: readonly (readonly [string, string])[];
  readonly variable: readonly (readonly [string, number])[];
}

export class VariableRoutes {
  /** Parents, or variable ones, that there was no room for. */
  refused = 0;
  private week = -1;
  private readonly parents = new Map<string, Parent>();
  /** By parent: the first day on which its children are one route. */
  private readonly variable = new Map<string, number>();
  private changed = false;
  private readonly from = new Array<Route | undefined>(SLOTS).fill(undefined);
  private readonly to = new Array<Route | undefined>(SLOTS).fill(undefined);
  private readonly days = new Int32Array(SLOTS);
  private readonly counted = new Uint8Array(SLOTS);

  /** The route of an attested event of a known key as detectors see it; counts it. */
  resolve(event: ApiEvent): Route {
    const { route, status } = event;
    const slot = route.code & (SLOTS - 1);
    const day = Math.floor(event.at / DAY_MS);
    const succeeded = status > 0 && status < 400 && day >= this.week * WEEK_DAYS;
    const isKnown = this.from[slot] === route && this.days[slot] === day;
    if (isKnown && (this.counted[slot] === 1 || !succeeded)) return this.to[slot]!;
    const resolved = this.fold(route, day);
    this.from[slot] = route;
    this.to[slot] = resolved;
    this.days[slot] = day;
    this.counted[slot] = succeeded ? 1 : 0;
    if (succeeded) this.count(route, day);
    return resolved;
  }

  /** The part's bytes when they have changed since the last call. */
  drain(): Uint8Array | undefined {
    if (!this.changed) return undefined;
    this.changed = false;
    const saved: Saved = {
      week: this.week,
      parents: [...this.parents].map(([name, { bits }]) => [
        name,
        Buffer.from(bits).toString('base64'),
      ]),
      variable: [...this.variable],
    };
    return new TextEncoder().encode(JSON.stringify(saved));
  }

  restore(bytes: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(bytes)) as Saved;
    this.week = saved.week;
    this.parents.clear();
    for (const [name, text] of saved.parents) {
      const bits = Uint8Array.from(Buffer.from(text, 'base64'));
      this.parents.set(name, { bits, set: bits.reduce((sum, byte) => sum + onesIn(byte), 0) });
    }
    this.variable.clear();
    for (const [name, day] of saved.variable) this.variable.set(name, day);
    this.from.fill(undefined);
  }

  private fold(route: Route, day: number): Route {
    if (this.variable.size === 0) return route;
    const template = this.walk(route.template, day);
    if (template === route.template) return route;
    return Object.freeze({ template, code: hashText(template) || 1 });
  }

  /** Counts the route's words below their parents, as they are with all that was found so far. */
  private count(route: Route, day: number): void {
    const week = Math.floor(day / WEEK_DAYS);
    if (week > this.week) {
      this.week = week;
      this.parents.clear();
      this.changed = true;
    }
    this.walk(route.template, Number.POSITIVE_INFINITY, day);
  }

  /** The template with the names of parents replaced that are variable by `day`; counts words on `countOn`. */
  private walk(template: string, day: number, countOn?: number): string {
    // A name that the gateway gave is no path.
    if (!template.startsWith('/') || template === '/') return template;
    let path = '';
    for (const word of template.slice(1).split('/')) {
      const isWord = !word.startsWith('{') && word !== '*';
      const name = isWord ? nameOf(path) : '';
      const since = isWord ? this.variable.get(name) : undefined;
      if (since !== undefined && since <= day) {
        path += '/{name}';
        continue;
      }
      if (isWord && countOn !== undefined) this.countWord(name, word, countOn);
      path += `/${word}`;
    }
    return path;
  }

  private countWord(name: string, word: string, day: number): void {
    let parent = this.parents.get(name);
    if (parent === undefined) {
      if (this.parents.size >= PARENTS_MAX) {
        this.refused++;
        return;
      }
      parent = { bits: new Uint8Array(BYTES), set: 0 };
      this.parents.set(name, parent);
      this.changed = true;
    }
    const bit = hashText(word, 2) & 0xff;
    const before = parent.bits[bit >> 3]!;
    if ((before & (1 << (bit & 7))) !== 0) return;
    parent.bits[bit >> 3] = before | (1 << (bit & 7));
    parent.set++;
    this.changed = true;
    if (parent.set < BITS_FOUND) return;
    if (this.variable.size < VARIABLE_MAX) this.variable.set(name, day + DELAY_DAYS);
    else this.refused++;
  }
}

/** 64 bits that stand for a parent: no word of a path is kept. */
function nameOf(path: string): string {
  return `${hashText(path).toString(36)}.${hashText(path, 1).toString(36)}`;
}
