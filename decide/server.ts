/**
 * The HTTP side of the decision endpoint. Plain node:http: the routing is four prefixes.
 *
 * Whatever cannot be read is refused with 403, never with what a gateway would take for a failure: in a set-up that
 * fails open a client could otherwise let itself pass with a header that is too long, or one that is not HTTP.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import type { DecideConfig } from '../core/config-response.ts';
import { KeyhoundError } from '../core/errors.ts';
import { JSON_TYPE } from './answers.ts';
import { type Callers, createCallers, isLoopback } from './callers.ts';
import { createUse } from './contract.ts';
import type { Counters } from './counters.ts';
import { createAnswer, type Decide } from './decider.ts';
import {
  DIALECT_HEADERS,
  type Dialect,
  dialectOf,
  forwardReply,
  type Reply,
  replyOf,
} from './dialects.ts';
import { BodyFault, loadOfBody, readBody, useOfBody } from './json-dialect.ts';
import { KeyPlaces } from './key-places.ts';
import { LEAN_OPTIONS } from './lean-request.ts';
import { RequestHeaders } from './request-headers.ts';

export interface Health {
  readonly ready: boolean;
  /** What is missing or old, as JSON. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface DecideServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plaintext. */
  readonly tls?: TlsOptions | undefined;
  readonly settings: Pick<DecideConfig, 'token' | 'failMode' | 'key' | 'keyId'>;
  readonly decide: Decide;
  health(): Health;
  /** POST /decide/load. */
  tellLoad(load: number): void;
  /** Text of a scrape. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
  /** What it counts in. */
  readonly counters: Counters;
  /** Something of ours failed. Nothing of the request is in it. */
  onError(error: unknown): void;
}

export interface DecideServer {
  /** E.g. `http://127.0.0.1:8421`. */
  readonly url: string;
  readonly port: number;
  /** Answers what is in flight, then stops. */
  close(): Promise<void>;
}

/** More than NGINX, HAProxy and Envoy take from a client; what is longer is refused. */
const HEADER_BYTES_MAX = 262_144;
/** For what a gateway still sends of a request that was refused before its end. */
const DRAIN_MS = 5000;
const REQUEST_MS_MAX = 10_000;
const CONNECTIONS_MAX = 4096;

/** Listens. Rejects with an `operating` error with code `listen-failed` when the address cannot be had. */
export async function startDecideServer(options: DecideServerOptions): Promise<DecideServer> {
  const { host, port, tls } = options;
  const endpoint = new Endpoint(options);
  const server = serverOf(endpoint.listener, tls);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, resolve);
    });
  } catch (cause) {
    throw new KeyhoundError('operating', `cannot listen on ${host}:${port}`, {
      code: 'listen-failed',
      hint: 'Is another instance running? listen.decide sets the address.',
      cause,
    });
  }
  const address = server.address() as AddressInfo;
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function serverOf(listener: RequestListener, tls: TlsOptions | undefined): Server {
  const common = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: REQUEST_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    noDelay: true,
    ...LEAN_OPTIONS,
  };
  const server =
    tls === undefined
      ? createServer(common, listener)
      : createTlsServer({ ...common, ...tls }, listener);
  // Gateways keep connections for minutes; whoever closes first loses the request that is on its way.
  server.keepAliveTimeout = 0;
  // The size is bound enough: a good key with many headers is a good key.
  server.maxHeadersCount = 0;
  server.maxConnections = CONNECTIONS_MAX;
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  server.on('clientError', refuseUnread);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => socket.end(REFUSED));
  return server;
}

/** Sockets that were told so. */
const TOLD = new WeakSet<Duplex>();

/**
 * Answers, and takes the rest of what is sent: with a connection that is reset instead the gateway would not see the
 * answer, and a set-up that fails open lets the request pass.
 */
