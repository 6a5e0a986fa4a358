/** The series of others, scored as `keyhound score` scores them, with the labels that it never reads. */
import fs from 'node:fs';
import path from 'node:path';
import { readTime } from '../../app/score/series-file.ts';
import { score } from '../../app/score.ts';
import { readCsv } from '../../enrich/csv.ts';

export interface ScoredSeries {
  /** Path below the folder, with `/`. */
  readonly name: string;
  /** Epoch ms. */
  readonly times: Float64Array;
  readonly scores: Float64Array;
  /** 1 where the program says alarm. */
  readonly alarms: Uint8Array;
  /** 1 where labelled; empty when the file has no such column. */
  readonly labels: Uint8Array;
}

/** Every CSV file below a folder, by name. */
export async function scoreSeries(folder: string): Promise<ScoredSeries[]> {
  const names = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.csv'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
  const scored: ScoredSeries[] = [];
  for (const name of names) scored.push(await scoreOne(folder, name));
  return scored;
}

async function scoreOne(folder: string, name: string): Promise<ScoredSeries> {
  const rows: { at: number; score: number; alarm: boolean }[] = [];
  const { failed } = await score({
    files: [name],
    folder,
    signal: new AbortController().signal,
    onPoints: (points) => {
      for (const { timestamp, score, alarm } of points) {
        rows.push({ at: readTime(timestamp.replaceAll('"', '')), score, alarm });
      }
    },
    onSeries: () => {},
  });
  if (failed !== undefined) throw failed[0]!;
  return {
    name,
    times: Float64Array.from(rows, ({ at }) => at),
    scores: Float64Array.from(rows, (row) => row.score),
    alarms: Uint8Array.from(rows, ({ alarm }) => Number(alarm)),
    labels: readLabels(path.join(folder, name)),
  };
}

function readLabels(file: string): Uint8Array {
  const [head, ...rows] = readCsv(fs.readFileSync(file, 'utf8')).rows;
  const column = head?.cells.findIndex((cell) => cell.toLowerCase() === 'label') ?? -1;
  if (column < 0) return new Uint8Array();
  return Uint8Array.from(rows, ({ cells }) => Number(cells[column] === '1'));
}
