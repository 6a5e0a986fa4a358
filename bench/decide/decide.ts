/** The decision endpoint side by side with a bare handler of the same HTTP library, in turns. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Plan } from '../plan.ts';
import { median, pairs } from '../statistics.ts';

const CLIENTS = 64;
/** Short turns, so that other work on the machine meets all alike. */
const SECONDS = 2;

interface Loaded {
  readonly perSecond: number;
  readonly wrong: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the sender sent, which the latencies contain. */
  readonly late99Ms: number;
}

export interface Measured extends Loaded {
  /** Of the server. */
  readonly perCpuSecond: number;
  /** Part of the time in which server or sender could have run and other work had their core. */
  readonly waited: number;
}

export interface DecideResults {
  readonly turns: number;
  readonly bare: readonly Measured[];
  /** Bare, with the options of node:http that the endpoint has. */
  readonly lean: readonly Measured[];
  readonly fastify: readonly Measured[];
  readonly ours: readonly Measured[];
  /** Endpoint by bare handler, turn by turn. */
  readonly ratio: readonly number[];
  readonly cpuRatio: readonly number[];
  readonly leanCpuRatio: readonly number[];
  /** At half of what each could, as many turns. */
  readonly half: { readonly bare: readonly Measured[]; readonly ours: readonly Measured[] };
  readonly load: number;
}

export async function measureDecide(
  plan: Plan,
  say: (text: string) => void,
): Promise<DecideResults> {
  const turns = plan.rounds * (plan.name === 'full' ? 4 : 1);
  const bare = await startServer('bare');
  const ours = await startServer('decide');
  const all = [bare, ours, await startServer('lean'), await startServer('fastify')];
  const full: Record<Kind, Measured[]> = { bare: [], lean: [], fastify: [], decide: [] };
  const half: Record<'bare' | 'decide', Measured[]> = { bare: [], decide: [] };
  const loads: number[] = [];
  try {
    for (let turn = 1; turn <= turns; turn++) {
      say(`turn ${turn} of ${turns}: as fast as they can`);
      for (const server of all) {
        full[server.kind].push(await measured(server, ['closed', SECONDS, CLIENTS]));
      }
      loads.push(os.loadavg()[0]!);
    }
    for (let turn = 1; turn <= turns; turn++) {
      say(`turn ${turn} of ${turns}: at half load`);
      for (const server of [bare, ours]) {
        const rate = Math.round(median(full[server.kind].map(({ perSecond }) => perSecond)) / 2);
        half[server === bare ? 'bare' : 'decide'].push(
          await measured(server, ['open', SECONDS, CLIENTS, rate]),
        );
      }
    }
  } finally {
    for (const { child } of all) child.kill('SIGKILL');
  }
  const of = (kind: Kind, what: 'perSecond' | 'perCpuSecond') => full[kind].map((one) => one[what]);
  return {
    ...{ turns, bare: full.bare, lean: full.lean, fastify: full.fastify, ours: full.decide },
    ratio: pairs(of('decide', 'perSecond'), of('bare', 'perSecond')),
    cpuRatio: pairs(of('decide', 'perCpuSecond'), of('bare', 'perCpuSecond')),
    leanCpuRatio: pairs(of('decide', 'perCpuSecond'), of('lean', 'perCpuSecond')),
    half: { bare: half.bare, ours: half.decide },
    load: median(loads),
  };
}

type Kind = 'bare' | 'lean' | 'fastify' | 'decide';

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

interface Used {
  readonly at: number;
  readonly cpuSeconds: number;
  /** That the server and the sender, each, were kept waiting for a core. */
  readonly waitedMs: number;
}

async function usedBy({ child }: Server, sender: ChildProcess): Promise<Used> {
  child.send('cpu');
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: NodeJS.CpuUsage }];
  return {
    at: performance.now(),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    waitedMs: waitedMs(child) + waitedMs(sender),
  };
}

/** Of its main thread: the second number of schedstat, in ns (proc(5)); 0 where there is none. */
function waitedMs({ pid }: ChildProcess): number {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

async function measured(server: Server, words: readonly (string | number)[]): Promise<Measured> {
  const file = path.join(import.meta.dirname, 'load.ts');
  const args = [...FLAGS, file, String(server.port), ...words.map(String)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  let began: Promise<Used> | undefined;
  let ended: Promise<Used> | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('begins\n')) began ??= usedBy(server, child);
    if (!said.includes('}\n')) return;
    ended ??= usedBy(server, child);
    void ended.then(() => child.stdin.end());
  });
  await once(child, 'close');
  const loaded = JSON.parse(said.slice(said.indexOf('{'))) as Loaded;
  if (loaded.wrong > 0) throw new Error(`${loaded.wrong} answers of ${server.kind} were not 200`);
  const [before, after] = await Promise.all([began, ended]);
  if (before === undefined || after === undefined) throw new Error('the sender said nothing');
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return {
    ...loaded,
    perCpuSecond: (loaded.perSecond * SECONDS) / cpuSeconds,
    waited: (after.waitedMs - before.waitedMs) / (after.at - before.at),
  };
}
