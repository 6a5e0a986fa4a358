/** States of keys at gateways, and how those of several nodes are one. */
import { createHash } from 'node:crypto';
import type { GatewayState } from '../../core/gateway.ts';

/** Equal for equal JSON, whatever the order of members. */
export function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32);
}

export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

export const ABSENT: GatewayState = Object.freeze({
  exists: false,
  fingerprint: 'absent',
  facts: Object.freeze({}),
});

/** What nodes say, as one: their common state, or, where they differ, the first's with each node's beside it. */
export function joinStates(states: ReadonlyMap<string, GatewayState>): GatewayState {
  const all = [...states.values()];
  const first = all.find(({ exists }) => exists) ?? all[0] ?? ABSENT;
  if (all.every(({ fingerprint }) => fingerprint === first.fingerprint)) return first;
  const nodes = Object.fromEntries(states);
  return {
    exists: first.exists,
    fingerprint: fingerprintOf(all.map(({ fingerprint }) => fingerprint)),
    facts: { ...first.facts, nodes },
  };
}

/** A node's part of a state that was joined. */
export function stateAt(state: GatewayState, node: string): GatewayState {
  const nodes = state.facts['nodes'];
  if (typeof nodes !== 'object' || nodes === null || !Object.hasOwn(nodes, node)) return state;
  return (nodes as Record<string, GatewayState>)[node]!;
}
