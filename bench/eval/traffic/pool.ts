/** Tasks over a few threads. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { FleetResult } from './fleets.ts';
import type { Task } from './plan.ts';
import type { Poisoning } from './poisoning.ts';
import type { QuietResult } from './quiet.ts';
import type { Try } from './tries.ts';

const THREADS_MAX = 4;

export interface Results {
  readonly quiet: (QuietResult & { readonly rate: number })[];
  readonly tries: Try[];
  readonly fleets: FleetResult[];
  readonly poisonings: Poisoning[];
}

/** Rejects when a task fails. `say` hears of each task that is done. */
export async function runTasks(
  tasks: readonly Task[],
  say: (text: string) => void,
): Promise<Results> {
  const results: Results = { quiet: [], tries: [], fleets: [], poisonings: [] };
  const waiting = [...tasks];
  let done = 0;
  async function work(): Promise<void> {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      collect(results, task, await inThread(task));
      done++;
      say(`${done} of ${tasks.length}: ${describeTask(task)}`);
    }
  }
  const threads = Math.min(THREADS_MAX, availableParallelism(), tasks.length);
  await Promise.all(Array.from({ length: threads }, work));
  return results;
}

function inThread(task: Task): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function collect(results: Results, task: Task, result: unknown): void {
  switch (task.kind) {
    case 'quiet':
      results.quiet.push({ ...(result as QuietResult), rate: task.rate });
      break;
    case 'tries':
      results.tries.push(...(result as Try[]));
      break;
    case 'fleet':
      results.fleets.push(...(result as FleetResult[]));
      break;
    case 'clocks':
      results.fleets.push(result as FleetResult);
      break;
    case 'poisoning':
      results.poisonings.push(...(result as Poisoning[]));
      break;
  }
}

function describeTask(task: Task): string {
  switch (task.kind) {
    case 'quiet':
      return `no attacks, keys of ${task.rate}/s`;
    case 'tries':
      return `attacks on keys of ${task.rate}/s`;
    case 'fleet':
      return `${task.keys} keys together`;
    case 'clocks':
      return 'clocks change';
    case 'poisoning':
      return `growth of ${100 * task.growthPerDay} % a day${task.isAnyHour ? ' from any hour' : ''}`;
  }
}
