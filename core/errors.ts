/**
 * Errors that people see. Bad input is never one of these: it is counted and dead-lettered.
 * No message may contain key material: write reasons and positions, never the text of a record.
 */

/** `usage`: wrong flag, file or configuration (exit 2). `operating`: disk, port, server (exit 1). */
export type ErrorKind = 'usage' | 'operating';

export interface ErrorDetail {
  /** What the operator should do. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Stable name for scripts, e.g. `state-locked`. */
  readonly code?: string;
  /** The same call may succeed later. */
  readonly retryable?: boolean;
  /** Not before so long, as the other side says. */
  readonly retryAfterMs?: number;
}

export class KeyhoundError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'KeyhoundError';
    this.kind = kind;
    this.code = detail.code ?? kind;
    this.hint = detail.hint;
    this.retryable = detail.retryable ?? false;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

/** For programmer's errors: the state is not what the code relies on. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
