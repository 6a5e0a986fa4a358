/**
 * `npm run stack`: the distributed form without Docker, from the same settings as docker-compose.yml. Kafka, Redis
 * and Elasticsearch, Keyhound by role, the demo gateway and its traffic; in the foreground, until Ctrl-C.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { elasticsearch } from './elasticsearch.ts';
import { demo, gateway } from './gateway.ts';
import { kafka } from './kafka.ts';
import { type Program, Running } from './process.ts';
import { redis } from './redis.ts';
import { keyhound, type RoleProcess, roles } from './roles.ts';
import {
  isFree,
  PORTS,
  type PortName,
  ROOT,
  readSettings,
  readVariables,
  type Settings,
} from './settings.ts';

/** Nobody listens there natively, yet. */
const UNUSED: readonly PortName[] = ['KIBANA', 'DECIDE', 'HOOKS'];
const OF_DEMO: readonly PortName[] = ['GATEWAY', 'DEMO_API'];

const USAGE = `Usage: npm run stack -- [options]

Starts Kafka, Redis, Elasticsearch and Keyhound by role on this machine, in the foreground. Ctrl-C ends all of
it; what was learned stays in the folder. Ports, heaps and how many of what: .env.

  --dir FOLDER   data, logs and secrets (default: .keyhound-stack)
  --free-ports   ports that nobody listens on, instead of those of .env
  --no-demo      without the demo gateway and its traffic
  --servers      only Kafka, Redis and Elasticsearch
  --json         one line of JSON when all is up, instead of text
`;

interface Options {
  readonly folder: string;
  readonly freePorts: boolean;
  readonly demo: boolean;
  readonly servers: boolean;
  readonly json: boolean;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === undefined) return void process.stdout.write(USAGE);
  const { folder } = options;
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const stop = untilSignal();
  prepare(folder);
  const settings = await readSettings(options.freePorts);
  if (!options.freePorts) await refuseTakenPorts(settings, options);
  const place = { folder, logs: path.join(folder, 'logs'), say };
  const running: Running[] = [];
  const start = async (programs: readonly Program[]): Promise<void> => {
    const started = programs.map((program) => new Running(program, place));
    running.push(...started);
    await Promise.race([Promise.all(started.map((one) => one.ready())), stop.asked]);
  };
  try {
    say('starting Kafka, Redis and Elasticsearch');
    await start([
      kafka(settings, folder),
      redis(settings, folder),
      elasticsearch(settings, folder),
    ]);
    let processes: RoleProcess[] = [];
    if (!options.servers && !stop.signal.aborted) {
      await keyhound(settings, folder, ['kafka', 'init', '--yes']);
      processes = await roles(settings, folder);
      say(`starting ${processes.map(({ name }) => name).join(', ')}`);
      await start(processes);
    }
    if (options.demo && !options.servers && !stop.signal.aborted) {
      await start([demo(settings, folder), gateway(settings, folder)]);
    }
    if (!stop.signal.aborted) {
      const facts = { folder, ports: settings.ports, processes, running };
      process.stdout.write(options.json ? asJson(facts) : asText(facts, options));
    }
    await Promise.race([stop.asked, ...running.map(({ failed }) => failed)]);
  } finally {
    say('stopping');
    // The roles first: what they have read is saved while the stores are still there.
    for (const one of running.reverse()) await one.end();
    rmSync(pidFile(folder), { force: true });
  }
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: '.keyhound-stack' },
      'free-ports': { type: 'boolean', default: false },
      'no-demo': { type: 'boolean', default: false },
      servers: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const profiles = (readVariables()['COMPOSE_PROFILES'] ?? '').split(',');
  return {
    folder: path.resolve(values.dir),
    freePorts: values['free-ports'],
    demo: !values['no-demo'] && profiles.includes('demo'),
    servers: values.servers,
    json: values.json,
  };
}

/** Resolves with the first signal. A second one is not waited for. */
function untilSignal(): { readonly signal: AbortSignal; readonly asked: Promise<void> } {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort());
  }
  return { signal: controller.signal, asked };
}

function prepare(folder: string): void {
  mkdirSync(path.join(folder, 'logs'), { recursive: true });
  claim(folder);
  execFileSync('bash', [path.join(ROOT, 'deploy/secrets.sh'), path.join(folder, 'secrets')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // A copy beside the secrets, whose paths in it are relative.
  copyFileSync(path.join(ROOT, 'deploy/keyhound.yaml'), path.join(folder, 'keyhound.yaml'));
}

function pidFile(folder: string): string {
  return path.join(folder, 'stack.pid');
}

/** Two on one folder would write the same files. */
function claim(folder: string): void {
  const file = pidFile(folder);
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch {
    const other = Number(readFileSync(file, 'utf8'));
    if (isAlive(other)) throw new Error(`${folder} is in use by process ${other}`);
    writeFileSync(file, String(process.pid));
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function refuseTakenPorts({ ports }: Settings, options: Options): Promise<void> {
  const taken: string[] = [];
  for (const name of PORTS) {
    if (UNUSED.includes(name) || (!options.demo && OF_DEMO.includes(name))) continue;
    if (!(await isFree(ports[name]))) taken.push(`KEYHOUND_${name}_PORT (${ports[name]})`);
  }
  if (taken.length === 0) return;
  throw new Error(`taken already: ${taken.join(', ')}; set others, or give --free-ports`);
}

interface Facts {
  readonly folder: string;
  readonly ports: Settings['ports'];
  readonly processes: readonly RoleProcess[];
  readonly running: readonly Running[];
}

function asJson({ folder, ports, processes, running }: Facts): string {
  const pids = Object.fromEntries(running.map(({ name, pid }) => [name, pid]));
  const list = processes.map(({ name, role, url }) => ({ name, role, url }));
  return `${JSON.stringify({ type: 'stack', folder, ports, processes: list, pids })}\n`;
}

function asText({ folder, ports, processes }: Facts, options: Options): string {
  const at = (port: number): string => `127.0.0.1:${port}`;
  const near = (name: string): string => {
    const short = path.relative(process.cwd(), path.join(folder, name));
    return short.startsWith('..') ? path.join(folder, name) : short;
  };
  const rows: [string, string][] = [
    ['kafka', at(ports.KAFKA)],
    ['redis', `${at(ports.REDIS)}  user keyhound, password in ${near('secrets/redis-password')}`],
    [
      'elasticsearch',
      `http://${at(ports.ELASTICSEARCH)}  user keyhound, password in ${near('secrets/elasticsearch-password')}`,
    ],
    ...processes.map(({ name, role, url }): [string, string] => [
      name,
      role === 'console' ? `${url}  token in ${near('state/console/api-token')}` : url,
    ]),
  ];
  if (processes.length > 0) {
    const intake = `http://${at(ports.INTAKE)}/intake/keyhound  token in ${near('secrets/intake-token')}`;
    rows.push(['intake', intake]);
  }
  if (processes.length > 0 && options.demo) rows.push(['gateway', `http://${at(ports.GATEWAY)}`]);
  rows.push(['logs', near('logs')]);
  const lines = rows.map(([name, where]) => `${name.padEnd(14)}${where}`);
  return `${lines.join('\n')}\n\nAll is up. Ctrl-C ends it.\n`;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
