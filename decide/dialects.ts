/**
 * How gateways ask, and what answers they can bear (reference: docs/decide.md).
 *
 * nginx: auth_request knows 2xx, 401 and 403; anything else becomes a 500, which a set-up that fails open lets pass.
 * envoy: 200 alone allows, and a 5xx counts as our failure. forward: any 2xx allows, all else goes to the client.
 */

import { commonHeaders, refusalBody } from './answers.ts';
import type { Answer, AskedUse } from './contract.ts';
import type { RequestHeaders } from './request-headers.ts';

export const DIALECTS = ['nginx', 'forward', 'envoy', 'json'] as const;
export type DialectName = (typeof DIALECTS)[number];

export interface Dialect {
  readonly name: DialectName;
  /** What the gateway's request says about its client's, keys aside. */
  read(headers: RequestHeaders, method: string, url: string, use: AskedUse): void;
  readonly statuses: { readonly throttle: number; readonly refuse: number };
}

/** Headers that the dialects read, lower case. */
export const DIALECT_HEADERS = [
  'accept',
  'authorization',
  'x-forwarded-for',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-keyhound-token',
  'x-original-method',
  'x-original-uri',
  'x-real-ip',
] as const;

const nginx: Dialect = {
  name: 'nginx',
  read(headers, _method, _url, use) {
    use.method = headers.single('x-original-method');
    use.target = headers.single('x-original-uri');
    use.clientAddress = headers.single('x-real-ip');
    use.forwardedFor = headers.list('x-forwarded-for');
  },
  statuses: { throttle: 403, refuse: 403 },
};

/** Traefik, Caddy and APISIX put the address that connected to them at the right of X-Forwarded-For. */
const forward: Dialect = {
  name: 'forward',
  read(headers, _method, _url, use) {
    use.method = headers.single('x-forwarded-method');
    use.target = headers.single('x-forwarded-uri');
    use.clientAddress = headers.list('x-forwarded-for');
    use.forwardedFor = use.clientAddress;
  },
  statuses: { throttle: 429, refuse: 403 },
};

const ENVOY_PREFIX = '/decide/envoy';

const envoy: Dialect = {
  name: 'envoy',
  read(headers, method, url, use) {
    const target = url.slice(ENVOY_PREFIX.length);
    use.method = method;
    use.target = target.startsWith('/') ? target : `/${target}`;
    use.clientAddress = headers.list('x-forwarded-for');
    use.forwardedFor = use.clientAddress;
  },
  statuses: { throttle: 429, refuse: 403 },
};

/** The dialect that a path asks in; json is read from a body and stands elsewhere. */
export function dialectOf(path: string): Dialect | undefined {
  if (isBelow(path, '/decide/nginx')) return nginx;
  if (isBelow(path, '/decide/forward')) return forward;
  return isBelow(path, ENVOY_PREFIX) ? envoy : undefined;
}

function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const next = path.charCodeAt(prefix.length);
  return path.length === prefix.length || next === SLASH || next === QUESTION;
}

const SLASH = 0x2f;
const QUESTION = 0x3f;

/** As `forward` answers: for callers that pass all on. */
export function forwardReply(answer: Answer, accept: string): Reply {
  return replyOf(forward, answer, accept);
}

export interface Reply {
  readonly status: number;
  /** Name and value in turn. */
  readonly headers: string[];
  readonly body: string;
}

export function replyOf(dialect: Dialect, answer: Answer, accept: string): Reply {
  const headers: string[] = [];
  commonHeaders(answer, headers);
  const { decision, use } = answer;
  if (decision === 'allow') {
    headers.push('Content-Length', '0');
    return { status: 200, headers, body: '' };
  }
  const status = dialect.statuses[decision];
  if (decision === 'throttle' && use !== undefined) {
    const seconds = String(use.retryAfterSeconds);
    if (status === 429) headers.push('Retry-After', seconds);
    else {
      // NGINX writes the answer itself, from these.
      headers.push('X-Retry-After', seconds, 'X-Keyhound-Usage', String(use.used));
      headers.push('X-Keyhound-Limit', String(use.limit));
      headers.push('X-Keyhound-Reset', new Date(use.resetAt).toISOString());
    }
  }
  const body = refusalBody(answer, accept);
  headers.push('Content-Type', body.type, 'Content-Length', String(Buffer.byteLength(body.text)));
  return { status, headers, body: body.text };
}
