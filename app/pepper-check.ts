/** Which pepper goes with which state. */
import { KeyhoundError } from '../core/errors.ts';
import type { Pepper } from '../enrich/pepper.ts';

/** True when the state was made with this pepper, or with the one before while it is being changed. */
export function opens(pepper: Pepper, stateFingerprint: string | undefined): boolean {
  return (
    stateFingerprint === pepper.fingerprint ||
    (pepper.previous !== undefined && stateFingerprint === pepper.previous.fingerprint)
  );
}

/** For who looks a raw key up without the pepper that the state was made with. */
export function pepperMismatch(): KeyhoundError {
  return new KeyhoundError(
    'usage',
    'a raw key can only be looked up with the pepper of the state',
    {
      code: 'pepper-mismatch',
      hint: 'Set KEYHOUND_PEPPER or KEYHOUND_PEPPER_FILE as for `keyhound run`, or name the key by id or label.',
    },
  );
}
