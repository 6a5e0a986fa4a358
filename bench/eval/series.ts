/** Reading the series of others, as the measurements need them: times, values, and labels where there are any. */
import fs from 'node:fs';
import path from 'node:path';
import { readCsv } from '../../enrich/csv.ts';

export interface Series {
  /** Path below the folder, with `/`. */
  readonly name: string;
  readonly file: string;
  /** Epoch ms. */
  readonly times: Float64Array;
  /** 1 where labelled; empty when the file has no such column. */
  readonly labels: Uint8Array;
}

/** Every CSV file below a folder, by name. */
export function readSeries(folder: string): Series[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.csv'))
    .map((name) => name.replaceAll('\\', '/'))
    .sort()
    .map((name) => readOne(folder, name));
}

function readOne(folder: string, name: string): Series {
  const file = path.join(folder, name);
  const [head, ...rows] = readCsv(fs.readFileSync(file, 'utf8')).rows;
  const label = head?.cells.findIndex((cell) => cell.toLowerCase() === 'label') ?? -1;
  return {
    name,
    file,
    times: Float64Array.from(rows, ({ cells }) => timeOf(cells[0]!)),
    labels:
      label < 0 ? new Uint8Array() : Uint8Array.from(rows, ({ cells }) => Number(cells[label])),
  };
}

/** The sets write `2014-02-14 14:30:00`, with fractions, or RFC 3339; all of them mean UTC here. */
export function timeOf(text: string): number {
  return Date.parse(`${text.replace(' ', 'T').replace('Z', '')}Z`);
}
