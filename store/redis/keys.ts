/**
 * Names of our keys in Redis. All keys that one script touches share a hash tag, so that they lie on one node of a
 * cluster.
 *
 *   PREFIX:meta              hash  layout, partitions, pepper
 *   PREFIX:control          hash  see control.ts
 *   PREFIX:{G}:owner         hash  epoch, applied (number of the last checkpoint whose changes are in)
 *   PREFIX:{G}:staged        hash  id (EPOCH:NUMBER), and changes by index, not in yet
 *   PREFIX:{G}:subjects      hash  digest (16 bytes) → id, consumer, record
 *   PREFIX:{G}:parts         hash  name → bytes
 *   PREFIX:{G}:open          hash  digest → JSON
 *   PREFIX:{pN}:owner        hash  epoch, claimant, checkpoint (number), committed (id), position, pepper
 *   PREFIX:{pN}:meta         hash  name → JSON
 *   PREFIX:{pN}:streams      hash  stream → JSON
 *   PREFIX:{pN}:parts        hash  GROUP:name → bytes, of groups that are not this partition's: engine-wide ones
 *
 * G: key group, 0 to 255. N: partition of PREFIX.events in Kafka.
 */

/** Grows when keys or values change their shape. */
export const KEY_LAYOUT = 1;

export interface GroupKeys {
  readonly owner: string;
  readonly staged: string;
  readonly subjects: string;
  readonly parts: string;
  readonly open: string;
}

export interface PartitionKeys {
  readonly owner: string;
  readonly meta: string;
  readonly streams: string;
  readonly parts: string;
}

export function metaKey(prefix: string): string {
  return `${prefix}:meta`;
}

export function controlKey(prefix: string): string {
  return `${prefix}:control`;
}

export function groupKeys(prefix: string, group: number): GroupKeys {
  const under = `${prefix}:{${group}}`;
  return {
    owner: `${under}:owner`,
    staged: `${under}:staged`,
    subjects: `${under}:subjects`,
    parts: `${under}:parts`,
    open: `${under}:open`,
  };
}

export function partitionKeys(prefix: string, partition: number): PartitionKeys {
  const under = `${prefix}:{p${partition}}`;
  return {
    owner: `${under}:owner`,
    meta: `${under}:meta`,
    streams: `${under}:streams`,
    parts: `${under}:parts`,
  };
}
