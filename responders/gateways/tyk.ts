/**
 * Tyk Gateway with hashed keys (`hash_keys`), by its Gateway API. Key ids are the hashes that its log shows.
 *
 * Throttle: rate and per of the session, of each API's limit in it and of each endpoint's, where they are laxer.
 * Suspend and revoke: is_inactive; nothing is deleted. A PUT replaces the session, so it is read, changed and put with
 * its counters kept. Policies of the key would write over all that; they are taken off it for as long as it is held,
 * its rights as they gave them stay, and they come back with the undo.
 */
import { z } from 'zod';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayCheck,
  GatewayKind,
  GatewayPlan,
  GatewayState,
  GatewayTools,
  KeyTarget,
  OwnedObject,
  Wish,
} from '../../core/gateway.ts';
import { isThrottle } from '../../core/ladder.ts';
import { AdminApi, isObject, type Json } from './admin-api.ts';
import { type HttpApi, hostOf, httpApi, httpCall } from './http-call.ts';
import { type GatewayNode, nodesAdapter } from './nodes.ts';
import { ALL_BUT_CONTAIN } from './rungs.ts';
import { commonSettings, tokenSetting, urlsSetting } from './settings.ts';
import { ABSENT, canonical, fingerprintOf } from './state.ts';
import { curlLine } from './text.ts';
import {
  isSlowEnough,
  markIn,
  originalOf,
  originalSchema,
  originalWith,
  sessionWith,
  type TykOriginal,
  type TykWish,
} from './tyk-session.ts';

/** Each gateway keeps a session for 10 s, and clears them every 5 s. */
const SETTLE_MS = 15_000;
const CALLS_PER_SECOND = 20;
/** `actions reconcile` reads every key; beyond so many it looks at none. */
const KEYS_MAX = 2000;
/** Letters that mean the same in a path. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_=+.-]{0,255}$/;

export const tykSchema = z.strictObject({
  urls: urlsSetting(['http://127.0.0.1:8080']),
  token: tokenSetting.describe('X-Tyk-Authorization: `secret` of tyk.conf.'),
  ...commonSettings(SETTLE_MS, CALLS_PER_SECOND),
});
export type TykConfig = z.infer<typeof tykSchema>;

export const tyk: GatewayKind<TykConfig> = Object.freeze({
  kind: 'tyk',
  summary: 'Tyk by its Gateway API: throttle, suspend, revoke.',
  config: tykSchema,
  create: createTyk,
});

function createTyk(config: TykConfig, tools: GatewayTools): GatewayAdapter {
  const login = { 'x-tyk-authorization': config.token };
  const apis = config.urls.map((url) => httpApi(url, config, tools, login));
  return nodesAdapter({
    kind: 'tyk',
    tools,
    settings: config,
    rungs: ALL_BUT_CONTAIN,
    nodes: apis.map((api) => new TykNode(api, tools)),
    plan: (request) => planOf(apis[0]!, request),
    expect: ({ original, wish }) => {
      const before = originalSchema.parse(original.facts);
      const wished = wishOf(wish, before);
      return fingerprintWith(originalWith(before, wished), wished?.action);
    },
  });
}

function pathOf(id: string, query: string): string {
  return `/tyk/keys/${encodeURIComponent(id)}?hashed=true${query}`;
}

class TykNode implements GatewayNode {
  readonly host: string;
  readonly #api: AdminApi;
  readonly #tools: GatewayTools;

  constructor(http: HttpApi, tools: GatewayTools) {
    this.#api = new AdminApi(http);
    this.#tools = tools;
    this.host = hostOf(http.url);
  }

  async read({ credentialId }: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    if (credentialId === undefined || !PLAIN.test(credentialId)) return ABSENT;
    const session = await this.#session(credentialId, signal);
    return session === undefined ? ABSENT : stateOf(session);
  }

  #session(id: string, signal: AbortSignal): Promise<Json | undefined> {
    return this.#api.find(pathOf(id, ''), '/tyk/keys/ID', signal);
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const { target, original, wish } = request;
    const id = target.credentialId;
    if (id === undefined || !original.exists) return this.read(target, signal);
    const session = await this.#session(id, signal);
    if (session === undefined) return ABSENT;
    const before = originalSchema.parse(original.facts);
    const next = sessionWith(session, before, wishOf(wish, before));
    // Tyk stamps nothing that is compared, and leaves out what is empty.
    if (canonical(stateOf(next)) !== canonical(stateOf(session))) {
      await this.#put(id, next, signal);
    }
    return this.read(target, signal);
  }

  #put(id: string, session: Json, signal: AbortSignal): Promise<void> {
    // Without suppress_reset a throttled key would begin with a new quota.
    const path = pathOf(id, '&suppress_reset=1');
    return this.#api.write('PUT', path, '/tyk/keys/ID', session, signal);
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const found: OwnedObject[] = [];
    for (const id of (await this.#keys(signal)) ?? []) {
      if (!PLAIN.test(id)) continue;
      const session = await this.#session(id, signal);
      const action = session === undefined ? undefined : markIn(session)?.action;
      if (action === undefined) continue;
      found.push({
        tag: action,
        subjectId: `${this.#tools.keys[0] ?? 'tyk:'}${id}`,
        what: `session of key ${id}: its rates, is_inactive and policies`,
        remove: (until) => this.#release(id, action, until),
      });
    }
    return found;
  }

  /** Undefined where Tyk does not list them, or there are too many to read each. */
  async #keys(signal: AbortSignal): Promise<readonly string[] | undefined> {
    const listed = (await this.#api.find('/tyk/keys', '/tyk/keys', signal))?.['keys'];
    const keys = Array.isArray(listed) ? listed.map(String) : undefined;
    return keys !== undefined && keys.length > KEYS_MAX ? undefined : keys;
  }

  async #release(id: string, action: string, signal: AbortSignal): Promise<void> {
    const session = await this.#session(id, signal);
    const mark = session && markIn(session);
    if (session === undefined || mark?.action !== action) return;
    await this.#put(id, sessionWith(session, mark.was, null), signal);
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.#tools.name} at ${this.host}`;
    const hello = { method: 'GET', path: '/hello', what: 'GET /hello' } as const;
    const { json } = await httpCall(this.#api.http, hello, signal);
    const version = isObject(json) && typeof json['version'] === 'string' ? json['version'] : '';
    const path = pathOf('keyhound-doctor', '');
    const probe = { method: 'GET', path, what: 'GET /tyk/keys/ID', accept: [400, 404] } as const;
    const { status } = await httpCall(this.#api.http, probe, signal);
    const about = `Tyk ${version}`.trim();
    if (status === 400) {
      const detail = `${about}: keys are not hashed, so its log shows them raw and none can be named`;
      return [{ name, ok: false, detail, hint: 'Set `hash_keys` in tyk.conf.' }];
    }
    const listed = await this.#keys(signal);
    const checks = [
      { name, ok: true, detail: `${about}; keys can be read` },
      { name, ok: true, detail: 'cannot contain; APIs with disable_rate_limit are not throttled' },
    ];
    if (listed !== undefined) return checks;
    const detail = `it lists no keys (enable_hashed_keys_listing), or over ${KEYS_MAX}: reconcile finds none`;
    return [...checks, { name, ok: true, detail }];
  }
}

