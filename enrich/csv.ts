/**
 * Reads CSV (RFC 4180): quoted cells may hold commas, quotes (doubled) and line breaks; LF or CRLF; a byte
 * order mark at the start is skipped. Rows know the line that they begin on. Blank lines are no rows.
 */

export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvFault {
  readonly line: number;
  readonly message: string;
}

/** Never throws: what is wrong is told with its line, and the rest is read. */
export function readCsv(text: string): { rows: CsvRow[]; faults: CsvFault[] } {
  const rows: CsvRow[] = [];
  const faults: CsvFault[] = [];
  const reader = new CellReader(text.startsWith('\ufeff') ? text.slice(1) : text);
  while (!reader.atEnd) {
    const line = reader.line;
    const cells: string[] = [];
    do {
      const cellLine = reader.line;
      const fault = reader.next();
      if (fault !== undefined) faults.push({ line: cellLine, message: fault });
      cells.push(reader.cell);
    } while (reader.afterComma);
    if (cells.length > 1 || cells[0]?.trim() !== '') rows.push({ line, cells });
  }
  return { rows, faults };
}

class CellReader {
  readonly #text: string;
  #at = 0;
  line = 1;
  cell = '';
  /** The last cell ended with a comma: another one follows in this row. */
  afterComma = false;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Reads one cell and what ends it; answers what is wrong with it, if anything. */
  next(): string | undefined {
    const fault = this.#text[this.#at] === '"' ? this.#quoted() : this.#bare();
    this.afterComma = this.#text[this.#at] === ',';
    if (this.#text[this.#at] === '\r' && this.#text[this.#at + 1] === '\n') this.#at++;
    if (this.#text[this.#at] === '\n') this.line++;
    this.#at++;
    return fault;
  }

  #bare(): string | undefined {
    const end = this.#endOfBare(this.#at);
    this.cell = this.#text.slice(this.#at, end);
    this.#at = end;
    return this.cell.includes('"') ? 'a quote inside an unquoted cell' : undefined;
  }

  #quoted(): string | undefined {
    const opened = this.#at;
    let to = opened + 1;
    for (;;) {
      to = this.#text.indexOf('"', to);
      if (to < 0 || this.#text[to + 1] !== '"') break;
      to += 2;
    }
    const end = to < 0 ? this.#text.length : to;
    const inner = this.#text.slice(opened + 1, end);
    this.cell = inner.replaceAll('""', '"');
    this.line += inner.split('\n').length - 1;
    this.#at = to < 0 ? end : end + 1;
    if (to < 0) return 'a quote that is never closed';
    const after = this.#endOfBare(this.#at);
    const rest = this.#text.slice(this.#at, after);
    this.#at = after;
    return rest === '' ? undefined : 'text behind a closing quote';
  }

  /** Index of the comma or line end that ends a bare cell. */
  #endOfBare(from: number): number {
    let to = from;
    for (; to < this.#text.length; to++) {
      const sign = this.#text[to];
      if (sign === ',' || sign === '\n') break;
      if (sign === '\r' && this.#text[to + 1] === '\n') break;
    }
    return to;
  }
}
