/** Tables for people. Cells hold attackers' text (labels, ids, paths), so every cell is escaped here. */
import { forTerminal } from '../../core/escape.ts';
import { fit, pad, type Style, widthOf } from './style.ts';

export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Least width to which the column may be cut when the terminal is narrow; absent: never cut. */
  readonly shrinkTo?: number;
  /** Left out, the last such column first, when the table is too wide even so. */
  readonly optional?: boolean;
  text(row: T): string;
  /** Applied after padding. */
  style?(row: T, text: string): string;
}

const GAP = '  ';

/** Lines without line breaks: a header and one line a row. */
export function tableLines<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  terminalColumns: number,
  style: Style,
): string[] {
  const cells = rows.map((row) => columns.map((column) => forTerminal(column.text(row))));
  const widths = fitWidths(columns, cells, terminalColumns);
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1));
  const left = total > terminalColumns ? columns.findLast(({ optional }) => optional) : undefined;
  if (left !== undefined) {
    const others = columns.filter((column) => column !== left);
    return tableLines(others, rows, terminalColumns, style);
  }
  const line = (texts: readonly string[], finish: (text: string, i: number) => string): string =>
    columns
      .map((column, i) => finish(pad(fit(texts[i]!, widths[i]!), widths[i]!, column.align), i))
      .join(GAP)
      .trimEnd();
  const header = line(
    columns.map((column) => column.title),
    (text) => style.dim(text),
  );
  const body = rows.map((row, r) =>
    line(cells[r]!, (text, i) => columns[i]!.style?.(row, text) ?? text),
  );
  return [header, ...body];
}

function fitWidths<T>(
  columns: readonly Column<T>[],
  cells: readonly (readonly string[])[],
  terminalColumns: number,
): number[] {
  const widths = columns.map((column, i) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[i]!)), widthOf(column.title)),
  );
  const gaps = GAP.length * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - terminalColumns;
  while (excess > 0) {
    const widest = widestThatShrinks(columns, widths);
    if (widest === undefined) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

function widestThatShrinks<T>(
  columns: readonly Column<T>[],
  widths: readonly number[],
): number | undefined {
  let widest: number | undefined;
  columns.forEach((column, i) => {
    if (column.shrinkTo === undefined || widths[i]! <= column.shrinkTo) return;
    if (widest === undefined || widths[i]! > widths[widest]!) widest = i;
  });
  return widest;
}

/** Breaks a text at blanks into lines of at most `columns`. The text must be escaped already. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
