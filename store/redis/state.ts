/** State of the detectors in Redis, for the distributed form: who it belongs to, and its partitions. */
import type { RedisConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { connectRedis, type LinkOptions } from './connection.ts';
import { KEY_LAYOUT, metaKey } from './keys.ts';
import type { Territory } from './owned.ts';
import { checkPepper, claimPartition, type PartitionState } from './partition.ts';
import { defineScripts } from './scripts.ts';

export type { PartitionState } from './partition.ts';

/** What a state is of, for life. */
export interface Identity {
  /** Partitions of PREFIX.events: recorded at first use, and fixed from then on. */
  readonly partitions: number;
  readonly pepperFingerprint: string;
  /** Of the pepper before, while it is being changed. */
  readonly previousFingerprint?: string | undefined;
}

export interface RedisStateOptions extends LinkOptions, Identity {
  readonly config: RedisConfig;
}

export interface RedisState {
  /**
   * Takes over a partition with its key groups: whoever had it is fenced from here on. Rejects with `fenced` when
   * somebody else takes it over at the same time.
   */
  partition(partition: number, groups: readonly number[]): Promise<PartitionState>;
  /** What is wrong with the connection; undefined while it is ready. */
  trouble(): KeyhoundError | undefined;
  close(): Promise<void>;
}

/**
 * Connects, and refuses what is not ours: throws `partitions-changed`, `pepper-mismatch`, `state-newer` (usage),
 * `redis-away`, `redis-login`, … (operating).
 */
export async function openRedisState(options: RedisStateOptions): Promise<RedisState> {
  const { config, pepperFingerprint, previousFingerprint } = options;
  const link = await connectRedis(config, options);
  try {
    const scripts = defineScripts(link.redis);
    const meta = metaKey(config.prefix);
    const kept = await link.insist(() =>
      scripts.identify(meta, KEY_LAYOUT, options.partitions, pepperFingerprint),
    );
    refuseOthers(config.prefix, options, kept);
    let pepper = kept.pepper;
    const territory: Territory = {
      link,
      scripts,
      prefix: config.prefix,
      pepperFingerprint,
      previousFingerprint,
      async committed() {
        if (pepper === pepperFingerprint) return;
        await link.insist(() => scripts.repepper(meta, pepper, pepperFingerprint));
        pepper = pepperFingerprint;
      },
    };
    return {
      partition: (partition, groups) => claimPartition(territory, partition, groups),
      trouble: () => link.trouble(),
      close: async () => link.close(),
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Throws `state-newer`, `partitions-changed`, `pepper-mismatch` unless the state that is kept is ours. */
export function refuseOthers(
  prefix: string,
  ours: Identity,
  kept: { readonly layout: number; readonly partitions: number; readonly pepper: string },
): void {
  checkLayout(prefix, kept.layout);
  checkPartitions(prefix, kept.partitions, ours.partitions);
  checkPepper(ours, 'this installation', kept.pepper);
}

function checkLayout(prefix: string, kept: number): void {
  if (kept === KEY_LAYOUT) return;
  throw new KeyhoundError(
    'usage',
    `the state under ${prefix}: in Redis is of another Keyhound (layout ${kept}; this one knows ${KEY_LAYOUT})`,
    {
      code: 'state-newer',
      hint: 'Run the Keyhound that wrote it, or choose another `redis.prefix`.',
    },
  );
}

function checkPartitions(prefix: string, kept: number, given: number): void {
  if (kept === given) return;
  throw new KeyhoundError(
    'usage',
    `the state under ${prefix}: in Redis is of ${kept} partitions, the configuration names ${given}`,
    {
      code: 'partitions-changed',
      hint: `Set \`kafka.partitions\` to ${kept}: the number is fixed with the first start.`,
    },
  );
}
