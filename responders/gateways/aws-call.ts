/**
 * Calls of AWS by its own SDK: credentials, region, time limit, pace, and errors that say whether another try may
 * help. The SDK's own retries are off: who calls reads the gateway before each.
 *
 * Nothing of an answer is repeated in an error but its code: texts hold account numbers, ARNs and ids.
 */
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import { Pace } from './pace.ts';

export const awsSettings = {
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-central-1')
    .describe('Region of its API.'),
  endpoint: z.url().optional().describe('Another address than the region’s, e.g. a VPC endpoint.'),
  accessKeyId: z
    .string()
    .min(1)
    .optional()
    .describe('Left out: as all AWS programs find theirs (environment, profile, role).'),
  secretAccessKey: z.string().min(1).optional().describe('Its secret. Write ${file:PATH}.'),
  sessionToken: z.string().min(1).optional().describe('Of temporary credentials.'),
  timeoutMs: z.int().min(100).max(60_000).default(10_000).describe('Time limit of a call, ms.'),
};

export function callsPerSecond(fallback: number) {
  return z
    .number()
    .min(0.1)
    .max(100)
    .default(fallback)
    .describe('Calls a second; four times as many at once. At most a fifth of what AWS allows.');
}

export interface AwsSettings {
  readonly region: string;
  readonly endpoint?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly timeoutMs: number;
}

/** For the schema: half a pair of credentials would silently be another's. */
export function wholeCredentials(settings: Partial<AwsSettings>): boolean {
  const { accessKeyId, secretAccessKey, sessionToken } = settings;
  if (accessKeyId === undefined) return secretAccessKey === undefined && sessionToken === undefined;
  return secretAccessKey !== undefined;
}

export const WHOLE_CREDENTIALS = {
  message: 'accessKeyId and secretAccessKey belong together',
  path: ['secretAccessKey'],
};

/** What a client of the SDK is made with. */
export function clientSettings(settings: AwsSettings) {
  const { region, endpoint, accessKeyId, secretAccessKey, sessionToken } = settings;
  return {
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        }),
  };
}

export interface AwsCalls<Client> {
  /** `what` is told in errors. Codes in `accept` answer undefined. */
  call<T>(call: AwsCall<Client, T>, signal: AbortSignal): Promise<T | undefined>;
}

export interface AwsCall<Client, T> {
  readonly what: string;
  readonly accept?: readonly string[];
  send(client: Client, options: { abortSignal: AbortSignal }): Promise<T>;
}

export interface AwsCallsOptions<Client> {
  /** As configured. */
  readonly gateway: string;
  readonly timeoutMs: number;
  readonly perSecond: number;
  /** Called once; loads the SDK, which takes a tenth of a second. */
  client(): Promise<Client>;
}

export function awsCalls<Client>(options: AwsCallsOptions<Client>): AwsCalls<Client> {
  const pace = new Pace({
    perSecond: options.perSecond,
    burst: Math.max(1, options.perSecond * 4),
    now: () => performance.now(),
  });
  let made: Promise<Client> | undefined;
  return {
    async call(call, signal) {
      await pace.turn(signal);
      made ??= options.client();
      const limit = AbortSignal.timeout(options.timeoutMs);
      const abortSignal = AbortSignal.any([signal, limit]);
      try {
        // Looking for credentials may ask the network too, and does not know of the signal.
        return await Promise.race([call.send(await made, { abortSignal }), aborted(abortSignal)]);
      } catch (error) {
        signal.throwIfAborted();
        const code = codeOf(error);
        if (!limit.aborted && call.accept?.includes(code) === true) return undefined;
        throw failure(options, call.what, error, limit.aborted);
      }
    },
  };
}

/** AWS answers reads from copies: one that is behind must not be taken for a change by somebody else. */
export function notYet(gateway: string, what: string): KeyhoundError {
  return new KeyhoundError('operating', `gateway ${gateway}: ${what} is not yet seen by a read`, {
    code: 'gateway-failed',
    retryable: true,
    retryAfterMs: 2000,
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function codeOf(error: unknown): string {
  const name = error instanceof Error ? error.name : 'unknown';
  // IAM's errors come with or without the word, by version of the SDK.
  return name.replace(/Exception$/, '');
}

const BUSY = new Set([
  ...['TooManyRequests', 'Throttling', 'Throttled', 'RequestLimitExceeded', 'SlowDown'],
  ...[
    'RequestThrottled',
    'PriorRequestNotComplete',
    'BandwidthLimitExceeded',
    'EC2ThrottledException',
  ],
]);
const REFUSED = new Set([
  ...['AccessDenied', 'UnauthorizedOperation', 'Unauthorized', 'NotAuthorized', 'Forbidden'],
  ...[
    'UnrecognizedClient',
    'InvalidClientTokenId',
    'SignatureDoesNotMatch',
    'MissingAuthenticationToken',
  ],
  ...['ExpiredToken', 'OptInRequired', 'CredentialsProviderError', 'InvalidAccessKeyId'],
]);
/** Another change of the same thing is under way. */
const AGAIN = new Set(['Conflict', 'ConcurrentModification', 'EntityTemporarilyUnmodifiable']);

function failure(
  { gateway, timeoutMs }: Pick<AwsCallsOptions<unknown>, 'gateway' | 'timeoutMs'>,
  what: string,
  error: unknown,
  late: boolean,
): KeyhoundError {
  const told = (words: string) => `gateway ${gateway}: ${what}: ${words}`;
  if (late) {
    return new KeyhoundError('operating', told(`no answer within ${timeoutMs} ms`), {
      code: 'gateway-timeout',
      retryable: true,
    });
  }
  const code = codeOf(error);
  const { $metadata, $retryable, $response } = error as {
    $metadata?: { httpStatusCode?: number };
    $retryable?: { throttling?: boolean };
    $response?: { statusCode?: number; headers?: Readonly<Record<string, string>> };
  };
  // An answer that is no error of the service's own, e.g. of a proxy, has no metadata.
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  const wait = retryAfterMs($response?.headers?.['retry-after']);
  if (BUSY.has(code) || status === 429 || $retryable?.throttling === true) {
    const detail = { code: 'gateway-busy', retryable: true, ...wait };
    return new KeyhoundError('operating', told(`too many calls (${code})`), detail);
  }
  if (REFUSED.has(code) || status === 401 || status === 403) {
    return new KeyhoundError('operating', told(`refused (${code})`), {
      code: 'gateway-refused',
      hint: 'Are the credentials those of a role with the policy of docs/gateways-aws.md?',
    });
  }
  if (status === undefined) {
    const system = (error as NodeJS.ErrnoException).code ?? code;
    return new KeyhoundError('operating', told(`not reached (${system})`), {
      code: 'gateway-unreachable',
      retryable: true,
    });
  }
  if (status >= 500 || AGAIN.has(code)) {
    const detail = { code: 'gateway-failed', retryable: true, ...wait };
    return new KeyhoundError('operating', told(`answered ${status} (${code})`), detail);
  }
  return new KeyhoundError('operating', told(`answered ${status} (${code})`), {
    code: 'gateway-rejected',
  });
}

function retryAfterMs(seconds: string | undefined): { retryAfterMs?: number } {
  const ms = Number(seconds) * 1000;
  return Number.isFinite(ms) && ms >= 0 ? { retryAfterMs: Math.min(ms, 3_600_000) } : {};
}
