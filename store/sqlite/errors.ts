/** What SQLite and the file system say, as errors that an operator can act upon. */
import { KeyhoundError } from '../../core/errors.ts';

/** Primary result codes of SQLite, the low byte of `errcode`. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IO = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

/** Primary result code of an error thrown by node:sqlite; undefined for every other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/**
 * An error of kind `operating` for what the disk or another process did. Everything else, a programmer's
 * error included, comes back as it is.
 */
export function asOperating(error: unknown, file: string): unknown {
  if (error instanceof KeyhoundError) return error;
  if (isDiskFull(error)) return diskFull(file, error);
  if (isRefused(error)) return inaccessible(file, error);
  switch (sqliteCode(error)) {
    case BUSY:
    case LOCKED:
      return operating(`${file} is in use by another process`, 'state-busy', error, {
        hint: 'Wait for the other command, or end it; `keyhound doctor` says who holds the state.',
        retryable: true,
      });
    case FULL:
      return diskFull(file, error);
    case READONLY:
    case CANNOT_OPEN:
      return inaccessible(file, error);
    case IO:
      return operating(`the disk failed while using ${file}`, 'state-io', error, {
        hint: 'Check the disk and the system log, then start again.',
        retryable: true,
      });
    case CORRUPT:
    case NOT_A_DATABASE:
      return corrupted(file, error);
    default:
      return error;
  }
}

/** Of the file system itself, where a file is made or written without SQLite. */
export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** By the file system: not ours, or mounted to be read only. */
function isRefused(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
}

function inaccessible(file: string, cause: unknown): KeyhoundError {
  return operating(`cannot open or write ${file}`, 'state-access', cause, {
    hint: 'Check owner and mode of the state folder; it has to be writable by this user, also for look-ups.',
  });
}

function diskFull(file: string, cause: unknown): KeyhoundError {
  return operating(`no space left for ${file}`, 'disk-full', cause, {
    hint: 'Free some space on this disk, then start again: it goes on from the last checkpoint, which is whole.',
    retryable: true,
  });
}

export function corrupted(file: string, cause: unknown): KeyhoundError {
  return operating(`${file} is damaged`, 'state-corrupt', cause, {
    hint: 'Move the state folder away and bring back the last backup: `keyhound state restore DIR`.',
  });
}

function operating(
  message: string,
  code: string,
  cause: unknown,
  detail: { readonly hint: string; readonly retryable?: boolean },
): KeyhoundError {
  return new KeyhoundError('operating', message, { ...detail, code, cause });
}
