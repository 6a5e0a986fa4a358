/** What a state folder holds, read from the outside, while it is used or not. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DATABASE_FILE } from '../../store/sqlite/connection.ts';
import { until } from '../support/until.ts';

/** By table, sorted, each row as text. */
export type StateRows = Readonly<Record<string, readonly string[]>>;

const QUERIES: Readonly<Record<string, string>> = {
  incidents: 'SELECT id, revision, closed_at, body FROM incidents ORDER BY id',
  findings: 'SELECT id, revision, body FROM findings ORDER BY id',
  usage: `SELECT hour, hex(digest), requests, errors, bytes_in, bytes_out FROM usage
    ORDER BY hour, digest`,
  // Not the records: when a key is looked at next is in them, and that depends on the pace of the sources.
  subjects: 'SELECT id, consumer FROM subjects ORDER BY id',
  open: 'SELECT hex(digest), body FROM open_incidents ORDER BY digest',
};

export function stateRows(folder: string): StateRows {
  const db = new DatabaseSync(path.join(folder, DATABASE_FILE), { readOnly: true });
  try {
    return Object.fromEntries(
      Object.entries(QUERIES).map(([table, sql]) => [
        table,
        db
          .prepare(sql)
          .all()
          .map((row) => JSON.stringify(Object.values(row))),
      ]),
    );
  } finally {
    db.close();
  }
}

/** Sum of the positions of all streams, as saved. */
export function savedPosition(folder: string): number {
  const file = path.join(folder, DATABASE_FILE);
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return Number(db.prepare('SELECT total(position) AS sum FROM streams').get()?.['sum']);
  } finally {
    db.close();
  }
}

/** Resolves once all these keys are in the saved state; another process raises no event that tells it. */
export async function savedKeys(folder: string, ids: readonly string[]): Promise<void> {
  const sql = `SELECT count(*) AS n FROM subjects WHERE id IN (${ids.map(() => '?').join()})`;
  const db = new DatabaseSync(path.join(folder, DATABASE_FILE), { readOnly: true, timeout: 5000 });
  try {
    const count = db.prepare(sql);
    await until(() => count.get(...ids)?.['n'] === ids.length);
  } finally {
    db.close();
  }
}