/** With the action: one that takes another's place writes its own name, so that nobody takes it for an orphan. */
function fingerprintWith(present: TykOriginal, action: string | undefined): string {
  return fingerprintOf([present, action ?? null]);
}

function stateOf(session: Json): GatewayState {
  const present = originalOf(session);
  const mark = markIn(session);
  const before = mark?.was ?? present;
  const ours = mark && { action: mark.action, present };
  return {
    exists: true,
    fingerprint: fingerprintWith(present, mark?.action),
    facts: ours === undefined ? { ...before } : { ...before, ours },
  };
}

/** Null where nothing has to be written: then the operator's own rates are slow enough. */
function wishOf(wish: Wish | null, original: TykOriginal): TykWish | null {
  if (wish === null) return null;
  const { rung, limit, tag: action } = wish;
  if (limit === undefined || !isThrottle(rung)) return { isInactive: true, action };
  return isSlowEnough(original, limit) ? null : { limit, isInactive: false, action };
}

function planOf(
  api: HttpApi,
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
): GatewayPlan {
  const id = target.credentialId ?? '';
  const none = { undo: [], siblings: [], needsSeal: false };
  if (!original.exists)
    return { calls: [`nothing: Tyk does not know ${target.subjectId}`], ...none };
  const before = originalSchema.parse(original.facts);
  const put = (change: Json) =>
    curlLine('PUT', `${api.url}${pathOf(id, '&suppress_reset=1')}`, api.headers, {
      '…': 'all of the session, as GET answers it, with',
      ...change,
    });
  const { rates, isInactive, policies, policy } = before;
  const back = put({
    ...rates[''],
    'rate and per, by place': rates,
    is_inactive: isInactive,
    apply_policies: policies,
    apply_policy_id: policy,
  });
  if (wish === null) return { calls: [back], ...none };
  const wished = wishOf(wish, before);
  if (wished === null) {
    const calls = ['nothing: the rates of the key are stricter'];
    return { calls, ...none, undo: ['nothing'], keepsOperatorLimit: true };
  }
  const { limit } = wished;
  const change =
    limit === undefined
      ? { is_inactive: true }
      : { 'rate and per, everywhere': [limit.requests, limit.windowMs / 1000] };
  return { calls: [put({ ...change, apply_policies: [] })], ...none, undo: [back] };
}
