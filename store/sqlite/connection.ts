/** Opening the database file: modes, integrity, version, pepper. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { KeyhoundError } from '../../core/errors.ts';
import { asOperating, corrupted, isDiskFull } from './errors.ts';
import { checkVersion, migrate, type Schema } from './migrations.ts';
import { textOf } from './rows.ts';

/** Name of the database in the state folder. */
export const DATABASE_FILE = 'keyhound.db';

/** How long a statement waits for another process, ms. */
const BUSY_TIMEOUT_MS = 5000;
/** The log file is cut back to this after a large checkpoint, bytes. */
const LOG_BYTES_MAX = 64 << 20;
const CACHE_KIB = 32 << 10;

export interface ConnectionOptions {
  readonly file: string;
  readonly schema: Schema;
  /** Undefined: not checked; allowed for reading only. */
  readonly pepperFingerprint: string | undefined;
  /** Of the pepper before, while it is being changed: accepted too, until the first checkpoint replaces it. */
  readonly previousFingerprint: string | undefined;
  readonly readOnly: boolean;
}

/** Opens the file, creates or migrates it, and refuses what is damaged, newer or of another pepper. */
export function openDatabase(options: ConnectionOptions): DatabaseSync {
  const { file, schema, readOnly } = options;
  if (!existsSync(file)) {
    if (readOnly) {
      throw new KeyhoundError('usage', `there is no state in ${file}`, {
        code: 'state-missing',
        hint: 'Name the folder with --state or `state.dir`, or make one with `keyhound run`.',
      });
    }
    createFile(file);
  }
  let db: DatabaseSync | undefined;
  try {
    db = connect(file, readOnly);
    if (checkVersion(db, file, schema, readOnly)) migrate(db, schema);
    if (!readOnly) checkIntegrity(db, file);
    checkPepper(db, options);
    return db;
  } catch (error) {
    db?.close();
    throw asOperating(error, file);
  }
}

/** A second connection for reading. It sees the last whole checkpoint while another one is being written. */
export function openReader(file: string): DatabaseSync {
  return connect(file, true);
}

/** A value of ours about the file itself; undefined when it was never set. */
export function readInternal(db: DatabaseSync, name: string): string | undefined {
  const row = db.prepare('SELECT value FROM internal WHERE name = ?1').get(name);
  return row === undefined ? undefined : textOf(row, 'value');
}

export function writeInternal(db: DatabaseSync, name: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO internal (name, value) VALUES (?1, ?2)').run(name, value);
}

/** Says that the file was left in order; read again at the next opening. */
export function markClean(db: DatabaseSync, clean: boolean): void {
  writeInternal(db, 'clean', clean ? 'yes' : 'no');
}

/** Made by hand, before SQLite sees it, so that it is private from its first byte. */
function createFile(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600));
  } catch (cause) {
    if (isDiskFull(cause)) throw asOperating(cause, file);
    throw new KeyhoundError('operating', `cannot create ${file}`, {
      code: 'state-access',
      cause,
      hint: 'Check that the state folder exists and is writable by this user.',
    });
  }
}

function connect(file: string, readOnly: boolean): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    if (!readOnly) {
      // FULL: in WAL mode NORMAL does not sync at commit, so that a power cut could take back a checkpoint
      // whose records the intake has already dropped from its spool.
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      db.exec(`PRAGMA journal_size_limit = ${LOG_BYTES_MAX}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Reads the whole file, which is slow when it is large: only after the last user was killed. */
function checkIntegrity(db: DatabaseSync, file: string): void {
  if (readInternal(db, 'clean') !== 'no') return;
  const row = db.prepare('PRAGMA quick_check(1)').get();
  if (row?.['quick_check'] !== 'ok') {
    throw corrupted(file, new Error('quick_check found a damaged page'));
  }
}

function checkPepper(db: DatabaseSync, options: ConnectionOptions): void {
  const { pepperFingerprint: given, readOnly, file } = options;
  if (given === undefined) return;
  const kept = readInternal(db, 'pepper');
  if (kept === undefined) {
    if (!readOnly) writeInternal(db, 'pepper', given);
    return;
  }
  if (kept === given || kept === options.previousFingerprint) return;
  throw new KeyhoundError(
    'usage',
    `${file} was made with another pepper (fingerprint ${kept}, given ${given})`,
    {
      code: 'pepper-mismatch',
      hint:
        'Set KEYHOUND_PEPPER or KEYHOUND_PEPPER_FILE to the pepper that this state was made with; with another ' +
        'one no key would be recognised. To change it, give that one as KEYHOUND_PEPPER_PREVIOUS or ' +
        'KEYHOUND_PEPPER_FILE_PREVIOUS beside the new one.',
    },
  );
}
