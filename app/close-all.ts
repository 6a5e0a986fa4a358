/** The end of a service: every part is closed, whatever became of the others, and what ended it first is told. */
import { asOperating } from '../store/sqlite/errors.ts';
import type { Logger } from './contract.ts';

/** The first error is the one that is thrown in the end; those that come after it are told in the log. */
export class Ending {
  private first: { readonly error: unknown } | undefined;
  private readonly logger: Pick<Logger, 'error'>;

  constructor(logger: Pick<Logger, 'error'>) {
    this.logger = logger;
  }

  fail(error: unknown): void {
    if (this.first === undefined) this.first = { error };
    else if (this.first.error !== error)
      this.logger.error({ err: error }, 'this failed too, after what ended the process');
  }

  /** The last opened first, each also after one that failed: what holds the state comes last. */
  async close(closing: readonly (() => Promise<void>)[]): Promise<void> {
    for (const close of closing.toReversed()) await close().catch((error) => this.fail(error));
  }

  /** Closes, and throws what ended it. */
  async end(closing: readonly (() => Promise<void>)[], folder: string): Promise<void> {
    await this.close(closing);
    this.done(folder);
  }

  /** Throws what ended it, if anything did; of a full disk as that. `folder`: of the state. */
  done(folder: string): void {
    if (this.first !== undefined) throw asOperating(this.first.error, folder);
  }
}

/** The last opened first, each also after one that failed. Rejects with the first failure. */
export async function closeEach(closing: readonly (() => Promise<void> | void)[]): Promise<void> {
  let first: { readonly error: unknown } | undefined;
  for (const close of closing.toReversed()) {
    try {
      await close();
    } catch (error) {
      first ??= { error };
    }
  }
  if (first !== undefined) throw first.error;
}
