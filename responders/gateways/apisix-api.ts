/** APISIX's Admin API as far as Keyhound uses it. */
import type { RateLimit } from '../../core/ladder.ts';
import { AdminApi, isObject, type Json } from './admin-api.ts';
import { limitIn } from './apisix-limits.ts';
import { httpCall, oddAnswer } from './http-call.ts';
import { strictestLimit } from './single-limit.ts';

const PAGE = 500;
const PAGES_MAX = 40;
/** What may limit a request of the consumer, and is replaced by a limit of the consumer's own. */
const WIDER = ['routes', 'services', 'plugin_configs', 'consumer_groups'] as const;
/** Letters that mean the same in a path: an id never reaches further than its place. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

export class ApisixApi extends AdminApi {
  isPlain(id: string): boolean {
    return PLAIN.test(id);
  }

  /** The value of a resource, secrets included; undefined: there is none. */
  async get(path: string, what: string, signal: AbortSignal): Promise<Json | undefined> {
    const answer = await this.find(path, what, signal);
    if (answer === undefined) return undefined;
    if (isObject(answer['value'])) return answer['value'];
    throw oddAnswer(this.http, { what: `GET ${what}` });
  }

  /** Values of a collection; an empty one is a 404 there. */
  async list(path: string, signal: AbortSignal): Promise<Json[]> {
    const all: Json[] = [];
    for (let page = 1; page <= PAGES_MAX; page++) {
      const answer = await this.find(`${path}?page=${page}&page_size=${PAGE}`, path, signal);
      if (answer === undefined) return all;
      const { list } = answer;
      if (!Array.isArray(list)) throw oddAnswer(this.http, { what: `GET ${path}` });
      all.push(...list.filter(isObject).map(({ value }) => (isObject(value) ? value : {})));
      if (list.length < PAGE) return all;
    }
    return all;
  }

  /** Strictest limit of routes and others that one of the consumer replaces. */
  async wider(signal: AbortSignal): Promise<RateLimit | undefined> {
    const limits: RateLimit[] = [];
    for (const kind of WIDER) {
      for (const { plugins } of await this.list(`/${kind}`, signal)) {
        const limit = isObject(plugins) ? limitIn(plugins['limit-count']) : undefined;
        if (limit !== undefined) limits.push(limit);
      }
    }
    return strictestLimit(limits);
  }

  /** `Server` header of an answer, e.g. `APISIX/3.18.0`. */
  async server(signal: AbortSignal): Promise<string> {
    const call = {
      method: 'GET',
      path: '/consumers?page=1&page_size=10',
      what: 'GET /consumers',
    } as const;
    const { headers, json } = await httpCall(this.http, call, signal);
    if (!isObject(json)) throw oddAnswer(this.http, call);
    return headers.get('server') ?? 'APISIX';
  }
}
