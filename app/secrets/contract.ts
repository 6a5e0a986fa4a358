/** What a store of secrets answers, and how it fails. */
import { KeyhoundError } from '../../core/errors.ts';

export interface MissingSecret {
  readonly message: string;
  readonly hint: string;
}

/** Reference → value, or why there is none. */
export type Secrets = ReadonlyMap<string, string | MissingSecret>;
export type Env = Readonly<Record<string, string | undefined>>;

/** One secret: its text, or its fields. */
export type SecretContent =
  | { readonly text: string; readonly fields?: undefined }
  | { readonly fields: Readonly<Record<string, unknown>>; readonly text?: string };

export interface SecretReader {
  /** As people call it. */
  readonly name: string;
  read(secret: string, signal: AbortSignal): Promise<SecretContent | MissingSecret>;
}

/** `what` and `words` are ours: nothing of an answer. */
export function unreachable(what: string, words: string): KeyhoundError {
  return new KeyhoundError('operating', `${what} ${words}`, {
    code: 'secrets-unreachable',
    hint: 'The configuration refers to it. Is its address right, is it up, unsealed, trusted?',
    retryable: true,
  });
}
