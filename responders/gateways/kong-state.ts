/** The state of a Kong credential: what Keyhound records of it before its first write, and tells people. */
import { z } from 'zod';
import type { GatewayState } from '../../core/gateway.ts';
import type { RateLimit } from '../../core/ladder.ts';
import { type OperatorValues, sameLimits, wishedOn } from './kong-limits.ts';
import type { KongKey, Plugin } from './kong-node.ts';
import { ABSENT, fingerprintOf } from './state.ts';

const limitsSchema = z.strictObject({
  second: z.number().exactOptional(),
  minute: z.number().exactOptional(),
  hour: z.number().exactOptional(),
  day: z.number().exactOptional(),
  month: z.number().exactOptional(),
  year: z.number().exactOptional(),
});

const valuesSchema = z.object({
  enabled: z.boolean(),
  limitBy: z.string(),
  limits: limitsSchema,
});

const factsSchema = z.object({
  consumer: z.object({ id: z.string(), name: z.string() }),
  siblings: z.array(z.string()),
  /** The operator's own, without what is ours on them. */
  limits: z.array(valuesSchema.extend({ plugin: z.string(), scope: z.string() })),
  /** Of routes, services and all: what a limit of the consumer replaces. */
  wider: limitsSchema,
  /** The operator has a plugin request-termination for the consumer. */
  hasTermination: z.boolean(),
});
export type KongFacts = z.infer<typeof factsSchema>;

/** Undefined when Kong did not know the credential. */
export function factsOf(state: GatewayState): KongFacts | undefined {
  return state.exists ? factsSchema.parse(state.facts) : undefined;
}

/** The operator's own values of a plugin; undefined where the plugin is ours. */
export function baseOf(plugin: Plugin): OperatorValues | undefined {
  return plugin.made ? undefined : (plugin.was ?? plugin.present);
}

export function stateOf(key: KongKey | undefined, credential: string): GatewayState {
  if (key?.credential === undefined) return ABSENT;
  const limits = key.plugins.filter(({ name }) => name === 'rate-limiting');
  const blocks = key.plugins.filter(({ name }) => name === 'request-termination');
  const facts: KongFacts = {
    consumer: key.consumer,
    siblings: [...key.siblings],
    limits: limits.flatMap((plugin) => {
      const base = baseOf(plugin);
      return base === undefined ? [] : [{ plugin: plugin.id, scope: plugin.scope, ...base }];
    }),
    wider: key.wider,
    hasTermination: blocks.some(({ made, scope }) => !made && scope === ''),
  };
  const ours = key.plugins.flatMap((plugin) => traceOf(plugin, credential) ?? []);
  return {
    exists: true,
    fingerprint: fingerprintWith(facts, ours),
    facts: ours.length === 0 ? { ...facts } : { ...facts, ours },
  };
}

/** What is on a plugin for a credential. */
export interface Trace {
  /** Its id; the name of one of ours. */
  readonly plugin: string;
  /** An action that takes another's place writes its own name there, so that nobody takes it for an orphan. */
  readonly action?: string;
  readonly limit?: RateLimit;
  /** Somebody changed what we wrote there. */
  readonly changedTo?: OperatorValues;
}

export function fingerprintWith(
  { limits, hasTermination }: KongFacts,
  ours: readonly Trace[],
): string {
  const sorted = [...ours].sort((a, b) => (a.plugin < b.plugin ? -1 : 1));
  return fingerprintOf([limits, hasTermination, sorted]);
}

/** What is on a plugin for this credential, or that somebody changed what we wrote there. */
function traceOf(plugin: Plugin, credential: string): Trace | undefined {
  const entry = plugin.entries.find((candidate) => candidate.credential === credential);
  const touched = isTouched(plugin);
  // What stands there for another key of the consumer, as we wrote it, is no change of this one.
  if (entry === undefined && !touched) return undefined;
  return {
    plugin: plugin.made ? plugin.name : plugin.id,
    ...(entry === undefined ? {} : { action: entry.action }),
    ...(entry?.limit === undefined ? {} : { limit: entry.limit }),
    ...(touched ? { changedTo: plugin.present } : {}),
  };
}

function isTouched(plugin: Plugin): boolean {
  if (plugin.entries.length === 0) return false;
  if (plugin.name === 'request-termination') return !plugin.present.enabled;
  const { values } = wishedOn(plugin, baseOf(plugin));
  const { present } = plugin;
  return (
    !present.enabled ||
    present.limitBy !== values.limitBy ||
    !sameLimits(present.limits, values.limits)
  );
}
