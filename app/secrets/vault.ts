/**
 * Secrets of HashiCorp Vault (or OpenBao), engine KV version 2, over HTTP.
 *
 *   ${vault:MOUNT/NAME#FIELD}  or, as in its API, for mounts of several parts:  ${vault:MOUNT/data/NAME#FIELD}
 *
 * From the environment: VAULT_ADDR; VAULT_TOKEN, else the file VAULT_TOKEN_FILE, else ~/.vault-token (where the agent
 * and `vault login` leave one); VAULT_NAMESPACE, VAULT_CACERT.
 */
import { readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { homedir } from 'node:os';
import path from 'node:path';
import {
  type Env,
  type MissingSecret,
  type SecretContent,
  type SecretReader,
  unreachable,
} from './contract.ts';

const ANSWER_BYTES_MAX = 1024 * 1024;
const FILE_BYTES_MAX = 64 * 1024;

export function vaultReader(env: Env): SecretReader | MissingSecret {
  const address = env['VAULT_ADDR'];
  const url = address === undefined ? null : URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return {
      message: `Vault: VAULT_ADDR is ${address === undefined ? 'not set' : 'no http(s) address'}`,
      hint: 'e.g. VAULT_ADDR=https://vault.example.net:8200',
    };
  }
  const token = tokenOf(env);
  if (typeof token !== 'string') return token;
  const ca = authorityOf(env);
  if (typeof ca === 'object') return ca;
  const namespace = env['VAULT_NAMESPACE'];
  const headers = {
    'X-Vault-Token': token,
    'X-Vault-Request': 'true',
    ...(namespace === undefined || namespace === '' ? {} : { 'X-Vault-Namespace': namespace }),
  };
  return {
    name: 'Vault',
    async read(secret, signal) {
      const apiPath = apiPathOf(secret);
      if (apiPath === undefined) {
        return {
          message: `Vault: ${secret} is no path of a secret`,
          hint: 'Write ${vault:MOUNT/NAME#FIELD}, e.g. ${vault:secret/keyhound#kong-token}.',
        };
      }
      const target = new URL(`${url.pathname.replace(/\/$/, '')}/v1/${apiPath}`, url);
      const options = { headers, signal, ...(ca === '' ? {} : { ca }) };
      const answer = await get(target, options, signal);
      return contentOf(secret, answer);
    },
  };
}

/** Percent-encoded. Undefined: no mount, no name, or dots that would climb. */
function apiPathOf(secret: string): string | undefined {
  const parts = secret.split('/');
  if (parts.length < 2 || parts.some((part) => part === '' || part === '.' || part === '..')) {
    return undefined;
  }
  const data = parts.indexOf('data', 1);
  const full = data > 0 && data < parts.length - 1 ? parts : [parts[0]!, 'data', ...parts.slice(1)];
  return full.map(encodeURIComponent).join('/');
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Follows no redirect: the token would go along. */
async function get(url: URL, options: RequestOptions, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const fail = (words: string): void => reject(unreachable(`Vault at ${url.host}`, words));
  const send = url.protocol === 'https:' ? requestTls : request;
  const call = send(url, options, (response) => {
    let bytes = 0;
    const parts: Buffer[] = [];
    response.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX) call.destroy();
      else parts.push(part);
    });
    response.once('end', () => {
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') });
    });
    response.once('error', () => fail('broke off its answer'));
  });
  call.once('error', (error: NodeJS.ErrnoException) => {
    if (signal.aborted) reject(signal.reason);
    else fail(`cannot be reached (${error.code ?? 'connection failed'})`);
  });
  call.end();
  const answer = await promise;
  // Sealed, in maintenance, or a standby without a leader.
  if (answer.status >= 500 || answer.status === 429 || answer.status === 472) {
    throw unreachable(`Vault at ${url.host}`, `answered ${answer.status}`);
  }
  return answer;
}

function contentOf(secret: string, { status, body }: Answer): SecretContent | MissingSecret {
  if (status === 403 || status === 401) {
    return {
      message: `Vault: ${secret} may not be read (${status})`,
      hint: 'Has the token expired? Its policy needs `read` on MOUNT/data/NAME.',
    };
  }
  const fields = status === 200 ? fieldsOf(body) : undefined;
  if (fields !== undefined) return { fields };
  if (status === 404) {
    return {
      message: `Vault: there is no secret ${secret}, or its current version is deleted`,
      hint: 'The engine must be KV version 2; its mount is the first part of the path.',
    };
  }
  return {
    message: `Vault: no secret at ${secret} (${status})`,
    hint: 'The engine must be KV version 2, and VAULT_ADDR the server itself, not a redirect.',
  };
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { data } = JSON.parse(body) as { data?: { data?: unknown } };
    const fields = data?.data;
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
    return fields as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function tokenOf(env: Env): string | MissingSecret {
  const given = env['VAULT_TOKEN'];
  if (given !== undefined && given !== '') return headerText(given, 'VAULT_TOKEN');
  const named = env['VAULT_TOKEN_FILE'];
  const file = named ?? path.join(env['HOME'] ?? homedir(), '.vault-token');
  const text = fileText(file);
  if (typeof text === 'string') return headerText(text.trim(), file);
  const where = named === undefined ? '~/.vault-token' : 'the file of VAULT_TOKEN_FILE';
  return {
    message: `Vault: there is no token (VAULT_TOKEN is not set, ${where}: ${text.reason})`,
    hint: 'Set VAULT_TOKEN, or VAULT_TOKEN_FILE to the file that the agent writes.',
  };
}

function headerText(token: string, from: string): string | MissingSecret {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  return { message: `Vault: ${from} holds no token`, hint: 'A token is one word of ASCII.' };
}

/** '' where none is set. */
function authorityOf(env: Env): string | MissingSecret {
  const file = env['VAULT_CACERT'];
  if (file === undefined || file === '') return '';
  const text = fileText(file);
  if (typeof text === 'string') return text;
  return { message: `Vault: VAULT_CACERT cannot be read (${text.reason})`, hint: 'A PEM file.' };
}

function fileText(file: string): string | { reason: string } {
  try {
    const bytes = readFileSync(file);
    return bytes.length > FILE_BYTES_MAX ? { reason: 'too large' } : bytes.toString('utf8');
  } catch (error) {
    return { reason: (error as NodeJS.ErrnoException).code ?? 'unknown' };
  }
}
