/**
 * The HTTP API of `run`: health, metrics, and the state of things as JSON. It answers from what the assembly supplies
 * (contract.ts); what it changes is what people say of incidents, and a backup.
 */
import type { TlsOptions } from 'node:tls';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { assert, KeyhoundError } from '../core/errors.ts';
import type { ApiLogger, ConsoleData } from './contract.ts';
import { createHostCheck, createTokenCheck, SECURITY_HEADERS } from './guard.ts';
import type { Metrics } from './metrics.ts';
import { describeApi } from './openapi.ts';
import { apiRoutes } from './routes.ts';

/** Requests hold a path and at most a folder name. */
const BODY_BYTES_MAX = 64 << 10;
/** Time to receive a request. Answers may take longer: a backup does. */
const REQUEST_TIMEOUT_MS = 10_000;
const ID_LENGTH_MAX = 512;

export interface ApiOptions {
  readonly data: ConsoleData;
  readonly metrics: Metrics;
  /** Bearer token for /api. */
  readonly token: string;
  readonly version: string;
  readonly logger: ApiLogger;
  /** Undefined: plaintext. */
  readonly tls?: TlsOptions | undefined;
  /** Names beside loopback and addresses under which browsers may reach this, e.g. of a reverse proxy. */
  readonly hostNames?: readonly string[];
}

export interface Api {
  /** HOST:PORT to listen on, port 0 for a free one; answers its URL. Rejects with `listen-failed`. */
  listen(address: string): Promise<string>;
  /** Stops listening and ends idle connections; answers under way are finished. */
  close(): Promise<void>;
}

export function createApi(options: ApiOptions): Api {
  const hostNames = [...(options.hostNames ?? [])];
  const server = Fastify({
    ...overTls(options.tls),
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: ID_LENGTH_MAX },
  });
  answerErrors(server, options.logger);
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  probes(server, options);
  server.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => {
      if (!createHostCheck(hostNames)(request.headers.host)) throw wrongHost();
    });
    pages(guarded, options);
    guarded.register(
      async (api) => {
        const isToken = createTokenCheck(options.token);
        api.addHook('onRequest', async (request, reply) => {
          if (isToken(request.headers.authorization)) return;
          reply.header('www-authenticate', 'Bearer realm="keyhound"');
          throw unauthorized();
        });
        apiRoutes(api, options.data);
      },
      { prefix: '/api/v1' },
    );
  });
  return {
    async listen(address) {
      const { host, port } = splitAddress(address);
      hostNames.push(host);
      try {
        await server.listen({ host, port });
      } catch (cause) {
        throw listenFailed(address, cause);
      }
      const bound = server.server.address();
      assert(bound !== null && typeof bound === 'object', 'a TCP listener has an address');
      const scheme = options.tls === undefined ? 'http' : 'https';
      return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
    },
    close: () => server.close(),
  };
}

/** Fastify types a server with TLS as another kind, to which nothing here makes a difference. */
function overTls(tls: TlsOptions | undefined): object {
  return tls === undefined ? {} : { https: tls };
}

/** For orchestrators and balancers, which ask under any name and without a token. */
function probes(server: FastifyInstance, options: ApiOptions): void {
  server.get('/healthz', async () => ({ status: 'up' }));
  server.get('/readyz', async (_request, reply) => {
    const { missing, traffic } = options.data.readiness();
    const ready = missing.length === 0;
    return reply.code(ready ? 200 : 503).send({ ready, missing, traffic });
  });
}

function pages(server: FastifyInstance, options: ApiOptions): void {
  const text = pageText(options.version);
  const document = describeApi(options.version);
  server.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.text()),
  );
  server.get('/openapi.json', async () => document);
  server.get('/', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(text));
}

function pageText(version: string): string {
  return `Keyhound ${version}

/healthz        the process is up
/readyz         it can do its work; says what is missing, and whether traffic comes in
/metrics        Prometheus
/openapi.json   the API, described
/api/v1/        summary, incidents, keys, explanations, silences, the allowlist, backups
                Authorization: Bearer TOKEN, with the content of \`api-token\` in the state folder
`;
}

function answerErrors(server: FastifyInstance, logger: ApiLogger): void {
  server.setNotFoundHandler((_request, reply) =>
    fail(reply, 404, { code: 'not-found', message: 'there is nothing under this path' }),
  );
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof KeyhoundError) {
      const { code, message, hint } = error;
      return fail(reply, statusOf(error), { code, message, hint });
    }
    const status = clientFault(error);
    if (status !== undefined) {
      return fail(reply, status, { code: 'request-invalid', message: 'the request is not valid' });
    }
    // The route's pattern, not the URL: that is the caller's text.
    logger.error({ err: error, route: request.routeOptions.url }, 'the API failed to answer');
    return fail(reply, 500, { code: 'internal', message: 'failed; the log says why' });
  });
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

function fail(reply: FastifyReply, status: number, failure: Failure): FastifyReply {
  return reply.code(status).headers(SECURITY_HEADERS).send({ error: failure });
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = Object.freeze({
  unauthorized: 401,
  'not-found': 404,
  'key-ambiguous': 409,
  'backup-exists': 409,
  'wrong-host': 421,
});

function statusOf(error: KeyhoundError): number {
  return STATUS_BY_CODE[error.code] ?? (error.kind === 'usage' ? 400 : 503);
}

/** What Fastify itself found wrong with a request: too large, not JSON, … */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
    ? statusCode
    : undefined;
}

function unauthorized(): KeyhoundError {
  return new KeyhoundError('usage', 'a bearer token is needed', {
    code: 'unauthorized',
    hint: 'Send the content of `api-token` in the state folder.',
  });
}

function wrongHost(): KeyhoundError {
  return new KeyhoundError('usage', 'this service is not known under that host name', {
    code: 'wrong-host',
    hint: 'Ask by IP address, as localhost, or under the host of `listen.console`.',
  });
}

function listenFailed(address: string, cause: unknown): KeyhoundError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new KeyhoundError('operating', `cannot listen on ${address} (${reason})`, {
    code: 'listen-failed',
    cause,
    hint: 'Another process may have this port: set `listen.console` to another one.',
  });
}

function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  assert(match !== null, 'an address was checked by the configuration');
  return { host: match[1] ?? match[2]!, port: Number(match[3]) };
}
