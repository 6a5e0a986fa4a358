/** Tyk with a key that has limits of its own, and one that a policy manages. */
import { type FakeTyk, startTyk } from '../../../fakes/tyk.ts';
import { CALL_MS, type Effect, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

type Json = Record<string, unknown>;
const SECRET = 'tyk-secret-1234567890';
const HMAC = 'hmac-secret-of-acme-123';
const KEY = '6129dc1e8b64c6b4';
const TARGET = { subjectId: `tyk:${KEY}`, credentialId: KEY, consumer: 'acme' };

export const rig: RigKind = { kind: 'tyk', start: () => start(false) };
/** A key of a policy, which would write over what is put. */
export const managed: RigKind = { kind: 'tyk', start: () => start(true) };
/** Two gateways, each with sessions of its own. */
export const pair: RigKind = { kind: 'tyk', start: startPair };

async function startPair(): Promise<Rig> {
  const fakes = [await startFilled(false), await startFilled(false)] as const;
  const urls = fakes.map(({ url }) => url);
  const [first, second] = fakes;
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf('tyk', { urls, token: SECRET, timeoutMs }, { name: 'tyk' }),
    ...{ target: TARGET, secrets: [SECRET, HMAC] },
    effect: () => effectOf(first.keys.get(KEY)!, first),
    holds: () => fakes.map(({ keys }) => keys.get(KEY)!),
    byHand: () => {
      second.keys.get(KEY)!['rate'] = 77;
    },
    fail: (fault) => second.failNext(fault),
    failSecond: (fault) => second.failNext(fault),
    violations: () => fakes.flatMap(({ violations }) => violations),
    close: async () => {
      await Promise.all(fakes.map((fake) => fake.close()));
    },
  };
}

async function startFilled(isManaged: boolean): Promise<FakeTyk> {
  const fake = await startTyk(SECRET);
  fake.policies.set('gold', { rate: 1000, per: 60, isInactive: false });
  // As Tyk keeps it: with a policy's values in the place of the key's.
  const apiRate = isManaged ? { rate: 1000, per: 60 } : { rate: 500, per: 10 };
  fake.keys.set(KEY, {
    ...{ rate: 1000, per: 60, quota_max: 5000, quota_renews: 1_800_000_000 },
    date_created: '2026-01-01T00:00:00Z',
    ...{ last_updated: '1800000000', org_id: 'org-1', alias: 'acme', hmac_string: HMAC },
    access_rights: {
      'api-1': { api_id: 'api-1', limit: { ...apiRate, quota_max: 100 } },
      'api-2': {
        api_id: 'api-2',
        endpoints: [{ path: '/a', methods: [{ limit: { rate: 90, per: 1 } }] }],
      },
    },
    meta_data: { team: 'a' },
    ...(isManaged ? { apply_policies: ['gold'] } : {}),
  });
  return fake;
}

async function start(isManaged: boolean): Promise<Rig> {
  const fake = await startFilled(isManaged);
  const session = () => fake.keys.get(KEY)!;
  let token = SECRET;
  return {
    adapter: (timeoutMs = CALL_MS) =>
      adapterOf('tyk', { urls: [fake.url], token, timeoutMs }, { name: 'tyk' }),
    target: TARGET,
    unknown: { subjectId: 'tyk:0000000000000000', credentialId: '0000000000000000' },
    secrets: [SECRET, HMAC],
    effect: () => effectOf(session(), fake),
    holds: () => session(),
    ...(isManaged
      ? {}
      : { operatorLimits: ({ requests, windowMs }) => limit(session(), requests, windowMs) }),
    byHand: () => {
      session()['rate'] = 77;
    },
    fail: (fault) => fake.failNext(fault),
    lockOut: () => {
      token = 'another-secret-1234567890';
    },
    violations: () => fake.violations,
    close: () => fake.close(),
  };
}

function limit(session: Json, rate: number, windowMs: number): void {
  const limits = ratesOf(session);
  for (const found of limits) Object.assign(found, { rate, per: windowMs / 1000 });
}

/** All that have a rate, the session itself among them. */
function ratesOf(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = typeof (value as Json)['rate'] === 'number' ? [value as Json] : [];
  return [...own, ...Object.values(value).flatMap(ratesOf)];
}

/** The laxest of its limits: an endpoint's takes the place of the API's. */
function effectOf(session: Json, fake: FakeTyk): Effect {
  const [policy] = (session['apply_policies'] ?? []) as string[];
  const rates = ratesOf(session).map(({ rate, per }) => ({
    requests: Number(rate),
    windowMs: Number(per) * 1000,
  }));
  rates.sort((a, b) => b.requests / b.windowMs - a.requests / a.windowMs);
  const managed = policy === undefined ? undefined : fake.policies.get(policy);
  return {
    open: managed !== undefined || session['is_inactive'] !== true,
    limit: rates[0] ?? null,
  };
}
