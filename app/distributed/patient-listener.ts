/**
 * A listener whose address another process has at the moment, for instance the one that responded until it froze.
 * Nothing else waits for it: it is tried again, and who asks is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyhoundError } from '../../core/errors.ts';
import type { Logger } from '../contract.ts';

const RETRY_MS = 2000;

export interface PatientListenerOptions<T> {
  /** Rejects with code `listen-failed` while the address cannot be had. */
  start(): Promise<T>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** What it does not hear meanwhile, for the log and `readyz`. */
  readonly what: string;
  readonly retryMs?: number;
}

export class PatientListener<T> {
  /** Undefined while it does not listen. */
  opened: T | undefined;
  trouble: string | undefined;
  private readonly options: PatientListenerOptions<T>;

  constructor(options: PatientListenerOptions<T>) {
    this.options = options;
  }

  /** One try. Rejects with what no other process is to blame for. */
  async begin(): Promise<void> {
    const { logger, start, what } = this.options;
    try {
      this.opened = await start();
    } catch (error) {
      if (!(error instanceof KeyhoundError) || error.code !== 'listen-failed') throw error;
      const before = this.trouble;
      this.trouble = `${what} are not heard: ${error.message}. ${error.hint ?? ''}`.trim();
      if (before === undefined) logger.warn({ code: error.code }, this.trouble);
      return;
    }
    if (this.trouble !== undefined) logger.info({}, `${what} are heard again`);
    this.trouble = undefined;
  }

  /** Tries until it listens; undefined when the signal came first. */
  async patiently(signal: AbortSignal): Promise<T | undefined> {
    while (this.opened === undefined && !signal.aborted) {
      const pauseMs = this.options.retryMs ?? RETRY_MS;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.begin();
    }
    return this.opened;
  }
}
