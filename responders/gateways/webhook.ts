/**
 * A gateway of your own, behind a signed webhook (Standard Webhooks): Keyhound says what shall hold for a key, the
 * receiver does it and answers how the key stands. docs/gateways.md has the protocol:
 *
 *   {"type":"gateway.read","timestamp":RFC3339,"data":{"key","credential","consumer"}}              -> state
 *   {"type":"gateway.apply",…,"data":{"key","credential","consumer","held":HELD|null}}              -> state
 *   {"type":"gateway.list",…,"data":{}}                      -> {"held":[{"key","action","rung"}]}
 *   {"type":"gateway.check",…,"data":{}}                     -> {"name","version","rungs":[…]}
 *
 *   state  {"exists":false} | {"exists":true,"enabled":BOOL,"limit":LIMIT|null,"held":HELD|null}
 *   LIMIT  {"requests":N,"windowMs":N}             enabled, limit: the receiver's own, without what is held
 *   HELD   {"action":ID,"rung":RUNG,"limit":LIMIT|null,"untilAt":RFC3339|null}
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { toIso, toIsoOrNull } from '../../core/clock.ts';
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
import { ACTING_RUNGS } from '../../core/ladder.ts';
import { decodeSecret, readSecrets, SECRET_HINT, signMessage } from '../standard-webhooks.ts';
import { type HttpApi, hostOf, httpApi, httpCall, oddAnswer } from './http-call.ts';
import { type GatewayNode, nodesAdapter } from './nodes.ts';
import { rungSet } from './rungs.ts';
import { commonSettings, urlSetting } from './settings.ts';
import { implies } from './single-limit.ts';
import { ABSENT, fingerprintOf } from './state.ts';

const SETTLE_MS = 5000;
const CALLS_PER_SECOND = 10;

const secretSetting = z
  .string()
  .refine((text) => decodeSecret(text) !== undefined, `must be ${SECRET_HINT}`);
/** What a profile lets go on are codes of ours: nobody else could hold a key to them. */
const rungSetting = z.enum(['throttle-soft', 'throttle-hard', 'suspend', 'revoke']);

export const webhookGatewaySchema = z.strictObject({
  url: urlSetting.describe('Where it is sent.'),
  secret: z
    .union([secretSetting, z.array(secretSetting).min(1).max(4)])
    .describe('Secret of the signature; several while it changes.'),
  rungs: z
    .array(rungSetting)
    .min(1)
    .default(['throttle-soft', 'throttle-hard', 'suspend', 'revoke'])
    .describe('What the receiver can do.'),
  ...commonSettings(SETTLE_MS, CALLS_PER_SECOND),
});
export type WebhookGatewayConfig = z.infer<typeof webhookGatewaySchema>;

export const webhookGateway: GatewayKind<WebhookGatewayConfig> = Object.freeze({
  kind: 'webhook',
  summary: 'A receiver of your own, signed as Standard Webhooks: throttle, suspend, revoke.',
  config: webhookGatewaySchema,
  create: createWebhook,
});

function createWebhook(config: WebhookGatewayConfig, tools: GatewayTools): GatewayAdapter {
  const api = httpApi(config.url, config, tools);
  const rungs = rungSet(config.rungs);
  return nodesAdapter({
    kind: 'webhook',
    tools,
    settings: config,
    rungs,
    nodes: [new Receiver(api, tools, readSecrets(config.secret), rungs)],
    plan: (request) => planOf(api, tools, request),
    expect: ({ original, wish }) =>
      fingerprintWith(factsSchema.parse(original.facts), heldOf(wish)),
  });
}

const limitSchema = z.object({ requests: z.number().positive(), windowMs: z.number().positive() });
const heldSchema = z.object({
  action: z.string(),
  rung: z.enum(ACTING_RUNGS),
  limit: limitSchema.nullish(),
});
const stateSchema = z.discriminatedUnion('exists', [
  z.object({ exists: z.literal(false) }),
  z.object({
    exists: z.literal(true),
    enabled: z.boolean(),
    limit: limitSchema.nullish(),
    held: heldSchema.nullish(),
  }),
]);
const listSchema = z.object({ held: z.array(heldSchema.extend({ key: z.string() })).max(100_000) });
const checkSchema = z.object({
  name: z
    .string()
    .max(64)
    .regex(/^[\x20-\x7e]*$/),
  version: z
    .string()
    .max(64)
    .regex(/^[\x20-\x7e]*$/)
    .default(''),
  rungs: z.array(z.string()).max(16).default([]),
});
const factsSchema = z.object({ enabled: z.boolean(), limit: limitSchema.nullable() });

class Receiver implements GatewayNode {
  readonly host: string;
  readonly #api: HttpApi;
  readonly #tools: GatewayTools;
  readonly #secrets: readonly Buffer[];
  readonly #rungs: ReadonlySet<string>;

