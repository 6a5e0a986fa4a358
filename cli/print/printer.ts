/**
 * Where output goes: results to stdout (NDJSON with `--json`, else text), all else to stderr. A status line
 * stays at the bottom of a terminal while lines scroll above it.
 */
import { forTerminal } from '../../core/escape.ts';
import type { Io, TextOutput } from '../io.ts';
import { jsonLine } from './json-line.ts';
import { PLAIN, type Style, styleFor } from './style.ts';

export interface Printer {
  readonly json: boolean;
  /** Of stdout. */
  readonly style: Style;
  /** Stdout may not show more than ASCII: a dumb terminal, or a locale that is not UTF-8. */
  readonly ascii: boolean;
  /** Columns of stdout. */
  readonly columns: number;
  /** One object as a line of NDJSON; nothing without `--json`. */
  object(value: object): void;
  /** A line of text to stdout; nothing with `--json`. The text must be escaped. */
  line(text: string): void;
  /** A line to stderr; it is escaped here. */
  note(text: string): void;
  /** A line that is replaced by the next one, on stderr; '' removes it. Only where `live` is true. */
  status(text: string): void;
  /** stderr is a terminal. */
  readonly live: boolean;
  /** Of stderr. */
  readonly statusStyle: Style;
  readonly statusColumns: number;
  /** Of tables: no bound where no person reads, as a cut id serves neither grep nor the next command. */
  readonly tableColumns: number;
}

const CLEAR_LINE = '\r\u001b[2K';

export function createPrinter(io: Io, json: boolean): Printer {
  const live = io.stderr.isTTY && io.env['TERM'] !== 'dumb';
  let status = '';
  const above = (output: TextOutput, text: string): void => {
    if (status !== '') io.stderr.write(CLEAR_LINE);
    output.write(`${text}\n`);
    if (status !== '') io.stderr.write(status);
  };
  return {
    json,
    live,
    style: json ? PLAIN : styleFor(io.stdout, io.env),
    ascii: isAscii(io.env),
    statusStyle: styleFor(io.stderr, io.env),
    get columns() {
      return io.stdout.columns();
    },
    get tableColumns() {
      return io.stdout.isTTY ? io.stdout.columns() : Number.POSITIVE_INFINITY;
    },
    get statusColumns() {
      return io.stderr.columns();
    },
    object: (value) => {
      if (json) above(io.stdout, jsonLine(value));
    },
    line: (text) => {
      if (!json) above(io.stdout, text);
    },
    note: (text) => above(io.stderr, forTerminal(text)),
    status: (text) => {
      if (!live || text === status) return;
      io.stderr.write(text === '' ? CLEAR_LINE : CLEAR_LINE + text);
      status = text;
    },
  };
}

/** As the C library chooses; where nothing is said, what today's terminals can. */
function isAscii(env: Io['env']): boolean {
  if (env['TERM'] === 'dumb') return true;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'UTF-8';
  return !/utf-?8/i.test(locale);
}
