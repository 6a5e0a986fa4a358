/** `npm run bench -- kafka`: the distributed form, measured with real servers that it starts and ends. */
import { startServers } from '../../test/judged/stack.ts';
import { benchFile } from '../data.ts';
import type { Say } from '../measure.ts';
import type { Plan } from '../plan.ts';
import { measureDrain } from './drain.ts';
import { type LatencyResults, measureLatency } from './latency.ts';
import type { KafkaResults } from './report.ts';

/** The second is for machines that cannot do the first. */
const PACES = [5000, 500];
const ROUNDS_MAX = 3;

export async function measureKafka(plan: Plan, folder: string, say: Say): Promise<KafkaResults> {
  say('making the file');
  const file = await benchFile('kong', plan, folder);
  const { lines, keys } = plan;
  const rounds = Math.min(plan.rounds, ROUNDS_MAX);
  const servers = await startServers({ elasticsearch: false });
  try {
    const latency: LatencyResults[] = [];
    for (const pace of PACES) {
      latency.push(await measureLatency(servers, pace, plan.name === 'quick' ? 20 : 30, say));
    }
    const drain = await measureDrain(servers, file, rounds, folder, say);
    return { lines, keys, rounds, drain, latency };
  } finally {
    await servers.stop();
  }
}
