/**
 * Kong's Admin API as far as Keyhound uses it: credentials of key-auth, plugins of two kinds, with Kong's own checks
 * and errors. Written after kong/api/endpoints.lua, kong/db/errors.lua and the schemas of the plugins.
 */
import { randomUUID } from 'node:crypto';
import { type FakeAnswer, type FakeRequest, type FakeServer, startFake } from './http-fake.ts';

type Json = Record<string, unknown>;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WINDOWS = ['second', 'minute', 'hour', 'day', 'month', 'year'];
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'rate-limiting': [
    ...WINDOWS,
    'limit_by',
    'policy',
    'fault_tolerant',
    'hide_client_headers',
    'header_name',
    'path',
    'error_code',
    'error_message',
    'redis',
  ],
  'request-termination': ['status_code', 'message', 'body', 'content_type', 'trigger', 'echo'],
};
const LIMIT_BY = ['consumer', 'credential', 'ip', 'service', 'header', 'path', 'consumer-group'];

export interface FakeKong extends FakeServer {
  readonly credentials: Map<string, Json>;
  readonly plugins: Map<string, Json>;
  readonly consumers: Map<string, Json>;
  /** What `/` says of its database: `off` is DB-less. */
  readonly state: { database: string };
  addPlugin(plugin: Json): Json;
  addCredential(credential: Json): Json;
}

/** `token`: what Kong-Admin-Token must be. `page`: entries of a page, to try paging. */
export async function startKong(token?: string, page = 1000): Promise<FakeKong> {
  const consumers = new Map<string, Json>();
  const credentials = new Map<string, Json>();
  const plugins = new Map<string, Json>();
  const state = { database: 'postgres' };
  const store = { consumers, credentials, plugins, state, page };
  const server = await startFake((request) => {
    if (token !== undefined && request.headers['kong-admin-token'] !== token) {
      return { status: 401, json: { message: 'Unauthorized' } };
    }
    return route(request, store);
  });
  return Object.assign(server, {
    consumers,
    credentials,
    plugins,
    state,
    addPlugin: (plugin: Json) => {
      const id = randomUUID();
      return put(plugins, id, merged(id, plugin, undefined));
    },
    addCredential: (credential: Json) =>
      put(credentials, randomUUID(), {
        created_at: 1_782_000_000,
        tags: null,
        ttl: null,
        ...credential,
      }),
  });
}

function put(map: Map<string, Json>, id: string, value: Json): Json {
  const whole = { id, ...value };
  map.set(String(whole.id), whole);
  return whole;
}

interface Store {
  readonly consumers: Map<string, Json>;
  readonly credentials: Map<string, Json>;
  readonly plugins: Map<string, Json>;
  readonly state: { database: string };
  readonly page: number;
}

const NOT_FOUND: FakeAnswer = { status: 404, json: { message: 'Not found' } };

function route(request: FakeRequest, store: Store): FakeAnswer | undefined {
  const { method, path } = request;
  const parts = path.split('/').slice(1);
  if (method === 'GET' && path === '/') {
    return {
      status: 200,
      json: { version: '3.9.1', configuration: { database: store.state.database } },
    };
  }
  if (method !== 'GET' && store.state.database === 'off') {
    const message = "cannot create or update 'plugins' entities when not using a database";
    return { status: 405, json: { code: 12, name: 'operation unsupported', message } };
  }
  if (parts[0] === 'key-auths') return keyAuths(request, parts, store);
  if (parts[0] === 'consumers') return consumers(request, parts, store);
  if (parts[0] === 'plugins') return plugins(request, parts, store);
  return undefined;
}

function keyAuths(request: FakeRequest, parts: string[], store: Store): FakeAnswer | undefined {
  if (request.method !== 'GET') return undefined;
  if (parts.length === 1) return pageOf([...store.credentials.values()], request, store);
  if (parts.length !== 3 || parts[2] !== 'consumer') return undefined;
  const credential = findCredential(parts[1]!, store);
  const consumer = store.consumers.get(idOf(credential?.['consumer']));
  return consumer === undefined ? NOT_FOUND : { status: 200, json: consumer };
}

