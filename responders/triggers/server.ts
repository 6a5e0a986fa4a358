/**
 * The listener of signed triggers, the only one that may face the Internet: POST /hooks/NAME.
 *
 * In this order: how often the sender's network knocks, the size, then what the trigger says of the raw bytes. An
 * answer says no more than its status; nothing of a request is repeated, logged, or left in memory.
 */
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { AddressLimits, ConnectionLimits } from './address-limits.ts';

/** Of a body, before it is known whose it is. */
export const BODY_BYTES_MAX = 131_072;
const CONNECTIONS_MAX = 128;
/** Whoever is slower than this with a whole request is cut off, ms. */
const REQUEST_MS_MAX = 10_000;
const IDLE_MS_MAX = 5000;

export interface TriggerRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it came. */
  readonly body: Buffer;
}

export interface TriggerAnswer {
  /** 202, 400, 401, 422 or 503. */
  readonly status: number;
}

export interface Trigger {
  /** Last part of its path. */
  readonly name: string;
  /** Rejects only on a fault of our own: 500. */
  receive(request: TriggerRequest): Promise<TriggerAnswer>;
}

export interface HooksServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plaintext. */
  readonly tls?: TlsOptions | undefined;
  readonly clock: Clock;
  readonly triggers: readonly Trigger[];
  /** Addresses and networks whose X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[];
  onError?(error: unknown): void;
}

export interface HooksServer {
  /** E.g. `http://127.0.0.1:8423`. */
  readonly url: string;
  readonly port: number;
  /** Requests since the start, by status. */
  readonly answered: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** Listens. Rejects with an `operating` error with code `listen-failed` when the address cannot be had. */
export async function startHooksServer(options: HooksServerOptions): Promise<HooksServer> {
  const { host, port, tls } = options;
  const answered = new Map<number, number>();
  const app = build(options, answered);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw new KeyhoundError('operating', `cannot listen on ${host}:${port}`, {
      code: 'listen-failed',
      hint: 'Is another instance running? listen.hooks sets the address.',
      cause,
    });
  }
  const address = app.server.address() as AddressInfo;
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`,
    port: address.port,
    answered,
    close: () => app.close(),
  };
}

function build(options: HooksServerOptions, answered: Map<number, number>): FastifyInstance {
  const { clock, tls, trustedProxies = [] } = options;
  const limits = new AddressLimits();
  // Fastify types a server with TLS as another kind, to which nothing here makes a difference.
  const overTls: object = tls === undefined ? {} : { https: tls };
  const app = fastify({
    ...overTls,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: IDLE_MS_MAX,
    exposeHeadRoutes: false,
    logger: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    return503OnClosing: false,
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  // Behind a proxy all have its address.
  if (trustedProxies.length === 0) limitConnections(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404));
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
    const isTheirs = typeof status === 'number' && status >= 400 && status < 500;
    if (!isTheirs) options.onError?.(error);
    return refuse(reply, isTheirs ? status : 500);
  });
  app.addHook('onRequest', async (request, reply) => {
    const waitMs = limits.take(request.ip, clock.now());
    if (waitMs === 0) return undefined;
    reply.header('retry-after', String(Math.ceil(waitMs / 1000))).header('connection', 'close');
    return refuse(reply, 429);
  });
  app.addHook('onResponse', async (_request, reply) => {
    answered.set(reply.statusCode, (answered.get(reply.statusCode) ?? 0) + 1);
  });
  for (const trigger of options.triggers) {
    app.post(`/hooks/${trigger.name}`, (request, reply) => receive(trigger, request, reply));
  }
  return app;
}

function limitConnections({ server }: FastifyInstance): void {
  const connections = new ConnectionLimits();
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    if (!connections.take(address)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => connections.giveBack(address));
  });
}

async function receive(
  trigger: Trigger,
  { body, headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  try {
    const { status } = await trigger.receive({ headers, body: bytes });
    if (status < 300) return reply.code(status).send({ status: 'received' });
    if (status === 503) reply.header('retry-after', '5');
    return refuse(reply, status);
  } finally {
    // A raw key may be in it.
    bytes.fill(0);
  }
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'too old, from the future, or not JSON',
  401: 'no valid signature',
  404: 'not found',
  413: 'too large',
  422: 'not what is expected here',
  429: 'too many requests',
  503: 'come again',
};

function refuse(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).send({ error: WORDS[status] ?? 'failed' });
}
