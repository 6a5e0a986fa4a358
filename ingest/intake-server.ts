/**
 * `POST /intake/{format}`: gateways push their logs here. A push is answered when its events are safe in the
 * spool; until then the gateway keeps them. Never more than `bodiesBytesMax` of bodies are in memory: beyond
 * that, and while the spool is full, senders are told to come again (429 with Retry-After).
 */
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { KeyhoundError } from '../core/errors.ts';
import { suggest } from '../core/suggest.ts';
import { Intake, type IntakeOptions, type IntakeResult, type IntakeSource } from './intake.ts';
import { BodyError, cloudWatchMessages, decompress, openFirehose } from './intake-body.ts';
import { IntakeMemory, type IntakeRoom } from './intake-memory.ts';
import { admitted } from './intake-tokens.ts';

export interface IntakeServerOptions extends IntakeOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plaintext. */
  readonly tls?: TlsOptions | undefined;
  /** A source may stand in it several times, once for each format. */
  readonly sources: readonly IntakeSource[];
  /** Largest body, bytes, before and after decompression. */
  readonly bodyBytesMax: number;
  /** Most bytes of bodies in memory. Default 8 × bodyBytesMax. */
  readonly bodiesBytesMax?: number | undefined;
  /** Default 1,024. */
  readonly connectionsMax?: number | undefined;
  /** A source was heard of, with so many good records. */
  onPush?(source: string, result: IntakeResult): void;
  /** Something failed that is not the sender's doing. */
  onError?(error: unknown): void;
}

export interface IntakeServer {
  /** E.g. `http://127.0.0.1:8422`. */
  readonly url: string;
  readonly port: number;
  /** Pushes refused as a whole since the start, by HTTP status. */
  readonly refused: ReadonlyMap<number, number>;
  /** Answers what is in flight, then stops. */
  close(): Promise<void>;
}

/** A sender that stops in the middle of a body is cut off after this, ms. */
const REQUEST_MS_MAX = 60_000;
const RETRY_SECONDS = '5';
const RETRY_SECONDS_BUSY = '1';

