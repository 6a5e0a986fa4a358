/** Lists of decisions and actions: newest first, by what the filter names. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Row } from './rows.ts';

/** Answered when the filter names no limit. */
const ROWS_DEFAULT = 100;

export interface Listing {
  readonly limit: number | undefined;
  /** Changed at or after, epoch ms. */
  readonly sinceAt: number | undefined;
  /** Column and what it has to be; undefined: anything. */
  readonly where: Readonly<Record<string, SQLInputValue | undefined>>;
}

export function createListing(
  db: DatabaseSync,
  table: 'decisions' | 'actions',
): (listing: Listing) => Row[] {
  const statements = new Map<string, StatementSync>();
  return ({ limit = ROWS_DEFAULT, sinceAt, where }) => {
    const given = Object.entries(where).filter(([, value]) => value !== undefined);
    const tests = given.map(([column]) => `${column} = ?`);
    const values = given.map(([, value]) => value!);
    if (sinceAt !== undefined) {
      tests.push('changed_at >= ?');
      values.push(sinceAt);
    }
    const sql =
      `SELECT body FROM ${table}${tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`} ` +
      'ORDER BY changed_at DESC, id DESC LIMIT ?';
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement.all(...values, limit);
  };
}
