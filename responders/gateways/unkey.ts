/**
 * Unkey, by its API v2 with a root key. Key ids are Unkey's own (`key_…`).
 *
 * Throttle: one more rate limit of the key, named after the action and applied to every verification; Unkey holds all
 * of a key's limits, so an operator's stricter one stays by itself. Suspend and revoke: `enabled: false`; nothing is
 * deleted. The key's `meta` names the action, which Unkey shows to the API that verifies the key, not to its clients.
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
import { isThrottle, type RateLimit } from '../../core/ladder.ts';
import { type HttpApi, hostOf, httpApi, httpCall, oddAnswer } from './http-call.ts';
import { type GatewayNode, nodesAdapter } from './nodes.ts';
import { ALL_BUT_CONTAIN } from './rungs.ts';
import { commonSettings, tokenSetting, urlSetting } from './settings.ts';
import { implies, inUnits } from './single-limit.ts';
import { ABSENT, canonical, fingerprintOf } from './state.ts';
import { curlLine } from './text.ts';

/** A change may take 30 s to every region (keys.updateKey); as much again for verifications under way. */
const SETTLE_MS = 60_000;
const CALLS_PER_SECOND = 5;
const WINDOW_MS_MAX = 2_592_000_000;
const REQUESTS_MAX = 1_000_000;
const PAGE = 100;
const PAGES_MAX = 100;
const ID = /^[a-zA-Z0-9_]{3,255}$/;
const LIMIT_NAME = 'keyhound-';
const META = 'keyhound';

export const unkeySchema = z.strictObject({
  url: urlSetting.prefault('https://api.unkey.com').describe('Its API.'),
  token: tokenSetting.describe('Root key with read_key and update_key.'),
  apis: z
    .array(z.string().regex(/^[a-zA-Z0-9_]{3,255}$/))
    .default([])
    .describe('Ids of APIs whose keys `actions reconcile` looks through; needs read_api.'),
  ...commonSettings(SETTLE_MS, CALLS_PER_SECOND),
});
export type UnkeyConfig = z.infer<typeof unkeySchema>;

export const unkey: GatewayKind<UnkeyConfig> = Object.freeze({
  kind: 'unkey',
  summary: 'Unkey by its API: throttle, suspend, revoke.',
  config: unkeySchema,
  create: createUnkey,
});

function createUnkey(config: UnkeyConfig, tools: GatewayTools): GatewayAdapter {
  const login = { authorization: `Bearer ${config.token}` };
  const api = { ...httpApi(config.url, config, tools, login), reason: reasonOf };
  return nodesAdapter({
    kind: 'unkey',
    tools,
    settings: config,
    rungs: ALL_BUT_CONTAIN,
    nodes: [new UnkeyApi(api, tools, config.apis)],
    plan: (request) => planOf(api, request),
    expect: ({ original, wish }) => {
      const facts = factsSchema.parse(original.facts);
      const limit = limitOf(wish, facts);
      const enabled = isThrottle(wish.rung) && facts.enabled;
      const isOurs = limit !== undefined || !isThrottle(wish.rung);
      const ours = limit === undefined ? [] : [limit];
      return fingerprintWith(enabled, facts.ratelimits, ours, isOurs ? wish.tag : undefined);
    },
  });
}

const limitSchema = z.object({
  name: z.string(),
  limit: z.number(),
  duration: z.number(),
  autoApply: z.boolean(),
});
type Limit = z.infer<typeof limitSchema>;

const keySchema = z.object({
  keyId: z.string(),
  enabled: z.boolean(),
  meta: z.record(z.string(), z.unknown()).nullish(),
  ratelimits: z.array(limitSchema).nullish(),
});
type Key = z.infer<typeof keySchema>;

const factsSchema = z.object({ enabled: z.boolean(), ratelimits: z.array(limitSchema) });

/** Titles are Unkey's own words; details may repeat what was sent. */
function reasonOf(json: unknown): string | undefined {
  const parsed = z.object({ error: z.object({ title: z.string() }) }).safeParse(json);
  const title = parsed.data?.error.title;
  return title !== undefined && /^[A-Za-z ]{1,40}$/.test(title) ? title : undefined;
}

class UnkeyApi implements GatewayNode {
  readonly host: string;
  readonly #api: HttpApi;
  readonly #tools: GatewayTools;
  readonly #apis: readonly string[];

  constructor(api: HttpApi, tools: GatewayTools, apis: readonly string[]) {
    this.#api = api;
    this.#tools = tools;
    this.#apis = apis;
    this.host = hostOf(api.url);
  }

