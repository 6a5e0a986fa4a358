/**
 * APISIX's Admin API as far as Keyhound uses it, with its checks and errors. Written after apisix/admin/*.lua,
 * schema_def.lua and plugins/limit-count.
 */
import { type FakeAnswer, type FakeRequest, type FakeServer, startFake } from './http-fake.ts';

type Json = Record<string, unknown>;
const ID = /^[a-zA-Z0-9-_.]{1,64}$/;
const LIMIT_FIELDS = [
  ...['count', 'time_window', 'key', 'key_type', 'group', 'rejected_code', 'rejected_msg'],
  ...['policy', 'allow_degradation', 'show_limit_quota_header', 'rules', 'redis_host'],
];

export interface FakeApisix extends FakeServer {
  readonly consumers: Map<string, Json>;
  /** By `CONSUMER/ID`. */
  readonly credentials: Map<string, Json>;
  readonly routes: Map<string, Json>;
}

export async function startApisix(key: string): Promise<FakeApisix> {
  const consumers = new Map<string, Json>();
  const credentials = new Map<string, Json>();
  const routes = new Map<string, Json>();
  const server = await startFake((request) => {
    if (request.headers['x-api-key'] !== key) {
      const json = { error_msg: 'failed to check token', description: 'wrong apikey' };
      return { status: 401, json };
    }
    const parts = request.path.split('/').slice(1);
    if (parts[0] !== 'apisix' || parts[1] !== 'admin') return undefined;
    return route(request, parts.slice(2), { consumers, credentials, routes });
  });
  return Object.assign(server, { consumers, credentials, routes });
}

type Store = Pick<FakeApisix, 'consumers' | 'credentials' | 'routes'>;
const NOT_FOUND: FakeAnswer = { status: 404, json: { message: 'Key not found' } };

function route(request: FakeRequest, parts: string[], store: Store): FakeAnswer | undefined {
  const [kind, name, sub, id, ...more] = parts;
  if (more.length > 0) return undefined;
  if (['routes', 'services', 'plugin_configs', 'consumer_groups'].includes(kind ?? '')) {
    if (request.method !== 'GET' || name !== undefined) return undefined;
    return listOf(kind === 'routes' ? store.routes : new Map(), `/apisix/${kind}`, request);
  }
  if (kind !== 'consumers') return undefined;
  if (name === undefined) {
    if (request.method === 'GET') return listOf(store.consumers, '/apisix/consumers', request);
    return undefined;
  }
  if (sub === undefined) return consumer(request, name, store);
  if (sub !== 'credentials') return undefined;
  return id === undefined
    ? credentialsOf(request, name, store)
    : credential(request, name, id, store);
}

function consumer(
  request: FakeRequest,
  name: string,
  { consumers }: Store,
): FakeAnswer | undefined {
  const key = `/apisix/consumers/${name}`;
  if (request.method === 'GET') {
    const value = consumers.get(name);
    return value === undefined
      ? NOT_FOUND
      : { status: 200, json: { key, value, modifiedIndex: 7 } };
  }
  if (request.method !== 'PUT') return undefined;
  const body = request.json as Json;
  const fault = consumerFault(name, body);
  if (fault !== undefined) return { status: 400, json: { error_msg: fault } };
  const isNew = !consumers.has(name);
  const value = stamped(body, consumers.get(name));
  consumers.set(name, value);
  return { status: isNew ? 201 : 200, json: { key, value } };
}

function consumerFault(name: string, body: Json): string | undefined {
  const known = ['username', 'desc', 'labels', 'group_id', 'plugins', 'create_time', 'update_time'];
  for (const field of Object.keys(body)) {
    if (!known.includes(field)) {
      return `invalid configuration: additional properties forbidden, found ${field}`;
    }
  }
  if (body['username'] !== name) return 'wrong username';
  for (const value of Object.values((body['labels'] ?? {}) as Json)) {
    if (typeof value !== 'string' || !/^\S+$/.test(value) || value.length > 256) {
      return 'invalid configuration: property "labels" validation failed';
    }
  }
  const limit = ((body['plugins'] ?? {}) as Json)['limit-count'] as Json | undefined;
  return limit === undefined ? undefined : limitFault(limit);
}

