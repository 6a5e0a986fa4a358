/**
 * The lock of a state folder. It is an SQLite lock on `lock.db`, that is, a lock of the operating system: it ends
 * with the process, however that ends, so there is no stale lock to clear after kill -9. `lock.json`
 * beside it says who holds it; it is a notice only and may be left over.
 *
 * Nobody may open `lock.db` other than through SQLite: POSIX drops a process's locks on a file when the process
 * closes any descriptor of it (tried: one open and close by node:fs let a second process in).
 */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Clock, systemClock, toIso } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { asOperating, isBusy } from './sqlite/errors.ts';

const LOCK_FILE = 'lock.db';
const HOLDER_FILE = 'lock.json';
/** Waits for a look of `readHolder`, which takes microseconds, not for a holder to end. */
const PROBE_TIMEOUT_MS = 250;

export interface LockHolder {
  readonly pid: number;
  /** Command without its arguments, e.g. `run`. */
  readonly command: string;
  readonly startedAt: string;
  /** Of its API, once it listens: http://HOST:PORT or https://. */
  readonly apiAddress?: string;
}

export interface StateLock {
  readonly holder: LockHolder;
  /** Lets other commands find the API of this process. */
  announce(apiAddress: string): void;
  /** Idempotent. */
  release(): void;
}

/**
 * Takes the lock of a folder, which has to exist, for the life of the process. Throws `state-locked` (operating)
 * at once when another process, or this one, has it.
 */
export function lockStateFolder(
  folder: string,
  options: { readonly command: string; readonly clock?: Clock },
): StateLock {
  const file = path.join(folder, LOCK_FILE);
  const db = takeLock(folder, file);
  let holder: LockHolder = {
    pid: process.pid,
    command: options.command,
    startedAt: toIso((options.clock ?? systemClock).now()),
  };
  let held = true;
  try {
    writeHolder(folder, holder);
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    get holder() {
      return holder;
    },
    announce(apiAddress) {
      holder = { ...holder, apiAddress };
      writeHolder(folder, holder);
    },
    release() {
      if (!held) return;
      held = false;
      rmSync(path.join(folder, HOLDER_FILE), { force: true });
      db.close();
    },
  };
}

/** Who holds the folder now; undefined when nobody does. `'unknown'` when the holder's notice is missing. */
export function readHolder(folder: string): LockHolder | 'unknown' | undefined {
  const file = path.join(folder, LOCK_FILE);
  if (!existsSync(file)) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return undefined;
  } catch (error) {
    if (!isBusy(error)) throw asOperating(error, file);
    return readNotice(folder) ?? 'unknown';
  } finally {
    db?.close();
  }
}

function takeLock(folder: string, file: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    // Only when it is not there: see above for what closing a descriptor would do.
    if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
    db = new DatabaseSync(file, { timeout: PROBE_TIMEOUT_MS });
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db?.close();
    if (isBusy(error)) throw lockedError(folder);
    throw asOperating(error, file);
  }
}

function lockedError(folder: string): KeyhoundError {
  const holder = readNotice(folder);
  const who =
    holder === undefined
      ? 'another process'
      : `\`keyhound ${holder.command}\` (pid ${holder.pid}, since ${holder.startedAt})`;
  const api = holder?.apiAddress === undefined ? '' : ` Its API is at ${holder.apiAddress}.`;
  return new KeyhoundError('operating', `the state in ${folder} is in use by ${who}`, {
    code: 'state-locked',
    retryable: true,
    hint: `Stop that process, or use another folder with \`state.dir\`.${api}`,
  });
}

function writeHolder(folder: string, holder: LockHolder): void {
  const file = path.join(folder, HOLDER_FILE);
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw asOperating(error, file);
  }
}

function readNotice(folder: string): LockHolder | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(path.join(folder, HOLDER_FILE), 'utf8'));
    return isHolder(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(read: unknown): read is LockHolder {
  if (typeof read !== 'object' || read === null) return false;
  const { pid, command, startedAt } = read as Record<string, unknown>;
  return typeof pid === 'number' && typeof command === 'string' && typeof startedAt === 'string';
}
