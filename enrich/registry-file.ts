/**
 * The key registry as a file: CSV with a header row, or JSON (an array of entries, or `{"keys": […]}`).
 * CSV columns are named as in the configuration; `scope.routes`, `scope.methods`, `scope.networks` and
 * `scope.environments` hold lists separated by spaces or semicolons; `true` and `yes` mean yes.
 */
import { keyEntrySchema } from '../core/config.ts';
import { suggest } from '../core/suggest.ts';
import { readCsv } from './csv.ts';

/** An entry before validation, with the line it begins on (0: it has none). */
export interface RawEntry {
  readonly line: number;
  readonly value: unknown;
}

export interface RawRegistry {
  readonly entries: readonly RawEntry[];
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}

const SCOPE = ['routes', 'methods', 'networks', 'environments', 'expiresAt'] as const;
const COLUMNS: readonly string[] = Object.keys(keyEntrySchema.shape).flatMap((name) =>
  name === 'scope' ? SCOPE.map((inner) => `scope.${inner}`) : [name],
);
const LISTS: ReadonlySet<string> = new Set([
  'scope.routes',
  'scope.methods',
  'scope.networks',
  'scope.environments',
]);
const DATES: ReadonlySet<string> = new Set(['createdAt', 'rotatedAt', 'scope.expiresAt']);
const YES: ReadonlySet<string> = new Set(['true', 'yes', '1']);
const NO: ReadonlySet<string> = new Set(['false', 'no', '0']);

export function parseCsvRegistry(text: string): RawRegistry {
  const { rows, faults } = readCsv(text);
  const [header, ...body] = rows;
  if (header === undefined) return { entries: [], faults: [{ line: 1, message: 'no header row' }] };
  const names = header.cells.map((name) => name.trim());
  const all = [...faults];
  const known = names.map((name) => COLUMNS.includes(name));
  names.forEach((name, i) => {
    if (known[i] === false) all.push({ line: header.line, message: unknownColumn(name, i) });
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    all.push({ line: header.line, message: 'a column stands twice in the header' });
  const entries: RawEntry[] = [];
  for (const { line, cells } of body) {
    if (cells.length === names.length) entries.push({ line, value: entryOf(names, known, cells) });
    else all.push({ line, message: `${cells.length} cells, the header has ${names.length}` });
  }
  return { entries, faults: all };
}

/** The header of a file without one is a row of data: it is not quoted either. */
function unknownColumn(name: string, index: number): string {
  const nearest = suggest(name, COLUMNS);
  const hint = nearest === undefined ? `known: ${COLUMNS.join(', ')}` : `did you mean ${nearest}?`;
  return `column ${index + 1} of the header is unknown; ${hint}`;
}

function entryOf(
  names: readonly string[],
  known: readonly boolean[],
  cells: readonly string[],
): unknown {
  const entry: Record<string, unknown> = {};
  const scope: Record<string, unknown> = {};
  names.forEach((name, i) => {
    const text = (cells[i] ?? '').trim();
    if (text === '' || known[i] !== true) return;
    const value = cellValue(name, text);
    if (name.startsWith('scope.')) scope[name.slice('scope.'.length)] = value;
    else entry[name] = value;
  });
  return Object.keys(scope).length === 0 ? entry : { ...entry, scope };
}

function cellValue(name: string, text: string): unknown {
  if (LISTS.has(name)) return text.split(/[;\s]+/).filter((part) => part !== '');
  if (DATES.has(name)) return dateOf(text);
  if (name !== 'protected') return text;
  const word = text.toLowerCase();
  if (YES.has(word)) return true;
  return NO.has(word) ? false : text;
}

/** A day alone is its begin in UTC: spreadsheets write dates so. */
function dateOf(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
}

export function parseJsonRegistry(text: string): RawRegistry {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the file, which may hold what somebody took for an id.
    const line = lineOf(text, positionIn(error));
    return { entries: [], faults: [{ line, message: 'not valid JSON' }] };
  }
  const list = Array.isArray(parsed) ? parsed : keysOf(parsed);
  if (list === undefined) {
    const message = 'must be an array of entries, or an object with an array "keys"';
    return { entries: [], faults: [{ line: 1, message }] };
  }
  const lines = elementLines(text, Array.isArray(parsed) ? 1 : 2);
  const entries = list.map((value: unknown, i) => ({ line: lines[i] ?? 0, value }));
  return { entries, faults: [] };
}

function keysOf(parsed: unknown): unknown[] | undefined {
  if (typeof parsed !== 'object' || parsed === null || !('keys' in parsed)) return undefined;
  const { keys, ...others } = parsed;
  return Array.isArray(keys) && Object.keys(others).length === 0 ? keys : undefined;
}

function positionIn(error: unknown): number | undefined {
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? undefined : Number(position);
}

/** Without a position the fault is at the end: the text stops too early. */
function lineOf(text: string, position: number | undefined): number {
  return text.slice(0, position ?? text.length).split('\n').length;
}

/** Lines on which the objects at a depth of brackets begin, in valid JSON. */
function elementLines(text: string, depthWanted: number): number[] {
  const lines: number[] = [];
  let line = 1;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === '"') {
      i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    } else if (sign === '\n') line++;
    else if (sign === '{' || sign === '[') {
      if (depth === depthWanted) lines.push(line);
      depth++;
    } else if (sign === '}' || sign === ']') depth--;
  }
  return lines;
}
