import assert from 'node:assert/strict';
import { KeyhoundError } from '../../../core/errors.ts';

/** It rejects with that error, which says what to do; answers all that it says. */
export async function rejectsWith(
  run: Promise<unknown>,
  kind: string,
  code: string,
): Promise<string> {
  const error = await run.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof KeyhoundError, `${error}`);
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  assert.ok((error.hint ?? '').length > 10, 'a hint');
  return `${error.message} ${error.hint} ${error.stack} ${JSON.stringify(error.cause)} ${error.cause}`;
}
