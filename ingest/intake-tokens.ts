/** Which sources a sender may push for. A wrong token and a missing one are told apart by nobody. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface TokenHolder {
  /** Undefined: whoever reaches the listener may push for it (loopback only, as the configuration checks). */
  readonly token: string | undefined;
}

/** All of `holders` whose token the headers carry; without a token those that need none. */
export function admitted<T extends TokenHolder>(
  holders: readonly T[],
  headers: IncomingHttpHeaders,
): T[] {
  const token = tokenOf(headers);
  if (token === undefined) return holders.filter((holder) => holder.token === undefined);
  const digest = digestOf(token);
  // Every holder is compared, and digests of one length, so the time taken says nothing.
  return holders.filter((holder) => {
    const expected = digestOf(holder.token ?? '');
    return timingSafeEqual(expected, digest) && holder.token !== undefined;
  });
}

/** `Authorization: Bearer TOKEN`, or the header that Amazon Data Firehose sends. */
function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  const firehose = headers['x-amz-firehose-access-key'];
  const token = bearer ?? (typeof firehose === 'string' ? firehose : headers.authorization);
  return token === '' ? undefined : token;
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
