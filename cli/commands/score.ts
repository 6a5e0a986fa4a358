import type { ScoredPoint, ScoreSummary } from '../../app/contract.ts';
import { csvLine, HEADER } from '../../app/score/csv.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { forTerminal } from '../../core/escape.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { plural } from '../print/numbers.ts';
import type { Printer } from '../print/printer.ts';

/** Files named in an error. */
const NAMED_MAX = 20;

function unreadable(failed: readonly Error[]): KeyhoundError {
  const named = failed.slice(0, NAMED_MAX).map(({ message }) => message);
  if (failed.length > NAMED_MAX) named.push(`and ${failed.length - NAMED_MAX} more`);
  const first = failed[0] instanceof KeyhoundError ? failed[0] : undefined;
  return new KeyhoundError('operating', named.join('\n'), {
    code: first?.code ?? 'operating',
    ...(first?.hint !== undefined && { hint: first.hint }),
  });
}

function sentence(summary: ScoreSummary): string {
  const { rows, files, alarms, alarmAt, unscored, backwards } = summary;
  const without = unscored === 0 ? '' : `; ${plural(unscored, 'row')} without a time or a number`;
  const of = files === 1 ? '' : ` of ${plural(files, 'file')}`;
  const unsorted =
    backwards === 0
      ? ''
      : `; ${plural(backwards, 'row')} older than the row before: sort by time, the oldest first`;
  return `${plural(rows, 'row')}${of}, ${plural(alarms, 'alarm')} (score ≥ ${alarmAt})${without}${unsorted}.`;
}

/** The header comes with the first rows: of a file that cannot be read there is nothing on stdout. */
function createCsv(print: Printer, isTerminal: boolean) {
  let begun = false;
  return {
    points: (points: readonly ScoredPoint[]): void => {
      const lines = points.map(csvLine);
      if (!begun) lines.unshift(HEADER);
      begun = true;
      if (lines.length > 0) print.line((isTerminal ? lines.map(forTerminal) : lines).join('\n'));
    },
  };
}

export const score = defineCommand({
  name: 'score',
  summary: 'Scores any series of a metric: how unusual is each value after all those before it?',
  detail: [
    'FILE: CSV whose first line names a timestamp and a value; nothing else is read.',
    'Writes timestamp,value,score,alarm: a row for each row read, its texts unchanged.',
    'Each row is judged by the rows before it only. One without a time or a number scores 0.',
    'One file goes to stdout, several need --out.',
  ],
  positionals: { usage: 'FILE.csv…', min: 1, max: 1_000_000 },
  options: {
    out: {
      type: 'text',
      value: 'DIR',
      description: 'Write the scores there, each file under its own name.',
    },
  },
  examples: [
    ['score latency.csv > scored.csv', 'When did this metric do what it never does?'],
    ['score series/*.csv --out scored', 'Many series, each on its own.'],
    ['score latency.csv --json', 'Points as JSON lines, then a summary.'],
  ],
  run: async ({ args, options, print, io, assemblies }) => {
    if (args.length > 1 && options.out === undefined) {
      throw new KeyhoundError('usage', 'several files need --out DIR', {
        hint: 'Scores of one file go to stdout; those of several into a folder, under the same names.',
      });
    }
    const csv = createCsv(print, io.stdout.isTTY);
    const { failed, ...summary } = await assemblies.score({
      files: args,
      folder: io.cwd,
      outDir: options.out,
      signal: io.signal,
      onPoints: (points) => {
        if (options.out !== undefined) return;
        if (print.json) for (const { valueText: _, ...point } of points) print.object(point);
        else csv.points(points);
      },
      onSeries: (series) => {
        if (options.out === undefined) csv.points([]);
        print.object(series);
      },
    });
    print.object(summary);
    if (!print.json && summary.files > 0) print.note(sentence(summary));
    if (failed !== undefined) throw unreadable(failed);
    return EXIT.done;
  },
});
