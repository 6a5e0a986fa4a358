/** NAB's files with our scores, windows and profiles. */
import fs from 'node:fs';
import path from 'node:path';
import { readTime } from '../../../app/score/series-file.ts';
import { scoreSeries } from '../series.ts';
import { type Judged, judge, type Profile } from './scorer.ts';

export interface Corpus {
  readonly profiles: readonly Profile[];
  readonly files: readonly CorpusFile[];
}

export interface CorpusFile {
  /** `category/name.csv`. */
  readonly name: string;
  readonly category: string;
  readonly judged: Judged;
  /** The same with 1 where the program says alarm, else 0, as scores. */
  readonly asIs: Judged;
}

export async function readCorpus(folder: string): Promise<Corpus> {
  const windowsOf = readJson<Record<string, [string, string][]>>(
    path.join(folder, 'labels/combined_windows.json'),
  );
  const profiles = readJson<Record<string, { CostMatrix: Omit<Profile, 'name'> }>>(
    path.join(folder, 'profiles.json'),
  );
  const series = await scoreSeries(path.join(folder, 'data'));
  return {
    profiles: Object.entries(profiles).map(([name, { CostMatrix }]) => ({ name, ...CostMatrix })),
    files: series.map(({ name, times, scores, alarms }) => {
      const labelled = windowsOf[name];
      if (labelled === undefined) throw new Error(`${name}: NAB has no windows for it`);
      const windows = labelled.map(([from, to]) => [readTime(from), readTime(to)] as const);
      return {
        name,
        category: name.slice(0, name.indexOf('/')),
        judged: judge({ name, times, windows, scores }),
        asIs: judge({ name, times, windows, scores: alarms }),
      };
    }),
  };
}

function readJson<T>(file: string): T {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as T;
}
