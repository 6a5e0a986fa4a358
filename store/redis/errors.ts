/** What Redis and the connection to it say, as errors that an operator can act upon. */
import { KeyhoundError } from '../../core/errors.ts';

interface Known {
  /** At the beginning of what the server answers, or the `code` of the system. */
  readonly begins: readonly string[];
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const AWAY: Omit<Known, 'begins' | 'message'> = {
  code: 'redis-away',
  hint: 'Check that Redis runs and can be reached from here; `keyhound doctor` says what is wrong.',
  retryable: true,
};

const KNOWN: readonly Known[] = [
  {
    begins: ['OOM', 'MISCONF'],
    code: 'redis-full',
    message: 'takes no more data: its memory or its disk is full',
    hint: 'Raise maxmemory or free disk space; docs/redis.md says how much is needed for each key.',
    retryable: true,
  },
  {
    begins: ['READONLY'],
    code: 'redis-read-only',
    message: 'is a replica and takes no writes',
    hint: 'Point `redis.url` at the primary; after a failover its name must lead to the new one.',
    retryable: true,
  },
  {
    begins: ['LOADING', 'BUSY ', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN'],
    message: 'is busy: starting, failing over, or kept by a script',
    ...AWAY,
    hint: 'Wait until it has read its data; if it stays so, look into its log.',
  },
  {
    begins: ['WRONGPASS', 'NOAUTH', 'ERR invalid password', 'ERR AUTH', 'ERR Client sent AUTH'],
    code: 'redis-login',
    message: 'refuses user or password',
    hint: 'Check `redis.username` and `redis.password` against the ACL of the server.',
    retryable: false,
  },
  {
    begins: ['NOPERM'],
    code: 'redis-permission',
    message: 'does not permit this user what Keyhound needs',
    hint: 'Give the user the commands and keys that docs/redis.md names.',
    retryable: false,
  },
  {
    begins: ['MOVED', 'ASK', 'CROSSSLOT'],
    code: 'redis-cluster',
    message: 'is a node of a Redis Cluster',
    hint: 'Point `redis.url` at one primary that has all slots, or at a proxy that speaks for the cluster.',
    retryable: false,
  },
  {
    begins: ['WRONGTYPE'],
    code: 'redis-foreign',
    message: 'holds keys of another kind under our names',
    hint: 'Choose another `redis.prefix` or database.',
    retryable: false,
  },
  {
    begins: ['ERR unknown command', 'ERR Unknown Redis command called from script', 'NOPROTO'],
    code: 'redis-version',
    message: 'does not know a command that Keyhound needs',
    hint: 'Use Redis 6.2 or later, or Valkey.',
    retryable: false,
  },
];

const NETWORK = /^(?:E[A-Z]{3,}|UND_)/;
const GONE = new RegExp(
  "Connection is closed|isn't writeable|timed out|aborted due to connection|" +
    'max retries per request|Socket (?:closed|timeout)',
  'i',
);
const TLS = /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME_MISMATCH)/;

/**
 * A KeyhoundError of kind `operating` for whatever ioredis throws. ioredis hangs the arguments of the command on
 * its errors, the password among them, so the error itself is not passed on: only its first words are.
 */
export function asOperating(error: unknown, place: string): KeyhoundError {
  if (error instanceof KeyhoundError) return error;
  if (!(error instanceof Error)) throw error;
  const text = bareMessage(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const cause = new Error(code === '' ? text : `${code}: ${text}`);
  if (TLS.test(code)) return noTls(place, text, cause);
  const known = KNOWN.find(({ begins }) => begins.some((words) => says(text, words)));
  if (known !== undefined)
    return operating(`Redis at ${place} ${known.message}`, { ...known, cause });
  if (NETWORK.test(code) || GONE.test(text)) {
    return operating(`Redis at ${place} does not answer`, { ...AWAY, cause });
  }
  return operating(`Redis at ${place} failed: ${text}`, {
    code: 'redis-failed',
    hint: "Look into the server's log.",
    cause,
  });
}

/** As asOperating, for a connection that never was: a server that hangs up or keeps quiet may not want our TLS. */
export function openingError(error: unknown, place: string, secure: boolean): KeyhoundError {
  const why = asOperating(error, place);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (!secure || (code !== 'ECONNRESET' && code !== 'ETIMEDOUT' && code !== 'EPIPE')) return why;
  return noTls(place, `the handshake ended with ${code}`, why.cause);
}

function noTls(place: string, text: string, cause: unknown): KeyhoundError {
  return operating(`no TLS connection to Redis at ${place}: ${text}`, {
    code: 'redis-tls',
    hint:
      'Check `redis.tls` (the authority that signed the certificate, the name in it, our own if the server ' +
      'wants one), and that this port speaks TLS.',
    retryable: true,
    cause,
  });
}

/** Where a script failed, what the command in it said comes after a dash (Redis 6). */
function says(text: string, words: string): boolean {
  return text.startsWith(words) || text.includes(`-${words}`);
}

/** Without the arguments that some answers repeat, and one line. */
function bareMessage(error: Error): string {
  return error.message.split(/, with args|\n/)[0]!.slice(0, 200);
}

export function fenced(what: string): KeyhoundError {
  return operating(`another process has taken over ${what}`, {
    code: 'fenced',
    hint: 'Nothing to do: that process goes on. If it repeats, two installations share one `redis.prefix`.',
  });
}

/**
 * The server holds an older state than the one that it confirmed to us. For the owner it is as if it were fenced: what
 * it has in memory does not follow from what is saved, so it has to claim and load anew.
 */
export function wentBack(what: string): KeyhoundError {
  const error = operating(`Redis has lost confirmed state of ${what}`, {
    code: 'fenced',
    hint:
      'It is loaded anew, as it is there, and the events since are applied again. Check that AOF is on and that ' +
      'nobody flushed or restored the database.',
  });
  losses.add(error);
  return error;
}

const losses = new WeakSet<Error>();

/** Not another owner: what the server had confirmed is gone. */
export function isWentBack(error: Error): boolean {
  return losses.has(error);
}

function operating(
  message: string,
  detail: {
    readonly code: string;
    readonly hint: string;
    readonly retryable?: boolean;
    readonly cause?: unknown;
  },
): KeyhoundError {
  const { code, hint, retryable = false, cause } = detail;
  return new KeyhoundError('operating', message, { code, hint, retryable, cause });
}
