/**
 * The tables, as numbered migrations. A migration that was released is never edited: a change is a new one.
 * The number of the last one applied stands in `PRAGMA user_version`.
 */
import type { DatabaseSync } from 'node:sqlite';
import { KeyhoundError } from '../../core/errors.ts';

/*
 * Why the tables are as they are:
 * - `subjects` has a row number beside its digest. Records of 1 KiB clustered by a random digest cost 5 times
 *   the time and 3 times the bytes (measured, 50 k rows of 1.2 KB), as each insert falls on another page.
 * - `usage` is clustered by hour first: a checkpoint touches the pages of the current hour only, and what is
 *   too old is one contiguous range.
 * - Incidents and findings keep their JSON line whole in `body`; the columns beside it are what queries need.
 */
const TABLES = `
CREATE TABLE internal (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
  stream TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  position INTEGER NOT NULL,
  finished INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_parts (
  key_group INTEGER NOT NULL,
  part TEXT NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (key_group, part)
) STRICT;

CREATE TABLE subjects (
  row INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  key_group INTEGER NOT NULL,
  id TEXT NOT NULL,
  consumer TEXT NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX subjects_by_id ON subjects (id);

CREATE TABLE open_incidents (digest BLOB NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;

CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  subject_id TEXT NOT NULL,
  severity INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  closed_at INTEGER,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_by_time ON incidents (updated_at);
CREATE INDEX incidents_by_subject ON incidents (subject_id, updated_at);
CREATE INDEX incidents_by_severity ON incidents (severity, updated_at);
CREATE INDEX incidents_open ON incidents (updated_at) WHERE closed_at IS NULL;

CREATE TABLE incident_findings (
  incident_id TEXT NOT NULL,
  finding_id TEXT NOT NULL,
  PRIMARY KEY (finding_id, incident_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_findings_by_incident ON incident_findings (incident_id);

CREATE TABLE findings (
  id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX findings_by_time ON findings (to_at);

CREATE TABLE finding_inputs (
  finding_id TEXT PRIMARY KEY,
  detector TEXT NOT NULL,
  score REAL NOT NULL,
  kind TEXT NOT NULL,
  at REAL NOT NULL,
  layout_version TEXT NOT NULL,
  record BLOB NOT NULL,
  event BLOB
) STRICT;

CREATE TABLE usage (
  hour INTEGER NOT NULL,
  digest BLOB NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  bytes_in REAL NOT NULL,
  bytes_out REAL NOT NULL,
  PRIMARY KEY (hour, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE controls (
  sequence INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE dead_letters (
  row INTEGER PRIMARY KEY,
  seen_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  source TEXT NOT NULL,
  stream TEXT NOT NULL,
  position INTEGER NOT NULL,
  reason TEXT NOT NULL,
  length INTEGER NOT NULL,
  mask TEXT NOT NULL
) STRICT;
`;

/** What a score was read from beside record and event; rows before it name nothing. */
const INPUTS_CONTEXT = `
ALTER TABLE finding_inputs ADD COLUMN context TEXT NOT NULL DEFAULT '{}';
`;

/** Migrations of one database file, and the mark by which the file is known. */
export interface Schema {
  /** `PRAGMA application_id`: tells our file from somebody else's database. */
  readonly applicationId: number;
  readonly migrations: readonly string[];
}

/** Of `keyhound.db`; its mark is "KEYH". */
export const STATE_SCHEMA: Schema = Object.freeze({
  applicationId: 0x4b455948,
  migrations: Object.freeze([TABLES, INPUTS_CONTEXT]),
});

export function schemaVersion(db: DatabaseSync): number {
  return pragma(db, 'user_version');
}

/**
 * Refuses a file that is not ours (`state-foreign`), of a later Keyhound (`state-newer`), or, when it may not
 * be changed, of an earlier one (`state-older`). Answers true when migrations are due.
 */
export function checkVersion(
  db: DatabaseSync,
  file: string,
  schema: Schema,
  readOnly: boolean,
): boolean {
  const version = schemaVersion(db);
  const known = schema.migrations.length;
  const id = pragma(db, 'application_id');
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  if (id !== schema.applicationId && (id !== 0 || version !== 0 || tables !== 0)) {
    throw new KeyhoundError('usage', `${file} is not a state of Keyhound`, {
      code: 'state-foreign',
      hint: 'Point `state.dir` at another folder.',
    });
  }
  if (version > known) {
    throw new KeyhoundError(
      'usage',
      `${file} was written by a later Keyhound (schema ${version}; this one knows ${known})`,
      {
        code: 'state-newer',
        hint: 'Run the Keyhound that wrote it, or restore a backup made by this one.',
      },
    );
  }
  if (version < known && readOnly) {
    throw new KeyhoundError('usage', `${file} is of an earlier Keyhound (schema ${version})`, {
      code: 'state-older',
      hint: 'Start `keyhound run` once: it brings the state up to date.',
    });
  }
  return version < known;
}

/** Applies what is missing, each migration whole or not at all. */
export function migrate(db: DatabaseSync, schema: Schema): void {
  for (let version = schemaVersion(db); version < schema.migrations.length; version++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(schema.migrations[version]!);
      db.exec(`PRAGMA application_id = ${schema.applicationId}`);
      db.exec(`PRAGMA user_version = ${version + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  const value = db.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === 'number' ? value : 0;
}