/** A text that is no UUID is looked up as the raw key, as Kong does. */
function findCredential(idOrKey: string, store: Store): Json | undefined {
  if (UUID.test(idOrKey)) return store.credentials.get(idOrKey);
  return [...store.credentials.values()].find(({ key }) => key === idOrKey);
}

function consumers(request: FakeRequest, parts: string[], store: Store): FakeAnswer | undefined {
  const [, name = '', kind, id] = parts;
  const consumer =
    store.consumers.get(name) ??
    [...store.consumers.values()].find(({ username }) => username === name);
  if (consumer === undefined) return NOT_FOUND;
  const isOwn = (entry: Json) => idOf(entry['consumer']) === consumer['id'];
  if (request.method === 'GET' && kind === undefined) return { status: 200, json: consumer };
  if (request.method === 'GET' && id === undefined && kind !== undefined) {
    if (kind === 'plugins')
      return pageOf([...store.plugins.values()].filter(isOwn), request, store);
    if (kind === 'key-auth') {
      return pageOf([...store.credentials.values()].filter(isOwn), request, store);
    }
    // oauth2 is not loaded here: Kong has no such path then.
    if (kind === 'oauth2') return NOT_FOUND;
    return ['basic-auth', 'hmac-auth', 'jwt'].includes(kind)
      ? pageOf([], request, store)
      : undefined;
  }
  if (kind !== 'key-auth' || id === undefined) return undefined;
  const credential = findCredential(id, store);
  if (request.method === 'PUT') return putCredential(id, consumer, request, store);
  if (credential === undefined || !isOwn(credential)) return NOT_FOUND;
  if (request.method === 'GET') return { status: 200, json: credential };
  if (request.method !== 'DELETE') return undefined;
  store.credentials.delete(String(credential['id']));
  return { status: 204 };
}

function putCredential(id: string, consumer: Json, request: FakeRequest, store: Store): FakeAnswer {
  const body = request.json as Json;
  const unknown = Object.keys(body).filter((name) => !['key', 'tags', 'ttl'].includes(name));
  if (!UUID.test(id) || unknown.length > 0 || typeof body['key'] !== 'string') {
    return schemaViolation(Object.fromEntries(unknown.map((name) => [name, 'unknown field'])));
  }
  const holder = [...store.credentials.values()].find(({ key }) => key === body['key']);
  if (holder !== undefined && holder['id'] !== id) return uniqueViolation({ key: body['key'] });
  const before = store.credentials.get(id);
  const created = before?.['created_at'] ?? 1_782_001_000;
  const link = { id: consumer['id'] };
  const rest = { tags: body['tags'] ?? null, ttl: body['ttl'] ?? null };
  const whole = { id, created_at: created, consumer: link, key: body['key'], ...rest };
  store.credentials.set(id, whole);
  return { status: 200, json: whole };
}

function plugins(request: FakeRequest, parts: string[], store: Store): FakeAnswer | undefined {
  const { method } = request;
  const [, id] = parts;
  if (id === undefined) {
    if (method !== 'GET') return undefined;
    const tag = request.query.get('tags');
    const all = [...store.plugins.values()];
    const tagged = all.filter(({ tags }) => Array.isArray(tags) && tags.includes(tag));
    return pageOf(tag === null ? all : tagged, request, store);
  }
  if (!UUID.test(id)) return { status: 400, json: { code: 1, name: 'invalid primary key' } };
  const present = store.plugins.get(id);
  if (method === 'GET') return present === undefined ? NOT_FOUND : { status: 200, json: present };
  if (method === 'DELETE') {
    store.plugins.delete(id);
    return { status: 204 };
  }
  if (method !== 'PUT' && method !== 'PATCH') return undefined;
  if (method === 'PATCH' && present === undefined) return NOT_FOUND;
  const whole = merged(id, request.json as Json, method === 'PATCH' ? present : undefined);
  const fault = pluginFault(whole, store);
  if (fault !== undefined) return fault;
  store.plugins.set(id, whole);
  return { status: 200, json: whole };
}

