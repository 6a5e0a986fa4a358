/** What a wish means for the three things at Kong that Keyhound sets: limits, the consumer's block, the credential. */
import type { Wish } from '../../core/gateway.ts';
import { isThrottle } from '../../core/ladder.ts';
import {
  type Entry,
  type KongLimits,
  type OperatorValues,
  sameLimits,
  WINDOWS,
  wishedOn,
  writeTags,
} from './kong-limits.ts';
import { type KongKey, type Plugin, uuidOf } from './kong-node.ts';
import { baseOf, type KongFacts } from './kong-state.ts';

export interface KongWishSettings {
  readonly suspend: 'auto' | 'consumer' | 'credential';
  readonly policy: 'local' | 'cluster';
}

export interface Wanted {
  readonly limit: Entry | undefined;
  readonly block: Entry | undefined;
  readonly deleted: boolean;
}

export function wantedOf(
  wish: Wish | null,
  credential: string,
  facts: KongFacts,
  settings: KongWishSettings,
): Wanted {
  if (wish === null) return { limit: undefined, block: undefined, deleted: false };
  const entry = { action: wish.tag, credential };
  if (wish.limit !== undefined && isThrottle(wish.rung)) {
    return { limit: { ...entry, limit: wish.limit }, block: undefined, deleted: false };
  }
  const isAlone = facts.siblings.length === 0 && !facts.hasTermination;
  const byConsumer = settings.suspend === 'consumer' || (settings.suspend === 'auto' && isAlone);
  if (wish.rung === 'suspend' && byConsumer) {
    return { limit: undefined, block: entry, deleted: false };
  }
  return { limit: undefined, block: undefined, deleted: true };
}

/** One call that changes a plugin. */
export interface Change {
  readonly method: 'PUT' | 'PATCH' | 'DELETE';
  readonly id: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** The same for all keys of a consumer, who share the plugin. */
export function madeId(name: Plugin['name'], consumer: string): string {
  return uuidOf(`keyhound ${name} ${consumer}`);
}

/** What brings the plugins of a consumer to what is wanted for one of its keys. */
export function changesOf(
  key: KongKey,
  credential: string,
  wanted: Wanted,
  settings: KongWishSettings,
): Change[] {
  const of = (name: Plugin['name'], entry: Entry | undefined): Change[] => {
    const plugins = key.plugins.filter((plugin) => plugin.name === name);
    const changes = plugins.flatMap((plugin) => {
      const others = plugin.entries.filter((other) => other.credential !== credential);
      const entries = entry === undefined ? others : [...others, entry];
      return changeOf(plugin, entries, key.wider) ?? [];
    });
    if (entry === undefined || plugins.some(({ scope }) => scope === '')) return changes;
    return [...changes, creation(name, key.consumer.id, entry, key.wider, settings)];
  };
  return [...of('rate-limiting', wanted.limit), ...of('request-termination', wanted.block)];
}

/** What makes a plugin carry these entries; undefined where it does. */
export function changeOf(
  plugin: Plugin,
  entries: readonly Entry[],
  wider: KongLimits,
): Change | undefined {
  const { id, name, made, others } = plugin;
  if (name === 'request-termination') {
    if (!made) return undefined;
    if (entries.length === 0) return { method: 'DELETE', id };
    const tags = writeTags({ ...plugin, entries });
    return isSame(plugin, tags, { ...plugin.present, enabled: true })
      ? undefined
      : { method: 'PATCH', id, body: { enabled: true, tags } };
  }
  const base = baseOf(plugin);
  const wished = wishedOn({ made, entries, was: base, over: wider }, base);
  if (wished.entries.length === 0) {
    if (made) return { method: 'DELETE', id };
    return plugin.was === undefined ? undefined : backTo(id, plugin.was, others);
  }
  const tags = writeTags({ made, entries: wished.entries, was: base, over: wider, others });
  if (isSame(plugin, tags, wished.values)) return undefined;
  const { limits, limitBy } = wished.values;
  return { method: 'PATCH', id, body: { enabled: true, config: configOf(limits, limitBy), tags } };
}

function isSame(plugin: Plugin, tags: readonly string[], values: OperatorValues): boolean {
  const { present } = plugin;
  return (
    writeTags(plugin).join() === tags.join() &&
    present.enabled === values.enabled &&
    present.limitBy === values.limitBy &&
    sameLimits(present.limits, values.limits)
  );
}

/** Gives a plugin back to the operator. */
export function backTo(id: string, was: OperatorValues, tags: readonly string[] = []): Change {
  const config = configOf(was.limits, was.limitBy);
  return {
    method: 'PATCH',
    id,
    body: { enabled: was.enabled, config, tags: tags.length === 0 ? null : tags },
  };
}

export function creation(
  name: Plugin['name'],
  consumer: string,
  entry: Entry,
  wider: KongLimits,
  { policy }: KongWishSettings,
): Change {
  const made = { made: true, entries: [entry], was: undefined, over: wider, others: [] };
  const limits = wishedOn(made, undefined).values.limits;
  const config =
    name === 'rate-limiting'
      ? { ...limits, policy, limit_by: 'credential', fault_tolerant: true }
      : { status_code: 403, message: 'Forbidden' };
  const tags = writeTags(name === 'rate-limiting' ? made : { ...made, over: {} });
  const body = { name, consumer: { id: consumer }, enabled: true, tags, config };
  return { method: 'PUT', id: madeId(name, consumer), body };
}

/** All windows: one that is left out would stay as it is. */
function configOf(limits: KongLimits, limitBy: string): Readonly<Record<string, unknown>> {
  const windows = Object.fromEntries(WINDOWS.map((window) => [window, limits[window] ?? null]));
  return { ...windows, limit_by: limitBy };
}
