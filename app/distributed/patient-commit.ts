/** A checkpoint that is tried again until Redis takes it; meanwhile who asks is told why it does not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyhoundError } from '../../core/errors.ts';
import type { Checkpoint } from '../../core/store.ts';
import { isWentBack } from '../../store/redis/errors.ts';
import type { PartitionState } from '../../store/redis/state.ts';
import type { Logger } from '../contract.ts';

const RETRY_MS = 200;
const RETRY_MS_MAX = 5000;

export interface PatientCommitOptions {
  readonly partition: number;
  readonly state: Pick<PartitionState, 'commit'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Redis does not have what it had confirmed. */
  onLost(error: Error): void;
  /** Then it is not tried again: who comes next applies it once more. */
  isClosing(): boolean;
}

export class PatientCommit {
  /** Why the last try failed; undefined once one has not. */
  trouble: string | undefined;
  private readonly options: PatientCommitOptions;

  constructor(options: PatientCommitOptions) {
    this.options = options;
  }

  /** Rejects with what waiting does not cure (`fenced`), and while closing with any failure. */
  async commit(checkpoint: Checkpoint): Promise<void> {
    const { isClosing, logger, partition, state } = this.options;
    for (let retryMs = RETRY_MS; ; retryMs = Math.min(RETRY_MS_MAX, 2 * retryMs)) {
      try {
        await state.commit(checkpoint);
        this.trouble = undefined;
        return;
      } catch (error) {
        if (error instanceof Error && isWentBack(error)) this.options.onLost(error);
        if (!(error instanceof KeyhoundError) || !error.retryable || isClosing()) throw error;
        this.trouble = error.message;
        logger.warn({ partition, code: error.code }, `the state is not saved: ${error.message}`);
        await sleep(retryMs);
      }
    }
  }
}
