/** One task in a thread of its own: an engine learns fastest where no other was before. */
import { parentPort, workerData } from 'node:worker_threads';
import { changeClocks, liveTogether } from './fleets.ts';
import type { Task } from './plan.ts';
import { poison } from './poisoning.ts';
import { liveQuietly } from './quiet.ts';
import { tryAttacks } from './tries.ts';

function run(task: Task) {
  switch (task.kind) {
    case 'quiet':
      return liveQuietly(task);
    case 'tries':
      return tryAttacks(task);
    case 'fleet':
      return liveTogether(task);
    case 'clocks':
      return changeClocks(task);
    case 'poisoning':
      return poison(task);
  }
}

parentPort!.postMessage(run(workerData as Task));
