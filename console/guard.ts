/** Who may ask: the token of the API, and no page that a browser was tricked into (DNS rebinding). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Sent with every answer. There is nothing here for another site to frame, read, cache or sniff. */
export const SECURITY_HEADERS = Object.freeze({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
});

/** Answers whether an Authorization header carries the token; takes the same time whatever it holds. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization) => {
    const given = /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
    return timingSafeEqual(digest(given ?? ''), expected) && given !== undefined;
  };
}

/**
 * Answers whether a Host header may be meant for us. An attacker's page can make a browser send requests here only
 * under the attacker's own name: so addresses, loopback names and the configured names pass, nothing else.
 */
export function createHostCheck(names: readonly string[]): (host: string | undefined) => boolean {
  const allowed = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  return (host) => {
    const name = hostName(host ?? '');
    if (name === undefined) return false;
    return isIP(name) !== 0 || allowed.has(name) || name.endsWith('.localhost');
  };
}

/** Host without its port, lower case, without brackets; undefined when it is not a host. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
