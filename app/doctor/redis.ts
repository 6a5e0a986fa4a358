/** The server of detector state, where one is configured. */
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Check } from '../contract.ts';
import { failed } from './check.ts';

/** The client is loaded only where it is needed. */
export async function* checkState(config: Config, clock: Clock): AsyncGenerator<Check> {
  if (config.redis === undefined) return;
  const { checkRedis } = await import('../../store/redis/check.ts');
  try {
    for (const check of await checkRedis(config.redis, clock)) yield { type: 'check', ...check };
  } catch (error) {
    yield failed('redis', error);
  }
}
