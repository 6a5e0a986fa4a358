/** Sizes: a file of at most 400 lines, a function of at most 70, a line of at most 100 characters. */
import type { SourceFile } from './files.ts';
import { mask } from './mask.ts';

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const LINE_COLUMNS_MAX = 100;
/** Comments hold tables and addresses; sentences in code hold what people read. Neither is broken up. */
const PROSE_COLUMNS_MAX = 120;
const PROSE = /\s{30}/;
/** Functions are looked for up to this indentation: deeper ones stand inside those. */
const INDENT_MAX = 4;

export function sizeFaults(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const faults: string[] = [];
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count > FILE_LINES_MAX)
    faults.push(`${file.path}: ${count} lines, ${FILE_LINES_MAX} at most`);
  const bare = mask(file.text).bare.split('\n');
  lines.forEach((line, i) => {
    // Blanked texts leave a gap that was not there.
    const prose = PROSE.test(bare[i]!.trim()) || bare[i]!.trim() === '';
    const most = prose ? PROSE_COLUMNS_MAX : LINE_COLUMNS_MAX;
    // A test shows a record as it comes, on one line.
    if (line.length > most && !(prose && file.path.startsWith('test/'))) {
      faults.push(`${file.path}:${i + 1}: ${line.length} characters, ${most} at most`);
    }
  });
  for (const { name, line, length } of functionsOf(file.text)) {
    if (length <= FUNCTION_LINES_MAX) continue;
    const body = lines.slice(line, line + length - 1).join('\n');
    if (file.path.startsWith('test/') && HOLDS_TESTS.test(body)) continue;
    faults.push(`${file.path}:${line}: ${name} has ${length} lines, ${FUNCTION_LINES_MAX} at most`);
  }
  return faults;
}

export interface FunctionSize {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly length: number;
}

/** What only groups tests is as long as they are together; each of them is measured. */
const HOLDS_TESTS = /^ {2,4}(?:await )?(?:test|it|describe)\(/m;
const NOT_FUNCTIONS = /^(if|for|while|switch|catch|else|do|try|with|return)\b/;

/** Functions, methods and arrows with a body, found by their braces. */
export function functionsOf(text: string): FunctionSize[] {
  const { bare } = mask(text);
  const lines = bare.split('\n');
  const found: FunctionSize[] = [];
  lines.forEach((line, i) => {
    const indent = line.length - line.trimStart().length;
    if (indent > INDENT_MAX || !/[)>\w\]] ?(=> )?\{$/.test(line.trimEnd())) return;
    const first = headLine(lines, i);
    const head = lines
      .slice(first, i + 1)
      .join(' ')
      .trim();
    if (!isFunctionHead(head)) return;
    const last = bodyEnd(lines, i);
    found.push({ name: nameOf(head), line: first + 1, length: last - first + 1 });
  });
  return found;
}

/** The line on which the head of a function begins whose body opens at the end of line `at`. */
function headLine(lines: readonly string[], at: number): number {
  let depth = 0;
  for (let i = at; i >= 0; i--) {
    const line = lines[i]!;
    for (const sign of line) {
      if (sign === ')') depth += 1;
      if (sign === '(') depth -= 1;
    }
    if (depth <= 0) return i;
  }
  return at;
}

function isFunctionHead(head: string): boolean {
  if (NOT_FUNCTIONS.test(head.replace(/^\}\s*/, ''))) return false;
  if (/=> \{$/.test(head) || /\bfunction\b/.test(head)) return true;
  return /^(?:async |static |override |private |get |set |\*)*[\w$]+(<[^(]*>)?\(.*\)(: .*)? \{$/.test(
    head,
  );
}

function nameOf(head: string): string {
  const named = /\bfunction\*?\s+([\w$]+)/.exec(head) ?? /([\w$]+)\s*[(:=<]/.exec(head);
  return named?.[1] ?? 'function';
}

function bodyEnd(lines: readonly string[], from: number): number {
  let depth = 1;
  for (let i = from + 1; i < lines.length; i++) {
    for (const sign of lines[i]!) {
      if (sign === '{') depth += 1;
      if (sign === '}') depth -= 1;
      if (depth === 0) return i;
    }
  }
  return lines.length - 1;
}
