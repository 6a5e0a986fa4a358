/** Series of any metric through the metric baseline, a file at a time. */
import fs from 'node:fs';
import path from 'node:path';
import { KeyhoundError } from '../core/errors.ts';
import { ALARM_AT, createMetric } from '../detectors/metric/metric.ts';
import type { Score, ScoredPoint, ScoredSeries, ScoreOptions, ScoreSummary } from './contract.ts';
import { csvLine, HEADER } from './score/csv.ts';
import { readSeriesFile, type SeriesRow } from './score/series-file.ts';

const SCORE_DIGITS = 4;

/** Files that cannot be read are told at the end, when the others are done. */
export const score: Score = async (options) => {
  const outputs = outputsOf(options);
  const series: ScoredSeries[] = [];
  const failed: KeyhoundError[] = [];
  for (const file of options.files) {
    try {
      const scored = await scoreFile(file, outputs.get(file), options);
      series.push(scored);
      options.onSeries(scored);
      if (scored.rows > 0 && scored.rows === scored.unscored) failed.push(nothingScored(scored));
    } catch (error) {
      if (!(error instanceof KeyhoundError) || error instanceof ScoresUnwritable) throw error;
      failed.push(error);
    }
  }
  return { ...summaryOf(series), ...(failed.length > 0 && { failed }) };
};

/** "No alarm" would be true, and be taken for health. */
function nothingScored({ file, rows }: ScoredSeries): KeyhoundError {
  return new KeyhoundError('operating', `${file}: none of ${rows} rows has a time and a number`, {
    code: 'series-unreadable',
    hint: 'A time is 2026-03-01 10:00:00, RFC 3339 or an epoch; a value has a decimal point, not a comma.',
  });
}

function summaryOf(series: readonly ScoredSeries[]): ScoreSummary {
  const sum = (of: (one: ScoredSeries) => number) => series.reduce((all, one) => all + of(one), 0);
  return {
    type: 'summary',
    files: series.length,
    rows: sum(({ rows }) => rows),
    unscored: sum(({ unscored }) => unscored),
    backwards: sum(({ backwards }) => backwards),
    alarms: sum(({ alarms }) => alarms),
    alarmAt: ALARM_AT,
  };
}

/** Where each file's scores go; refuses what would overwrite a file that is read, or one of its own. */
function outputsOf({ files, folder, outDir }: ScoreOptions): Map<string, string> {
  if (outDir === undefined) return new Map();
  const outputs = new Map<string, string>();
  const takenBy = new Map<string, string>();
  for (const file of files) {
    const output = path.resolve(folder, outDir, path.basename(file));
    const other = takenBy.get(output);
    if (other !== undefined) {
      throw misuse(`${other} and ${file} would both become ${path.basename(file)} in ${outDir}`);
    }
    if (output === path.resolve(folder, file)) throw misuse(`${file} lies in ${outDir} itself`);
    takenBy.set(output, file);
    outputs.set(file, output);
  }
  writing(outDir, () => fs.mkdirSync(path.resolve(folder, outDir), { recursive: true }));
  return outputs;
}

function misuse(message: string): KeyhoundError {
  return new KeyhoundError('usage', message, { hint: 'Name another folder with --out.' });
}

async function scoreFile(
  name: string,
  output: string | undefined,
  { folder, outDir, signal, onPoints }: ScoreOptions,
): Promise<ScoredSeries> {
  const metric = createMetric();
  const counts = { rows: 0, unscored: 0, backwards: 0, alarms: 0 };
  let lastAt = Number.NaN;
  const writer = output === undefined ? undefined : createWriter(output, outDir!);
  try {
    for await (const rows of readSeriesFile(path.resolve(folder, name), name, signal)) {
      for (const { atMs } of rows.filter(({ number }) => !Number.isNaN(number))) {
        if (atMs < lastAt) counts.backwards++;
        if (!Number.isNaN(atMs)) lastAt = atMs;
      }
      const points = rows.map((row) => pointOf(name, row, metric.score(row.atMs, row.number)));
      for (const { scored, alarm } of points) {
        counts.rows++;
        if (!scored) counts.unscored++;
        if (alarm) counts.alarms++;
      }
      writer?.write(points.map(csvLine));
      onPoints(points);
    }
    writer?.finish();
  } finally {
    writer?.close();
  }
  return {
    type: 'series',
    file: name,
    ...counts,
    ...(outDir !== undefined && { output: path.join(outDir, path.basename(name)) }),
  };
}

function pointOf(file: string, row: SeriesRow, exact: number | undefined): ScoredPoint {
  // Rounded first: the verdict must agree with the score that is written.
  const rounded = Math.round((exact ?? 0) * 10 ** SCORE_DIGITS) / 10 ** SCORE_DIGITS;
  return {
    type: 'point',
    file,
    timestamp: row.timestamp,
    valueText: row.value,
    value: Number.isNaN(row.number) ? null : row.number,
    score: rounded,
    alarm: rounded >= ALARM_AT,
    scored: exact !== undefined,
  };
}

/** A file appears under its name when it is whole, never before. */
function createWriter(output: string, outDir: string) {
  const partial = `${output}.partial`;
  const handle = writing(outDir, () => fs.openSync(partial, 'w'));
  let open = true;
  const end = (): void => {
    if (open) fs.closeSync(handle);
    open = false;
  };
  const writer = {
    write: (lines: readonly string[]): void => {
      writing(outDir, () => fs.writeSync(handle, `${lines.join('\n')}\n`));
    },
    finish: (): void =>
      writing(outDir, () => {
        end();
        fs.renameSync(partial, output);
      }),
    /** After `finish` there is nothing left to remove. */
    close: (): void => {
      end();
      fs.rmSync(partial, { force: true });
    },
  };
  writer.write([HEADER]);
  return writer;
}

function writing<T>(outDir: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ScoresUnwritable('operating', `${outDir}: the scores cannot be written (${code})`, {
      code: 'scores-unwritable',
      hint: 'Name a folder that may be written to, with space left, with --out.',
      cause: error,
    });
  }
}

/** Ends the command: no other file could be written either. */
class ScoresUnwritable extends KeyhoundError {}
