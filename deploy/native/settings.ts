/** What .env says, with a variable of the shell before it: for `npm run stack` and the tests. */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { parseEnv } from 'node:util';

export const ROOT = path.join(import.meta.dirname, '../..');

/** Each with a line `KEYHOUND_…_PORT` in .env. */
export const PORTS = [
  'CONSOLE',
  'DECIDE',
  'INTAKE',
  'HOOKS',
  'KIBANA',
  'GATEWAY',
  'KAFKA',
  'KAFKA_CONTROLLER',
  'REDIS',
  'ELASTICSEARCH',
  'ELASTICSEARCH_TRANSPORT',
  'DEMO_API',
] as const;
export type PortName = (typeof PORTS)[number];

export interface Settings {
  readonly ports: Readonly<Record<PortName, number>>;
  readonly detectProcesses: number;
  /** As Java and Redis write them. */
  readonly kafkaHeap: string;
  readonly elasticsearchHeap: string;
  readonly redisMemory: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

export function readVariables(shell: Variables = process.env): Record<string, string> {
  const file = parseEnv(readFileSync(path.join(ROOT, '.env'), 'utf8')) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(file).map(([name, value]) => [name, shell[name] ?? value]),
  );
}

/** `free`: ports that nobody listens on, instead of those of the file. */
export async function readSettings(free: boolean): Promise<Settings> {
  const variables = readVariables();
  const value = (name: string): string => {
    const found = variables[name];
    if (found === undefined || found === '') throw new Error(`.env has no ${name}`);
    return found;
  };
  const chosen = free ? await freePorts(PORTS.length) : undefined;
  const ports = PORTS.map((name, at) => {
    const port = chosen?.[at] ?? Number(value(`KEYHOUND_${name}_PORT`));
    return [name, port] as const;
  });
  return {
    ports: Object.fromEntries(ports) as Record<PortName, number>,
    detectProcesses: Number(value('KEYHOUND_DETECT_PROCESSES')),
    kafkaHeap: value('KEYHOUND_KAFKA_HEAP'),
    elasticsearchHeap: value('KEYHOUND_ELASTICSEARCH_HEAP'),
    redisMemory: value('KEYHOUND_REDIS_MEMORY'),
  };
}

/**
 * Below the range that outgoing connections take their ports from: there, one to a server that is away could take
 * the server's own port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(11_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
