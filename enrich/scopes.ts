/**
 * Uses outside of what the registry declares their keys for (`scope`). Judged here, where the whole address is
 * known; what is left in the event is a set of bits.
 *
 * A declared route is a template as findings show it, `/v1/orders/{id}` (the name between the braces does not
 * matter), or everything below one, `/v1/orders/*`. What a record does not say is no breach.
 */
import type { KeyEntry } from '../core/config.ts';
import type { KeyDirectory } from '../core/directory.ts';
import { type ApiEvent, SCOPE_BREACH } from '../core/event.ts';
import type { Address } from './address.ts';
import { PairMemo } from './pair-memo.ts';
import { parseRange, type Range } from './ranges.ts';

type DeclaredScope = NonNullable<KeyEntry['scope']>;

/** A scope as it is judged; undefined is not declared. */
interface Scope {
  /** Spreads scopes over the memo. */
  readonly number: number;
  readonly templates: ReadonlySet<string> | undefined;
  /** Of `/v1/orders/*`: `/v1/orders/`. */
  readonly prefixes: readonly string[];
  readonly methods: ReadonlySet<string> | undefined;
  readonly networks: readonly Range[] | undefined;
  readonly environments: ReadonlySet<string> | undefined;
  /** Epoch ms. */
  readonly expiresAt: number;
}

const MEMO_SLOTS = 8192;
const BELOW = '/*';

export class Scopes {
  readonly #scopes: ReadonlyMap<string, Scope>;
  /** Whether an address lies within a scope's networks. */
  readonly #within = new PairMemo<Address, Scope, boolean>(MEMO_SLOTS);

  constructor(directory: Pick<KeyDirectory, 'all'>) {
    const scopes = new Map<string, Scope>();
    for (const { id, scope } of directory.all()) {
      if (scope !== undefined) scopes.set(id, compiled(scope, scopes.size));
    }
    this.#scopes = scopes;
  }

  /** Bits of SCOPE_BREACH of an event that is filled otherwise. Keys without a scope cost one look-up. */
  breaches(event: ApiEvent, address: Address): number {
    if (this.#scopes.size === 0) return 0;
    const scope = this.#scopes.get(event.key.id);
    if (scope === undefined) return 0;
    const { methods, networks, environments } = scope;
    let found = 0;
    if (!allows(scope, event.route.template)) found |= SCOPE_BREACH.route;
    if (methods !== undefined && event.method !== '' && !methods.has(event.method.toUpperCase()))
      found |= SCOPE_BREACH.method;
    if (networks !== undefined && !this.#isWithin(address, scope, networks))
      found |= SCOPE_BREACH.network;
    if (environments !== undefined && event.environment !== '')
      if (!environments.has(event.environment)) found |= SCOPE_BREACH.environment;
    if (event.at >= scope.expiresAt) found |= SCOPE_BREACH.expiry;
    return found;
  }

  #isWithin(address: Address, scope: Scope, networks: readonly Range[]): boolean {
    const hash = address.network ^ Math.imul(scope.number, 0x9e3779b1);
    const known = this.#within.get(hash, address, scope);
    if (known !== undefined) return known;
    const isWithin = address.isWithin(networks);
    this.#within.set(hash, address, scope, isWithin);
    return isWithin;
  }
}

function allows({ templates, prefixes }: Scope, template: string): boolean {
  if (templates === undefined || template === '' || templates.has(template)) return true;
  return prefixes.some((prefix) => template.startsWith(prefix));
}

function compiled(declared: DeclaredScope, number: number): Scope {
  const { routes, methods, networks, environments, expiresAt } = declared;
  const names = routes?.map((route) => route.replace(/\{[^/{}]*\}/g, '{id}'));
  const below = names?.filter((name) => name.endsWith(BELOW)) ?? [];
  return {
    number,
    // `/v1/orders/*` means /v1/orders itself, too.
    templates: names && new Set([...names, ...below.map((name) => name.slice(0, -2) || '/')]),
    prefixes: below.map((name) => name.slice(0, -1)),
    methods: methods && new Set(methods.map((method) => method.toUpperCase())),
    networks: networks
      ?.map((network) => parseRange(network))
      .filter((range) => range !== undefined),
    environments: environments && new Set(environments),
    expiresAt: expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt),
  };
}

export interface ScopeFault {
  readonly field: 'networks' | 'routes';
  readonly index: number;
  readonly message: string;
}

/** What cannot be meant. Quotes no value. */
export function scopeFaults(scope: DeclaredScope | undefined): ScopeFault[] {
  const faults: ScopeFault[] = [];
  scope?.networks?.forEach((network, index) => {
    if (parseRange(network) !== undefined) return;
    const message = 'must be an address or a network, e.g. 10.0.0.0/8';
    faults.push({ field: 'networks', index, message });
  });
  scope?.routes?.forEach((route, index) => {
    const star = route.indexOf('*');
    if (route !== '' && (star < 0 || (star === route.length - 1 && route.endsWith(BELOW)))) return;
    const message =
      'must be a template, e.g. /v1/orders/{id}, or everything below one: /v1/orders/*';
    faults.push({ field: 'routes', index, message });
  });
  return faults;
}
