/**
 * Catches uses outside what the registry declares a key for: routes, methods, networks, environment, expiry.
 *
 * Idea: a declaration needs no statistics, so the score is fixed at 7 (algorithms.md §9), from the first use on.
 * Attempts that the gateway refused count too; the sentence says which. What is outside was found out by
 * enrichment, where the whole address is known.
 * Fails: keys without a scope in the registry; a scope wider than the use; what the log does not tell (route,
 * method, address), and an environment that the source does not name.
 * Cost: one comparison an event; nothing a subject.
 */
import { z } from 'zod';
import type { KeyEntry } from '../core/config.ts';
import { type ApiEvent, SCOPE_BREACH, type ScopeBreach } from '../core/event.ts';
import type { Facts } from '../core/finding.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { plural, span } from './words.ts';

const LAYOUT = {} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
});
type Config = z.infer<typeof config>;

const SCORE = 7;
/** Declared things named in a sentence, the rest is counted; and in facts. */
const NAMED_MAX = 4;
const LISTED_MAX = 20;
const BREACHES = Object.keys(SCOPE_BREACH) as ScopeBreach[];

export const scope = defineDetector<typeof LAYOUT, Config>({
  id: 'scope',
  version: 1,
  family: 'credential',
  summary: 'use outside what the key is declared for',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  seesFailures: false,

  init(): void {},

  undeclared({ entry }: Subject): string | undefined {
    return entry?.scope === undefined ? 'no scope in the registry' : undefined;
  },

  readyAt(subject: Subject): number {
    return subject.firstAt;
  },

  observe(_state: State, event: ApiEvent): number {
    return event.scopeBreaches === 0 ? 0 : SCORE;
  },

  describe(_state: State, event: ApiEvent, { entry, events }: Subject): Evidence {
    const breaches = BREACHES.filter((name) => (event.scopeBreaches & SCOPE_BREACH[name]) !== 0);
    const said = breaches.map((breach) => sentenceOf(breach, event, entry?.scope));
    return {
      fromAt: event.at,
      observed: observedOf(event, breaches),
      expected: expectedOf(breaches, entry?.scope),
      why:
        `used outside what it is declared for: ${said.join('; ')}${answerOf(event.status)}; ` +
        `${plural(events, 'request')} of this key came before`,
      about: breaches.map((breach) => aboutOf(breach, event)).join(', '),
      parts: breaches.map((breach) => ({ name: `${breach} outside`, score: 1 })),
    };
  },
});

type DeclaredScope = KeyEntry['scope'];

/** What is outside, and nothing else of the request: who has called that a false alarm has called all such uses one. */
function aboutOf(breach: ScopeBreach, event: ApiEvent): string {
  switch (breach) {
    case 'route':
      return `route ${event.route.template}`;
    case 'method':
      return `method ${event.method}`;
    case 'network':
      return `network ${event.networkId}`;
    case 'environment':
      return `environment ${event.environment}`;
    case 'expiry':
      return breach;
  }
}

function sentenceOf(breach: ScopeBreach, event: ApiEvent, declared: DeclaredScope): string {
  switch (breach) {
    case 'route':
      return `route ${event.route.template} (declared: ${named(declared?.routes)})`;
    case 'method':
      return `method ${event.method} (declared: ${named(declared?.methods)})`;
    case 'network':
      return `an address in ${event.networkId} (declared: ${named(declared?.networks)})`;
    case 'environment':
      return `environment ${event.environment} (declared: ${named(declared?.environments)})`;
    case 'expiry': {
      const endedAt = declared?.expiresAt;
      if (endedAt === undefined) return 'after its end';
      const after = span(Math.max(0, event.at - Date.parse(endedAt)) / 1000);
      return `${after} after its end (${endedAt})`;
    }
  }
}

function named(list: readonly string[] | undefined): string {
  if (list === undefined) return 'not any more';
  if (list.length === 0) return 'none';
  const more = list.length - NAMED_MAX;
  return `${list.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What the gateway answered: an attempt that was refused is one all the same. */
function answerOf(status: number): string {
  if (status === 0) return '';
  if (status === 401 || status === 403) return `; the gateway refused it (${status})`;
  return status < 400 ? `; it was served (${status})` : `; the answer was ${status}`;
}

function observedOf(event: ApiEvent, breaches: readonly ScopeBreach[]): Facts {
  const facts: Record<string, string | number | readonly string[]> = { outside: breaches };
  if (event.method !== '') facts['method'] = event.method;
  if (event.route.template !== '') facts['route'] = event.route.template;
  if (event.networkId !== '') facts['network'] = event.networkId;
  if (event.environment !== '') facts['environment'] = event.environment;
  if (event.status !== 0) facts['status'] = event.status;
  return facts;
}

function expectedOf(breaches: readonly ScopeBreach[], declared: DeclaredScope): Facts {
  const facts: Record<string, string | readonly string[]> = {};
  for (const breach of breaches) {
    if (breach === 'expiry') facts['expiresAt'] = declared?.expiresAt ?? '';
    else facts[`${breach}s`] = declared?.[`${breach}s`]?.slice(0, LISTED_MAX) ?? [];
  }
  return facts;
}
