/**
 * Takes the key out of the raw field as `--key` says: `bearer`, `basic`, `jwt:CLAIM`, `cookie:NAME`, or the
 * field as it is. Runs once per distinct value (the caller caches by bytes), so clarity goes before speed.
 */
import type { KeySpec } from '../core/key-spec.ts';

export interface Extracted {
  /** Absent when the field does not hold a key in the form asked for. */
  readonly key: Uint8Array | undefined;
  /** Two different keys in the field. */
  readonly ambiguous: boolean;
  /** Everything in the field that must show up nowhere. */
  readonly secrets: readonly Uint8Array[];
}

export interface Extractor {
  /** Equal for extractors that answer the same. */
  readonly signature: string;
  extract(bytes: Uint8Array): Extracted;
}

/** JSON of a token's payload larger than this is not parsed. */
const CLAIMS_BYTES_MAX = 16_384;

const PLAIN: Extractor = Object.freeze({ signature: 'plain', extract: plain });

export function extractorOf(spec: KeySpec | undefined): Extractor {
  if (spec?.kind === 'bearer') return { signature: 'bearer', extract: bearer };
  if (spec?.kind === 'basic') return { signature: 'basic', extract: basic };
  if (spec?.kind === 'jwt') {
    const { name } = spec;
    return { signature: `jwt:${name}`, extract: (bytes) => claim(bytes, name) };
  }
  if (spec?.kind === 'cookie') {
    const { name } = spec;
    return { signature: `cookie:${name}`, extract: (bytes) => cookie(bytes, name) };
  }
  return PLAIN;
}

function plain(bytes: Uint8Array): Extracted {
  const secrets = [bytes];
  const scheme = SCHEME.exec(textOf(bytes));
  if (scheme !== null) secrets.push(bytes.subarray(scheme[0].length));
  return found(bytes, secrets);
}

function bearer(bytes: Uint8Array): Extracted {
  const token = tokenOf(bytes, 'bearer');
  return found(token, token === undefined ? [bytes] : [token]);
}

/** The user part is the key, as with services that take their key as the user and no password. */
function basic(bytes: Uint8Array): Extracted {
  const token = tokenOf(bytes, 'basic');
  if (token === undefined) return found(undefined, [bytes]);
  const decoded = Buffer.from(textOf(token), 'base64');
  const colon = decoded.indexOf(0x3a);
  if (colon < 0) return found(undefined, [token]);
  const user = decoded.subarray(0, colon);
  return found(user, [token, user, decoded.subarray(colon + 1)]);
}

/** The signature is not checked here: the gateway has, or the record counts as claimed. */
function claim(bytes: Uint8Array, name: string): Extracted {
  const token = tokenOf(bytes, 'bearer');
  if (token === undefined) return found(undefined, [bytes]);
  const [, payload = '', signature = ''] = textOf(token).split('.');
  const value = payload.length > CLAIMS_BYTES_MAX ? undefined : claimOf(payload, name);
  const secrets = [token, Buffer.from(signature, 'latin1')];
  return found(value === undefined ? undefined : Buffer.from(value, 'utf8'), secrets);
}

function claimOf(payload: string, name: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !Object.hasOwn(claims, name)) return;
    const value: unknown = (claims as Record<string, unknown>)[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  } catch {
    return undefined;
  }
}

/** A whole Cookie header, or the value alone where the format has already taken it out. */
function cookie(bytes: Uint8Array, name: string): Extracted {
  const text = textOf(bytes);
  if (!text.includes('=')) return found(bytes, [bytes]);
  const values = new Set<string>();
  for (const pair of text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    const bare = /^"(.*)"$/.exec(value)?.[1] ?? value;
    if (bare !== '' && bare !== '-') values.add(bare);
  }
  const keys = [...values].map((value) => Buffer.from(value, 'latin1'));
  return { ...found(keys[0], [bytes, ...keys]), ambiguous: keys.length > 1 };
}

const SCHEME = /^(?:bearer|basic|token|apikey|key)[ \t]+/i;

/** The token behind `Bearer ` or `Basic `, or the field itself where the log holds the token alone. */
function tokenOf(bytes: Uint8Array, scheme: string): Uint8Array | undefined {
  const text = textOf(bytes).trim();
  const space = text.search(/[ \t]/);
  if (space >= 0 && text.slice(0, space).toLowerCase() !== scheme) return undefined;
  const token = space < 0 ? text : text.slice(space).trim();
  return token === '' || /[ \t]/.test(token) ? undefined : Buffer.from(token, 'latin1');
}

function found(key: Uint8Array | undefined, secrets: readonly Uint8Array[]): Extracted {
  return {
    key: key === undefined || key.length === 0 ? undefined : key,
    ambiguous: false,
    secrets: secrets.filter((secret) => secret.length > 0),
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
