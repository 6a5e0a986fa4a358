/**
 * A strict HTTP server for the fakes of vendors' APIs: what no route takes is a violation, and the test can have a
 * call fail before or after it took effect.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined when the body is none or no JSON. */
  readonly json: unknown;
}

export interface FakeAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `silence`: no answer at all; `reset`: the connection is cut. `applied`: after the call took effect. */
export type FakeFault =
  | { readonly kind: 'answer'; readonly answer: FakeAnswer }
  | { readonly kind: 'silence' | 'reset'; readonly applied: boolean };

export interface FakeServer {
  readonly url: string;
  /** `METHOD /path`, in order. */
  readonly calls: string[];
  /** What no vendor would have understood. */
  readonly violations: string[];
  /** The next write, or what `isMeant` says, fails so, once; undefined: no call does. */
  failNext(fault: FakeFault | undefined, isMeant?: (request: FakeRequest) => boolean): void;
  /** Nobody listens until it is called again with false. */
  refuse(down: boolean): void;
  close(): Promise<void>;
}

/** Undefined: no such route. */
export type FakeHandler = (request: FakeRequest) => FakeAnswer | undefined;

const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** For `failNext`: the second write from now on. */
export function secondWrite(): (request: FakeRequest) => boolean {
  let writes = 0;
  return (request) => isWrite(request) && ++writes === 2;
}

function isWrite({ method }: FakeRequest): boolean {
  return WRITES.includes(method);
}

export async function startFake(handler: FakeHandler): Promise<FakeServer> {
  const calls: string[] = [];
  const violations: string[] = [];
  const faults: { fault: FakeFault; isMeant: (request: FakeRequest) => boolean }[] = [];
  let isDown = false;
  const server = createServer((message, response) => {
    if (isDown) return void message.socket.destroy();
    void answer(message, response);
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await requestOf(message);
    calls.push(`${request.method} ${request.path}`);
    const index = faults.findIndex(({ isMeant }) => isMeant(request));
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0]?.fault;
    if (fault?.kind === 'answer') return send(response, fault.answer);
    if (fault !== undefined) {
      if (fault.applied) handler(request);
      if (fault.kind === 'reset') message.socket.destroy();
      return;
    }
    const taken = handler(request);
    if (taken === undefined) violations.push(`${request.method} ${request.path}`);
    send(response, taken ?? { status: 404, json: { message: 'no route' } });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    violations,
    failNext: (fault, isMeant = isWrite) => {
      if (fault === undefined) faults.length = 0;
      else faults.push({ fault, isMeant });
    },
    refuse: (down) => {
      isDown = down;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function requestOf(message: IncomingMessage): Promise<FakeRequest> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString('utf8');
  const url = new URL(message.url ?? '/', 'http://fake');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return {
    method: message.method ?? '',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: message.headers,
    text,
    json,
  };
}

function send(response: ServerResponse, { status, json, headers = {} }: FakeAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(json === undefined ? undefined : JSON.stringify(json));
}
