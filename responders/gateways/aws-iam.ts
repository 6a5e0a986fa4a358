/**
 * Access keys of IAM users: made inactive and active again, never deleted. IAM can neither throttle nor contain a key.
 * The user that a key belongs to is asked of IAM, by the key's id; its secret is nowhere.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { KeyhoundError } from '../../core/errors.ts';
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
import type { ActingRung } from '../../core/ladder.ts';
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
import { cannotCheck, tried } from './checks.ts';
import { begins, keyUnknown } from './keys.ts';
import { cannotRung, ON_OR_OFF } from './rungs.ts';
import { ABSENT } from './state.ts';

const configSchema = z
  .strictObject({
    ...awsSettings,
    region: awsSettings.region.default('us-east-1'),
    settleMs: z
      .int()
      .min(0)
      .max(600_000)
      .default(30_000)
      .describe('Bound after which a change holds in all regions, ms.'),
    // IAM publishes no rate, and all of the account shares it.
    callsPerSecond: callsPerSecond(1),
  })
  .refine(wholeCredentials, WHOLE_CREDENTIALS);
export type AwsIamConfig = z.infer<typeof configSchema>;

export const awsIam: GatewayKind<AwsIamConfig> = Object.freeze({
  kind: 'aws-iam',
  summary: 'Access keys of IAM users: inactive and active again.',
  keys: Object.freeze(['aws:AKIA']),
  config: configSchema,
  create: (config: AwsIamConfig, tools: GatewayTools) => new IamKeys(config, tools),
});

type Status = 'Active' | 'Inactive';

interface KeyFacts {
  readonly user?: string;
  readonly status?: Status;
}

class IamKeys implements GatewayAdapter {
  readonly name: string;
  readonly kind = 'aws-iam';
  readonly rungs: ReadonlySet<ActingRung> = ON_OR_OFF;
  readonly write = 'set';
  readonly settleMs: number;
  readonly callsPerSecond: number;
  readonly #tools: GatewayTools;
  readonly #calls: AwsCalls<IAMClient>;

  constructor(config: AwsIamConfig, tools: GatewayTools) {
    this.name = tools.name;
    this.settleMs = config.settleMs;
    // Each reading and each writing is two.
    this.callsPerSecond = config.callsPerSecond / 2;
    this.#tools = tools;
    this.#calls = awsCalls({
      gateway: tools.name,
      timeoutMs: config.timeoutMs,
      perSecond: config.callsPerSecond,
      async client() {
        const { IAMClient } = await import('@aws-sdk/client-iam');
        return new IAMClient(clientSettings(config));
      },
    });
  }

  covers(subjectId: string): boolean {
    return begins(subjectId, this.#tools.keys);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    const { GetAccessKeyLastUsedCommand } = await import('@aws-sdk/client-iam');
    const AccessKeyId = this.#keyId(target);
    const found = await this.#calls.call(
      {
        what: 'GetAccessKeyLastUsed',
        accept: ['NoSuchEntity'],
        send: (iam, options) => iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }), options),
      },
      signal,
    );
    const user = found?.UserName;
    return user === undefined ? ABSENT : this.#status(user, AccessKeyId, signal);
  }

  plan({ target, original, wish }: Omit<ApplyRequest, 'present'>): GatewayPlan {
    const id = this.#keyId(target);
    const { user, status } = original.facts as KeyFacts;
    const none = { calls: [], undo: [], siblings: [], needsSeal: false };
    if (status === undefined || wish === null) return none;
    const wanted = this.#wanted(status, wish);
    if (wanted === status) return { ...none, keepsOperatorLimit: true };
    const line = (to: Status) =>
      `aws iam update-access-key --user-name ${user} --access-key-id ${id} --status ${to}`;
    return { ...none, calls: [line(wanted)], undo: [line(status)] };
  }

  expect({ original, wish }: Omit<ApplyRequest, 'present'>): string | undefined {
    const { status } = original.facts as KeyFacts;
    return status === undefined ? undefined : this.#wanted(status, wish);
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const { target, original, present, wish } = request;
    const AccessKeyId = this.#keyId(target);
    const { status } = original.facts as KeyFacts;
    const now = present.facts as KeyFacts;
    if (!present.exists || status === undefined || now.user === undefined) {
      if (wish === null) return ABSENT;
      throw unknown(this.name, 'IAM has no such key of a user');
    }
    const Status = this.#wanted(status, wish);
    if (now.status !== Status) {
      const { UpdateAccessKeyCommand } = await import('@aws-sdk/client-iam');
      const input = { UserName: now.user, AccessKeyId, Status };
      await this.#calls.call(
        {
          what: 'UpdateAccessKey',
          send: (iam, options) => iam.send(new UpdateAccessKeyCommand(input), options),
        },
        signal,
      );
    }
    const state = await this.#status(now.user, AccessKeyId, signal);
    if (state.exists && state.fingerprint !== Status) throw notYet(this.name, 'the new status');
    return state;
  }

  /** A status carries no tag. */
  async owned(): Promise<[]> {
    return [];
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.name}`;
    const { ListAccessKeysCommand } = await import('@aws-sdk/client-iam');
    const look = async () => {
      await this.#calls.call(
        {
          what: 'ListAccessKeys',
          accept: ['NoSuchEntity'],
          send: (iam, options) =>
            iam.send(new ListAccessKeysCommand({ UserName: 'keyhound-check' }), options),
        },
        signal,
      );
      return [{ name, ok: true, detail: 'IAM answers; keys of users can be looked up' }];
    };
    const why = 'only keys of users (AKIA…) can be switched off, and that is all';
    return [...(await tried(name, look, signal)), cannotCheck(name, this.rungs, why)];
  }

  async #status(UserName: string, AccessKeyId: string, signal: AbortSignal): Promise<GatewayState> {
    const { ListAccessKeysCommand } = await import('@aws-sdk/client-iam');
    // A user has two keys at most; more come only with a limit raised by AWS.
    const listed = await this.#calls.call(
      {
        what: 'ListAccessKeys',
        accept: ['NoSuchEntity'],
        send: (iam, options) =>
          iam.send(new ListAccessKeysCommand({ UserName, MaxItems: 100 }), options),
      },
      signal,
    );
    const key = listed?.AccessKeyMetadata?.find((one) => one.AccessKeyId === AccessKeyId);
    if (key?.Status === undefined) return ABSENT;
    const status = key.Status === 'Active' ? 'Active' : 'Inactive';
    return { exists: true, fingerprint: status, facts: { user: UserName, status } };
  }

  #wanted(original: Status, wish: Wish | null): Status {
    if (wish === null) return original;
    if (this.rungs.has(wish.rung)) return 'Inactive';
    throw cannotRung(this.name, wish.rung);
  }

  #keyId({ credentialId }: KeyTarget): string {
    if (credentialId !== undefined && /^AKIA[A-Z0-9]{12,124}$/.test(credentialId))
      return credentialId;
    throw unknown(this.name, 'not the id of an access key of an IAM user');
  }
}

function unknown(gateway: string, words: string): KeyhoundError {
  const hint = 'Temporary credentials (ASIA…) end by revoking the sessions of their role, in IAM.';
  return keyUnknown(gateway, words, hint);
}
