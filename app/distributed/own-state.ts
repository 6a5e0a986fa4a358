/**
 * Before a role hashes or judges anything: the state in Redis must be of this pepper and these partitions, or it is
 * made so. Two hosts with different peppers would take one key for two; the second of them does not get past this.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConfig, RedisConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { openRedisState } from '../../store/redis/state.ts';
import type { Logger } from '../contract.ts';

const PAUSE_MS = 1000;

export interface OwnStateOptions {
  readonly kafka: KafkaConfig;
  readonly redis: RedisConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Why it waits. */
  onWait(detail: string): void;
}

/**
 * Waits while Redis is away. Resolves with false when `signal` came first. Throws `pepper-missing`, `pepper-mismatch`,
 * `partitions-changed`, `redis-login` and the like: what waiting does not cure.
 */
export async function findOwnState(options: OwnStateOptions): Promise<boolean> {
  const { env, kafka, redis, logger, signal } = options;
  const pepper = loadPepper({ env, mayCreate: false });
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      const state = await openRedisState({
        config: redis,
        partitions: kafka.partitions,
        pepperFingerprint: pepper.fingerprint,
        previousFingerprint: pepper.previous?.fingerprint,
        triesMax: 1,
      });
      await state.close();
      return true;
    } catch (error) {
      if (!(error instanceof KeyhoundError) || !error.retryable) throw error;
      options.onWait(error.message);
      if (told !== error.message) logger.warn({ code: error.code }, `waiting: ${error.message}`);
      told = error.message;
    }
    await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}
