/** What Kong's Admin API says of a credential and its consumer, and the calls that change it. */
import { createHash } from 'node:crypto';
import type { KeyTarget } from '../../core/gateway.ts';
import { AdminApi, isObject, type Json } from './admin-api.ts';
import { type HttpApi, httpCall, oddAnswer } from './http-call.ts';
import {
  type KongLimits,
  type OperatorValues,
  readTags,
  strictest,
  type Tags,
  WINDOWS,
} from './kong-limits.ts';

/** Other kinds of credentials a consumer may have: a limit or block of the consumer hits them, too. */
const CREDENTIAL_KINDS = ['key-auth', 'basic-auth', 'hmac-auth', 'jwt', 'oauth2'] as const;
const PAGE = 1000;
/** A consumer with more is read to here; what is beyond is not shown. */
const PAGES_MAX = 20;

/** A plugin of the consumer, of the two that Keyhound uses. */
export interface Plugin extends Tags {
  readonly id: string;
  readonly name: 'rate-limiting' | 'request-termination';
  /** Where it holds, e.g. `route 0f1a…`; empty: for all requests of the consumer. */
  readonly scope: string;
  readonly present: OperatorValues;
}

export interface KongKey {
  readonly consumer: { readonly id: string; readonly name: string };
  /** The whole credential, its key included: for the seal alone. Undefined: Kong has no such credential. */
  readonly credential: Json | undefined;
  /** Ids of the consumer's other credentials. */
  readonly siblings: readonly string[];
  readonly plugins: readonly Plugin[];
  /** Limits of routes, services and all, which one of the consumer replaces. */
  readonly wider: KongLimits;
}

export class KongApi extends AdminApi {
  constructor(http: HttpApi) {
    super({ ...http, reason: reasonOf });
  }

  /** The consumer of a credential, as Kong says; undefined when it has no such credential. */
  async consumerOf(credential: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `/key-auths/${encodeURIComponent(credential)}/consumer`;
    const found = await this.find(path, '/key-auths/ID/consumer', signal);
    return found === undefined ? undefined : textOf(found['id']);
  }

  /** `consumer` is its id; undefined when there is no such consumer. What is known is not asked for. */
  async readKey(
    { credentialId = '' }: KeyTarget,
    consumer: string,
    known: Partial<Pick<KongKey, 'siblings' | 'wider'>>,
    signal: AbortSignal,
  ): Promise<KongKey | undefined> {
    const base = `/consumers/${encodeURIComponent(consumer)}`;
    const about = await this.find(base, '/consumers/ID', signal);
    if (about === undefined) return undefined;
    const credential = await this.find(
      `${base}/key-auth/${encodeURIComponent(credentialId)}`,
      '/consumers/ID/key-auth/ID',
      signal,
    );
    const ids = known.siblings ?? (await this.#credentials(base, signal));
    const own = await this.list(`${base}/plugins`, '/consumers/ID/plugins', signal);
    const wider = known.wider ?? widerOf(await this.list('/plugins', '/plugins', signal));
    const name = about['username'] ?? about['custom_id'] ?? about['id'];
    return {
      consumer: { id: textOf(about['id']), name: textOf(name) },
      credential,
      siblings: ids.filter((id) => id !== credentialId).sort(),
      plugins: own.flatMap((plugin) => pluginOf(plugin) ?? []),
      wider,
    };
  }

  async #credentials(consumer: string, signal: AbortSignal): Promise<string[]> {
    const ids: string[] = [];
    for (const kind of CREDENTIAL_KINDS) {
      const all = await this.list(`${consumer}/${kind}`, `/consumers/ID/${kind}`, signal);
      ids.push(...all.map(({ id }) => textOf(id)));
    }
    return ids;
  }

  /** All entries of a collection; none where Kong does not have it (a plugin that is not loaded). */
  async list(path: string, what: string, signal: AbortSignal): Promise<Json[]> {
    const all: Json[] = [];
    let offset: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const mark = path.includes('?') ? '&' : '?';
      const from = offset === undefined ? '' : `&offset=${encodeURIComponent(offset)}`;
      const answer = await this.find(`${path}${mark}size=${PAGE}${from}`, what, signal);
      if (answer === undefined) return all;
      const { data } = answer;
      if (!Array.isArray(data)) throw oddAnswer(this.http, { what: `GET ${what}` });
      all.push(...(data as Json[]));
      if (typeof answer['offset'] !== 'string') return all;
      offset = answer['offset'];
    }
    return all;
  }

  async info(signal: AbortSignal): Promise<Json> {
    const call = { method: 'GET', path: '/', what: 'GET /' } as const;
    const { json } = await httpCall(this.http, call, signal);
    if (!isObject(json) || typeof json['version'] !== 'string') throw oddAnswer(this.http, call);
    return json;
  }
}

/** Names of fields only: the message of a unique violation repeats the key. */
function reasonOf(json: unknown): string | undefined {
  if (!isObject(json) || typeof json['name'] !== 'string') return undefined;
  const fields = isObject(json['fields']) ? fieldNames(json['fields'], '') : [];
  const words = [json['name'], ...fields].filter((word) => /^[\w .@-]{1,64}$/.test(word));
  return words.slice(0, 6).join(', ');
}

function fieldNames(fields: Json, prefix: string): string[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    isObject(value) && prefix === '' ? fieldNames(value, `${name}.`) : [`${prefix}${name}`],
  );
}

export function pluginOf(plugin: Json): Plugin | undefined {
  const { name } = plugin;
  if (name !== 'rate-limiting' && name !== 'request-termination') return undefined;
  const config = isObject(plugin['config']) ? plugin['config'] : {};
  const tags = Array.isArray(plugin['tags']) ? plugin['tags'].map(textOf) : [];
  const scopes = ['route', 'service'].flatMap((kind) => {
    const scope = plugin[kind];
    return isObject(scope) ? [`${kind} ${textOf(scope['id'])}`] : [];
  });
  return {
    id: textOf(plugin['id']),
    name,
    scope: scopes.join(', '),
    present: {
      enabled: plugin['enabled'] !== false,
      limitBy: textOf(config['limit_by'] ?? 'consumer'),
      limits: limitsIn(config),
    },
    ...readTags(tags),
  };
}

function limitsIn(config: Json): KongLimits {
  const given = WINDOWS.filter((window) => typeof config[window] === 'number');
  return Object.fromEntries(given.map((window) => [window, config[window]]));
}

function widerOf(plugins: readonly Json[]): KongLimits {
  return plugins
    .filter(({ name, enabled }) => name === 'rate-limiting' && enabled !== false)
    .filter((plugin) => !isObject(plugin['consumer']) && !isObject(plugin['consumer_group']))
    .map(({ config }) => (isObject(config) ? limitsIn(config) : {}))
    .reduce<KongLimits>(strictest, {});
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A UUID (version 5 in form) that is the same for the same text. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3];
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}
