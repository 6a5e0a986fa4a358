/**
 * Limits of Kong's rate-limiting plugin: several windows at once. What of ours stands on a plugin is written in its
 * tags, so that it can be told from the operator's, joined by other keys of the consumer, and taken back by whoever
 * reads it:
 *
 *   keyhound                                        something of ours is on it
 *   keyhound-made                                   the plugin itself is ours
 *   keyhound:ACTION:CREDENTIAL[:REQUESTS:WINDOWMS]  what one action wants of it
 *   keyhound-was:ENABLED:LIMITBY:WINDOW=N;…         the operator's own values, while ours are in their place
 *   keyhound-over:WINDOW=N;…                        limits of routes, services or all that it replaces, and keeps
 */
import type { RateLimit } from '../../core/ladder.ts';

const MS = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
} as const;
export type Window = keyof typeof MS;
/** Shortest first. */
export const WINDOWS = Object.keys(MS) as readonly Window[];
export type KongLimits = Readonly<Partial<Record<Window, number>>>;

/**
 * A limit in one of Kong's windows: its own, else the longest below it that still lets a request through, else the
 * next above. Rounded down: never more than was asked for.
 */
export function limitsOf(limit: RateLimit): KongLimits {
  const inWindow = (window: Window) => Math.floor((limit.requests * MS[window]) / limit.windowMs);
  const below = WINDOWS.filter((window) => MS[window] <= limit.windowMs && inWindow(window) >= 1);
  const above = WINDOWS.find((window) => MS[window] > limit.windowMs && inWindow(window) >= 1);
  const window = below.at(-1) ?? above ?? 'year';
  return { [window]: Math.max(1, inWindow(window)) };
}

/** Both at once, without what the first says already; in Kong's order (a longer window may not have less). */
export function strictest(base: KongLimits, added: KongLimits): KongLimits {
  const result: Partial<Record<Window, number>> = { ...base };
  for (const window of WINDOWS) {
    const value = added[window];
    if (value === undefined || isImplied(result, window, value)) continue;
    result[window] = value;
    for (const shorter of WINDOWS.slice(0, WINDOWS.indexOf(window))) {
      if (result[shorter] !== undefined) result[shorter] = Math.min(result[shorter], value);
    }
  }
  return result;
}

function isImplied(limits: KongLimits, window: Window, value: number): boolean {
  return WINDOWS.some((other) => {
    const given = limits[other];
    if (given === undefined) return false;
    return MS[other] >= MS[window] ? given <= value : given * (MS[window] / MS[other]) <= value;
  });
}

/** What one action wants of a plugin. */
export interface Entry {
  readonly action: string;
  readonly credential: string;
  /** Absent for what has no number: a block. */
  readonly limit?: RateLimit;
}

export interface OperatorValues {
  readonly enabled: boolean;
  readonly limitBy: string;
  readonly limits: KongLimits;
}

export interface Tags {
  readonly made: boolean;
  readonly entries: readonly Entry[];
  readonly was: OperatorValues | undefined;
  readonly over: KongLimits;
  /** The operator's own. */
  readonly others: readonly string[];
}

export const MARK = 'keyhound';
const MADE = 'keyhound-made';
const ENTRY = /^keyhound:([a-z0-9_]{1,40}):([^:,/]{1,128})(?::(\d{1,12}):(\d{1,15}))?$/;
const WAS = /^keyhound-was:(true|false):([a-z-]+):((?:[a-z]+=[\d.]+;?)*)$/;
const OVER = /^keyhound-over:((?:[a-z]+=[\d.]+;?)*)$/;

export function readTags(tags: readonly string[]): Tags {
  const entries: Entry[] = [];
  const others: string[] = [];
  let was: OperatorValues | undefined;
  let over: KongLimits = {};
  for (const tag of tags) {
    const entry = ENTRY.exec(tag);
    const before = WAS.exec(tag);
    const replaced = OVER.exec(tag);
    if (entry !== null) entries.push(entryOf(entry));
    else if (before !== null) {
      const [, enabled, limitBy = '', limits = ''] = before;
      was = { enabled: enabled === 'true', limitBy, limits: readLimits(limits) };
    } else if (replaced !== null) over = readLimits(replaced[1] ?? '');
    else if (tag !== MARK && tag !== MADE) others.push(tag);
  }
  return { made: tags.includes(MADE), entries, was, over, others };
}

function entryOf(match: RegExpExecArray): Entry {
  const [, action = '', credential = '', requests, windowMs] = match;
  if (requests === undefined) return { action, credential };
  return {
    action,
    credential,
    limit: { requests: Number(requests), windowMs: Number(windowMs) },
  };
}

/** Sorted, so that the same wish writes the same; the operator's own alone where nothing is of ours. */
export function writeTags({ made, entries, was, over, others }: Tags): string[] {
  if (entries.length === 0) return [...others];
  const ours = entries.map(({ action, credential, limit }) =>
    [MARK, action, credential, ...(limit ? [limit.requests, limit.windowMs] : [])].join(':'),
  );
  const before = was && `keyhound-was:${was.enabled}:${was.limitBy}:${writeLimits(was.limits)}`;
  const replaced = Object.keys(over).length > 0 && `keyhound-over:${writeLimits(over)}`;
  const more = [made && MADE, before, replaced].filter((tag) => typeof tag === 'string');
  return [...others, MARK, ...ours.sort(), ...more];
}

function readLimits(text: string): KongLimits {
  const pairs = text.split(';').map((part) => part.split('='));
  const known = pairs.filter(([window = '']) => Object.hasOwn(MS, window));
  return Object.fromEntries(known.map(([window, value]) => [window, Number(value)]));
}

function writeLimits(limits: KongLimits): string {
  const given = WINDOWS.filter((window) => limits[window] !== undefined);
  return given.map((window) => `${window}=${limits[window]}`).join(';');
}

export function sameLimits(a: KongLimits, b: KongLimits): boolean {
  return writeLimits(a) === writeLimits(b);
}

/**
 * What a plugin must say for the entries on it. An entry that adds nothing to the operator's own limit is left out:
 * then nothing of ours is on it, and the stricter limit stays as it is.
 */
export function wishedOn(
  plugin: Omit<Tags, 'others'>,
  base: OperatorValues | undefined,
): {
  readonly entries: readonly Entry[];
  readonly values: OperatorValues;
} {
  // An operator's own of the consumer has replaced the wider ones already.
  const limits = base?.enabled === true ? base.limits : plugin.over;
  // Per address or path a thief would get the limit as often as he changes it.
  const limitBy = base?.enabled === true && base.limitBy === 'consumer' ? 'consumer' : 'credential';
  const adds = ({ limit }: Entry): boolean => {
    if (limit === undefined) return false;
    if (base?.enabled !== true || base.limitBy !== limitBy) return true;
    return !sameLimits(strictest(base.limits, limitsOf(limit)), base.limits);
  };
  const entries = plugin.entries.filter(adds);
  const all = entries.flatMap(({ limit }) => (limit === undefined ? [] : [limitsOf(limit)]));
  return { entries, values: { enabled: true, limitBy, limits: all.reduce(strictest, limits) } };
}
