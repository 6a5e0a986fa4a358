/**
 * The state folder: what lies where, the generated tokens, and what can be said about it without its being used.
 * It never holds the pepper.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { KeyhoundError } from '../core/errors.ts';
import { type LockHolder, readHolder } from '../store/lock.ts';
import { DATABASE_FILE } from '../store/sqlite/connection.ts';
import { asOperating, isDiskFull } from '../store/sqlite/errors.ts';
import { openSqliteStore } from '../store/sqlite/store.ts';

/** 256 bits, as text that fits a header. */
const TOKEN_BYTES = 32;
const TOKEN_LENGTH_MIN = 16;

export interface StatePaths {
  readonly folder: string;
  readonly database: string;
  /** Folder of what the intake has accepted and the engine has not yet applied. */
  readonly spool: string;
  readonly intakeToken: string;
  readonly apiToken: string;
  /** Where the console of the distributed form listens that uses this folder. */
  readonly apiAddress: string;
}

export interface Token {
  readonly token: string;
  readonly file: string;
  /** Made by this call: the caller should say where it lies, never what it is. */
  readonly created: boolean;
}

export interface StateFacts {
  /** False: there is no state in this folder; then all below is zero or undefined. */
  readonly exists: boolean;
  /** Everything in the folder, spool included. */
  readonly bytes: number;
  readonly schemaVersion: number | undefined;
  readonly pepperFingerprint: string | undefined;
  /** Wall clock, epoch ms. */
  readonly checkpointAt: number | undefined;
  /** Who uses it now; `'unknown'` when that process left no notice. */
  readonly holder: LockHolder | 'unknown' | undefined;
  /** Others than the owner can read the folder. */
  readonly exposed: boolean;
}

export function statePaths(folder: string): StatePaths {
  const absolute = path.resolve(folder);
  return {
    folder: absolute,
    database: path.join(absolute, DATABASE_FILE),
    spool: path.join(absolute, 'spool'),
    intakeToken: path.join(absolute, 'intake-token'),
    apiToken: path.join(absolute, 'api-token'),
    apiAddress: path.join(absolute, 'api-address'),
  };
}

/** Makes the folder where needed, private to its owner. Throws `state-access` when it cannot be made. */
export function openStateFolder(folder: string): StatePaths {
  const paths = statePaths(folder);
  try {
    // The mode of mkdir is cut by the umask only; a folder that was there keeps what its owner gave it.
    if (makeFolder(paths.folder)) chmodSync(paths.folder, 0o700);
  } catch (cause) {
    throw inaccessible(paths.folder, cause);
  }
  return paths;
}

/**
 * Answers whether it was made by this call. Not by `recursive: true`: where a file system refuses a new folder with
 * ENOENT, as /proc does, Node tries for ever (tried with 24.21).
 */
function makeFolder(folder: string): boolean {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return false;
  const parent = path.dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    // Another process was first.
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    throw error;
  }
}

/** Token of the sources that have none configured. */
export function intakeToken(paths: StatePaths): Token {
  return readOrMakeToken(paths.intakeToken);
}

/** Token of the API. */
export function apiToken(paths: StatePaths): Token {
  return readOrMakeToken(paths.apiToken);
}

/** Notes where the API of this folder's console is; answers a function that takes the note back. */
export function announceApi({ apiAddress }: StatePaths, address: string): () => void {
  writeFileSync(apiAddress, `${address}\n`, { mode: 0o600 });
  return () => rmSync(apiAddress, { force: true });
}

/** Undefined where nobody has noted it. */
export function announcedApi({ apiAddress }: StatePaths): string | undefined {
  return existsSync(apiAddress) ? readFileSync(apiAddress, 'utf8').trim() : undefined;
}

/** For `doctor` and clients. Changes nothing; works while another process uses the folder. */
export async function stateFacts(folder: string): Promise<StateFacts> {
  const paths = statePaths(folder);
  const found = statSync(paths.folder, { throwIfNoEntry: false });
  const common = {
    exists: existsSync(paths.database),
    bytes: found === undefined ? 0 : bytesIn(paths.folder),
    holder: found === undefined ? undefined : readHolder(paths.folder),
    exposed: found !== undefined && (found.mode & 0o077) !== 0,
  };
  const unknown = {
    schemaVersion: undefined,
    pepperFingerprint: undefined,
    checkpointAt: undefined,
  };
  if (!common.exists) return { ...common, ...unknown };
  const store = await openSqliteStore({
    folder: paths.folder,
    pepperFingerprint: undefined,
    readOnly: true,
  });
  try {
    const { schemaVersion, pepperFingerprint, checkpointAt } = store.facts();
    return { ...common, schemaVersion, pepperFingerprint, checkpointAt };
  } finally {
    await store.close();
  }
}

function readOrMakeToken(file: string): Token {
  const kept = readToken(file);
  if (kept !== undefined) return { token: kept, file, created: false };
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: 'wx' });
    // Unlike rename, link fails when another process was first: then its token is the one.
    linkSync(draft, file);
  } catch (cause) {
    const first = readToken(file);
    if (first === undefined) throw inaccessible(file, cause);
    return { token: first, file, created: false };
  } finally {
    rmSync(draft, { force: true });
  }
  return { token, file, created: true };
}

function readToken(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    if (!existsSync(file)) return undefined;
    throw inaccessible(file, cause);
  }
  if (text.length >= TOKEN_LENGTH_MIN && !/\s/.test(text)) return text;
  throw new KeyhoundError('usage', `${file} holds no usable token`, {
    code: 'token-invalid',
    hint: `At least ${TOKEN_LENGTH_MIN} characters without spaces; or remove the file, and a new one is made.`,
  });
}

/** Sizes by stat alone: opening the lock's file here would drop the lock (store/lock.ts). */
function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    bytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function inaccessible(file: string, cause: unknown): unknown {
  if (isDiskFull(cause)) return asOperating(cause, file);
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new KeyhoundError('operating', `cannot use ${file} (${reason})`, {
    code: 'state-access',
    cause,
    hint: 'Check owner and mode of the state folder, or set `state.dir` to another one.',
  });
}
