/**
 * Whether the state in Redis is of this process' pepper and partitions, for roles that do not wait for Redis at their
 * start. With another pepper `decide` finds no verdict on a raw key and lets it through; with other partitions a
 * console would tell some of them only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyhoundError } from '../../core/errors.ts';
import type { Logger } from '../contract.ts';

const LOOK_MS = 5000;

export interface StateMatchOptions {
  /** Rejects with an error of kind `usage` where they do not match, with another one where nobody can tell now. */
  check(): Promise<void>;
  readonly logger: Pick<Logger, 'error'>;
  /** What follows from a mismatch, for the log and `readyz`. */
  readonly follows: string;
}

export class StateMatch {
  /** As of the last look that could tell. */
  trouble: string | undefined;
  private readonly options: StateMatchOptions;

  constructor(options: StateMatchOptions) {
    this.options = options;
  }

  async look(): Promise<void> {
    const { check, follows, logger } = this.options;
    try {
      await check();
      this.trouble = undefined;
    } catch (error) {
      if (!(error instanceof KeyhoundError) || error.kind !== 'usage') return;
      const isNews = this.trouble === undefined;
      this.trouble = `${error.message}; ${follows}. ${error.hint ?? ''}`.trim();
      if (isNews) logger.error({ code: error.code }, this.trouble);
    }
  }

  /** Until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
