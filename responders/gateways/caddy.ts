/**
 * Caddy. Without `urls` it asks the decision endpoint (forward_auth), which is the better way. With `urls` routes are
 * put in front of all others of a server through the admin API: they refuse one key each. A matcher compares a header
 * with what stands in the configuration, and a raw key must not; so this is only for headers that hold an id, or keys
 * that begin with one (`header: X-Api-Key`, `value: '{id}.*'`).
 *
 *   route    @id  keyhound_<hex of the id>
 *   handler  @id  the action's tag
 *
 * Caddy takes an `@id` twice, so it is looked for before. Every route of that name is ours: an undo removes it.
 */
import { z } from 'zod';
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
import { TurnsByName } from '../../core/turns.ts';
import type { Json } from './admin-api.ts';
import { cannotCheck } from './checks.ts';
import { throughDecide } from './decide.ts';
import {
  type HttpApi,
  type HttpMethod,
  hostOf,
  httpApi,
  httpCall,
  oddAnswer,
} from './http-call.ts';
import { beginsPlain, keyUnknown, plainId, subjectOf } from './keys.ts';
import { type GatewayNode, nodesAdapter } from './nodes.ts';
import { ON_OR_OFF } from './rungs.ts';
import { commonSettings, urlSetting } from './settings.ts';
import { fingerprintOf } from './state.ts';
import { curlLine } from './text.ts';

const configSchema = z
  .strictObject({
    ...commonSettings(1000, 20),
    urls: z
      .array(urlSetting)
      .max(64)
      .default([])
      .describe(
        'Its admin API, e.g. http://localhost:2019; all nodes. None: it asks the endpoint.',
      ),
    server: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/)
      .default('srv0')
      .describe('Name of the server in its configuration; of a Caddyfile srv0, srv1, …'),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]+$/)
      .optional()
      .describe('Header that holds the id, or begins with it.'),
    value: z
      .string()
      .regex(
        /^[A-Za-z0-9 ._:/-]*\{id\}([._:/-]\*)?$/,
        '{id}, or {id} and a sign of . _ : / - and *',
      )
      .default('{id}')
      .describe('What the header is compared with; {id} stands for the id of the key.'),
    persisted: z
      .boolean()
      .default(false)
      .describe('Caddy runs with --resume, so that routes outlive its restart.'),
  })
  .refine(({ urls, header }) => urls.length === 0 || header !== undefined, {
    message: 'urls need the header that holds the id',
    path: ['header'],
  });
export type CaddyConfig = z.infer<typeof configSchema>;

export const caddy: GatewayKind<CaddyConfig> = Object.freeze({
  kind: 'caddy',
  summary: 'forward_auth against the decision endpoint, or routes that refuse an id.',
  keys: Object.freeze(['caddy:', 'h:']),
  config: configSchema,
  asks: ({ urls }: CaddyConfig) => urls.length === 0,
  create(config: CaddyConfig, tools: GatewayTools): GatewayAdapter {
    if (config.urls.length === 0) {
      return throughDecide({ kind: 'caddy', config: { settleMs: 1000 }, tools, limits: [] });
    }
    const nodes = config.urls.map((url) => new CaddyNode(url, config, tools));
    const adapter = nodesAdapter({
      kind: 'caddy',
      tools,
      settings: config,
      rungs: ON_OR_OFF,
      nodes,
      plan: ({ target, wish }) => planOf(nodes, idOf(target, config, tools.name), wish),
    });
    // A hash of ours is in no header.
    const covers = (id: string) => beginsPlain(id, tools.keys, false);
    const check = async (signal: AbortSignal) => [
      ...(await adapter.check(signal)),
      cannotCheck(`gateway ${tools.name}`, ON_OR_OFF, 'routes know ids only'),
    ];
    return Object.freeze({ ...adapter, covers, check });
  },
});

const BODY = '{"error":"forbidden"}';
const NONE = 'none';

class CaddyNode implements GatewayNode {
  readonly host: string;
  readonly #api: HttpApi;
  readonly #config: CaddyConfig;
  readonly #tools: GatewayTools;
  readonly #turns = new TurnsByName();

  constructor(url: string, config: CaddyConfig, tools: GatewayTools) {
    this.host = hostOf(url);
    this.#config = config;
    this.#tools = tools;
    this.#api = httpApi(url, config, tools);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    return this.#state(idOf(target, this.#config, this.#tools.name), signal);
  }

