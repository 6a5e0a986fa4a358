/** What adapters are made with, for their tests: nothing to seal with, a clock that stands. */
import assert from 'node:assert/strict';
import type { GatewayAdapter, GatewayTools, KeyTarget, Wish } from '../../../core/gateway.ts';
import { GATEWAY_KINDS } from '../../../responders/gateways/list.ts';

const NOW = Date.parse('2026-03-01T10:00:00.000Z');

export function toolsFor(change: Partial<GatewayTools> = {}): GatewayTools {
  const refused = async () => {
    throw new Error('nothing is to be sealed here');
  };
  return {
    name: 'edge',
    keys: [],
    seals: { seal: refused, open: refused, wipe: refused },
    now: () => NOW,
    folder: '.',
    ...change,
  };
}

/** An adapter as a configuration makes it: settings are checked and defaults filled in. */
export function adapterOf(
  kind: string,
  settings: object,
  tools: Partial<GatewayTools> = {},
): GatewayAdapter {
  const found = GATEWAY_KINDS.find((candidate) => candidate.kind === kind);
  assert.ok(found, `no gateway of kind ${kind}`);
  const keys = found.keys ?? [`${kind}:`];
  return found.create(found.config.parse(settings), toolsFor({ keys, ...tools }));
}

export function wishOf(rung: Wish['rung'], change: Partial<Wish> = {}): Wish {
  return { rung, tag: 'act_00000000000000000001', untilAt: NOW + 3_600_000, ...change };
}

export const NEVER = new AbortController().signal;

/** What the runner does: reads, then writes. */
export async function bring(
  adapter: GatewayAdapter,
  target: KeyTarget,
  original: Awaited<ReturnType<GatewayAdapter['read']>>,
  wish: Wish | null,
) {
  const present = await adapter.read(target, NEVER);
  return adapter.apply({ target, original, wish, present }, NEVER);
}
