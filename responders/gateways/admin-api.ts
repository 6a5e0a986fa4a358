/** An admin API of resources: JSON objects are read by their path, and written. */
import { type HttpApi, type HttpMethod, httpCall, oddAnswer } from './http-call.ts';

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class AdminApi {
  readonly http: HttpApi;

  constructor(http: HttpApi) {
    this.http = http;
  }

  /** Undefined: there is none. `what` is told of the path in errors, without a key. */
  async find(path: string, what: string, signal: AbortSignal): Promise<Json | undefined> {
    const call = { method: 'GET', path, what: `GET ${what}`, accept: [404] } as const;
    const { status, json } = await httpCall(this.http, call, signal);
    if (status === 404) return undefined;
    if (!isObject(json)) throw oddAnswer(this.http, call);
    return json;
  }

  async write(
    method: HttpMethod,
    path: string,
    what: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    // The second deletion is 404: it is gone, as wanted.
    const accept = method === 'DELETE' ? [404] : [];
    await httpCall(this.http, { method, path, what: `${method} ${what}`, body, accept }, signal);
  }
}