  async apply({ target, wish }: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const id = idOf(target, this.#config, this.#tools.name);
    return this.#turns.take(id, async () => {
      const name = nameOf(id);
      const present = await this.#named(name, signal);
      if (wish === null) {
        for (const _ of present) await this.#remove(name, signal);
      } else {
        const route = this.#route(id, wish.tag);
        const [first, ...more] = present;
        for (const _ of more) await this.#remove(name, signal);
        if (first === undefined) {
          await this.#write('PUT', `${this.#routes()}/0`, route, signal);
        } else if (fingerprintOf(first) !== fingerprintOf(route)) {
          await this.#write('PATCH', `/id/${name}`, route, signal);
        }
      }
      return this.#state(id, signal);
    });
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const all = await this.#list(signal);
    return all.flatMap((route): OwnedObject[] => {
      const [, hex] = /^keyhound_((?:[0-9a-f]{2})+)$/.exec(String(route['@id'])) ?? [];
      const tag = tagOf(route);
      if (hex === undefined || tag === undefined) return [];
      const id = Buffer.from(hex, 'hex').toString('latin1');
      return [
        {
          tag,
          subjectId: subjectOf(id, this.#tools.keys, false),
          what: `route ${route['@id']} of server ${this.#config.server} at ${this.host}`,
          remove: (until) => this.#removeTagged(id, tag, until),
        },
      ];
    });
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.#tools.name}`;
    const count = (await this.#list(signal)).length;
    const about = `Caddy at ${this.host}, server ${this.#config.server}: ${count} routes`;
    if (this.#config.persisted) return [{ name, ok: true, detail: about }];
    return [
      {
        name,
        ok: false,
        detail: `${about}; forgets ours at a restart`,
        hint: 'Start Caddy with --resume, then set persisted: true.',
      },
    ];
  }

  /** As a person would type it. */
  lines(id: string, wish: Wish): { calls: string[]; undo: string[] } {
    const { url, headers } = this.#api;
    const route = this.#route(id, wish.tag);
    return {
      calls: [curlLine('PUT', `${url}${this.#routes()}/0`, headers, route)],
      undo: [curlLine('DELETE', `${url}/id/${nameOf(id)}`, headers)],
    };
  }

  #route(id: string, tag: string): Json {
    const { header, value } = this.#config;
    const headers = { 'Content-Type': ['application/json'] };
    const answer = { handler: 'static_response', status_code: 403, headers, body: BODY };
    return {
      '@id': nameOf(id),
      match: [{ header: { [header!]: [value.replace('{id}', id)] } }],
      handle: [{ '@id': tag, ...answer }],
      terminal: true,
    };
  }

  async #state(id: string, signal: AbortSignal): Promise<GatewayState> {
    const routes = await this.#named(nameOf(id), signal);
    if (routes.length === 0) return { exists: true, fingerprint: NONE, facts: { refused: false } };
    const tags = routes.flatMap((route) => tagOf(route) ?? []);
    const fingerprint = fingerprintOf(routes.map(untagged));
    return { exists: true, fingerprint, facts: { refused: true, tags } };
  }

  async #named(name: string, signal: AbortSignal): Promise<Json[]> {
    return (await this.#list(signal)).filter((route) => route['@id'] === name);
  }

  async #list(signal: AbortSignal): Promise<Json[]> {
    const path = this.#routes();
    const call = { method: 'GET', path, what: `GET ${path}` } as const;
    const { json } = await httpCall(this.#api, call, signal);
    // Null: the server has no routes.
    if (json === null) return [];
    if (!Array.isArray(json) || json.some((route) => typeof route !== 'object' || route === null)) {
      throw oddAnswer(this.#api, call);
    }
    return json as Json[];
  }

  async #write(method: HttpMethod, path: string, body: Json, signal: AbortSignal): Promise<void> {
    await httpCall(this.#api, { method, path, what: `${method} ${path}`, body }, signal);
  }

  async #remove(name: string, signal: AbortSignal): Promise<void> {
    const path = `/id/${name}`;
    const call = { method: 'DELETE', path, what: `DELETE ${path}`, accept: [404] } as const;
    await httpCall(this.#api, call, signal);
  }

  #removeTagged(id: string, tag: string, signal: AbortSignal): Promise<void> {
    return this.#turns.take(id, async () => {
      const routes = await this.#named(nameOf(id), signal);
      // Another action may have taken it over since it was listed.
      if (routes.some((route) => tagOf(route) === tag)) await this.#remove(nameOf(id), signal);
    });
  }

  #routes(): string {
    return `/config/apps/http/servers/${this.#config.server}/routes`;
  }
}

function planOf(nodes: readonly CaddyNode[], id: string, wish: Wish | null): GatewayPlan {
  const lines = wish === null ? [] : nodes.map((node) => node.lines(id, wish));
  return {
    calls: lines.flatMap(({ calls }) => calls),
    undo: lines.flatMap(({ undo }) => undo),
    siblings: [],
    needsSeal: false,
  };
}

function idOf(target: KeyTarget, { value }: CaddyConfig, gateway: string): string {
  const id = plainId(target, gateway);
  if (!value.endsWith('*') || /^[A-Za-z0-9]+$/.test(id)) return id;
  // With a sign of its own, `a.*` would be the begin of another key's `a.b.…`.
  throw keyUnknown(
    gateway,
    "this key's id has other signs than letters and digits",
    'Its begin could be that of another key. Where a header holds the id alone, set value: "{id}".',
  );
}

function nameOf(id: string): string {
  return `keyhound_${Buffer.from(id, 'latin1').toString('hex')}`;
}

function handlersOf(route: Json): readonly Json[] {
  const { handle } = route;
  return Array.isArray(handle) ? (handle as Json[]) : [];
}

function tagOf(route: Json): string | undefined {
  const tag = handlersOf(route)[0]?.['@id'];
  return typeof tag === 'string' ? tag : undefined;
}

/** The tag changes with the action; the state does not. */
function untagged(route: Json): Json {
  return { ...route, handle: handlersOf(route).map(({ '@id': _, ...rest }) => rest) };
}
