/** The connection to Redis: settings, errors, patience. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { RedisConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { asOperating, openingError } from './errors.ts';

/** A command without an answer for so long has failed for us, ms. The server may still carry it out. */
const COMMAND_TIMEOUT_MS = 3000;
const CONNECT_TIMEOUT_MS = 5000;
/** With commands under way and nothing heard for so long, the connection is made anew, ms. */
const SILENCE_MS_MAX = 10_000;
const KEEP_ALIVE_MS = 30_000;
const PAUSE_MS_MAX = 2000;
/** Tries of one command while Redis is away: about half a minute where it refuses at once. */
const TRIES_MAX = 20;

export interface RedisLink {
  readonly redis: Redis;
  /** HOST:PORT, for messages. */
  readonly place: string;
  /**
   * Runs `command`, again and again while Redis is away (`redis-away`, `redis-read-only`), at most TRIES_MAX times.
   * What it runs must be harmless when repeated, and when it is carried out late: a command that timed out is
   * still in the server's hands. Rejects with a KeyhoundError.
   */
  insist<T>(command: () => Promise<T>): Promise<T>;
  /** What is wrong with the connection at this moment; undefined while it is ready. */
  trouble(): KeyhoundError | undefined;
  close(): void;
}

export interface LinkOptions {
  readonly triesMax?: number;
  readonly commandTimeoutMs?: number;
}

/**
 * Connects, and answers once the server is ready. Rejects with a KeyhoundError when that fails; after that the
 * connection is made anew whenever it breaks.
 */
export async function connectRedis(
  config: RedisConfig,
  { triesMax = TRIES_MAX, commandTimeoutMs = COMMAND_TIMEOUT_MS }: LinkOptions = {},
): Promise<RedisLink> {
  const target = targetOf(config);
  const place = `${target.host}:${target.port}`;
  const redis = new Redis({
    ...target,
    ...(target.tls === undefined ? {} : { tls: target.tls }),
    lazyConnect: true,
    connectionName: 'keyhound',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: commandTimeoutMs,
    socketTimeout: SILENCE_MS_MAX,
    keepAlive: KEEP_ALIVE_MS,
    // Nothing waits in a queue without bound, and nothing is repeated behind our back. With 0 what is on its way when
    // the connection breaks fails at once; with 1 and no resending it would hang until its time-out.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: pauseMs,
    // After a failover the name may lead to the new primary already.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  let lastError: unknown;
  let closed = false;
  redis.on('error', (error) => {
    lastError = error;
  });
  redis.on('ready', () => {
    lastError = undefined;
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw openingError(lastError ?? error, place, target.tls !== undefined);
  }
  const failed = (error: unknown) => asOperating(error, place);
  return {
    redis,
    place,
    insist: (command) => {
      writeTogether(redis);
      return insist(command, triesMax, failed, () => closed);
    },
    trouble: () =>
      redis.status === 'ready'
        ? undefined
        : failed(lastError ?? new Error('Connection is closed.')),
    close() {
      closed = true;
      redis.disconnect();
    },
  };
}

/**
 * What is sent in the same turn goes out in one write: a checkpoint has a command for each key group, and a call of
 * the system costs more than what most of them say.
 */
function writeTogether({ stream }: Redis): void {
  if (stream === undefined || stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/**
 * A connection for a worker of BullMQ, which waits in it for work: it never gives up, and no command is timed. The
 * caller listens to its errors, and disconnects it.
 */
export function workerConnection(config: RedisConfig): Redis {
  const target = targetOf(config);
  return new Redis({
    ...target,
    ...(target.tls === undefined ? {} : { tls: target.tls }),
    connectionName: 'keyhound-worker',
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    // As BullMQ wants it.
    maxRetriesPerRequest: null,
    retryStrategy: pauseMs,
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
}

async function insist<T>(
  command: () => Promise<T>,
  triesMax: number,
  failed: (error: unknown) => KeyhoundError,
  closed: () => boolean,
): Promise<T> {
  let readOnly: KeyhoundError | undefined;
  for (let tries = 1; ; tries++) {
    try {
      return await command();
    } catch (error) {
      const why = failed(error);
      // The connection is made anew after that answer, so later tries may only say that it is away.
      if (why.code === 'redis-read-only') readOnly = why;
      const passing = why.code === 'redis-away' || why.code === 'redis-read-only';
      if (!passing) throw why;
      if (tries >= triesMax || closed()) throw readOnly ?? why;
    }
    await delay(pauseMs(tries));
  }
}

function pauseMs(tries: number): number {
  return Math.min(50 * 2 ** Math.min(tries, 6), PAUSE_MS_MAX);
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
}

/** Where the configuration points to. Throws `usage` without repeating what may hold a password. */
export function targetOf(config: RedisConfig): Target {
  if (!URL.canParse(config.url)) throw wrongUrl();
  const url = new URL(config.url);
  const db = url.pathname.length > 1 ? Number(url.pathname.slice(1)) : 0;
  if (url.hostname === '' || !Number.isInteger(db) || db < 0) throw wrongUrl();
  // Never in plaintext where certificates are named, whatever the URL says.
  const secure = url.protocol === 'rediss:' || config.tls !== undefined;
  const username = config.username ?? decodeURIComponent(url.username);
  const password = config.password ?? decodeURIComponent(url.password);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    db,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(secure ? { tls: tlsOf(config) } : {}),
  };
}

function tlsOf({ tls }: RedisConfig): TlsOptions {
  const file = (name: 'ca' | 'cert' | 'key') => {
    const path = tls?.[name];
    if (path === undefined) return {};
    try {
      return { [name]: readFileSync(path) };
    } catch (cause) {
      throw new KeyhoundError('usage', `cannot read ${path} (\`redis.tls.${name}\`)`, {
        code: 'tls-file',
        hint: 'Give the path of a PEM file that this user may read.',
        cause,
      });
    }
  };
  const servername = tls?.serverName;
  return {
    ...file('ca'),
    ...file('cert'),
    ...file('key'),
    ...(servername === undefined ? {} : { servername }),
  };
}

function wrongUrl(): KeyhoundError {
  return new KeyhoundError('usage', '`redis.url` is not an address of Redis', {
    code: 'config-invalid',
    hint: 'Write redis://HOST:PORT/DB, or rediss:// for TLS.',
  });
}
