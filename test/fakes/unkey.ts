/** Unkey's API v2 as far as Keyhound uses it. Written after its OpenAPI description. */
import { type FakeAnswer, type FakeServer, startFake } from './http-fake.ts';

type Json = Record<string, unknown>;
const ID = /^[a-zA-Z0-9_]{3,255}$/;
const META = { requestId: 'req_1234567890' };
const UPDATES = [
  ...['keyId', 'name', 'externalId', 'meta', 'expires', 'credits', 'ratelimits', 'enabled'],
  ...['roles', 'permissions'],
];

export interface FakeUnkey extends FakeServer {
  readonly keys: Map<string, Json>;
}

export async function startUnkey(rootKey: string, apiId: string): Promise<FakeUnkey> {
  const keys = new Map<string, Json>();
  const server = await startFake(({ method, path, headers, json }) => {
    if (method !== 'POST' || !path.startsWith('/v2/')) return undefined;
    if (headers['content-type'] !== 'application/json') return problem(400, 'Bad Request');
    if (headers['authorization'] !== `Bearer ${rootKey}`) return problem(401, 'Unauthorized');
    const body = json as Json;
    switch (path) {
      case '/v2/keys.getKey':
        return getKey(body, keys);
      case '/v2/keys.updateKey':
        return updateKey(body, keys);
      case '/v2/apis.listKeys':
        return listKeys(body, keys, apiId);
      default:
        return undefined;
    }
  });
  return Object.assign(server, { keys });
}

function problem(status: number, title: string): FakeAnswer {
  const error = {
    title,
    detail: 'it said raw-key-1',
    status,
    type: `https://unkey.com/docs/${status}`,
  };
  return { status, json: { meta: META, error } };
}

function done(data: unknown, more: object = {}): FakeAnswer {
  return { status: 200, json: { meta: META, data, ...more } };
}

function getKey(body: Json, keys: Map<string, Json>): FakeAnswer {
  const { keyId, ...others } = body;
  if (!ID.test(String(keyId)) || Object.keys(others).some((name) => name !== 'decrypt')) {
    return problem(400, 'Bad Request');
  }
  const key = keys.get(String(keyId));
  return key === undefined ? problem(404, 'Not Found') : done(key);
}

/** Given fields are replaced, null empties, what is left out stays. */
function updateKey(body: Json, keys: Map<string, Json>): FakeAnswer {
  const key = keys.get(String(body['keyId']));
  if (Object.keys(body).some((name) => !UPDATES.includes(name))) return problem(400, 'Bad Request');
  if (key === undefined) return problem(404, 'Not Found');
  const limits = body['ratelimits'] as Json[] | undefined;
  if (limits !== undefined && !limits.every(isLimit)) return problem(400, 'Bad Request');
  if (body['meta'] === null) delete key['meta'];
  else if (body['meta'] !== undefined) key['meta'] = body['meta'];
  if (body['enabled'] !== undefined) key['enabled'] = body['enabled'];
  if (limits !== undefined) {
    key['ratelimits'] = limits.map((limit) => ({ id: `rl_${String(limit['name'])}`, ...limit }));
  }
  return done({});
}

function isLimit(limit: Json): boolean {
  const { name, limit: count, duration, autoApply, ...others } = limit;
  return (
    typeof name === 'string' &&
    name.length >= 3 &&
    Number.isInteger(count) &&
    Number(count) >= 1 &&
    Number.isInteger(duration) &&
    Number(duration) >= 1000 &&
    typeof autoApply === 'boolean' &&
    Object.keys(others).length === 0
  );
}

/** Two a page, to try paging. */
function listKeys(body: Json, keys: Map<string, Json>, apiId: string): FakeAnswer {
  const { limit, cursor } = body;
  if (!(Number(limit) >= 1 && Number(limit) <= 100)) return problem(400, 'Bad Request');
  if (body['apiId'] !== apiId) return problem(404, 'Not Found');
  const from = Number(cursor ?? 0);
  const all = [...keys.values()];
  const hasMore = from + 2 < all.length;
  const pagination = { hasMore, ...(hasMore ? { cursor: String(from + 2) } : {}) };
  return done(all.slice(from, from + 2), { pagination });
}
