/**
 * API keys of AWS API Gateway (REST): switched off and on again (`enabled`), throttled by a move to a throttled usage
 * plan, given back by the move to the plans they were in. Never deleted; the keys' values are never asked for.
 *
 * A move detaches before it attaches, since a key can be in one plan of a stage only: for a moment the key gets 403.
 * Cut off in between, it is in neither, and the next `apply` goes on from there.
 */
import type { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayCheck,
  GatewayKind,
  GatewayPlan,
  GatewayState,
  GatewayTools,
  KeyTarget,
  Wish,
} from '../../core/gateway.ts';
import { type ActingRung, isThrottle } from '../../core/ladder.ts';
import {
  type AwsCalls,
  awsCalls,
  awsSettings,
  callsPerSecond,
  clientSettings,
  notYet,
  WHOLE_CREDENTIALS,
  wholeCredentials,
} from './aws-call.ts';
import { movesOf, type Plan, plansOf, sameStages } from './aws-plans.ts';
import { cannotCheck, tried } from './checks.ts';
import { begins, keyUnknown } from './keys.ts';
import { ALL_BUT_CONTAIN, cannotRung, ON_OR_OFF } from './rungs.ts';
import { ABSENT } from './state.ts';

/** Plans change rarely, and a throttle looks at them again. */
const TWINS_MS = 300_000;

const configSchema = z
  .strictObject({
    ...awsSettings,
    throttledPlans: z
      .array(z.string().regex(/^[a-z0-9]{1,32}$/, 'id of a usage plan'))
      .max(50)
      .default([])
      .describe('Usage plans that keys are moved to, with the stages of the plans they are in.'),
    settleMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(60_000)
      .describe('Bound after which a change holds, ms.'),
    // A fifth of what an account may ask of the control plane: 10 calls a second, 40 at once.
    callsPerSecond: callsPerSecond(2),
  })
  .refine(wholeCredentials, WHOLE_CREDENTIALS);
export type AwsApiGatewayConfig = z.infer<typeof configSchema>;

export const awsApiGateway: GatewayKind<AwsApiGatewayConfig> = Object.freeze({
  kind: 'aws-apigateway',
  summary: 'API keys of REST APIs: disabled, or moved to a throttled usage plan.',
  keys: Object.freeze(['aws:']),
  config: configSchema,
  create: (config: AwsApiGatewayConfig, tools: GatewayTools) => new ApiKeys(config, tools),
});

interface KeyFacts {
  readonly enabled?: boolean;
  readonly plans?: readonly Plan[];
}

/** How a key is to be. */
interface Wanted {
  readonly enabled: boolean;
  readonly plans: readonly Plan[];
}

class ApiKeys implements GatewayAdapter {
  readonly name: string;
  readonly kind = 'aws-apigateway';
  readonly rungs: ReadonlySet<ActingRung>;
  readonly write = 'set';
  readonly settleMs: number;
  readonly callsPerSecond: number;
  readonly #config: AwsApiGatewayConfig;
  readonly #tools: GatewayTools;
  readonly #calls: AwsCalls<APIGatewayClient>;
  #twins: readonly Plan[] = [];
  #twinsAt = Number.NEGATIVE_INFINITY;

