/** The end of a service: every part is closed, whatever became of the others. */
import { asOperating } from '../store/sqlite/errors.ts';

/**
 * The last opened first, each also after one that failed: what holds the state comes last. `cause` is the error with
 * which the work itself ended; without one the first error of closing is thrown. Of a full disk both are told as that.
 */
export async function closeAll(
  closing: readonly (() => Promise<void>)[],
  folder: string,
  cause?: { readonly error: unknown },
): Promise<void> {
  let first = cause;
  for (const close of closing.toReversed()) {
    await close().catch((error: unknown) => {
      first ??= { error };
    });
  }
  if (first !== undefined) throw asOperating(first.error, folder);
}