function refuseUnread(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (TOLD.has(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  TOLD.add(socket);
  socket.end(REFUSED);
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

const REFUSED =
  'HTTP/1.1 403 Forbidden\r\nX-Keyhound-Decision: refuse\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** Found out once a connection. */
const IS_LOCAL = Symbol('local');
type Known = Socket & { [IS_LOCAL]?: boolean };

class Endpoint {
  readonly #options: DecideServerOptions;
  readonly #callers: Callers;
  readonly #places: KeyPlaces;
  readonly #headers: RequestHeaders;
  readonly #keyIdHeader: string;
  readonly #keyIdPrefix: string;
  readonly #use = createUse();
  readonly #answer = createAnswer();

  constructor(options: DecideServerOptions) {
    const { token, key, keyId } = options.settings;
    this.#options = options;
    this.#callers = createCallers(token);
    this.#places = new KeyPlaces(key);
    this.#keyIdHeader = keyId?.header.toLowerCase() ?? '';
    this.#keyIdPrefix = keyId === undefined ? '' : `${keyId.gateway}:`;
    this.#headers = new RequestHeaders([
      ...DIALECT_HEADERS,
      ...this.#places.headers,
      this.#keyIdHeader,
    ]);
  }

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? '/';
    const dialect = dialectOf(url);
    if (dialect === undefined) this.#other(request, response, pathOf(url));
    else this.#ask(dialect, request, response, url);
  };

  #ask(dialect: Dialect, request: IncomingMessage, response: ServerResponse, url: string): void {
    this.#headers.read(request.rawHeaders);
    if (!this.#admits(request)) {
      this.#refuseCaller(response);
      return;
    }
    let reply: Reply;
    try {
      reply = this.#decide(dialect, request.method ?? 'GET', url);
    } catch (error) {
      reply = this.#failed(error);
    }
    response.writeHead(reply.status, reply.headers);
    if (reply.body === '') response.end();
    else response.end(reply.body);
  }

  #decide(dialect: Dialect, method: string, url: string): Reply {
    const headers = this.#headers;
    const use = this.#use;
    dialect.read(headers, method, url, use);
    use.rawKeys.length = 0;
    const own = this.#callers.own(headers.valuesOf('authorization'));
    const few = this.#places.read(headers.valuesOf, use.target, own, use.rawKeys);
    const keyId = this.#keyIdHeader === '' ? '' : headers.single(this.#keyIdHeader);
    use.keyId = keyId === '' ? undefined : `${this.#keyIdPrefix}${keyId}`;
    const answer = this.#answer;
    this.#options.decide(use, answer);
    if (!few) answer.decision = 'refuse';
    this.#options.counters.decisions[dialect.name][answer.decision] += 1;
    return replyOf(dialect, answer, answer.decision === 'allow' ? '' : headers.list('accept'));
  }

  /** Our own failure: what the operator wants then, in a form that every gateway takes for a decision. */
  #failed(error: unknown): Reply {
    this.#options.counters.failures += 1;
    this.#options.onError(error);
    const allowed = this.#options.settings.failMode === 'allow';
    return {
      status: allowed ? 200 : 403,
      headers: ['X-Keyhound-Decision', allowed ? 'allow' : 'refuse', 'Content-Length', '0'],
      body: '',
    };
  }

  #admits(request: IncomingMessage): boolean {
    const socket: Known = request.socket;
    socket[IS_LOCAL] ??= isLoopback(socket.remoteAddress);
    if (socket[IS_LOCAL]) return true;
    const headers = this.#headers;
    return this.#callers.admits(
      headers.valuesOf('x-keyhound-token'),
      headers.valuesOf('authorization'),
    );
  }

  #refuseCaller(response: ServerResponse): void {
    this.#options.counters.refusedCallers += 1;
    send(response, 401, { error: 'A valid token is needed.' }, ['WWW-Authenticate', 'Bearer']);
  }

  #other(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (path === '/decide/json') this.#posted(request, response, (body) => this.#json(body));
    else if (path === '/decide/load') this.#posted(request, response, (body) => this.#load(body));
    else if (path === '/healthz') send(response, 200, { status: 'ok' });
    else if (path === '/readyz') {
      const { ready, detail } = this.#options.health();
      send(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...detail });
    } else if (path === '/metrics') this.#metrics(response);
    else {
      send(response, 404, {
        error: 'Ask at /decide/nginx, /decide/forward, /decide/envoy or /decide/json.',
      });
    }
  }

  #metrics(response: ServerResponse): void {
    this.#options.metrics().then(
      (scrape) => response.writeHead(200, { 'Content-Type': scrape.type }).end(scrape.text),
      (error: unknown) => {
        this.#options.onError(error);
        send(response, 500, { error: 'failed' });
      },
    );
  }

  #posted(
    request: IncomingMessage,
    response: ServerResponse,
    take: (body: Buffer) => object,
  ): void {
    this.#headers.read(request.rawHeaders);
    if (!this.#admits(request)) {
      this.#refuseCaller(response);
      return;
    }
    if (request.method !== 'POST') {
      send(response, 405, { error: 'POST a JSON object.' });
      return;
    }
    readBody(request)
      .then(take)
      .then(
        (answer) => send(response, 200, answer),
        (error: unknown) => {
          const known = error instanceof BodyFault;
          if (!known) this.#options.onError(error);
          send(response, known ? error.status : 500, { error: known ? error.message : 'failed' });
        },
      );
  }

  #load(body: Buffer): object {
    const load = loadOfBody(body);
    this.#options.tellLoad(load);
    return { load };
  }

  #json(body: Buffer): object {
    const use = useOfBody(body);
    const answer = this.#answer;
    let reply: Reply;
    try {
      this.#options.decide(use, answer);
      this.#options.counters.decisions.json[answer.decision] += 1;
      reply = forwardReply(answer, '');
    } catch (error) {
      reply = this.#failed(error);
      answer.decision = reply.status === 200 ? 'allow' : 'refuse';
      answer.key = '';
    }
    return {
      ...{ decision: answer.decision, status: reply.status, key: answer.key },
      headers: pairsOf(reply.headers),
      body: reply.body === '' ? null : (JSON.parse(reply.body) as unknown),
    };
  }
}

function pathOf(url: string): string {
  const question = url.indexOf('?');
  return question < 0 ? url : url.slice(0, question);
}

function pairsOf(headers: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] !== 'Content-Length') pairs[headers[i]!] = headers[i + 1]!;
  }
  return pairs;
}

function send(response: ServerResponse, status: number, body: object, more: string[] = []): void {
  const text = JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  response.writeHead(status, ['Content-Type', JSON_TYPE, 'Content-Length', length, ...more]);
  response.end(text);
}
