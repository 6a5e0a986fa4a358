/**
 * Segments of routes that are names, e.g. the `alice` of `/users/alice`: enrichment knows an id by its looks
 * (enrich/segment.ts), a name only shows by how many there are. A parent below which about 128 different words
 * were asked for with success within a week is variable, and from the second day after on `/users/alice` is
 * `/users/{name}` for the detectors that ask what route it is (Subject.route). Whatever compares with what people
 * wrote (scope, restricted routes) sees the route as it came.
 *
 * Only attested, successful requests of known keys count: who tries words that are not there changes nothing. An
 * engine collects the words of its keys by day; what all have found on a day is added up when it is over
 * (exchange.ts). Counting a route again changes nothing, so what is remembered of routes is a cache.
 * Bounds: 2048 parents a week of 256 bits each, 1024 variable ones; what comes beyond is not learned.
 */
import type { ApiEvent, Route } from '../../core/event.ts';
import { hashText } from '../../core/hash.ts';
import { onesIn } from '../baselines/bits.ts';

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

/** Bits of the words below a parent, base64. */
export type ParentWords = readonly [parent: string, bits: string];

/** As JSON. */
export interface SavedRoutes {
  readonly closed: number;
  readonly week: number;
  readonly parents: readonly ParentWords[];
  readonly found: readonly (readonly [day: number, words: readonly ParentWords[]])[];
  readonly variable: readonly (readonly [string, number])[];
}

export class VariableRoutes {
  /** Parents, or variable ones, that there was no room for. */
  refused = 0;
  changed = false;
  /** When the first day with words of ours is over, epoch ms; Infinity without one. */
  closesAt = Number.POSITIVE_INFINITY;
  /** The last day that was added up. */
  private closed = -1;
  /** Words of all engines in the week of that day, by parent. */
  private week = -1;
  private readonly parents = new Map<string, Uint8Array>();
  /** Words of our own keys, by day and parent. */
  private readonly found = new Map<number, Map<string, Uint8Array>>();
  /** By parent: the first day on which its children are one route. */
  private readonly variable = new Map<string, number>();
  private readonly from = new Array<Route | undefined>(SLOTS).fill(undefined);
  private readonly to = new Array<Route | undefined>(SLOTS).fill(undefined);
  private readonly days = new Int32Array(SLOTS);
  private readonly counted = new Uint8Array(SLOTS);

  /** The route of an attested event of a known key as detectors see it; counts it. */
  resolve(event: ApiEvent): Route {
    const { route, status } = event;
    const slot = route.code & (SLOTS - 1);
    const day = Math.floor(event.at / DAY_MS);
    const succeeded = status > 0 && status < 400 && day > this.closed;
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

  /** Takes out the words of our own keys of the days up to one. */
  close(day: number): ParentWords[] {
    const words = new Map<string, Uint8Array>();
    for (const [on, parents] of this.found) {
      if (on > day) continue;
      for (const [name, bits] of parents) merge(words, name, bits);
      this.found.delete(on);
    }
    this.closed = Math.max(this.closed, day);
    this.changed = true;
    this.expectDays();
    return [...words].map(asText);
  }

  /** Adds up what all engines found on a day. */
  add(day: number, words: readonly ParentWords[]): void {
    const week = Math.floor(day / WEEK_DAYS);
    if (week > this.week) {
      this.week = week;
      this.parents.clear();
    }
    this.changed = true;
    for (const [name, text] of [...words].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!this.parents.has(name) && this.parents.size >= PARENTS_MAX) {
        this.refused++;
        continue;
      }
      const bits = merge(this.parents, name, Buffer.from(text, 'base64'));
      if (this.variable.has(name) || bits.reduce((n, byte) => n + onesIn(byte), 0) < BITS_FOUND)
        continue;
      if (this.variable.size < VARIABLE_MAX) this.variable.set(name, day + DELAY_DAYS);
      else this.refused++;
    }
  }

  save(): SavedRoutes {
    this.changed = false;
    return {
      closed: this.closed,
      week: this.week,
      parents: [...this.parents].map(asText),
      found: [...this.found].map(([day, words]) => [day, [...words].map(asText)] as const),
      variable: [...this.variable],
    };
  }

  restore(saved: SavedRoutes): void {
    this.closed = saved.closed;
    this.week = saved.week;
    this.parents.clear();
    for (const [name, text] of saved.parents) this.parents.set(name, bitsOf(text));
    this.found.clear();
    for (const [day, words] of saved.found) {
      this.found.set(day, new Map(words.map(([name, text]) => [name, bitsOf(text)])));
    }
    this.expectDays();
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

  private expectDays(): void {
    this.closesAt = (Math.min(Number.POSITIVE_INFINITY, ...this.found.keys()) + 1) * DAY_MS;
  }

  private countWord(name: string, word: string, day: number): void {
    let parents = this.found.get(day);
    if (parents === undefined) {
      parents = new Map();
      this.found.set(day, parents);
      this.expectDays();
    }
    let bits = parents.get(name);
    if (bits === undefined) {
      if (parents.size >= PARENTS_MAX) {
        this.refused++;
        return;
      }
      bits = new Uint8Array(BYTES);
      parents.set(name, bits);
    }
    const bit = hashText(word, 2) & 0xff;
    const before = bits[bit >> 3]!;
    bits[bit >> 3] = before | (1 << (bit & 7));
    if (bits[bit >> 3] !== before) this.changed = true;
  }
}

function merge(into: Map<string, Uint8Array>, name: string, bits: Uint8Array): Uint8Array {
  const known = into.get(name) ?? new Uint8Array(BYTES);
  for (let i = 0; i < BYTES; i++) known[i] = known[i]! | (bits[i] ?? 0);
  into.set(name, known);
  return known;
}

function asText([name, bits]: readonly [string, Uint8Array]): ParentWords {
  return [name, Buffer.from(bits).toString('base64')];
}

function bitsOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

/** 64 bits that stand for a parent: no word of a path is kept. */
function nameOf(path: string): string {
  return `${hashText(path).toString(36)}.${hashText(path, 1).toString(36)}`;
}
