import { KeyhoundError } from '../core/errors.ts';

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
