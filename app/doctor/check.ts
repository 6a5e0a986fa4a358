import { KeyhoundError } from '../../core/errors.ts';
import type { Check } from '../contract.ts';

/** A hint is given only with a failure. */
export function check(name: string, ok: boolean, detail: string, hint?: string): Check {
  return { type: 'check', name, ok, detail, ...(ok || hint === undefined ? {} : { hint }) };
}

/** The failure of something that had to throw to say so. */
export function failed(name: string, error: unknown): Check {
  const message = error instanceof Error ? error.message : String(error);
  return check(name, false, message, error instanceof KeyhoundError ? error.hint : undefined);
}
