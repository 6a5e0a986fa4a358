/** Which keys are a gateway's own, by the begin of their ids; and what of an id may be written into its files. */
import { KeyhoundError } from '../../core/errors.ts';
import type { KeyTarget } from '../../core/gateway.ts';

/** The gateway has no credential of this key. */
export function keyUnknown(gateway: string, words: string, hint?: string): KeyhoundError {
  return new KeyhoundError('operating', `gateway ${gateway}: ${words}`, {
    code: 'gateway-key-unknown',
    ...(hint !== undefined && { hint }),
  });
}

/** True when the id begins like one of them, or there are none. */
export function begins(subjectId: string, keys: readonly string[]): boolean {
  return keys.length === 0 || keys.some((begin) => subjectId.startsWith(begin));
}

/** The same where `plainId` names the key: our own hash only where the gateway computes that. */
export function beginsPlain(subjectId: string, keys: readonly string[], hashes: boolean): boolean {
  return (hashes || !subjectId.startsWith('h:')) && begins(subjectId, keys);
}

/**
 * What a gateway that was given no raw key may know this one by: the credential's id, or the 32 digits of its HMAC
 * where the gateway computes that. Only letters that mean nothing in a map file, a command line or a matcher.
 */
export function plainId(target: KeyTarget, gateway: string): string {
  const hash = target.subjectId.startsWith('h:') ? target.subjectId.slice(2) : undefined;
  const id = target.credentialId ?? hash;
  if (id !== undefined && /^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}$/.test(id)) return id;
  throw keyUnknown(
    gateway,
    'this key has no id that it could know',
    'An id here is 1 to 128 of A-Z a-z 0-9 . _ : @ / + = -; others are acted upon through decide.',
  );
}

/** The subject that an id written by `plainId` belongs to, as the gateway's own keys begin. */
export function subjectOf(id: string, keys: readonly string[], hashes: boolean): string {
  if (hashes && /^[0-9a-f]{32}$/.test(id)) return `h:${id}`;
  return `${keys.find((begin) => begin !== 'h:') ?? ''}${id}`;
}
