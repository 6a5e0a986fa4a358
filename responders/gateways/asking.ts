/**
 * Gateways that ask the decision endpoint and have nothing better: `envoy` and `traefik`. They are `decide` under
 * their own names, with what each cannot do said by `doctor`.
 */
import type { GatewayKind, GatewayTools } from '../../core/gateway.ts';
import { type DecideGatewayConfig, decideSchema, throughDecide } from './decide.ts';

export const envoy = asking('envoy', 'ext_authz', [
  'fails open only with failure_mode_allow, and its log does not show when it did',
]);

export const traefik = asking('traefik', 'ForwardAuth', [
  'cannot fail open: while the endpoint is unreachable every request gets 500, and a slow one waits up to 30 s',
]);

function asking(
  kind: string,
  hook: string,
  limits: readonly string[],
): GatewayKind<DecideGatewayConfig> {
  return Object.freeze({
    kind,
    summary: `${hook} against the decision endpoint: all rungs.`,
    keys: Object.freeze([`${kind}:`, 'h:']),
    config: decideSchema,
    asks: () => true,
    create: (config: DecideGatewayConfig, tools: GatewayTools) =>
      throughDecide({
        kind,
        config,
        tools,
        limits: limits.map((detail) => ({ name: `gateway ${tools.name}`, ok: true, detail })),
      }),
  });
}
