/**
 * The plugin limit-count of an APISIX consumer: one limit. What of ours stands on it is written in the consumer's
 * labels, so that it can be told from the operator's, joined by other credentials, and taken back by whoever reads it:
 *
 *   keyhound-ACTION: CREDENTIAL:REQUESTS:WINDOWMS   what one action wants of it
 *   keyhound-was:    base64url(JSON)                the operator's values, while ours are in their place; null: none
 *   keyhound-over:   REQUESTS:WINDOWMS              strictest limit of routes and others that it replaces, and keeps
 */
import type { RateLimit } from '../../core/ladder.ts';
import { isObject, type Json } from './admin-api.ts';
import { implies, inUnits, strictestLimit } from './single-limit.ts';

/** Members of limit-count that Keyhound changes. */
const CHANGED = ['count', 'time_window', 'key', 'key_type', 'group'] as const;
/** APISIX puts it there for the credential that it has checked. */
const PER_CREDENTIAL = { key_type: 'var', key: 'http_x_credential_identifier' } as const;
const MARK = /^keyhound-([a-z0-9_]{1,40})$/;
const ENTRY = /^([^:]{1,128}):(\d{1,12}):(\d{1,15})$/;

export interface Entry {
  readonly action: string;
  readonly credential: string;
  readonly limit: RateLimit;
}

export interface Marks {
  readonly entries: readonly Entry[];
  /** The operator's values, as far as ours are in their place; null: he had no limit-count. */
  readonly was: Json | null | undefined;
  readonly over: RateLimit | undefined;
  /** The operator's own labels. */
  readonly others: Json;
}

export function readMarks(labels: unknown): Marks {
  const entries: Entry[] = [];
  const others: Record<string, unknown> = {};
  let was: Json | null | undefined;
  let over: RateLimit | undefined;
  for (const [name, value] of Object.entries(isObject(labels) ? labels : {})) {
    const text = typeof value === 'string' ? value : '';
    const entry = ENTRY.exec(text);
    if (name === 'keyhound-was') was = decoded(text);
    else if (name === 'keyhound-over') over = limitText(text);
    else if (MARK.test(name) && entry !== null) {
      const [, credential = '', requests, windowMs] = entry;
      const limit = { requests: Number(requests), windowMs: Number(windowMs) };
      entries.push({ action: MARK.exec(name)?.[1] ?? '', credential, limit });
    } else others[name] = value;
  }
  entries.sort((a, b) => (a.action < b.action ? -1 : 1));
  return { entries, was, over, others };
}

/** The operator's own alone where nothing is of ours; undefined where there are none. */
export function writeMarks({ entries, was, over, others }: Marks): Json | undefined {
  if (entries.length === 0) return Object.keys(others).length === 0 ? undefined : others;
  const ours = entries.map(({ action, credential, limit }) => [
    `keyhound-${action}`,
    `${credential}:${limit.requests}:${limit.windowMs}`,
  ]);
  return {
    ...others,
    ...Object.fromEntries(ours),
    'keyhound-was': Buffer.from(JSON.stringify(was ?? null)).toString('base64url'),
    ...(over === undefined ? {} : { 'keyhound-over': `${over.requests}:${over.windowMs}` }),
  };
}

function decoded(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function limitText(text: string): RateLimit | undefined {
  const [requests, windowMs] = text.split(':').map(Number);
  return requests && windowMs ? { requests, windowMs } : undefined;
}

/** The values of a limit-count that Keyhound may change; undefined: there is none. */
export function valuesOf(plugin: unknown): Json | undefined {
  if (!isObject(plugin)) return undefined;
  const given = CHANGED.filter((name) => plugin[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, plugin[name]]));
}

/** Undefined where it has no one number: `rules`, or a variable. */
export function limitIn(plugin: unknown): RateLimit | undefined {
  if (!isObject(plugin)) return undefined;
  const { count, time_window: seconds } = plugin;
  if (typeof count !== 'number' || typeof seconds !== 'number') return undefined;
  return { requests: count, windowMs: seconds * 1000 };
}

/** False: Keyhound does not know how to make it stricter, nor whether it is. */
export function isReadable(plugin: unknown): boolean {
  return plugin === undefined || limitIn(plugin) !== undefined;
}

function isPerCredential(base: Json | undefined): boolean {
  return base?.['key'] === PER_CREDENTIAL.key;
}

/** One counter of all credentials of the consumer: the operator's choice, and no laxer than one of each. */
function isOfConsumer(base: Json | undefined): boolean {
  return base?.['key'] === 'consumer_name';
}

/**
 * What the plugin must say for the entries. An entry that adds nothing to the operator's own limit is left out: then
 * nothing of ours is on it. `base`: the operator's values; undefined: he has no limit-count for the consumer.
 */
export function wishedOn(
  entries: readonly Entry[],
  base: Json | undefined,
  over: RateLimit | undefined,
): { readonly entries: readonly Entry[]; readonly values: Json | undefined } {
  const own = limitIn(base);
  const isKept = isOfConsumer(base) || isPerCredential(base);
  const adds = ({ limit }: Entry) =>
    own === undefined || !isKept || !implies(own, inUnits(limit, 1000));
  const kept = entries.filter(adds);
  if (kept.length === 0) return { entries: [], values: base };
  // The operator's own of the consumer has replaced the wider ones already.
  const before = base === undefined ? over : own;
  const limits = kept.map(({ limit }) => inUnits(limit, 1000));
  const strictest = strictestLimit(before === undefined ? limits : [before, ...limits])!;
  return {
    entries: kept,
    values: {
      count: strictest.requests,
      time_window: strictest.windowMs / 1000,
      ...(isOfConsumer(base)
        ? { key_type: base?.['key_type'] ?? 'var', key: base?.['key'] }
        : PER_CREDENTIAL),
    },
  };
}

/** The plugin with other values; all that Keyhound never changes stays. A group would want them everywhere. */
export function pluginWith(plugin: unknown, values: Json): Json {
  if (!isObject(plugin)) {
    return { ...values, policy: 'local', allow_degradation: true, rejected_code: 429 };
  }
  const kept = Object.entries(plugin).filter(
    ([name]) => !(CHANGED as readonly string[]).includes(name),
  );
  return { ...Object.fromEntries(kept), ...values };
}
