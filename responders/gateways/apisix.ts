/**
 * Apache APISIX from 3.11 on, by its Admin API (v3): the first version that knows credentials of a consumer.
 *
 * Throttle: limit-count of the consumer, which takes the place of that of routes, services and groups, so their
 * strictest limit is kept in it; an operator's own is changed to the stricter of both. It counts per credential, but
 * every credential of the consumer gets it. Suspend and revoke: a credential has no switch; it is deleted, sealed
 * before, and put back under its id.
 */
import { z } from 'zod';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayKind,
  GatewayPlan,
  GatewayTools,
} from '../../core/gateway.ts';
import type { Json } from './admin-api.ts';
import { ApisixApi } from './apisix-api.ts';
import { wishedOn, writeMarks } from './apisix-limits.ts';
import { ApisixNode, deletes, entryOf, factsOf, fingerprintWith } from './apisix-node.ts';
import { type HttpApi, httpApi } from './http-call.ts';
import { nodesAdapter } from './nodes.ts';
import { ALL_BUT_CONTAIN } from './rungs.ts';
import { sealedKeys } from './sealed-key.ts';
import { commonSettings, tokenSetting, urlsSetting } from './settings.ts';
import { ABSENT } from './state.ts';
import { curlLine, KEY_PLACE } from './text.ts';

/** etcd tells every node at once; no bound is documented. */
const SETTLE_MS = 2000;
const CALLS_PER_SECOND = 20;

export const apisixSchema = z.strictObject({
  urls: urlsSetting(['http://127.0.0.1:9180/apisix/admin']),
  token: tokenSetting.describe('X-API-KEY of a key with the role admin.'),
  ...commonSettings(SETTLE_MS, CALLS_PER_SECOND),
});
export type ApisixConfig = z.infer<typeof apisixSchema>;

export const apisix: GatewayKind<ApisixConfig> = Object.freeze({
  kind: 'apisix',
  summary: 'Apache APISIX by its Admin API: throttle, suspend, revoke.',
  config: apisixSchema,
  create: createApisix,
});

function createApisix(config: ApisixConfig, tools: GatewayTools): GatewayAdapter {
  const login = { 'x-api-key': config.token };
  const sealed = sealedKeys(tools);
  const apis = config.urls.map((url) => new ApisixApi(httpApi(url, config, tools, login)));
  return nodesAdapter({
    kind: 'apisix',
    tools,
    settings: config,
    rungs: ALL_BUT_CONTAIN,
    nodes: apis.map((api) => new ApisixNode({ api, tools, sealed })),
    plan: (request) => planOf(apis[0]!.http, request),
    expect: expectOf,
    settled: async ({ target, wish, present }) => {
      if (!deletes(wish)) await sealed.wipe(target);
      else if (!present.exists) await sealed.extend(target, wish?.untilAt ?? null);
    },
  });
}

function expectOf({ target, original, wish }: Omit<ApplyRequest, 'present'>): string | undefined {
  const facts = factsOf(original);
  if (facts === undefined) return undefined;
  if (deletes(wish)) return ABSENT.fingerprint;
  const entry = entryOf(wish, target.credentialId ?? '');
  const base = facts.limit ?? undefined;
  const wished = wishedOn(entry === undefined ? [] : [entry], base, facts.wider ?? undefined);
  const [ours] = wished.entries.map(({ action, limit }) => ({ action, limit }));
  return fingerprintWith(facts.limit, ours ?? {});
}

function planOf(
  api: HttpApi,
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
): GatewayPlan {
  const facts = factsOf(original);
  const credential = target.credentialId ?? '';
  if (facts === undefined) {
    const calls = [`nothing: APISIX has no credential of the id of ${target.subjectId}`];
    return { calls, undo: [], siblings: [], needsSeal: false };
  }
  const line = (method: string, path: string, body?: unknown) =>
    curlLine(method, `${api.url}${path}`, api.headers, body);
  const path = `/consumers/${facts.consumer}/credentials/${credential}`;
  const restore = line('PUT', path, { plugins: { 'key-auth': { key: KEY_PLACE } } });
  const consumer = (limit: Json | null, labels: Json | undefined) =>
    line('PUT', `/consumers/${facts.consumer}`, {
      '…': 'all of the consumer, as GET answers it, with',
      plugins: { '…': 'its others', 'limit-count': limit },
      labels: { '…': 'its others', ...labels },
    });
  const back = consumer(facts.limit, {});
  if (wish === null) return { calls: [back, restore], undo: [], siblings: [], needsSeal: false };
  if (deletes(wish)) {
    return { calls: [line('DELETE', path)], undo: [restore], siblings: [], needsSeal: true };
  }
  const entry = entryOf(wish, credential);
  const base = facts.limit ?? undefined;
  const over = facts.wider ?? undefined;
  const wished = wishedOn(entry === undefined ? [] : [entry], base, over);
  if (wished.entries.length === 0) {
    const calls = ['nothing: the consumer’s own limit is stricter'];
    const undo = ['nothing'];
    return { calls, undo, siblings: [], needsSeal: false, keepsOperatorLimit: true };
  }
  const labels = writeMarks({ entries: wished.entries, was: base ?? null, over, others: {} });
  const prefix = target.subjectId.slice(0, target.subjectId.length - credential.length);
  return {
    calls: [consumer(wished.values ?? null, labels)],
    undo: [back],
    siblings: facts.siblings.map((id) => `${prefix}${id}`),
    needsSeal: false,
  };
}
