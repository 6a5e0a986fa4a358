/** The traffic model: false alarms, delays and misses on keys whose every request is known. */
import type { Part } from '../part.ts';
import { figuresOf } from './figures.ts';
import { SEEDS, tasksOf } from './plan.ts';
import { runTasks } from './pool.ts';

export const trafficPart: Part = {
  name: 'traffic',
  summary: 'the traffic model: false alarms of 432 key-months, and how soon each attack is seen',
  async run({ acceptance, quick, say }) {
    const seed = acceptance ? SEEDS.acceptance : SEEDS.tuning;
    const results = await runTasks(tasksOf(seed, quick), say);
    const flags = `${quick ? ' --quick' : ''}${acceptance ? ' --acceptance' : ''}`;
    const command = `npm run eval -- traffic${flags}`;
    return {
      figures: figuresOf(results).map((figure) => ({ ...figure, command })),
      notes: [
        `Seed ${seed}, ${acceptance ? 'which nothing was tuned on' : 'on which detectors are tuned'}.` +
          (quick ? ' Quick: too few keys for rates of false alarms.' : ''),
        'Keys of five classes (steady, noisy, bursty, cron, office); attacks on office keys only where said. ' +
          'Seen: an incident of low or more. "Nothing at all" shows what comes without an attack.',
        'A key that is judged alone has no peers: errors of class 5xx and volumes of a whole fleet are told from ' +
          'those of one key only in the scenes of many keys.',
      ],
      details: results,
    };
  },
};
