/** The decision endpoint side by side with a bare handler of the same HTTP library, in turns. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import type { Plan } from '../plan.ts';
import { median, pairs } from '../statistics.ts';

const CLIENTS = 64;

interface Loaded {
  readonly perSecond: number;
  readonly wrong: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Measured extends Loaded {
  /** Of the server. */
  readonly perCpuSecond: number;
}

export interface DecideResults {
  readonly rounds: number;
  readonly bare: readonly Measured[];
  readonly fastify: readonly Measured[];
  readonly ours: readonly Measured[];
  /** Endpoint by bare handler, round by round. */
  readonly ratio: readonly number[];
  readonly cpuRatio: readonly number[];
  /** At half of what each could, as many rounds. */
  readonly half: { readonly bare: readonly Loaded[]; readonly ours: readonly Loaded[] };
  readonly load: number;
}

export async function measureDecide(
  plan: Plan,
  say: (text: string) => void,
): Promise<DecideResults> {
  const seconds = plan.name === 'full' ? 8 : 2;
  const bare = await startServer('bare');
  const framework = await startServer('fastify');
  const ours = await startServer('decide');
  const all = [bare, framework, ours];
  const full: Record<Kind, Measured[]> = { bare: [], fastify: [], decide: [] };
  const half: Record<'bare' | 'decide', Loaded[]> = { bare: [], decide: [] };
  const loads: number[] = [];
  try {
    for (let round = 1; round <= plan.rounds; round++) {
      for (const server of all) {
        say(`round ${round} of ${plan.rounds}: ${server.kind}, as fast as it can`);
        full[server.kind].push(await measured(server, ['closed', seconds, CLIENTS]));
      }
      loads.push(os.loadavg()[0]!);
    }
    for (let round = 1; round <= plan.rounds; round++) {
      for (const server of [bare, ours]) {
        say(`round ${round} of ${plan.rounds}: ${server.kind}, at half load`);
        const rate = Math.round(median(full[server.kind].map(({ perSecond }) => perSecond)) / 2);
        half[server === bare ? 'bare' : 'decide'].push(
          await measured(server, ['open', seconds, CLIENTS, rate]),
        );
      }
    }
  } finally {
    for (const { child } of all) child.kill('SIGKILL');
  }
  const of = (kind: Kind, what: 'perSecond' | 'perCpuSecond') => full[kind].map((one) => one[what]);
  return {
    ...{ rounds: plan.rounds, bare: full.bare, fastify: full.fastify, ours: full.decide },
    ratio: pairs(of('decide', 'perSecond'), of('bare', 'perSecond')),
    cpuRatio: pairs(of('decide', 'perCpuSecond'), of('bare', 'perCpuSecond')),
    half: { bare: half.bare, ours: half.decide },
    load: median(loads),
  };
}

type Kind = 'bare' | 'fastify' | 'decide';

interface Server {
  readonly kind: Kind;
  readonly child: ChildProcess;
  readonly port: number;
}

const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];

async function startServer(kind: Kind): Promise<Server> {
  const file = path.join(import.meta.dirname, 'server.ts');
  const child = fork(file, [kind], { execArgv: FLAGS });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { kind, child, port };
}

async function cpuSecondsOf({ child }: Server): Promise<number> {
  child.send('cpu');
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: NodeJS.CpuUsage }];
  return (cpu.user + cpu.system) / 1e6;
}

async function measured(server: Server, words: readonly (string | number)[]): Promise<Measured> {
  const file = path.join(import.meta.dirname, 'load.ts');
  const args = [...FLAGS, file, String(server.port), ...words.map(String)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let began: Promise<number> | undefined;
  let ended: Promise<number> | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('begins\n')) began ??= cpuSecondsOf(server);
    if (said.includes('}\n')) ended ??= cpuSecondsOf(server);
  });
  await once(child, 'close');
  const loaded = JSON.parse(said.slice(said.indexOf('{'))) as Loaded;
  if (loaded.wrong > 0) throw new Error(`${loaded.wrong} answers of ${server.kind} were not 200`);
  const [before, after] = await Promise.all([began, ended]);
  const cpuSeconds = (after ?? 0) - (before ?? 0);
  const seconds = Number(words[1]);
  return { ...loaded, perCpuSecond: (loaded.perSecond * seconds) / cpuSeconds };
}
