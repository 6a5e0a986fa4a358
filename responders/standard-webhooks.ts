/**
 * Signatures of Standard Webhooks (standard-webhooks.com, version 1), symmetric.
 *
 *   signed     = webhook-id "." webhook-timestamp "." body        timestamp: Unix seconds
 *   signature  = "v1," base64(HMAC-SHA256(secret, signed))        a list, parted by spaces, while a secret changes
 *   secret     = "whsec_" base64(24 to 64 bytes)
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { KeyhoundError } from '../core/errors.ts';

/** Minutes in which a signature is good: both clocks may be off. */
export const SIGNATURE_MS_MAX = 300_000;
/** Senders give a few while a secret changes; more would only cost time. */
const SIGNATURES_MAX = 8;
const PREFIX = 'whsec_';

/** Undefined when it is no such secret. */
export function decodeSecret(text: string): Buffer | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  return isWhole && bytes.length >= 24 && bytes.length <= 64 ? bytes : undefined;
}

/** Throws `usage` with code `secret-invalid`; the secret itself is not repeated. */
export function readSecrets(secrets: string | readonly string[]): Buffer[] {
  return [secrets].flat().map((text) => {
    const bytes = decodeSecret(text);
    if (bytes !== undefined) return bytes;
    throw new KeyhoundError('usage', 'a secret is not one of Standard Webhooks', {
      code: 'secret-invalid',
      hint: SECRET_HINT,
    });
  });
}
export const SECRET_HINT =
  'whsec_ and the base64 of 24 to 64 random bytes: openssl rand -base64 32';

export interface SignedHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** Headers of one try, signed with every secret. */
export function signMessage(
  message: { readonly id: string; readonly body: string | Uint8Array },
  secrets: readonly Buffer[],
  nowMs: number,
): SignedHeaders {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = secrets.map((secret) => {
    return `v1,${mac(secret, message.id, timestamp, message.body).toString('base64')}`;
  });
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

export interface ReceivedMessage {
  readonly id: string;
  readonly timestamp: string;
  /** The header, as it came. */
  readonly signature: string;
  /** Raw bytes, as they came. */
  readonly body: Uint8Array;
}

/**
 * `unsigned`: by none of the secrets. `stale`: signed, and more than five minutes from now. The signature is looked
 * at first, so that nobody without a secret learns anything of our clock.
 */
export type Verified = 'good' | 'unsigned' | 'stale';

export function verifyMessage(
  { id, timestamp, signature, body }: ReceivedMessage,
  secrets: readonly Buffer[],
  nowMs: number,
): Verified {
  const given = signature.split(' ', SIGNATURES_MAX).map((part) => {
    return Buffer.from(part.startsWith('v1,') ? part.slice(3) : '', 'base64');
  });
  // All are compared, whichever fits: nothing tells how far it came.
  let fits = false;
  for (const secret of secrets) {
    const expected = mac(secret, id, timestamp, body);
    for (const candidate of given) {
      const isLong = candidate.length === expected.length;
      if (timingSafeEqual(expected, isLong ? candidate : NOTHING) && isLong) fits = true;
    }
  }
  if (!fits || id === '' || !/^\d{1,12}$/.test(timestamp)) return 'unsigned';
  return Math.abs(nowMs - Number(timestamp) * 1000) <= SIGNATURE_MS_MAX ? 'good' : 'stale';
}

const NOTHING = Buffer.alloc(32);

function mac(secret: Buffer, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest();
}
