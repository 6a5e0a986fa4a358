/** Typed reading of the rows that node:sqlite gives. A wrong type is a programmer's error, not bad input. */
import type { SQLOutputValue } from 'node:sqlite';
import { assert } from '../../core/errors.ts';

export type Row = Record<string, SQLOutputValue>;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === 'string', `column ${column} is text`);
  return value;
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === 'number', `column ${column} is a number`);
  return value;
}

export function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  assert(value instanceof Uint8Array, `column ${column} is bytes`);
  return value;
}

export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  return row[column] === null ? null : bytesOf(row, column);
}

/** The JSON line of a row's `body`. */
export function bodyOf<T>(row: Row): T {
  return JSON.parse(textOf(row, 'body')) as T;
}
