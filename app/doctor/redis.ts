/** The server of detector state, where one is configured. */
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Pepper } from '../../enrich/pepper.ts';
import type { Check } from '../contract.ts';
import { redisMissing } from '../distributed/needs.ts';
import { failed } from './check.ts';

/** The client is loaded only where it is needed. Without a pepper it is not said whether the state is ours. */
export async function* checkState(
  config: Config,
  clock: Clock,
  pepper: Pepper | undefined,
): AsyncGenerator<Check> {
  const { kafka, redis } = config;
  if (redis === undefined) {
    if (kafka !== undefined) yield failed('redis', redisMissing('the roles ingest and detect'));
    return;
  }
  const { checkRedis } = await import('../../store/redis/check.ts');
  const ours =
    kafka === undefined || pepper === undefined
      ? undefined
      : {
          partitions: kafka.partitions,
          pepperFingerprint: pepper.fingerprint,
          previousFingerprint: pepper.previous?.fingerprint,
        };
  try {
    for (const check of await checkRedis(redis, clock, ours)) yield { type: 'check', ...check };
  } catch (error) {
    yield failed('redis', error);
  }
}
