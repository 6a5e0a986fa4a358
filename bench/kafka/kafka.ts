/** `npm run bench -- kafka`: the distributed form, measured with real servers that it starts and ends. */
import { startServers } from '../../test/judged/stack.ts';
import { benchFile } from '../data.ts';
import type { Say } from '../measure.ts';
import type { Plan } from '../plan.ts';
import { type DrainResults, measureDrain } from './drain.ts';
import { type LatencyResults, measureLatency } from './latency.ts';
import type { KafkaResults } from './report.ts';

/** The second is for machines that cannot do the first. */
const PACES = [5000, 500];
const ROUNDS_MAX = 3;

/**
 * Two logs. Two processes share what one cannot take, which is thousands of events a second: the busy log has about as
 * many, and is long enough for the start of a process not to be half of its figure. The other one is the log of the
 * replays, a day of twelve events a second: there a process mostly does what is due by the time, not by the event.
 */
const BUSY_PER_SECOND = 1000;
const BUSY_TIMES = 3;

export async function measureKafka(plan: Plan, folder: string, say: Say): Promise<KafkaResults> {
  const { lines, keys } = plan;
  const busy = { keys, lines: BUSY_TIMES * lines, perSecond: BUSY_PER_SECOND };
  const rounds = Math.min(plan.rounds, ROUNDS_MAX);
  const servers = await startServers({ elasticsearch: false });
  try {
    const latency: LatencyResults[] = [];
    for (const pace of PACES) {
      latency.push(await measureLatency(servers, pace, plan.name === 'quick' ? 20 : 30, say));
    }
    const drains: DrainResults[] = [];
    for (const [name, size] of Object.entries({ busy, quiet: { keys, lines } })) {
      say(`the ${name} log`);
      const file = await benchFile('kong', size, folder);
      drains.push(await measureDrain(servers, file, { name, rounds, folder, say }));
    }
    return { keys, rounds, busyPerSecond: BUSY_PER_SECOND, drains, latency };
  } finally {
    await servers.stop();
  }
}