  constructor(config: AwsApiGatewayConfig, tools: GatewayTools) {
    this.name = tools.name;
    this.settleMs = config.settleMs;
    // Each reading is two calls, and a move makes two more than its plan says.
    this.callsPerSecond = config.callsPerSecond / 3;
    this.#config = config;
    this.#tools = tools;
    this.rungs = config.throttledPlans.length === 0 ? ON_OR_OFF : ALL_BUT_CONTAIN;
    this.#calls = awsCalls({
      gateway: tools.name,
      timeoutMs: config.timeoutMs,
      perSecond: config.callsPerSecond,
      async client() {
        const { APIGatewayClient } = await import('@aws-sdk/client-api-gateway');
        return new APIGatewayClient(clientSettings(config));
      },
    });
  }

  /** Access keys of IAM have ids of the same begin in our logs. */
  covers(subjectId: string): boolean {
    if (/^aws:A[KS]IA[A-Z0-9]{12,}$/.test(subjectId)) return false;
    return begins(subjectId, this.#tools.keys);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    if (this.#tools.now() - this.#twinsAt > TWINS_MS) await this.#readTwins(signal);
    return this.#state(this.#keyId(target), signal);
  }

  plan({ target, original, wish }: Omit<ApplyRequest, 'present'>): GatewayPlan {
    const id = this.#keyId(target);
    const none = { calls: [], undo: [], siblings: [], needsSeal: false };
    if (!original.exists || wish === null) return none;
    const before = wantedOf(original);
    const wanted = this.#wanted(original, wish);
    const calls = this.#lines(id, before, wanted);
    if (calls.length === 0) return { ...none, keepsOperatorLimit: true };
    return { ...none, calls, undo: this.#lines(id, wanted, before) };
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const { target, original, present, wish } = request;
    const id = this.#keyId(target);
    if (!present.exists || !original.exists) {
      if (wish === null) return ABSENT;
      throw keyUnknown(this.name, 'API Gateway has no such key');
    }
    if (wish !== null && isThrottle(wish.rung)) await this.#readTwins(signal);
    const wanted = this.#wanted(original, wish);
    const now = wantedOf(present);
    await this.#refuseGone(without(wanted.plans, now.plans), signal);
    // What lets in comes last, what keeps out first.
    if (now.enabled && !wanted.enabled) await this.#enable(id, false, signal);
    await this.#move(id, original, now, wanted, signal);
    if (!now.enabled && wanted.enabled) await this.#enable(id, true, signal);
    const state = await this.#state(id, signal);
    const left = wantedOf(state);
    const isMissing = without(wanted.plans, left.plans).length > 0;
    if (state.exists && (isMissing || left.enabled !== wanted.enabled)) {
      throw notYet(this.name, 'the change');
    }
    return state;
  }

  /** Neither a switch nor a membership carries a tag. */
  async owned(): Promise<[]> {
    return [];
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.name}`;
    const look = async () => [{ name, ok: true, detail: await this.#lookAtPlans(signal) }];
    const checks = await tried(name, look, signal);
    const why = 'limits only by usage plans, whose throttling is best effort';
    return [...checks, cannotCheck(name, this.rungs, why)];
  }

  async #lookAtPlans(signal: AbortSignal): Promise<string> {
    const all = (await plansOf(this.#calls, undefined, signal)) ?? [];
    const twins = all.filter(({ id }) => this.#config.throttledPlans.includes(id));
    const missing = this.#config.throttledPlans.filter(
      (id) => !twins.some((twin) => twin.id === id),
    );
    if (missing.length > 0) throw badPlan(this.name, `no usage plan ${missing.join(', ')}`);
    const unlimited = twins.filter(({ perMinute }) => perMinute === undefined);
    if (unlimited.length > 0) {
      throw badPlan(this.name, `usage plan ${unlimited[0]!.id} has no rate of its own`);
    }
    const single = all.filter((plan) => !twins.some((twin) => sameStages(twin, plan)));
    if (twins.length === 0 || single.length === 0) return `${all.length} usage plans`;
    const ids = single.map(({ id }) => id).join(', ');
    return `${all.length} usage plans; no throttled one has the stages of ${ids}: their keys fail to throttle`;
  }

  /** Detached from one plan, and the other is gone: the key would be left without any. */
  async #refuseGone(plans: readonly Plan[], signal: AbortSignal): Promise<void> {
    if (plans.length === 0) return;
    const all = (await plansOf(this.#calls, undefined, signal)) ?? [];
    const [gone] = without(plans, all);
    if (gone !== undefined) {
      throw badPlan(
        this.name,
        `usage plan ${gone.id} is gone: the key stays in the plans it is in`,
      );
    }
  }

  async #readTwins(signal: AbortSignal): Promise<void> {
    const { throttledPlans } = this.#config;
    if (throttledPlans.length === 0) return;
    const all = (await plansOf(this.#calls, undefined, signal)) ?? [];
    this.#twins = all.filter(({ id }) => throttledPlans.includes(id));
    this.#twinsAt = this.#tools.now();
  }

  async #state(apiKey: string, signal: AbortSignal): Promise<GatewayState> {
    const { GetApiKeyCommand } = await import('@aws-sdk/client-api-gateway');
    const key = await this.#calls.call(
      {
        what: 'GetApiKey',
        accept: ['NotFound'],
        send: (api, options) =>
          api.send(new GetApiKeyCommand({ apiKey, includeValue: false }), options),
      },
      signal,
    );
    if (key === undefined) return ABSENT;
    const plans = await plansOf(this.#calls, apiKey, signal);
    if (plans === undefined) return ABSENT;
    const enabled = key.enabled === true;
    const fingerprint = `${enabled ? 'enabled' : 'disabled'} ${plans.map(({ id }) => id).join(',')}`;
    return { exists: true, fingerprint, facts: { enabled, plans } };
  }

  #wanted(original: GatewayState, wish: Wish | null): Wanted {
    const before = wantedOf(original);
    if (wish === null) return before;
    if (!this.rungs.has(wish.rung)) {
      throw cannotRung(this.name, wish.rung);
    }
    if (!isThrottle(wish.rung)) return { ...before, enabled: false };
    const moves = movesOf(before.plans, this.#twins, wish.limit);
    if (typeof moves === 'string') throw badPlan(this.name, moves);
    return { ...before, plans: moves.map(({ to }) => to) };
  }

  /** Plans that are neither the key's own nor throttled ones of ours were given to it by a person meanwhile. */
  async #move(
    keyId: string,
    original: GatewayState,
    now: Wanted,
    wanted: Wanted,
    signal: AbortSignal,
  ): Promise<void> {
    const ours = new Set([
      ...this.#config.throttledPlans,
      ...wantedOf(original).plans.map(({ id }) => id),
    ]);
    for (const { id } of without(now.plans, wanted.plans)) {
      if (ours.has(id)) await this.#detach(id, keyId, signal);
    }
    for (const { id } of without(wanted.plans, now.plans)) await this.#attach(id, keyId, signal);
  }

  async #enable(apiKey: string, enabled: boolean, signal: AbortSignal): Promise<void> {
    const { UpdateApiKeyCommand } = await import('@aws-sdk/client-api-gateway');
    const patch = { op: 'replace' as const, path: '/enabled', value: `${enabled}` };
    const input = { apiKey, patchOperations: [patch] };
    await this.#calls.call(
      {
        what: 'UpdateApiKey',
        send: (api, options) => api.send(new UpdateApiKeyCommand(input), options),
      },
      signal,
    );
  }

  async #detach(usagePlanId: string, keyId: string, signal: AbortSignal): Promise<void> {
    const { DeleteUsagePlanKeyCommand } = await import('@aws-sdk/client-api-gateway');
    await this.#calls.call(
      {
        what: 'DeleteUsagePlanKey',
        accept: ['NotFound'],
        send: (api, options) =>
          api.send(new DeleteUsagePlanKeyCommand({ usagePlanId, keyId }), options),
      },
      signal,
    );
  }

  /** Its answer repeats the value of the key, which ends here. A second time is a conflict: it is in the plan. */
  async #attach(usagePlanId: string, keyId: string, signal: AbortSignal): Promise<void> {
    const { CreateUsagePlanKeyCommand } = await import('@aws-sdk/client-api-gateway');
    const input = { usagePlanId, keyId, keyType: 'API_KEY' };
    await this.#calls.call(
      {
        what: 'CreateUsagePlanKey',
        accept: ['Conflict'],
        async send(api, options) {
          await api.send(new CreateUsagePlanKeyCommand(input), options);
        },
      },
      signal,
    );
  }

  #lines(id: string, from: Wanted, to: Wanted): string[] {
    const aws = (words: string) => `aws apigateway ${words} --region ${this.#config.region}`;
    const enable = (value: boolean) =>
      aws(
        `update-api-key --api-key ${id} --patch-operations op=replace,path=/enabled,value=${value}`,
      );
    return [
      ...(from.enabled && !to.enabled ? [enable(false)] : []),
      ...without(from.plans, to.plans).map((plan) =>
        aws(`delete-usage-plan-key --usage-plan-id ${plan.id} --key-id ${id}`),
      ),
      ...without(to.plans, from.plans).map((plan) =>
        aws(`create-usage-plan-key --usage-plan-id ${plan.id} --key-id ${id} --key-type API_KEY`),
      ),
      ...(!from.enabled && to.enabled ? [enable(true)] : []),
    ];
  }

  #keyId({ credentialId }: KeyTarget): string {
    if (credentialId !== undefined && /^[a-z0-9]{1,32}$/.test(credentialId)) return credentialId;
    throw keyUnknown(this.name, 'not the id of an API key');
  }
}

function wantedOf({ facts }: GatewayState): Wanted {
  const { enabled, plans } = facts as KeyFacts;
  return { enabled: enabled === true, plans: plans ?? [] };
}

function without(plans: readonly Plan[], others: readonly Plan[]): Plan[] {
  return plans.filter(({ id }) => !others.some((other) => other.id === id));
}

function badPlan(gateway: string, words: string): KeyhoundError {
  return new KeyhoundError('operating', `gateway ${gateway}: ${words}`, {
    code: 'gateway-plan',
    hint: 'Each plan whose keys shall be throttled needs a twin with the same stages: docs/gateways-aws.md.',
  });
}
