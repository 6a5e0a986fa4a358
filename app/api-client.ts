/** Asks the instance that runs on a state, through its API. */
import { LIMIT_MAX } from '../console/query.ts';
import type { RuleKind, RuleLine } from '../core/control.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Incident } from '../core/finding.ts';
import type { UsageRow } from '../core/store.ts';
import { sendRequest } from './api-request.ts';
import type {
  Explanation,
  IncidentDetail,
  KeyLine,
  KeyLookup,
  KeyReference,
  StateClient,
} from './contract.ts';
import type { PinnedServer } from './listener-tls.ts';
import { createResponseApi } from './response/api-client.ts';

export interface ApiClientOptions {
  /** As the instance announced it: http://HOST:PORT or https://; without a scheme by versions before. */
  readonly address: string;
  /** What it shows, over TLS. */
  readonly server?: PinnedServer | undefined;
  readonly token: string;
  readonly signal: AbortSignal;
  /** `h:` ids that a raw key may have: the key itself goes over no wire, not even this machine's own. */
  hashes(rawKey: string): Promise<readonly string[]>;
}

const TIMEOUT_MS = 30_000;
/** A backup is answered when it is on disk. */
const BACKUP_TIMEOUT_MS = 3_600_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

export function createApiClient(options: ApiClientOptions): StateClient {
  const get = (path: string, parameters: Parameters = {}): Promise<Answer> =>
    ask(options, path + queryOf(parameters), { timeoutMs: TIMEOUT_MS });
  const post = (path: string, body: object): Promise<Answer> =>
    ask(options, path, { timeoutMs: TIMEOUT_MS, body: JSON.stringify(body) });

  return {
    via: 'api',
    async incidents({ limit, sinceAt, severity, subjectId, open }) {
      const parameters = {
        limit: limitOf(limit),
        since: sinceAt,
        severity,
        subject: subjectId,
        open,
      };
      const answer = await get('/incidents', parameters);
      return taken<{ incidents: readonly Incident[] }>(answer).incidents;
    },
    incident: async (id) => foundOr<IncidentDetail>(await get(`/incidents/${inPath(id)}`)),
    async keys({ limit, sinceAt, prefix, consumer }) {
      const parameters = { limit: limitOf(limit), since: sinceAt, prefix, consumer };
      return taken<{ keys: readonly KeyLine[] }>(await get('/keys', parameters)).keys;
    },
    async key(reference: KeyReference) {
      const named = 'raw' in reference ? await options.hashes(reference.raw) : [reference.name];
      let lookup: KeyLookup = { kind: 'unknown', nearest: undefined };
      for (const id of named) {
        lookup = keyLookup(await get(`/keys/${inPath(id)}`));
        if (lookup.kind !== 'unknown') break;
      }
      return lookup;
    },
    explain: async (id) => foundOr<Explanation>(await get(`/explain/${inPath(id)}`)),
    async backup(folder) {
      const body = JSON.stringify({ folder });
      taken(await ask(options, '/state/backup', { timeoutMs: BACKUP_TIMEOUT_MS, body }));
    },
    async rules(kind) {
      return taken<{ rules: readonly RuleLine[] }>(await get(pathOf(kind))).rules;
    },
    addRule: async ({ kind, ...body }) => taken<RuleLine>(await post(pathOf(kind), body)),
    removeRule: async ({ kind, id, ...body }) =>
      foundOr<RuleLine>(await post(`${pathOf(kind)}/${inPath(id)}/remove`, body)),
    closeIncident: async (id, body) =>
      foundOr<IncidentDetail>(await post(`/incidents/${inPath(id)}/close`, body)),
    response: createResponseApi({
      get: async (path, parameters) => taken(await get(path, parameters)),
      find: async (path) => foundOr(await get(path)),
      post: async (path, body) => taken(await post(path, body)),
      findPosted: async (path, body) => foundOr(await post(path, body)),
    }),
    close: async () => {},
  };
}

function pathOf(kind: RuleKind): string {
  return kind === 'silence' ? '/silences' : '/allowlist';
}

async function ask(
  options: ApiClientOptions,
  path: string,
  asking: { readonly timeoutMs: number; readonly body?: string },
): Promise<Answer> {
  const { address, server, token, signal } = options;
  const { timeoutMs, body } = asking;
  try {
    return await sendRequest({
      url: new URL(`${reachable(address)}/api/v1${path}`),
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      server,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new KeyhoundError('operating', `the instance at ${address} does not answer`, {
      code: 'api-unreachable',
      cause,
      retryable: true,
      hint: 'It may have just stopped, or be busy: try again. Its log says more.',
    });
  }
}

/** An address that one can listen on, but not connect to, means this machine. */
function reachable(address: string): string {
  const url = address.includes('://') ? address : `http://${address}`;
  return url.replace('://0.0.0.0:', '://127.0.0.1:').replace('://[::]:', '://[::1]:');
}

function inPath(id: string): string {
  return encodeURIComponent(id);
}

function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}

/** More than one answer holds is refused, not cut: the lines left out would not be missed. */
function limitOf(limit: number | undefined): number | undefined {
  if (limit === undefined || limit <= LIMIT_MAX) return limit;
  throw new KeyhoundError('usage', `the running instance lists less than ${LIMIT_MAX} at once`, {
    code: 'limit-too-large',
    hint: 'Ask for fewer with --limit, or narrow it with --since.',
  });
}

/** The answer's body, or the error that it tells. */
function taken<T>({ status, body }: Answer): T {
  if (status === 200) return body as T;
  const { code, message, hint } = failureOf(body);
  const refused = status === 401 || status === 421;
  throw new KeyhoundError(
    status < 500 && !refused ? 'usage' : 'operating',
    message ?? `the running instance answered ${status}`,
    {
      code: code ?? 'api-failed',
      ...(refused
        ? { hint: 'It uses another token or address: is `api-token` that of this state folder?' }
        : hint === undefined
          ? {}
          : { hint }),
    },
  );
}

function foundOr<T>(answer: Answer): T | undefined {
  return isNotFound(answer) ? undefined : taken<T>(answer);
}

function isNotFound({ status, body }: Answer): boolean {
  return status === 404 && failureOf(body).code === 'not-found';
}

function failureOf(body: unknown): Failure {
  if (typeof body !== 'object' || body === null || !('error' in body)) return {};
  return typeof body.error === 'object' && body.error !== null ? body.error : {};
}

interface KeyAnswer {
  readonly key: KeyLine;
  readonly usage: readonly (Omit<UsageRow, 'digest' | 'hourAt'> & { readonly hourAt: string })[];
}

function keyLookup(answer: Answer): KeyLookup {
  if (isNotFound(answer)) return { kind: 'unknown', nearest: nearestOf(failureOf(answer.body)) };
  if (answer.status === 409) {
    const { candidates = [] } = answer.body as { candidates?: readonly KeyLine[] };
    return { kind: 'ambiguous', candidates };
  }
  const { key, usage } = taken<KeyAnswer>(answer);
  const digest = new Uint8Array(0);
  return {
    kind: 'found',
    key,
    usage: usage.map((row) => ({ ...row, hourAt: Date.parse(row.hourAt), digest })),
  };
}

function nearestOf({ hint }: Failure): string | undefined {
  return hint === undefined ? undefined : /^Did you mean (.+)\?$/.exec(hint)?.[1];
}