/** A PATCH keeps what it does not name, in `config` too; null empties. */
function merged(id: string, body: Json, present: Json | undefined): Json {
  const defaults: Json = { enabled: true, tags: null, consumer: null, route: null, service: null };
  const base: Json = present ?? { id, ...defaults, config: {} };
  const config = { ...(base['config'] as Json), ...(body['config'] as Json | undefined) };
  const isLimit = (body['name'] ?? base['name']) === 'rate-limiting';
  const empty = Object.fromEntries(WINDOWS.map((window) => [window, null]));
  const filled = isLimit
    ? { ...empty, limit_by: 'consumer', policy: 'local', fault_tolerant: true, ...config }
    : config;
  return { ...base, ...body, id, config: filled };
}

function pluginFault(plugin: Json, store: Store): FakeAnswer | undefined {
  const name = String(plugin['name']);
  const config = plugin['config'] as Json;
  const faults: Json = {};
  for (const field of Object.keys(config)) {
    if (!(FIELDS[name] ?? []).includes(field)) faults[`config.${field}`] = 'unknown field';
  }
  const known = ['id', 'name', 'enabled', 'tags', 'consumer', 'route', 'service', 'config'];
  for (const field of Object.keys(plugin)) {
    if (!known.includes(field)) faults[field] = 'unknown field';
  }
  const tags = (plugin['tags'] ?? []) as string[];
  if (tags.some((tag) => !/^[\x20-\x2b\x2d\x2e\x30-\x7e]+$/.test(tag))) faults['tags'] = 'invalid';
  const consumer = idOf(plugin['consumer']);
  if (consumer !== '' && !store.consumers.has(consumer)) {
    return { status: 400, json: { code: 4, name: 'foreign key violation' } };
  }
  if (name === 'rate-limiting') Object.assign(faults, limitFaults(config));
  if (Object.keys(faults).length > 0) return schemaViolation(faults);
  const scope = (other: Json) =>
    [other['name'], ...['consumer', 'route', 'service'].map((kind) => idOf(other[kind]))].join();
  const same = [...store.plugins.values()].find((other) => scope(other) === scope(plugin));
  if (same !== undefined && same['id'] !== plugin['id']) {
    return uniqueViolation({ name, consumer: plugin['consumer'], route: null, service: null });
  }
  return undefined;
}

function limitFaults(config: Json): Json {
  const faults: Json = {};
  const values = WINDOWS.map((window) => config[window]).filter((value) => value != null);
  if (values.length === 0) faults['@entity'] = ['at least one of these fields must be non-empty'];
  if (values.some((value) => typeof value !== 'number' || value <= 0)) faults['config'] = 'gt 0';
  if (values.some((value, i) => i > 0 && Number(value) < Number(values[i - 1]))) {
    faults['config'] = 'The limit for hour cannot be lower than the limit for minute';
  }
  if (!LIMIT_BY.includes(String(config['limit_by']))) faults['config.limit_by'] = 'one of';
  return faults;
}

function schemaViolation(fields: Json): FakeAnswer {
  return { status: 400, json: { code: 2, name: 'schema violation', message: 'schema', fields } };
}

function uniqueViolation(fields: Json): FakeAnswer {
  const message = `UNIQUE violation detected on '${JSON.stringify(fields)}'`;
  return { status: 409, json: { code: 5, name: 'unique constraint violation', message, fields } };
}

function pageOf(all: readonly Json[], { query }: FakeRequest, { page }: Store): FakeAnswer {
  const asked = Number(query.get('size') ?? 100);
  if (!(asked >= 1 && asked <= 1000))
    return { status: 400, json: { code: 9, name: 'invalid size' } };
  const size = Math.min(asked, page);
  const from = Number(query.get('offset') ?? 0);
  const data = all.slice(from, from + size);
  const more =
    from + size < all.length ? { offset: String(from + size), next: '/x' } : { next: null };
  return { status: 200, json: { data, ...more } };
}

function idOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? String((value as Json)['id']) : '';
}
