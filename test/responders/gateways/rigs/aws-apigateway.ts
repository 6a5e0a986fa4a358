/** API Gateway with a plan of two keys and its throttled twins. */
import { AWS_CREDENTIALS } from '../../../servers/moto.ts';
import { type AwsAnswer, fakeAws, json, jsonError } from '../fake-aws.ts';
import { CALL_MS, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

interface Account {
  readonly enabled: Map<string, boolean>;
  /** Plan → its keys. */
  readonly members: Map<string, Set<string>>;
  /** Plan → requests a second. */
  readonly rates: Map<string, number>;
}

const keyOf = (id: string) => ({ subjectId: `aws:${id}`, credentialId: id });
const MINUTE = 60_000;

export const rig: RigKind = {
  kind: 'aws-apigateway',
  skips: {
    'what it made is found by its tag, and can be removed': 'a membership carries no tag',
    'a write that took effect without an answer is found, and taken back':
      'a move is two calls; cut off after the first it is finished by the next try, as its own tests see',
  },
  async start(): Promise<Rig> {
    const account: Account = {
      enabled: new Map(['k1', 'k2'].map((id) => [id, true])),
      members: new Map([
        ['gold', new Set(['k1', 'k2'])],
        ['slow', new Set()],
        ['slower', new Set()],
      ]),
      rates: new Map([
        ['gold', 100],
        ['slow', 5 / 60],
        ['slower', 1 / 3600],
      ]),
    };
    let isLocked = false;
    const fake = await fakeAws('apigateway', (call) =>
      isLocked ? jsonError(403, 'AccessDeniedException') : answer(call, account),
    );
    return {
      adapter: (timeoutMs = CALL_MS) =>
        adapterOf('aws-apigateway', {
          ...AWS_CREDENTIALS,
          region: 'eu-central-1',
          endpoint: fake.endpoint,
          throttledPlans: ['slow', 'slower'],
          callsPerSecond: 100,
          timeoutMs,
        }),
      target: keyOf('k1'),
      sibling: keyOf('k2'),
      unknown: keyOf('k9'),
      secrets: [AWS_CREDENTIALS.secretAccessKey, 'the raw value'],
      effect: ({ credentialId = '' }) => effectOf(account, credentialId),
      holds: () => [
        [...account.enabled],
        [...account.members].map(([plan, keys]) => [plan, [...keys].sort()]),
      ],
      operatorLimits: ({ requests, windowMs }) =>
        void account.rates.set('gold', (requests / windowMs) * 1000),
      byHand: () => {
        const plan = [...account.members.values()].find((keys) => keys.has('k1'));
        plan?.delete('k1');
      },
      fail: (fault) => {
        fake.writeFault = fault;
      },
      lockOut: () => {
        isLocked = true;
      },
      violations: () => [],
      close: () => fake.stop(),
    };
  },
};

function effectOf({ enabled, members, rates }: Account, id: string) {
  const plans = [...members].filter(([, keys]) => keys.has(id)).map(([plan]) => plan);
  const perMinute = plans.map((plan) => rates.get(plan)! * 60);
  return {
    open: enabled.get(id) === true && plans.length > 0,
    limit: plans.length === 0 ? null : { requests: Math.min(...perMinute), windowMs: MINUTE },
  };
}

function answer(call: string, account: Account): AwsAnswer | undefined {
  const { enabled, members, rates } = account;
  const [, method, path, query, body] = /^(\w+) ([^ ?]+)(?:\?(\S+))?(?: (.*))?$/.exec(call) ?? [];
  const [, keyId] = /^\/apikeys\/(\w+)$/.exec(path ?? '') ?? [];
  if (keyId !== undefined) {
    if (!enabled.has(keyId)) return jsonError(404, 'NotFoundException');
    if (method === 'PATCH') enabled.set(keyId, body?.includes('"value":"true"') === true);
    else if (query !== 'includeValue=false') return undefined;
    return json(200, { id: keyId, enabled: enabled.get(keyId) });
  }
  if (path === '/usageplans') {
    const of = new URLSearchParams(query).get('keyId');
    const ids = [...members.keys()].filter((id) => of === null || members.get(id)!.has(of));
    const stages = [{ apiId: 'a1', stage: 'prod' }];
    const plan = (id: string) => ({
      id,
      apiStages: stages,
      throttle: { rateLimit: rates.get(id) },
    });
    return json(200, { item: ids.map(plan) });
  }
  const [, planId = '', gone] = /^\/usageplans\/(\w+)\/keys(?:\/(\w+))?$/.exec(path ?? '') ?? [];
  const keys = members.get(planId);
  if (keys === undefined) return undefined;
  if (method === 'DELETE') {
    return keys.delete(gone ?? '') ? json(202, '') : jsonError(404, 'NotFoundException');
  }
  const added = (JSON.parse(body!) as { keyId: string }).keyId;
  if ([...members.values()].some((others) => others.has(added))) {
    return jsonError(409, 'ConflictException');
  }
  keys.add(added);
  return json(201, { id: added, value: 'the raw value' });
}