/** Listens. Rejects with an `operating` error with code `listen-failed` when the address cannot be had. */
export async function startIntakeServer(options: IntakeServerOptions): Promise<IntakeServer> {
  const { host, port } = options;
  const listener = new Listener(options);
  const { app } = listener;
  app.server.maxConnections = options.connectionsMax ?? 1024;
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw new KeyhoundError('operating', `cannot listen on ${host}:${port}`, {
      code: 'listen-failed',
      hint: 'Is another instance running? listen.intake sets the address.',
      cause,
    });
  }
  const address = app.server.address() as AddressInfo;
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${name}:${address.port}`,
    port: address.port,
    refused: listener.refused,
    close: () => app.close(),
  };
}

interface IntakeRequest {
  Params: { format: string };
}

class Listener {
  readonly app: FastifyInstance;
  readonly refused = new Map<number, number>();
  readonly #options: IntakeServerOptions;
  readonly #intakes: readonly (Intake & { readonly token: string | undefined })[];
  readonly #memory: IntakeMemory;
  /** Requests whose body is being received or handled, by their own object. */
  readonly #rooms = new WeakMap<FastifyRequest, IntakeRoom>();

  constructor(options: IntakeServerOptions) {
    this.#options = options;
    this.#memory = new IntakeMemory(options.bodiesBytesMax ?? 8 * options.bodyBytesMax);
    this.#intakes = options.sources.map((source) =>
      Object.assign(new Intake(source, options), { token: source.token }),
    );
    // Fastify types a server with TLS as another kind, to which nothing here makes a difference.
    const overTls: object = options.tls === undefined ? {} : { https: options.tls };
    this.app = fastify({
      ...overTls,
      bodyLimit: options.bodyBytesMax,
      requestTimeout: REQUEST_MS_MAX,
      exposeHeadRoutes: false,
      // Bodies and headers hold keys: nothing of them is logged.
      logger: false,
      onProtoPoisoning: 'ignore',
    });
    this.#routes();
  }

  #routes(): void {
    const { app } = this;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply));
    app.setNotFoundHandler((request, reply) => {
      return this.#refuse(request, reply, 404, 'Push logs to POST /intake/{format}.');
    });
    app.route<IntakeRequest>({
      // Kong's http-log may use any of the three.
      method: ['POST', 'PUT', 'PATCH'],
      url: '/intake/:format',
      onRequest: async (request, reply) => this.#admit(request, reply),
      handler: async (request, reply) => this.#take(request, reply),
    });
  }

  /** Before the body is read: may the sender push, and is there room? */
  #admit(request: FastifyRequest<IntakeRequest>, reply: FastifyReply): FastifyReply | undefined {
    if (admitted(this.#intakes, request.headers).length === 0) {
      reply.header('www-authenticate', 'Bearer').header('connection', 'close');
      return this.#refuse(request, reply, 401, 'A valid token is needed.');
    }
    if (this.#intakeOf(request) === undefined) {
      return this.#refuse(request, reply, 404, this.#whichFormats(request));
    }
    const room = this.#memory.take(this.#bytesOf(request));
    if (room === undefined) {
      reply.header('retry-after', RETRY_SECONDS_BUSY);
      return this.#refuse(request, reply, 429, BUSY);
    }
    this.#rooms.set(request, room);
    // Until the body is there; from then on its room is given back by who handles it, whoever hangs up.
    reply.raw.once('close', () => {
      if (this.#rooms.has(request)) room.release();
    });
    return undefined;
  }

  /** What the body will take, as far as its headers say; logs compress to a tenth or less. */
  #bytesOf({ headers }: FastifyRequest): number {
    const { bodyBytesMax } = this.#options;
    const length = Number(headers['content-length'] ?? Number.NaN);
    if (!(length >= 0)) return bodyBytesMax;
    const isPlain = headers['content-encoding'] === undefined;
    return Math.min(isPlain ? length : length * 10, bodyBytesMax);
  }

  #intakeOf(request: FastifyRequest<IntakeRequest>): Intake | undefined {
    const { format } = request.params;
    const own = admitted(this.#intakes, request.headers);
    return own.find((intake) => intake.source.traits.format.id === format);
  }

  #whichFormats(request: FastifyRequest<IntakeRequest>): string {
    const own = admitted(this.#intakes, request.headers);
    const ids = [...new Set(own.map((intake) => intake.source.traits.format.id))];
    const nearest = suggest(request.params.format, ids);
    const meant = nearest === undefined ? '' : ` Did you mean /intake/${nearest}?`;
    return `This token pushes: ${ids.join(', ')}.${meant}`;
  }

  async #take(request: FastifyRequest<IntakeRequest>, reply: FastifyReply): Promise<FastifyReply> {
    const room = this.#rooms.get(request);
    this.#rooms.delete(request);
    try {
      const intake = this.#intakeOf(request);
      if (intake === undefined)
        return this.#refuse(request, reply, 404, this.#whichFormats(request));
      const { parts, requestId } = await this.#memory.unpack(() => this.#unpack(request, room));
      const result = await intake.take(parts);
      this.#options.onPush?.(intake.source.traits.name, result);
      if (requestId === undefined) return reply.send(result);
      const timestamp = this.#options.clock.now();
      return reply.header('content-type', JSON_TYPE).send(JSON.stringify({ requestId, timestamp }));
    } finally {
      room?.release();
    }
  }

  async #unpack(request: FastifyRequest, room: IntakeRoom | undefined): Promise<Unpacked> {
    const { bodyBytesMax } = this.#options;
    const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const body = await decompress(raw, request.headers['content-encoding'], bodyBytesMax);
    const unpacked: Unpacked = isFirehose(request)
      ? await openFirehose(body, bodyBytesMax)
      : { parts: cloudWatchMessages(body) ?? [body] };
    const bytes = unpacked.parts.reduce((sum, part) => sum + part.length, raw.length);
    if (room?.resize(bytes) === false) throw new BodyError(429, BUSY);
    return unpacked;
  }

  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { status, message } = this.#judge(error);
    if (status === 429 || status === 503) reply.header('retry-after', RETRY_SECONDS);
    if (status >= 500) this.#options.onError?.(error);
    return this.#refuse(request, reply, status, message);
  }

  /** What the sender is told. Nothing of the request is quoted. */
  #judge(error: unknown): { status: number; message: string } {
    if (error instanceof BodyError) return error;
    if (error instanceof KeyhoundError) {
      const { code, message } = error;
      if (code === 'spool-full') return { status: 429, message };
      if (error.retryable) return { status: 503, message };
      return { status: 500, message: 'failed' };
    }
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
    if (status === 413) return { status, message: 'the body is too large' };
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return { status, message: 'the request cannot be read' };
    }
    return { status: 500, message: 'failed' };
  }

  /** In the form that the sender logs. */
  #refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    error: string,
  ): FastifyReply {
    this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
    reply.code(status);
    if (!isFirehose(request)) return reply.send({ error });
    const requestId = String(request.headers['x-amz-firehose-request-id']).slice(0, 256);
    const answer = { requestId, timestamp: this.#options.clock.now(), errorMessage: error };
    return reply.header('content-type', JSON_TYPE).send(JSON.stringify(answer));
  }
}

const JSON_TYPE = 'application/json';
const BUSY = 'Too much is being received at the same time.';

interface Unpacked {
  readonly parts: readonly Buffer[];
  /** Firehose's, to be echoed. */
  readonly requestId?: string;
}

function isFirehose(request: FastifyRequest): boolean {
  return request.headers['x-amz-firehose-request-id'] !== undefined;
}
