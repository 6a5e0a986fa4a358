/** Tables of the response, in a file of its own (docs/decisions/0017), as numbered migrations. */
import type { Schema } from './migrations.ts';

/** Name of the database in the state folder. */
export const RESPONSE_FILE = 'response.db';

/*
 * Each line is kept whole in `body`; the columns beside it are what queries need. Two columns are worked out by
 * core when a row is written: `unsettled` and `held`. They are the few rows that are looked for among the many that
 * are history, so their indexes hold those rows only.
 */
const TABLES = `
CREATE TABLE internal (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
  id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  subject_id TEXT NOT NULL,
  state TEXT NOT NULL,
  open INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_time ON decisions (changed_at, id);
CREATE INDEX decisions_by_subject ON decisions (subject_id, changed_at, id);
CREATE INDEX decisions_open ON decisions (id) WHERE open = 1;

CREATE TABLE actions (
  id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  decision TEXT NOT NULL,
  gateway TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  unsettled INTEGER NOT NULL,
  held INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX actions_by_time ON actions (changed_at, id);
CREATE INDEX actions_by_subject ON actions (subject_id, changed_at, id);
CREATE INDEX actions_by_decision ON actions (decision);
CREATE UNIQUE INDEX actions_by_version ON actions (gateway, subject_id, version);
CREATE INDEX actions_unsettled ON actions (id) WHERE unsettled = 1;
CREATE INDEX actions_held ON actions (gateway, subject_id, version) WHERE held = 1;

CREATE TABLE action_queue (
  gateway TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  added INTEGER NOT NULL,
  PRIMARY KEY (gateway, action)
) STRICT, WITHOUT ROWID;
CREATE INDEX action_queue_due ON action_queue (gateway, due_at, action);

CREATE TABLE audit (
  writer TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  hash TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (writer, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdicts (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  due_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE told (
  channel TEXT NOT NULL,
  alert TEXT NOT NULL,
  at INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (channel, alert)
) STRICT;
CREATE INDEX told_by_time ON told (at);

CREATE TABLE reports (
  sender TEXT NOT NULL,
  delivery TEXT NOT NULL,
  at INTEGER NOT NULL,
  handled INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (sender, delivery)
) STRICT;
CREATE INDEX reports_by_time ON reports (at);
`;

/** Looked for every few seconds among all that is remembered of a week. */
const OPEN_REPORTS = `
CREATE INDEX reports_open ON reports (at) WHERE handled = 0;
`;

/** Of `response.db`; its mark is "KEYR". */
export const RESPONSE_SCHEMA: Schema = Object.freeze({
  applicationId: 0x4b455952,
  migrations: Object.freeze([TABLES, OPEN_REPORTS]),
});
