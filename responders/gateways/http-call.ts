/**
 * One call of a gateway's API: method, headers, JSON body, time limit, bound of the answer, and errors that say
 * whether another try may help. It never writes twice: only a read whose connection was closed under it is sent
 * once more. It follows no redirect (a token would follow it), and repeats in an error neither a header, nor a
 * body, nor a path: only what the caller says of the call.
 */
import { KeyhoundError } from '../../core/errors.ts';
import type { GatewayTools } from '../../core/gateway.ts';
import type { CommonSettings } from './settings.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How an API is called. */
export interface HttpApi {
  /** As configured: errors name it. */
  readonly gateway: string;
  /** No slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Wall clock, epoch ms: Retry-After may be a date. */
  now(): number;
  /** What may be told of an error's body. The text of a vendor's message may hold a key: name codes, not texts. */
  reason?(json: unknown): string | undefined;
}

/** The API of a gateway as configured; `login` are the headers that say who asks. */
export function httpApi(
  url: string,
  { headers, timeoutMs }: CommonSettings,
  { name: gateway, now }: GatewayTools,
  login: Readonly<Record<string, string>> = {},
): HttpApi {
  return { gateway, url, headers: { ...login, ...headers }, timeoutMs, now };
}

export interface HttpCall {
  readonly method: HttpMethod;
  /** Behind the API's URL, percent-encoded. */
  readonly path: string;
  /** What is told of the call in errors, without a key, e.g. `PUT /plugins/ID`. */
  readonly what: string;
  /** A value is sent as JSON, a text as it stands. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses of 300 and more that are an answer and not an error, e.g. 404. */
  readonly accept?: readonly number[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is empty or no JSON. */
  readonly json: unknown;
}

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_AFTER_MS_MAX = 3_600_000;

/** Throws `operating` errors; the reason of the signal when that stops it. */
export async function httpCall(
  api: HttpApi,
  call: HttpCall,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(api.timeoutMs);
  const either = AbortSignal.any([signal, limit]);
  let answer: HttpAnswer;
  try {
    answer = await send(api, call, either).catch((error: unknown) => {
      if (call.method !== 'GET' || !isClosed(error)) throw error;
      return send(api, call, either);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeyhoundError) throw error;
    throw limit.aborted ? timedOut(api, call) : unreachable(api, call, error);
  }
  if (answer.status < 300 || call.accept?.includes(answer.status) === true) return answer;
  throw refusal(api, call, answer);
}

async function send(api: HttpApi, call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
  const { body } = call;
  const isText = typeof body === 'string' || body === undefined;
  const response = await fetch(`${api.url}${call.path}`, {
    method: call.method,
    redirect: 'manual',
    signal,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...api.headers,
      ...call.headers,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await boundedText(api, call, response);
  return { status: response.status, headers: response.headers, json: parsed(text) };
}

async function boundedText(api: HttpApi, call: HttpCall, response: Response): Promise<string> {
  if (response.body === null) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) {
      throw problem(api, call, `answered more than ${ANSWER_BYTES_MAX} bytes`, 'gateway-answer');
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An answer of the wrong shape: another service, or a version that we do not know. */
export function oddAnswer(api: HttpApi, call: Pick<HttpCall, 'what'>): KeyhoundError {
  return new KeyhoundError(
    'operating',
    `gateway ${api.gateway}: ${call.what}: not the answer of its API`,
    {
      code: 'gateway-answer',
      hint: `Is ${hostOf(api.url)} the admin API of the configured kind?`,
    },
  );
}

/** HOST:PORT of a URL, without a user and password that may stand in it. */
export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'unknown';
}

function timedOut(api: HttpApi, call: HttpCall): KeyhoundError {
  // The change may have been made all the same: the caller reads before it tries again.
  return problem(api, call, `no answer within ${api.timeoutMs} ms`, 'gateway-timeout', true);
}

function unreachable(api: HttpApi, call: HttpCall, error: unknown): KeyhoundError {
  const code = codeOf(error) ?? 'connection failed';
  return problem(api, call, `not reached (${code})`, 'gateway-unreachable', true);
}

/** Closed by the other side: often one kept open that a gateway's restart or idle limit ended meanwhile. */
function isClosed(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}

/** Only the system's own word: undici's message may repeat a header. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined;
}

function problem(
  api: HttpApi,
  call: HttpCall,
  words: string,
  code: string,
  retryable = false,
): KeyhoundError {
  const text = `gateway ${api.gateway}: ${call.what} at ${hostOf(api.url)}: ${words}`;
  return new KeyhoundError('operating', text, { code, retryable });
}

function refusal(api: HttpApi, call: HttpCall, answer: HttpAnswer): KeyhoundError {
  const { status } = answer;
  const reason = api.reason?.(answer.json);
  const words = `answered ${status}${reason === undefined ? '' : ` (${reason})`}`;
  const text = `gateway ${api.gateway}: ${call.what} at ${hostOf(api.url)}: ${words}`;
  const retryAfterMs = retryAfter(answer.headers, api.now());
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 401 || status === 403) {
    return new KeyhoundError('operating', text, {
      code: 'gateway-refused',
      hint: 'Its token is wrong or may not do this: docs/gateways.md names what it needs.',
    });
  }
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) {
    return new KeyhoundError('operating', text, { code: 'gateway-busy', retryable: true, ...wait });
  }
  if (status >= 500 || status === 408 || status === 425) {
    return new KeyhoundError('operating', text, {
      code: 'gateway-failed',
      retryable: true,
      ...wait,
    });
  }
  // Somebody else changed it at the same time: it is read again before the next try.
  const retryable = status === 409 || status === 412;
  return new KeyhoundError('operating', text, { code: 'gateway-rejected', retryable });
}

/** Seconds or a date; at most an hour, so that no gateway can put an action off for days. */
function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), RETRY_AFTER_MS_MAX) : undefined;
}
