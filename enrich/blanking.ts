/**
 * Keeps the raw key out of the texts of an event: consumer, route, method, place names, credential id.
 * A text is checked against the keys that its own record shows; the answer is remembered per pair, so a
 * hit costs one comparison, and a text shorter than the key none at all.
 */
import type { Route } from '../core/event.ts';
import { hashText } from '../core/hash.ts';
import { PairMemo } from './pair-memo.ts';
import type { RawKey, RawKeys } from './raw-keys.ts';
import { holdsSecret, latin1 } from './secrets.ts';

const MEMO_SLOTS = 32_768;

/** A cached text; compared by reference. */
export interface Label {
  readonly text: string;
  /** Hash for tables. */
  readonly code: number;
}
export const NO_LABEL: Label = Object.freeze({ text: '', code: 0 });

/** A raw key of the record at hand: what it is, and where its bytes are. Reused. */
export class Shown {
  key: RawKey | undefined;
  /** No shorter text can show the key. Infinite when there is none. */
  secretBytesMin = Number.POSITIVE_INFINITY;
  keys: RawKeys | undefined;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;

  /** `hash`: of the key where it is known, else 0. */
  set(keys: RawKeys, bytes: Uint8Array, start: number, end: number, hash = 0): RawKey {
    const key = keys.lookUp(bytes, start, end, hash);
    this.point(key, keys, bytes, start, end);
    return key;
  }

  /** The same for a key that was looked up before. */
  point(key: RawKey, keys: RawKeys, bytes: Uint8Array, start: number, end: number): void {
    this.key = key;
    this.secretBytesMin = key.secretBytesMin;
    this.keys = keys;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  clear(): void {
    this.key = undefined;
    this.secretBytesMin = Number.POSITIVE_INFINITY;
  }

  /** Cold. */
  secrets(): string[] {
    return this.keys?.secrets(this.bytes, this.start, this.end) ?? [];
  }
}

export class Blanking {
  readonly #routes = new PairMemo<RawKey, Route, Route>(MEMO_SLOTS);
  readonly #labels = new PairMemo<RawKey, Label, boolean>(MEMO_SLOTS);

  /** The route, with every segment that shows the key replaced. */
  route(shown: Shown, route: Route): Route {
    const key = shown.key;
    if (key === undefined || route.template.length < shown.secretBytesMin) return route;
    const hash = (key.identity?.digest1 ?? 0) ^ route.code;
    const known = this.#routes.get(hash, key, route);
    if (known !== undefined) return known;
    const clean = blankRoute(route, shown.secrets());
    this.#routes.set(hash, key, route, clean);
    return clean;
  }

  /** True when bytes[start, end), of which the label was made, show the key: it must not be kept. */
  hides(shown: Shown, label: Label, bytes: Uint8Array, start: number, end: number): boolean {
    const key = shown.key;
    if (key === undefined || end - start < shown.secretBytesMin) return false;
    const hash = (key.identity?.digest1 ?? 0) ^ label.code;
    const known = this.#labels.get(hash, key, label);
    if (known !== undefined) return known;
    const hides = showsAny(latin1(bytes, start, end), shown.secrets());
    this.#labels.set(hash, key, label, hides);
    return hides;
  }

  /** The same for a text that comes so rarely that nothing is remembered. */
  hidesText(shown: Shown, text: string): boolean {
    const key = shown.key;
    if (key === undefined || text.length < shown.secretBytesMin) return false;
    return showsAny(text, shown.secrets());
  }
}

function showsAny(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => holdsSecret(text, secret));
}

function blankRoute(route: Route, secrets: readonly string[]): Route {
  if (!showsAny(route.template, secrets)) return route;
  const segments = route.template
    .split('/')
    .map((segment) => (showsAny(segment, secrets) ? '{id}' : segment));
  const joined = segments.join('/');
  const template = showsAny(joined, secrets) ? '{id}' : joined;
  return Object.freeze({ template, code: hashText(template) || 1 });
}
