/** Caddy's admin API, as far as routes of one server go: strict about paths, ids and bodies. */
import { type FakeAnswer, type FakeRequest, type FakeServer, startFake } from './http-fake.ts';

type Json = Record<string, unknown>;

export interface FakeCaddy extends FakeServer {
  /** Routes of srv0, in order. */
  readonly routes: Json[];
}

const ROUTES = '/config/apps/http/servers/srv0/routes';

/** `token`: of a proxy in front of the admin API. */
export async function startFakeCaddy(token: string): Promise<FakeCaddy> {
  const routes: Json[] = [{ handle: [{ handler: 'subroute' }], match: [{ host: ['api.test'] }] }];
  const server = await startFake((request) => {
    if (request.headers['x-proxy-token'] !== token) return { status: 401, json: { error: 'who?' } };
    return answer(request, routes);
  });
  return Object.assign(server, { routes });
}

function answer({ method, path, json }: FakeRequest, routes: Json[]): FakeAnswer | undefined {
  if (path.startsWith('/config/apps/http/servers/') && !path.startsWith(ROUTES)) {
    return { status: 400, json: { error: 'invalid traversal path' } };
  }
  if (method === 'GET' && path === ROUTES) return { status: 200, json: routes };
  if (method === 'PUT' && path === `${ROUTES}/0`) {
    if (!isRoute(json)) return { status: 500, json: { error: 'loading new config' } };
    routes.unshift(json);
    return { status: 200 };
  }
  const [, name] = /^\/id\/(keyhound_[0-9a-f]+)$/.exec(path) ?? [];
  if (name === undefined) return undefined;
  const at = routes.findIndex((route) => route['@id'] === name);
  if (at < 0) return { status: 404, json: { error: `unknown object ID '${name}'` } };
  if (method === 'PATCH' && isRoute(json)) {
    routes[at] = json;
    return { status: 200 };
  }
  if (method !== 'DELETE') return undefined;
  routes.splice(at, 1);
  return { status: 200 };
}

/** Caddy takes no member that it does not know. */
function isRoute(json: unknown): json is Json {
  if (typeof json !== 'object' || json === null) return false;
  const known = ['@id', 'match', 'handle', 'terminal', 'group'];
  return Object.keys(json).every((name) => known.includes(name));
}
