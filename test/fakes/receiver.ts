/** An HTTP server that keeps what it was sent and answers as it was told; strict receivers are built on it. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `hang`: never answers. `reset`: ends the connection. */
export type Misbehaviour = 'hang' | 'reset';

export interface Receiver {
  readonly url: string;
  /** All that came, also what was refused. */
  readonly requests: readonly ReceivedRequest[];
  /** Answers, in order, in place of the receiver's own. */
  fail(...answers: readonly (ReceiverAnswer | Misbehaviour)[]): void;
  /** Resolves when so many requests have come since the start. */
  came(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(
  judge: (request: ReceivedRequest) => ReceiverAnswer,
): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const failures: (ReceiverAnswer | Misbehaviour)[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const server = createServer(async (incoming, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = incoming;
    const request = { method, path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
    requests.push(request);
    const answer = failures.shift() ?? judge(request);
    for (const { count, done } of waiting) if (requests.length >= count) done();
    if (answer === 'hang') return;
    if (answer === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    reply.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    fail: (...answers) => void failures.push(...answers),
    came: (count) =>
      new Promise((done) => {
        if (requests.length >= count) done();
        else waiting.push({ count, done });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