function limitFault(limit: Json): string | undefined {
  const prefix =
    'invalid plugins configuration: failed to check the configuration of plugin limit-count';
  const { count, time_window: window } = limit;
  const unknown = Object.keys(limit).find((field) => !LIMIT_FIELDS.includes(field));
  if (unknown !== undefined) return `${prefix}: unknown ${unknown}`;
  if (limit['rules'] !== undefined) return undefined;
  const isCount = (value: unknown) =>
    typeof value === 'string' || (Number.isInteger(value) && Number(value) > 0);
  return isCount(count) && isCount(window) ? undefined : `${prefix}: count`;
}

function credentialsOf(request: FakeRequest, name: string, store: Store): FakeAnswer | undefined {
  if (request.method !== 'GET') return undefined;
  const own = [...store.credentials].filter(([path]) => path.startsWith(`${name}/`));
  if (own.length === 0) return NOT_FOUND;
  return listOf(new Map(own), '/apisix/consumers', request);
}

function credential(
  request: FakeRequest,
  name: string,
  id: string,
  { consumers, credentials }: Store,
): FakeAnswer | undefined {
  const path = `${name}/${id}`;
  const key = `/apisix/consumers/${name}/credentials/${id}`;
  const present = credentials.get(path);
  if (request.method === 'GET') {
    return present === undefined ? NOT_FOUND : { status: 200, json: { key, value: present } };
  }
  if (request.method === 'DELETE') {
    if (!credentials.delete(path)) return NOT_FOUND;
    return { status: 200, json: { deleted: '1', key } };
  }
  if (request.method !== 'PUT') return undefined;
  const body = request.json as Json;
  if (!consumers.has(name)) return { status: 404, json: { error_msg: 'consumer not found' } };
  const known = ['id', 'name', 'desc', 'labels', 'plugins', 'create_time', 'update_time'];
  const plugins = (body['plugins'] ?? {}) as Json;
  const isFine =
    ID.test(id) &&
    Object.keys(body).every((field) => known.includes(field)) &&
    Object.keys(plugins).length <= 1 &&
    (body['id'] === undefined || body['id'] === id);
  if (!isFine) return { status: 400, json: { error_msg: 'invalid configuration' } };
  const raw = (plugins['key-auth'] as Json | undefined)?.['key'];
  const owner = [...credentials].find(
    ([other, value]) =>
      other !== path &&
      ((value['plugins'] as Json)['key-auth'] as Json | undefined)?.['key'] === raw,
  );
  if (owner !== undefined) {
    const error_msg = `duplicate key of plugin key-auth found with credential: ${owner[0]}`;
    return { status: 400, json: { error_msg } };
  }
  credentials.set(path, stamped({ ...body, id }, present));
  return { status: present === undefined ? 201 : 200, json: { key, value: credentials.get(path) } };
}

/** As the Admin API stamps what is put. */
function stamped(body: Json, before: Json | undefined): Json {
  const create_time = body['create_time'] ?? before?.['create_time'] ?? 1_782_001_000;
  return { ...body, create_time, update_time: body['update_time'] ?? 1_782_001_000 };
}

function listOf(all: Map<string, Json>, dir: string, { query }: FakeRequest): FakeAnswer {
  const page = Number(query.get('page') ?? 1);
  const size = Number(query.get('page_size') ?? 500);
  if (!(page >= 1 && size >= 10 && size <= 500)) {
    return { status: 400, json: { error_msg: 'page_size: between 10 and 500' } };
  }
  const list = [...all].map(([key, value]) => ({ key: `${dir}/${key}`, value }));
  const headers = { server: 'APISIX/3.18.0', 'x-api-version': 'v3' };
  const part = list.slice((page - 1) * size, page * size);
  return { status: 200, json: { total: all.size, list: part }, headers };
}
