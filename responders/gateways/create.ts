/** Adapters from the configuration: settings are checked strictly, all faults at once. */
import type { z } from 'zod';
import type { GatewayConfig } from '../../core/config-response.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { GatewayAdapter, GatewayKind, GatewayTools } from '../../core/gateway.ts';
import { suggest } from '../../core/suggest.ts';
import { GATEWAY_KINDS } from './list.ts';

export function gatewayKind(kind: string): GatewayKind | undefined {
  return GATEWAY_KINDS.find((candidate) => candidate.kind === kind);
}

export interface GatewayFault {
  /** Within the gateway's entry of the configuration. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

/** All that is wrong with a gateway of the configuration; the settings where nothing is. */
export function checkGateway(config: GatewayConfig): {
  readonly kind: GatewayKind | undefined;
  readonly settings: unknown;
  readonly faults: readonly GatewayFault[];
} {
  const { name: _name, kind: word, keys: _keys, ...given } = config;
  const kind = gatewayKind(word);
  if (kind === undefined) {
    const kinds = GATEWAY_KINDS.map((candidate) => candidate.kind);
    const nearest = suggest(word, kinds);
    const hint = nearest === undefined ? `One of ${kinds.join(', ')}.` : `Did you mean ${nearest}?`;
    const fault = { path: ['kind'], message: 'unknown kind of gateway', hint };
    return { kind, settings: undefined, faults: [fault] };
  }
  const parsed = kind.config.safeParse(given);
  if (parsed.success) return { kind, settings: parsed.data, faults: [] };
  const known = knownSettings(kind);
  return {
    kind,
    settings: undefined,
    faults: parsed.error.issues.flatMap((issue) => faultsOf(issue, known)),
  };
}

/** Throws `usage` with every fault; what it makes has called nobody yet. */
export function createGateway(
  config: GatewayConfig,
  tools: Omit<GatewayTools, 'name' | 'keys'>,
): GatewayAdapter {
  const { kind, settings, faults } = checkGateway(config);
  if (kind === undefined || faults.length > 0) {
    const lines = faults.map(({ path, message, hint }) =>
      [`  ${path.join('.')}: ${message}`, ...(hint === undefined ? [] : [hint])].join('. '),
    );
    throw new KeyhoundError('usage', [`gateway ${config.name}:`, ...lines].join('\n'), {
      code: 'gateway-invalid',
      hint: 'docs/gateways.md has the settings of each kind.',
    });
  }
  const keys = config.keys ?? kind.keys ?? [`${kind.kind}:`];
  return kind.create(settings, { ...tools, name: config.name, keys });
}

function knownSettings({ config }: GatewayKind): readonly string[] {
  return 'shape' in config ? Object.keys(config.shape as object) : [];
}

function faultsOf(issue: z.core.$ZodIssue, known: readonly string[]): GatewayFault[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => {
    const nearest = path.length === 0 ? suggest(key, known) : undefined;
    const hint = nearest === undefined ? {} : { hint: `Did you mean ${nearest}?` };
    return { path: [...path, key], message: 'unknown key', ...hint };
  });
}