  constructor(
    api: HttpApi,
    tools: GatewayTools,
    secrets: readonly Buffer[],
    rungs: ReadonlySet<string>,
  ) {
    this.#api = api;
    this.#tools = tools;
    this.#secrets = secrets;
    this.#rungs = rungs;
    this.host = hostOf(api.url);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    return stateOf(await this.#ask('gateway.read', dataOf(target), stateSchema, signal));
  }

  async apply(
    { target, original, wish }: ApplyRequest,
    signal: AbortSignal,
  ): Promise<GatewayState> {
    if (!original.exists) return this.read(target, signal);
    const data = { ...dataOf(target), held: heldOf(wish) };
    return stateOf(await this.#ask('gateway.apply', data, stateSchema, signal));
  }

  /** Each message has an id of its own: what is asked twice is done twice, to the same effect. */
  async #ask<T>(type: string, data: object, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const now = this.#tools.now();
    const body = JSON.stringify({ type, timestamp: toIso(now), data });
    const id = `msg_${randomBytes(16).toString('hex')}`;
    const headers = { ...signMessage({ id, body }, this.#secrets, now) };
    const call = { method: 'POST', path: '', what: type, body, headers } as const;
    const { json } = await httpCall(this.#api, call, signal);
    const parsed = schema.safeParse(json);
    if (parsed.success) return parsed.data;
    throw oddAnswer(this.#api, { what: type });
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const { held } = await this.#ask('gateway.list', {}, listSchema, signal);
    return held.map(({ key, action, rung }) => ({
      tag: action,
      subjectId: key,
      what: `${rung} of ${key}`,
      remove: async (until) => {
        const colon = key.indexOf(':');
        const id = key.startsWith('h:') || colon < 0 ? {} : { credentialId: key.slice(colon + 1) };
        const target: KeyTarget = { subjectId: key, ...id };
        const present = await this.#ask('gateway.read', dataOf(target), stateSchema, until);
        // Another action may have taken its place since it was listed.
        if (!present.exists || present.held?.action !== action) return;
        await this.#ask('gateway.apply', { ...dataOf(target), held: null }, stateSchema, until);
      },
    }));
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const gateway = `gateway ${this.#tools.name} at ${this.host}`;
    const { name, version, rungs } = await this.#ask('gateway.check', {}, checkSchema, signal);
    const about = `${name} ${version}`.trim();
    const wrong = [...this.#rungs].filter((rung) => !rungs.includes(rung));
    const cannot = ACTING_RUNGS.filter((rung) => !this.#rungs.has(rung)).join(', ');
    const can: GatewayCheck =
      wrong.length === 0
        ? { name: gateway, ok: true, detail: `${about} answers` }
        : {
            name: gateway,
            ok: false,
            detail: `${about} says that it cannot ${wrong.join(', ')}`,
            hint: 'Set `rungs` to what it can: the ladder then takes the next best.',
          };
    return [can, { name: gateway, ok: true, detail: `cannot ${cannot}` }];
  }
}

function dataOf({ subjectId, credentialId, consumer }: KeyTarget) {
  return { key: subjectId, credential: credentialId ?? null, consumer: consumer ?? null };
}

function heldOf(wish: Wish | null) {
  if (wish === null) return null;
  const { tag: action, rung, limit, untilAt } = wish;
  return { action, rung, limit: limit ?? null, untilAt: toIsoOrNull(untilAt ?? undefined) };
}

function fingerprintWith(
  { enabled, limit }: z.infer<typeof factsSchema>,
  held: z.infer<typeof heldSchema> | null,
): string {
  const ours = held && [held.action, held.rung, held.limit ?? null];
  return fingerprintOf([{ enabled, limit }, ours]);
}

function stateOf(state: z.infer<typeof stateSchema>): GatewayState {
  if (!state.exists) return ABSENT;
  const { enabled, limit, held } = state;
  const facts = { enabled, limit: limit ?? null };
  const ours = held && { rung: held.rung, limit: held.limit ?? null };
  return {
    exists: true,
    fingerprint: fingerprintWith(facts, held ?? null),
    facts: ours == null ? facts : { ...facts, ours },
  };
}

function planOf(
  api: HttpApi,
  { now }: GatewayTools,
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
): GatewayPlan {
  const none = { siblings: [], needsSeal: false };
  if (!original.exists) {
    return { ...none, calls: [`nothing: it does not know ${target.subjectId}`], undo: [] };
  }
  const line = (held: object | null) => {
    const data = { ...dataOf(target), held };
    return `POST ${api.url} (signed) ${JSON.stringify({ type: 'gateway.apply', timestamp: toIso(now()), data })}`;
  };
  if (wish === null) return { ...none, calls: [line(null)], undo: [] };
  const own = factsSchema.parse(original.facts).limit;
  const keeps = wish.limit !== undefined && own !== null && implies(own, wish.limit);
  return {
    ...none,
    calls: [line(heldOf(wish))],
    undo: [`at the receiver: let go of ${target.subjectId}, as ${line(null)} would`],
    ...(keeps ? { keepsOperatorLimit: true } : {}),
  };
}
