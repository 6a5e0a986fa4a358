/**
 * Tyk's Gateway API as far as Keyhound uses it: keys by their hash, with policies applied as Tyk does. Written after
 * gateway/api.go, internal/policy/apply.go and user/session.go.
 */
import { type FakeAnswer, type FakeRequest, type FakeServer, startFake } from './http-fake.ts';

type Json = Record<string, unknown>;

/** Members of a session; Tyk ignores others, so a typing mistake would go unnoticed there. */
const KNOWN = [
  ...['last_check', 'allowance', 'rate', 'per', 'throttle_interval', 'throttle_retry_limit'],
  ...['date_created', 'expires', 'quota_max', 'quota_renews', 'quota_remaining'],
  ...['quota_renewal_rate', 'access_rights', 'org_id', 'is_inactive', 'apply_policies'],
  ...['apply_policy_id', 'meta_data', 'tags', 'alias', 'last_updated', 'hmac_string'],
];

export interface FakePolicy {
  readonly rate: number;
  readonly per: number;
  readonly isInactive: boolean;
}

export interface FakeTyk extends FakeServer {
  readonly keys: Map<string, Json>;
  readonly policies: Map<string, FakePolicy>;
  readonly state: { hashKeys: boolean; listing: boolean };
}

export async function startTyk(secret: string): Promise<FakeTyk> {
  const keys = new Map<string, Json>();
  const policies = new Map<string, FakePolicy>();
  const state = { hashKeys: true, listing: true };
  const server = await startFake((request) => {
    if (request.path === '/hello' && request.method === 'GET') {
      return { status: 200, json: { status: 'pass', version: 'v5.8.0', description: 'Tyk GW' } };
    }
    if (request.headers['x-tyk-authorization'] !== secret) {
      return failed(403, 'Attempted administrative access with invalid or missing key!');
    }
    return route(request, keys, policies, state);
  });
  return Object.assign(server, { keys, policies, state });
}

function failed(status: number, message: string): FakeAnswer {
  return { status, json: { status: 'error', message } };
}

function route(
  request: FakeRequest,
  keys: Map<string, Json>,
  policies: Map<string, FakePolicy>,
  state: { hashKeys: boolean; listing: boolean },
): FakeAnswer | undefined {
  const [tyk, kind, id, ...more] = request.path.split('/').slice(1);
  if (tyk !== 'tyk' || kind !== 'keys' || more.length > 0) return undefined;
  if (id === undefined) {
    if (request.method !== 'GET') return undefined;
    if (!state.listing) return failed(404, 'Hashed key listing is disabled in config');
    return { status: 200, json: { keys: [...keys.keys()] } };
  }
  if (request.query.get('hashed') !== 'true') return undefined;
  if (!state.hashKeys) {
    return failed(400, 'Key requested by hash but key hashing is not enabled');
  }
  const present = keys.get(id);
  if (request.method === 'GET') {
    if (present === undefined) return failed(404, 'Key not found');
    return { status: 200, json: withPolicies(present, policies) };
  }
  if (request.method !== 'PUT') return undefined;
  if (present === undefined) return failed(404, 'Key is not found');
  return replaced(id, request, keys, policies);
}

function replaced(
  id: string,
  request: FakeRequest,
  keys: Map<string, Json>,
  policies: Map<string, FakePolicy>,
): FakeAnswer {
  const body = request.json as Json | undefined;
  if (body === undefined) return failed(400, 'Request malformed');
  const before = keys.get(id)!;
  if (Object.keys(body).some((name) => !KNOWN.includes(name))) {
    return failed(400, 'Request malformed');
  }
  if (typeof body['access_rights'] !== 'object') {
    return failed(500, 'Failed to create key, ensure security settings are correct.');
  }
  const isKept = request.query.get('suppress_reset') === '1';
  const counters = isKept
    ? { quota_renews: before['quota_renews'], last_updated: before['last_updated'] }
    : { quota_renews: 1_900_000_000, last_updated: '1900000000' };
  const whole = { ...body, ...counters, date_created: before['date_created'] };
  keys.set(id, withoutZeros(withPolicies(whole, policies)));
  return { status: 200, json: { key: id, status: 'ok', action: 'modified' } };
}

/** A key with policies is as active as they are, and no slower than they say. */
function withPolicies(session: Json, policies: Map<string, FakePolicy>): Json {
  const next = structuredClone(session);
  const ids = (session['apply_policies'] ?? []) as string[];
  const applied = ids.map((id) => policies.get(id)!);
  if (applied.length === 0) return next;
  next['is_inactive'] = applied.some(({ isInactive }) => isInactive);
  for (const { rate, per } of applied) {
    next['rate'] = rate;
    next['per'] = per;
    for (const right of Object.values(next['access_rights'] as Json)) {
      const limit = (right as Json)['limit'] as Json | undefined;
      if (limit !== undefined) Object.assign(limit, { rate, per });
    }
  }
  return withoutZeros(next);
}

function withoutZeros(session: Json): Json {
  const given = Object.entries(session).filter(([, value]) => {
    const isEmpty = Array.isArray(value)
      ? value.length === 0
      : typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    return value !== 0 && value !== '' && value !== false && !isEmpty;
  });
  return Object.fromEntries(given);
}
