/** Who may ask: a process of this machine, or whoever has the token. A gateway that may ask is believed. */
import { hash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

export interface Callers {
  /** Takes the same time whatever the headers hold. */
  admits(tokens: readonly string[], authorization: readonly string[]): boolean;
  /** The token when it came as Authorization, which then is no key of a client; else ''. */
  own(authorization: readonly string[]): string;
}

/** Without a token nobody is admitted by one. */
export function createCallers(token: string | undefined): Callers {
  const expected = digest(token ?? '');
  const is = (text: string) => timingSafeEqual(digest(text), expected) && token !== undefined;
  return {
    admits(tokens, authorization) {
      // A gateway replaces what a client sent under the name: two of them came from elsewhere.
      const byHeader = is(tokens.length === 1 ? tokens[0]! : '');
      const byBearer = is(authorization.length === 1 ? bearerOf(authorization[0]!) : '');
      return byHeader || byBearer;
    },
    own(authorization) {
      const given = authorization.length === 1 ? bearerOf(authorization[0]!) : '';
      return token !== undefined && given === token ? token : '';
    },
  };
}

function bearerOf(authorization: string): string {
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? '';
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
