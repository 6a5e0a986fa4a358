/** Requests through a gateway, the service that it asks about keys, and what Keyhound makes of its log. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import path from 'node:path';
import type { FormatOptions } from '../../core/format.ts';
import { createDraft } from '../../core/record.ts';
import { formatById } from '../../ingest/formats/list.ts';
import { type Decoded, decodeIn, ENCODER } from '../ingest/formats/cases.ts';
import { finish } from '../judged/keyhound.ts';

export interface Sent {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends one request on a connection of its own and answers the status, once the answer is read. */
export async function send(port: number, { path: target, method, headers }: Sent): Promise<number> {
  const sent = request({ host: '127.0.0.1', port, path: target, method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode ?? 0;
}

/** Raw key → what the service answers: the status, and the headers beside it. */
export type Verdicts = ReadonlyMap<
  string,
  { readonly status: number; readonly headers: Readonly<Record<string, string>> }
>;

/** Stands for the service that checks keys; unknown ones get 401. */
export async function startChecker(verdicts: Verdicts): Promise<{ port: number; stop(): void }> {
  const server: Server = createServer((asked, answer) => {
    const key = asked.headers['x-api-key'];
    const verdict = typeof key === 'string' ? verdicts.get(key) : undefined;
    answer.writeHead(verdict?.status ?? 401, { ...verdict?.headers }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What the format reads in each line of the log. */
export function decoded(formatId: string, logFile: string, options: FormatOptions = {}): Decoded[] {
  const decoder = formatById(formatId).createDecoder(options);
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => decodeIn(decoder, ENCODER.encode(line), createDraft()));
}

interface Summary {
  readonly records: number;
  readonly claimed: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly sources: readonly { readonly format: string }[];
}

export interface Replayed {
  /** The format that was recognised. */
  readonly format: string | undefined;
  readonly summary: Summary;
  /** Key id → number of events learned. */
  readonly keys: ReadonlyMap<string, number>;
  /** All that was printed. */
  readonly output: string;
  /** Folder of the state. */
  readonly state: string;
}

/** `keyhound replay LOG --state`, then `keyhound keys`. The proxies on loopback are ours. */
export async function replayed(
  folder: string,
  logFile: string,
  words: readonly string[] = [],
): Promise<Replayed> {
  writeFileSync(path.join(folder, 'keyhound.yaml'), 'trustedProxies: ["127.0.0.1"]\n');
  const state = path.join(folder, `state-${words.join('-').replaceAll(/\W+/g, '-')}`);
  const replay = await finish(['replay', logFile, ...words, '--state', state, '--json'], {
    cwd: folder,
  });
  if (replay.status !== 0) throw new Error(replay.stderr);
  const keys = await finish(['keys', '--state', state, '--json'], { cwd: folder });
  const listed = linesOf(keys.stdout).filter((line) => line['type'] === 'key');
  const summary = linesOf(replay.stdout).at(-1) as unknown as Summary;
  return {
    format: summary.sources[0]?.format,
    summary,
    keys: new Map(listed.map((line) => [String(line['id']), Number(line['events'])])),
    output: replay.stdout + replay.stderr + keys.stdout + keys.stderr,
    state,
  };
}

/** The id under which a raw key is known in a state. */
export async function idOf(folder: string, state: string, rawKey: string): Promise<string> {
  const shown = await finish(['keys', 'show', '-', '--state', state, '--json'], {
    cwd: folder,
    input: rawKey,
  });
  return String(linesOf(shown.stdout)[0]?.['id']);
}

function linesOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
