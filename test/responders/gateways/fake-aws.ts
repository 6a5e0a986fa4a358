/**
 * What moto forgives: AWS that is too busy, hangs, refuses, or takes a key only once into a plan. Strict about method,
 * path, signature and body.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeFault } from '../../fakes/http-fake.ts';

export interface AwsAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FakeAws {
  readonly endpoint: string;
  /** `METHOD /path?query body`, in order. */
  readonly calls: string[];
  /** Given to the next calls, in order, in place of an answer. `hang`: none. */
  readonly faults: (AwsAnswer | 'hang' | 'reset')[];
  /** Of the next call that changes something, as the conformance suite has it. */
  writeFault: FakeFault | undefined;
  stop(): Promise<void>;
}

type Route = (call: string) => AwsAnswer | undefined;

/** `service` as it stands in the signature's scope; `writes`: calls that change something. */
export async function fakeAws(
  service: string,
  route: Route,
  writes: RegExp = /^(?:PATCH|DELETE|PUT) |^POST .*keyType|Action=(?!Get|List)/,
): Promise<FakeAws> {
  const server = createServer((request, response) => void serve(request, response));
  const fake = {
    endpoint: '',
    calls: [] as string[],
    faults: [] as FakeAws['faults'],
    writeFault: undefined as FakeFault | undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  const scope = new RegExp(
    `^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/\\d{8}/[a-z0-9-]+/${service}/aws4_request, ` +
      'SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$',
  );
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const part of request) body += part;
    const call = `${request.method} ${request.url} ${body}`.trim();
    fake.calls.push(call);
    const fault = fake.faults.shift();
    if (fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const { writeFault } = fake;
    if (writeFault !== undefined && writes.test(call)) {
      fake.writeFault = undefined;
      if (writeFault.kind === 'answer') {
        const { status, headers = {}, json } = writeFault.answer;
        response.writeHead(status, headers);
        return void response.end(JSON.stringify(json));
      }
      if (writeFault.applied) route(call);
      if (writeFault.kind === 'reset') request.socket.resetAndDestroy();
      return;
    }
    const unsigned = !scope.test(request.headers.authorization ?? '');
    const answer = unsigned ? UNSIGNED : (fault ?? route(call) ?? UNKNOWN);
    response.writeHead(answer.status, answer.headers ?? {});
    response.end(answer.body);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fake.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

const UNSIGNED: AwsAnswer = { status: 403, body: '{"message":"Missing Authentication Token"}' };
const UNKNOWN: AwsAnswer = { status: 400, body: '{"message":"not a call that was expected"}' };

/** An error as services of REST and JSON give it. */
export function jsonError(status: number, code: string, headers = {}): AwsAnswer {
  const about = { 'x-amzn-errortype': code, 'content-type': 'application/json' };
  // The text of a vendor may hold what must not be repeated.
  const body = JSON.stringify({ message: 'arn:aws:iam::123456789012:user/secret-name' });
  return { status, headers: { ...about, ...headers }, body };
}

export function json(status: number, value: unknown): AwsAnswer {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: status === 202 ? '' : JSON.stringify(value) };
}

/** An error as services of the query protocol give it. */
export function xmlError(status: number, code: string): AwsAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>arn:aws:iam::123456789012:user/secret-name</Message></Error>`;
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${error}<RequestId>r</RequestId></ErrorResponse>`,
  };
}

export function xml(action: string, result: string): AwsAnswer {
  const inner = result === '' ? '' : `<${action}Result>${result}</${action}Result>`;
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${inner}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`,
  };
}