  async read({ credentialId }: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    if (credentialId === undefined || !ID.test(credentialId)) return ABSENT;
    const key = await this.#key(credentialId, signal);
    return key === undefined ? ABSENT : stateOf(key);
  }

  async #key(keyId: string, signal: AbortSignal): Promise<Key | undefined> {
    const data = await this.#post('keys.getKey', { keyId }, signal);
    if (data === undefined) return undefined;
    const parsed = keySchema.safeParse(data);
    if (parsed.success) return parsed.data;
    throw oddAnswer(this.#api, { what: 'POST /v2/keys.getKey' });
  }

  /** `data` of the answer; undefined: not found. */
  async #post(name: string, body: object, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#answer(name, body, signal);
    return answer?.data;
  }

  async #answer(name: string, body: object, signal: AbortSignal) {
    const what = `POST /v2/${name}`;
    const call = { method: 'POST', path: `/v2/${name}`, what, body, accept: [404] } as const;
    const { status, json } = await httpCall(this.#api, call, signal);
    if (status === 404) return undefined;
    const parsed = z
      .object({
        data: z.unknown(),
        pagination: z.object({ cursor: z.string().nullish() }).nullish(),
      })
      .safeParse(json);
    if (!parsed.success) throw oddAnswer(this.#api, { what });
    return parsed.data;
  }

  async apply(
    { target, original, wish }: ApplyRequest,
    signal: AbortSignal,
  ): Promise<GatewayState> {
    const id = target.credentialId;
    if (id === undefined || !original.exists) return this.read(target, signal);
    const key = await this.#key(id, signal);
    if (key === undefined) return ABSENT;
    const change = changeOf(key, factsSchema.parse(original.facts), wish);
    if (change !== undefined) await this.#post('keys.updateKey', change, signal);
    return this.read(target, signal);
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const found: OwnedObject[] = [];
    for (const apiId of this.#apis) {
      let cursor: string | undefined;
      for (let page = 0; page < PAGES_MAX; page++) {
        const from = cursor === undefined ? {} : { cursor };
        const answer = await this.#answer('apis.listKeys', { apiId, limit: PAGE, ...from }, signal);
        const keys = z.array(keySchema).safeParse(answer?.data ?? []);
        if (!keys.success) throw oddAnswer(this.#api, { what: 'POST /v2/apis.listKeys' });
        found.push(...keys.data.flatMap((key) => this.#ownedOf(key) ?? []));
        cursor = answer?.pagination?.cursor ?? undefined;
        if (cursor === undefined) break;
      }
    }
    return found;
  }

  #ownedOf(key: Key): OwnedObject | undefined {
    const mark = markIn(key);
    if (mark === undefined) return undefined;
    return {
      tag: mark.action,
      subjectId: `${this.#tools.keys[0] ?? 'unkey:'}${key.keyId}`,
      what: `${key.enabled ? 'rate limit' : 'disabled key'} ${key.keyId}`,
      remove: async (signal) => {
        const present = await this.#key(key.keyId, signal);
        const still = present && markIn(present);
        if (present === undefined || still?.action !== mark.action) return;
        const change = changeOf(present, { enabled: still.wasEnabled, ratelimits: [] }, null);
        if (change !== undefined) await this.#post('keys.updateKey', change, signal);
      },
    };
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.#tools.name} at ${this.host}`;
    await this.#post('keys.getKey', { keyId: 'key_keyhound_doctor' }, signal);
    for (const apiId of this.#apis) await this.#post('apis.listKeys', { apiId, limit: 1 }, signal);
    const orphans =
      this.#apis.length === 0 ? '; without `apis`, actions reconcile finds no orphans here' : '';
    return [
      {
        name,
        ok: true,
        detail: 'keys can be read; whether they can be changed is seen when it acts',
      },
      { name, ok: true, detail: `cannot contain; changes take up to a minute${orphans}` },
    ];
  }
}

interface Mark {
  readonly action: string;
  readonly wasEnabled: boolean;
}

/** `meta.keyhound`: ACTION, or ACTION/disabled where the operator had disabled the key himself. */
function markIn({ meta }: Key): Mark | undefined {
  const text = meta?.[META];
  if (typeof text !== 'string') return undefined;
  const [action = '', before] = text.split('/');
  return { action, wasEnabled: before !== 'disabled' };
}

function isOurs({ name }: Limit): boolean {
  return name.startsWith(LIMIT_NAME);
}

function fingerprintWith(
  enabled: boolean,
  others: readonly Limit[],
  ours: readonly Limit[],
  action: string | undefined,
): string {
  const named = [...others].sort((a, b) => (a.name < b.name ? -1 : 1));
  const limits = ours.map(({ limit, duration, autoApply }) => [limit, duration, autoApply]);
  return fingerprintOf([enabled, named, limits, action ?? null]);
}

function stateOf(key: Key): GatewayState {
  const limits = key.ratelimits ?? [];
  const mark = markIn(key);
  const ours = limits.filter(isOurs);
  const facts = {
    enabled: mark?.wasEnabled ?? key.enabled,
    ratelimits: limits.filter((limit) => !isOurs(limit)).map((limit) => limitSchema.parse(limit)),
  };
  return {
    exists: true,
    fingerprint: fingerprintWith(key.enabled, facts.ratelimits, ours, mark?.action),
    facts: mark === undefined ? facts : { ...facts, ours: { enabled: key.enabled, limits: ours } },
  };
}

/** The change of the key; undefined where it is as wished. What others set since stays. */
function changeOf(
  key: Key,
  original: z.infer<typeof factsSchema>,
  wish: Wish | null,
): Readonly<Record<string, unknown>> | undefined {
  const limit = limitOf(wish, key);
  const isDisabled = wish !== null && !isThrottle(wish.rung);
  const present = (key.ratelimits ?? []).map((given) => limitSchema.parse(given));
  const limits = [...present.filter((given) => !isOurs(given)), ...(limit ? [limit] : [])];
  const enabled = isDisabled ? false : original.enabled;
  const { [META]: _, ...others } = key.meta ?? {};
  const isMarked = wish !== null && (isDisabled || limit !== undefined);
  const mark = `${wish?.tag}${original.enabled ? '' : '/disabled'}`;
  const meta = isMarked ? { ...others, [META]: mark } : others;
  const change = {
    ...(enabled === key.enabled ? {} : { enabled }),
    ...(canonical(limits) === canonical(present) ? {} : { ratelimits: limits }),
    ...(canonical(meta) === canonical(key.meta ?? {}) ? {} : { meta: emptyAsNull(meta) }),
  };
  return Object.keys(change).length === 0 ? undefined : { keyId: key.keyId, ...change };
}

function emptyAsNull(meta: object): object | null {
  return Object.keys(meta).length === 0 ? null : meta;
}

/** Undefined without one, or where a limit of the operator's that always applies is as strict. */
function limitOf(wish: Wish | null, key: Pick<Key, 'ratelimits'>): Limit | undefined {
  if (wish?.limit === undefined || !isThrottle(wish.rung)) return undefined;
  const asked = bounded(wish.limit);
  const isKept = (key.ratelimits ?? [])
    .filter((limit) => limit.autoApply && !isOurs(limit))
    .some(({ limit, duration }) => implies({ requests: limit, windowMs: duration }, asked));
  if (isKept) return undefined;
  const { requests, windowMs } = asked;
  const name = `${LIMIT_NAME}${wish.tag}`;
  return { name, limit: requests, duration: windowMs, autoApply: true };
}

/** Windows are of a second to 30 days. */
function bounded(limit: RateLimit): RateLimit {
  const { requests, windowMs } = inUnits(limit, 1000);
  return {
    requests: Math.min(requests, REQUESTS_MAX),
    windowMs: Math.min(windowMs, WINDOW_MS_MAX),
  };
}

function planOf(
  api: HttpApi,
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
): GatewayPlan {
  const none = { siblings: [], needsSeal: false };
  if (!original.exists) {
    return { ...none, calls: [`nothing: Unkey does not know ${target.subjectId}`], undo: [] };
  }
  const facts = factsSchema.parse(original.facts);
  const keyId = target.credentialId ?? '';
  const update = (change: object) =>
    curlLine('POST', `${api.url}/v2/keys.updateKey`, api.headers, { keyId, ...change });
  const back = update({ enabled: facts.enabled, ratelimits: facts.ratelimits });
  if (wish === null) return { ...none, calls: [back], undo: [] };
  if (!isThrottle(wish.rung)) {
    return { ...none, calls: [update({ enabled: false })], undo: [back] };
  }
  const limit = limitOf(wish, facts);
  if (limit === undefined) {
    const calls = ['nothing: a limit of the key is stricter'];
    return { ...none, calls, undo: ['nothing'], keepsOperatorLimit: true };
  }
  return { ...none, calls: [update({ ratelimits: [...facts.ratelimits, limit] })], undo: [back] };
}
