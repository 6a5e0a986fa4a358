/**
 * A series as people keep it: CSV with a header that names a timestamp and a value.
 *
 *   file    = header line, then a row a line (LF or CRLF); blank lines are no rows
 *   header  = at least `timestamp` and `value`, in any order and case; what else stands there is never read
 *   cell    = bare, or "quoted" with quotes doubled; a row is one line, so no cell holds a line break
 *
 * A time is RFC 3339, the same with a blank for the `T`, slashes in the date, without seconds or without a zone (then
 * it is UTC), or an epoch in s, ms, µs or ns. Dates that do not begin with the year are read by nobody: 3/4 is a day of
 * March or of April. A value is a decimal number; empty, `NaN` and the like are measurements that are missing.
 */
import fs from 'node:fs';
import { KeyhoundError } from '../../core/errors.ts';

export interface SeriesRow {
  /** The cells as they stand in the file, quotes included; '' where the row is too short. */
  readonly timestamp: string;
  readonly value: string;
  /** Epoch ms; NaN when the text is no time. */
  readonly atMs: number;
  /** NaN when there is no number. */
  readonly number: number;
}

const LINE_CHARS_MAX = 1 << 20;
/** Epoch numbers of more than this are in ms: the year 5138 in seconds, March 1973 in ms. So with µs and ns. */
const SECONDS_MAX = 1e11;
const MS_MAX = 1e14;
const MICROSECONDS_MAX = 1e17;

/** Rows in portions, as the file is read. Throws an operating error that names the file and the line. */
export async function* readSeriesFile(
  file: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SeriesRow[]> {
  let columns: Columns | undefined;
  for await (const lines of linesOf(file, name, signal)) {
    const rows: SeriesRow[] = [];
    for (const line of lines) {
      if (line.trim() === '') continue;
      if (columns === undefined) columns = columnsOf(cellsOf(line), name);
      else rows.push(rowOf(cellsOf(line), columns));
    }
    if (rows.length > 0) yield rows;
  }
  if (columns === undefined) throw broken(`${name}: nothing stands in it`);
}

interface Columns {
  readonly timestamp: number;
  readonly value: number;
}

function columnsOf(cells: readonly string[], name: string): Columns {
  // A byte order mark is white space to `trim`.
  const words = cells.map((cell) => bare(cell).trim().toLowerCase());
  const timestamp = words.indexOf('timestamp');
  const value = words.indexOf('value');
  if (timestamp >= 0 && value >= 0) return { timestamp, value };
  throw broken(`${name}: its first line does not name a timestamp and a value`, reasonOf(words));
}

function broken(message: string, reason = ''): KeyhoundError {
  return new KeyhoundError('operating', message, {
    code: 'series-unreadable',
    hint: `${reason}A series is CSV: a first line \`timestamp,value\`, then a row a line.`,
  });
}

/** What a first line without the two names most often is. */
function reasonOf(words: readonly string[]): string {
  const line = words.join(',');
  if (line.startsWith('\x1f\ufffd') || line.startsWith('(\ufffd/\ufffd')) {
    return 'The file is compressed: `zcat` or `zstdcat` it into another one. ';
  }
  if (line.includes('\0')) return 'The file is binary or UTF-16: `iconv -f UTF-16 -t UTF-8` it. ';
  if (/timestamp["\s]*[;\t]/.test(line)) return 'Its cells are not parted by commas. ';
  return '';
}

function rowOf(cells: readonly string[], columns: Columns): SeriesRow {
  const timestamp = cells[columns.timestamp] ?? '';
  const value = cells[columns.value] ?? '';
  return {
    timestamp,
    value,
    atMs: readTime(bare(timestamp).trim()),
    number: readValue(bare(value).trim()),
  };
}

/** Cells of one line, as written. A quote that never closes takes the rest of the line. */
export function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)((?:"(?:[^"]|"")*(?:"|$))?[^,]*)/g)].map((match) => match[1]!);
}

function bare(cell: string): string {
  const text = cell.trim();
  if (!text.startsWith('"')) return cell;
  return text
    .slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined)
    .replaceAll('""', '"');
}

const TIME =
  /^(\d{4})([-/])(\d{2})\2(\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(?:[.,](\d+))?)? ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i;

export function readTime(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) {
    return epochMs(Number(text));
  }
  const match = TIME.exec(text);
  if (match === null) return Number.NaN;
  const [, year, , month, day, minute = '00:00', second = ':00', fraction = '0', zone = 'Z'] =
    match;
  const offset = /^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone.replace(/^(utc|gmt)$/i, 'Z');
  const part = fraction.slice(0, 3);
  return Date.parse(`${year}-${month}-${day}T${minute}${second}.${part}${offset.toUpperCase()}`);
}

function epochMs(number: number): number {
  if (number < SECONDS_MAX) return number * 1000;
  if (number < MS_MAX) return number;
  return number < MICROSECONDS_MAX ? number / 1e3 : number / 1e6;
}

function readValue(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? finite(Number(text)) : Number.NaN;
}

function finite(number: number): number {
  return Number.isFinite(number) ? number : Number.NaN;
}

async function* linesOf(
  file: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  let rest = '';
  let count = 0;
  try {
    for await (const chunk of fs.createReadStream(file, { encoding: 'utf8', signal })) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop()!;
      count += lines.length;
      if (rest.length > LINE_CHARS_MAX) {
        throw broken(`${name}: line ${count + 1} is longer than ${LINE_CHARS_MAX} characters`);
      }
      yield lines.map(withoutReturn);
    }
  } catch (error) {
    if (error instanceof KeyhoundError || signal.aborted) throw error;
    throw unreadable(error as NodeJS.ErrnoException, name);
  }
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'a folder, not a file',
  EACCES: 'it may not be read',
};

function unreadable(error: NodeJS.ErrnoException, name: string): KeyhoundError {
  const reason = REASONS[error.code ?? ''] ?? 'it cannot be read';
  const hints: Readonly<Record<string, string>> = {
    EACCES: 'Give this user permission to read it.',
    ENOENT: 'Name a file; for stdin say /dev/stdin.',
  };
  return new KeyhoundError('operating', `${name}: ${reason}`, {
    code: 'series-unreadable',
    hint: hints[error.code ?? ''] ?? 'Name CSV files: a shell expands `series/*.csv`.',
    cause: error,
  });
}
