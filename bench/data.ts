/** Files to replay: a day of the traffic model, kept between runs under names that tell what is in them. */
import fs from 'node:fs';
import path from 'node:path';
import { runChild } from './child.ts';

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

export interface LogSize {
  readonly lines: number;
  readonly keys: number;
  /** Of all keys together, on the day's average, until there are enough lines. Default: they fill the day. */
  readonly perSecond?: number;
}

export async function benchFile(
  format: 'kong' | 'nginx',
  size: LogSize,
  folder: string,
): Promise<BenchFile> {
  const { keys, lines, perSecond } = size;
  const pace = perSecond === undefined ? '' : `-${perSecond}`;
  const file = path.join(folder, `${format}-${SEED}-${keys}-${lines}${pace}.log`);
  if (!fs.existsSync(file)) {
    const partial = `${file}.partial`;
    await runChild([...trafficWords(size), '--format', format, '--out', partial], folder);
    fs.renameSync(partial, file);
  }
  return { path: file, bytes: fs.statSync(file).size, lines };
}

function trafficWords({ keys, lines, perSecond }: LogSize): string[] {
  const mean = (perSecond ?? (lines * MARGIN) / DAY_SECONDS) / keys;
  const min = (mean * Math.log(RATE_RATIO)) / (RATE_RATIO - 1);
  const numbers = { seed: SEED, keys, days: 1, lines };
  const words = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ['traffic/main.ts', ...words, '--rate', `${min}..${min * RATE_RATIO}`];
}
