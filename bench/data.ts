/** Files to replay: one day of the traffic model, kept between runs under names that tell what is in them. */
import fs from 'node:fs';
import path from 'node:path';
import { runChild } from './child.ts';
import type { Plan } from './plan.ts';

const SEED = 20_260_504;
/** Requests of a day for each line wanted: a little more, --lines cuts. */
const MARGIN = 1.1;
const DAY_SECONDS = 86_400;
/** Rates of keys span this ratio; their mean is that of a log-uniform law. */
const RATE_RATIO = 25;

export interface BenchFile {
  readonly path: string;
  readonly bytes: number;
  readonly lines: number;
}

export async function benchFile(
  format: 'kong' | 'nginx',
  plan: Plan,
  folder: string,
): Promise<BenchFile> {
  const file = path.join(folder, `${format}-${SEED}-${plan.keys}-${plan.lines}.log`);
  if (!fs.existsSync(file)) {
    const partial = `${file}.partial`;
    await runChild([...trafficWords(plan), '--format', format, '--out', partial], folder);
    fs.renameSync(partial, file);
  }
  return { path: file, bytes: fs.statSync(file).size, lines: plan.lines };
}

function trafficWords(plan: Plan): string[] {
  const mean = (plan.lines * MARGIN) / plan.keys / DAY_SECONDS;
  const min = (mean * Math.log(RATE_RATIO)) / (RATE_RATIO - 1);
  const numbers = { seed: SEED, keys: plan.keys, days: 1, lines: plan.lines };
  const words = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ['traffic/main.ts', ...words, '--rate', `${min}..${min * RATE_RATIO}`];
}
