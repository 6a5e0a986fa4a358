/**
 * Secrets that the configuration refers to: `vault:PATH#FIELD`, `awssm:NAME#FIELD`. Fetched once, when it is loaded,
 * and held in memory only. Each secret is asked for once, however many of its fields are named.
 *
 * One that is not there, or may not be read, is a fault at its place in the configuration; a server that cannot be
 * reached is an error of the moment. No message repeats a value, a token or an answer.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { awsSecretReader } from './awssm.ts';
import {
  type Env,
  type MissingSecret,
  type SecretContent,
  type SecretReader,
  type Secrets,
  unreachable,
} from './contract.ts';
import { vaultReader } from './vault.ts';

/** For all together: a start that waits longer helps nobody. */
const LIMIT_MS = 10_000;
/** Distinct secrets of one configuration. */
const SECRETS_MAX = 100;

const READERS: Readonly<Record<string, (env: Env) => SecretReader | MissingSecret>> = {
  vault: vaultReader,
  awssm: awsSecretReader,
};

export async function fetchSecrets(
  references: readonly string[],
  env: Env,
  signal: AbortSignal,
  limitMs: number = LIMIT_MS,
): Promise<Secrets> {
  const found = new Map<string, string | MissingSecret>();
  if (references.length === 0) return found;
  const bySecret = Map.groupBy(references, (reference) => reference.split('#')[0]!);
  if (bySecret.size > SECRETS_MAX) {
    throw new KeyhoundError('usage', `the configuration names more than ${SECRETS_MAX} secrets`, {
      code: 'secrets-many',
      hint: 'Keep several values as fields of one secret.',
    });
  }
  const readers = new Map(Object.entries(READERS).map(([scheme, make]) => [scheme, make(env)]));
  const limit = AbortSignal.timeout(limitMs);
  const either = AbortSignal.any([signal, limit]);
  const fetchOne = async ([secret, wanted]: [string, string[]]): Promise<void> => {
    const [, scheme, name] = /^([a-z]+):(.*)$/s.exec(secret)!;
    const reader = readers.get(scheme!)!;
    const content = 'message' in reader ? reader : await reader.read(name!, either);
    for (const reference of wanted) found.set(reference, textOf(reference, content));
  };
  try {
    // Looking for credentials may ask the network too, and does not know of the signal.
    await Promise.race([Promise.all([...bySecret].map(fetchOne)), aborted(either)]);
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw unreachable('a store of secrets', `did not answer within ${limitMs} ms`);
  }
  return found;
}

function textOf(reference: string, content: SecretContent | MissingSecret): string | MissingSecret {
  if ('message' in content) return content;
  const at = reference.indexOf('#');
  if (at < 0) {
    return (
      content.text ?? {
        message: `\${${reference}} names no field`,
        hint: 'Write which field of the secret is meant: …#FIELD.',
      }
    );
  }
  const field = reference.slice(at + 1);
  const { fields } = content;
  const value = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return {
    message: `\${${reference}}: the secret has no text of that name`,
    hint: 'Is the field spelled as in the secret, and the secret the current version?',
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
