/** What the tests with real gateways have in common: the endpoint as a process, a service behind, requests. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Verdict } from '../../core/verdict.ts';
import { createUse } from '../../decide/contract.ts';
import { sampleVerdict } from '../support/response-samples.ts';
import { ROOT } from '../tidy/files.ts';
import type { Told } from './endpoint-child.ts';
import { idOf, profileOf } from './tools.ts';

/** The block of docs/decide.md that begins with this line. */
export function documented(first: string): string {
  const page = readFileSync(path.join(ROOT, 'docs/decide.md'), 'utf8');
  for (const [, block = ''] of page.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)) {
    if (block.startsWith(`${first}\n`)) return block.slice(first.length + 1);
  }
  throw new Error(`docs/decide.md has no block that begins with ${first}`);
}

/** Replaces what has to be there. */
export function replaced(text: string, words: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [from, to] of Object.entries(words)) {
    if (!result.includes(from)) throw new Error(`there is no ${from} in what the page says`);
    result = result.replaceAll(from, to);
  }
  return result;
}

export interface EndpointProcess {
  readonly port: number;
  put(verdict: Verdict): Promise<void>;
  remove(key: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** With -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same port, with the same folder, its store of verdicts away. */
  again(): Promise<EndpointProcess>;
}

export async function startEndpoint(t: TestContext): Promise<EndpointProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-decide-'));
  const kills: (() => Promise<void>)[] = [];
  // In this order: an endpoint that lives writes into its folder while that is being removed.
  t.after(async () => {
    await Promise.all(kills.map((kill) => kill()));
    await rm(folder, { recursive: true, force: true });
  });
  return start(kills, folder, 0, []);
}

async function start(
  kills: (() => Promise<void>)[],
  folder: string,
  port: number,
  words: readonly string[],
): Promise<EndpointProcess> {
  const file = path.join(import.meta.dirname, 'endpoint-child.ts');
  const child = fork(file, [String(port), folder, ...words], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const gone = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  kills.push(kill);
  const [ready] = (await once(child, 'message')) as [{ port: number }];
  const tell = (told: Told) => toldTo(child, told);
  return {
    port: ready.port,
    put: (verdict) => tell({ put: verdict }),
    remove: (key) => tell({ remove: key }),
    signal: (name) => void child.kill(name),
    kill,
    again: () => start(kills, folder, ready.port, ['store-away']),
  };
}

async function toldTo(child: ChildProcess, told: Told): Promise<void> {
  child.send(told);
  await once(child, 'message');
}

/** Contained to GET /v1/orders/{id} from a network. */
export function contained(key: string, from: string): Verdict {
  const use = { ...createUse(), method: 'GET', target: '/v1/orders/17', clientAddress: from };
  const profile = profileOf([use], []);
  return sampleVerdict({ key: idOf(key), rung: 'contain', untilAt: null, profile });
}

/** What a contained key may do through a gateway, and that nothing it writes moves it elsewhere. */
export async function checkContained(
  endpoint: EndpointProcess,
  port: number,
  from = '127.0.0.1',
): Promise<void> {
  await endpoint.put(contained('here', from));
  await endpoint.put(contained('elsewhere', '198.51.100.7'));
  const forged = {
    ...{ 'X-Forwarded-For': '198.51.100.7', 'X-Real-IP': '198.51.100.7' },
    ...{ 'X-Forwarded-Uri': '/v1/orders/1', 'X-Original-URI': '/v1/orders/1' },
    ...{ 'X-Forwarded-Method': 'GET', 'X-Original-Method': 'GET' },
  };
  const status = async (key: string, path: string, body?: string) => {
    const plain = await ask(port, { key, path, ...(body !== undefined && { body }) });
    const lying = await ask(port, {
      key,
      path,
      headers: forged,
      ...(body !== undefined && { body }),
    });
    return [plain.status, lying.status];
  };
  assert.deepEqual(await status('here', '/v1/orders/99?x=1'), [200, 200]);
  assert.deepEqual(await status('here', '/v1/exports'), [403, 403]);
  assert.deepEqual(await status('here', '/v1/orders/99', 'a body'), [403, 403]);
  assert.deepEqual(await status('elsewhere', '/v1/orders/99'), [403, 403]);
}

export interface Service {
  readonly port: number;
  /** Ids of the requests that reached it, in order. */
  readonly got: string[];
  /** The last one's headers. */
  readonly last: { headers: IncomingMessage['headers'] };
  /** Set: it hangs up on the next request once it has it. */
  readonly breaks: { next: boolean };
}

/** The service behind the gateway: 200 with the body that it was sent. */
export async function startService(t: TestContext): Promise<Service> {
  const got: string[] = [];
  const last: Service['last'] = { headers: {} };
  const breaks = { next: false };
  const server = createServer((asked, answer) => {
    got.push(String(asked.headers['x-test-id'] ?? ''));
    last.headers = asked.headers;
    if (breaks.next) {
      breaks.next = false;
      asked.socket.destroy();
      return;
    }
    answer.writeHead(200, { 'Content-Type': 'text/plain' });
    asked.pipe(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, got, last, breaks };
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Asked {
  readonly key?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  readonly body?: string;
}

export async function ask(port: number, asked: Asked): Promise<Answered> {
  const { key, body } = asked;
  const sent = request({
    ...{ host: '127.0.0.1', port, path: asked.path ?? '/v1/orders/17?x=1' },
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(key !== undefined && { 'X-Api-Key': key }), ...asked.headers },
    agent: asked.agent ?? false,
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += String(part);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: text };
}

export interface Load {
  /** Requests by the status of their answer; `error` where there was none. */
  readonly statuses: Record<string, number>;
  /** Ids of those with 200. */
  readonly passed: string[];
}

/**
 * So many requests of good keys, with bodies, from as many clients; `meanwhile` is called once `at` are answered, and
 * what it starts is waited for.
 */
export async function underLoad(
  port: number,
  plan: { requests: number; clients: number; at: number },
  meanwhile: () => unknown,
): Promise<Load> {
  const load: Load = { statuses: {}, passed: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: plan.clients });
  let next = 0;
  let answered = 0;
  let started: unknown;
  const client = async (): Promise<void> => {
    while (next < plan.requests) {
      const id = `r-${next++}`;
      const headers = { 'X-Test-Id': id };
      const status = await ask(port, {
        key: `good-key-${next % 7}`,
        headers,
        agent,
        body: id,
      }).then(
        (answer) => (answer.body === id ? String(answer.status) : `${answer.status} body`),
        () => 'error',
      );
      load.statuses[status] = (load.statuses[status] ?? 0) + 1;
      if (status === '200') load.passed.push(id);
      if (++answered === plan.at) started = meanwhile();
    }
  };
  await Promise.all(Array.from({ length: plan.clients }, client));
  await started;
  agent.destroy();
  return load;
}
