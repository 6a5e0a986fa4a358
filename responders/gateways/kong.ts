/**
 * Kong Gateway with a database, by its Admin API.
 *
 * Throttle: the plugin rate-limiting of the consumer, counting per credential. Kong takes a consumer's plugin in the
 * place of those of routes, services and all, and lets a consumer have one only: so an operator's own is changed to
 * the stricter of both, and what ours replaces is kept in it. Every key of the consumer gets the limit.
 *
 * Suspend: a credential has no switch. A consumer with this one key gets request-termination; where it has others,
 * only deleting the credential hits this key alone. Revoke deletes it. What is deleted is sealed before, and put back
 * under its id.
 */
import { z } from 'zod';
import type { GatewayAdapter, GatewayKind, GatewayTools } from '../../core/gateway.ts';
import { httpApi } from './http-call.ts';
import { KongApi } from './kong-node.ts';
import { expectOf, planOf } from './kong-plan.ts';
import { factsOf } from './kong-state.ts';
import { wantedOf } from './kong-wish.ts';
import { KongNode } from './kong-write.ts';
import { nodesAdapter } from './nodes.ts';
import { ALL_BUT_CONTAIN } from './rungs.ts';
import { sealedKeys } from './sealed-key.ts';
import { commonSettings, tokenSetting, urlsSetting } from './settings.ts';

/** Other nodes ask the database every 5 s (db_update_frequency), their workers rebuild every 5 s. */
const SETTLE_MS = 10_000;
const CALLS_PER_SECOND = 10;

export const kongSchema = z.strictObject({
  urls: urlsSetting(['http://127.0.0.1:8001']),
  token: tokenSetting.optional().describe('Kong-Admin-Token, where RBAC is on.'),
  suspend: z
    .enum(['auto', 'consumer', 'credential'])
    .default('auto')
    .describe(
      'consumer: request-termination, hits all its keys. credential: deleted, sealed. auto: the first for an only key.',
    ),
  policy: z
    .enum(['local', 'cluster'])
    .default('local')
    .describe('Who counts: each node for itself, or all in the database.'),
  ...commonSettings(SETTLE_MS, CALLS_PER_SECOND),
});
export type KongConfig = z.infer<typeof kongSchema>;

export const kong: GatewayKind<KongConfig> = Object.freeze({
  kind: 'kong',
  summary: 'Kong Gateway by its Admin API: throttle, suspend, revoke.',
  config: kongSchema,
  create: createKong,
});

function createKong(config: KongConfig, tools: GatewayTools): GatewayAdapter {
  const login = config.token === undefined ? {} : { 'kong-admin-token': config.token };
  const sealed = sealedKeys(tools);
  const apis = config.urls.map((url) => new KongApi(httpApi(url, config, tools, login)));
  const nodes = apis.map((api) => new KongNode({ api, tools, settings: config, sealed }));
  const { url, headers } = apis[0]!.http;
  const place = { url, headers, settings: config };
  return nodesAdapter({
    kind: 'kong',
    tools,
    settings: config,
    rungs: ALL_BUT_CONTAIN,
    nodes,
    inParts: true,
    plan: (request) => planOf(place, request),
    expect: (request) => expectOf(request, config),
    settled: async ({ target, original, wish, present }) => {
      const facts = factsOf(original);
      if (facts === undefined) return;
      const { deleted } = wantedOf(wish, target.credentialId ?? '', facts, config);
      if (!deleted) await sealed.wipe(target);
      else if (!present.exists) await sealed.extend(target, wish?.untilAt ?? null);
    },
  });
}
