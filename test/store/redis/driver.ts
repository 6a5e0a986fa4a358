/** The Redis driver under the shared contract test. A place is a URL and a prefix. */
import { randomUUID } from 'node:crypto';
import type { RedisConfig } from '../../../core/config.ts';
import type { LinkOptions } from '../../../store/redis/connection.ts';
import {
  openRedisState,
  type PartitionState,
  type RedisState,
} from '../../../store/redis/state.ts';
import type { StateDriver } from '../state-contract.ts';

export const PEPPER = 'a1b2c3d4';
export const ALL_GROUPS: readonly number[] = Array.from({ length: 256 }, (_, group) => group);

export const driver: Omit<StateDriver, 'createPlace'> = {
  name: 'redis',
  async open(place) {
    const [url, prefix] = place.split(' ') as [string, string];
    const { state } = await openOwned({ url, prefix });
    return state;
  },
};

/** All key groups on one partition. Closing the state closes the connection too. */
export async function openOwned(
  config: RedisConfig,
  options: LinkOptions = {},
): Promise<{ redis: RedisState; state: PartitionState }> {
  const redis = await openRedisState({
    config,
    partitions: 1,
    pepperFingerprint: PEPPER,
    ...options,
  });
  const state = await redis.partition(0, ALL_GROUPS).catch(async (error: unknown) => {
    await redis.close();
    throw error;
  });
  const close = () => state.close().finally(() => redis.close());
  return {
    redis,
    state: {
      partition: state.partition,
      get epoch() {
        return state.epoch;
      },
      load: () => state.load(),
      commit: (checkpoint) => state.commit(checkpoint),
      close,
    },
  };
}

export function newPrefix(): string {
  return `test-${randomUUID()}`;
}
