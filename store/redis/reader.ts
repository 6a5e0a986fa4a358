/**
 * Reads the state of all partitions without owning any, for the console. What it reads is as of a checkpoint or in
 * between two, partition by partition: for people to look at, not to go on from.
 */
import type { RedisConfig } from '../../core/config.ts';
import { KEY_GROUPS } from '../../core/event.ts';
import type { SubjectRow } from '../../core/store.ts';
import { subjectOf } from './chunk.ts';
import { connectRedis, type LinkOptions } from './connection.ts';
import { groupKeys, metaKey, partitionKeys } from './keys.ts';
import { type Identity, refuseOthers } from './state.ts';

/** Fields asked for at once. */
const SCAN_COUNT = 500;

export interface StateReader {
  /** Values of a partition's engine by name; those that were never saved are left out. */
  meta(partition: number, names: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** Undefined where there is no such subject. */
  subject(group: number, digest: Uint8Array): Promise<SubjectRow | undefined>;
  /** Subjects of a key group, some at a time; one may come twice. */
  subjects(group: number): AsyncIterable<readonly SubjectRow[]>;
  /** How many subjects there are. */
  count(): Promise<number>;
  /** Fingerprint of the pepper; undefined before the first start of a detect process. */
  pepper(): Promise<string | undefined>;
  /**
   * Rejects with `partitions-changed`, `pepper-mismatch` or `state-newer` (usage) where the state that is kept is not
   * of these. Without a pepper that of the state is taken for ours. Before the first start any is right.
   */
  refuse(ours: { readonly partitions: number } & Partial<Identity>): Promise<void>;
  trouble(): string | undefined;
  close(): void;
}

export async function openStateReader(
  config: RedisConfig,
  options?: LinkOptions,
): Promise<StateReader> {
  const link = await connectRedis(config, options);
  const { redis } = link;
  const { prefix } = config;
  return {
    async meta(partition, names) {
      const { meta } = partitionKeys(prefix, partition);
      const values = await link.insist(() => redis.hmget(meta, ...names));
      return Object.fromEntries(
        names.flatMap((name, i) => {
          const text = values[i];
          return text == null ? [] : [[name, JSON.parse(text) as unknown]];
        }),
      );
    },
    async subject(group, digest) {
      const { subjects } = groupKeys(prefix, group);
      const value = await link.insist(() => redis.hgetBuffer(subjects, Buffer.from(digest)));
      return value === null ? undefined : subjectOf(group, digest, value);
    },
    async *subjects(group) {
      const { subjects } = groupKeys(prefix, group);
      let cursor = '0';
      do {
        const from = cursor;
        const [next, flat] = await link.insist(() =>
          redis.hscanBuffer(subjects, from, 'COUNT', SCAN_COUNT),
        );
        cursor = next.toString();
        const rows: SubjectRow[] = [];
        for (let i = 0; i < flat.length; i += 2)
          rows.push(subjectOf(group, flat[i]!, flat[i + 1]!));
        yield rows;
      } while (cursor !== '0');
    },
    async count() {
      const counts = await Promise.all(
        Array.from({ length: KEY_GROUPS }, (_, group) =>
          link.insist(() => redis.hlen(groupKeys(prefix, group).subjects)),
        ),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async pepper() {
      const kept = await link.insist(() => redis.hget(metaKey(prefix), 'pepper'));
      return kept ?? undefined;
    },
    async refuse(ours) {
      const fields = ['layout', 'partitions', 'pepper'];
      const kept = await link.insist(() => redis.hmget(metaKey(prefix), ...fields));
      const [layout, partitions, pepper] = kept;
      if (layout == null || partitions == null || pepper == null) return;
      refuseOthers(
        prefix,
        { pepperFingerprint: pepper, ...ours },
        { layout: Number(layout), partitions: Number(partitions), pepper },
      );
    },
    trouble: () => link.trouble()?.message,
    close: () => link.close(),
  };
}
