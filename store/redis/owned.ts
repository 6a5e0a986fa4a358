/** What the steps of claiming, writing and reading know of a partition and its key groups. */
import type { RedisLink } from './connection.ts';
import { fenced, wentBack } from './errors.ts';
import type { GroupKeys, PartitionKeys } from './keys.ts';
import type { Scripts, Verdict } from './scripts.ts';

export interface Territory {
  readonly link: RedisLink;
  readonly scripts: Scripts;
  readonly prefix: string;
  readonly pepperFingerprint: string;
  readonly previousFingerprint: string | undefined;
  /** Called after each checkpoint. */
  committed(): Promise<void>;
}

export interface OwnedGroup {
  readonly group: number;
  readonly keys: GroupKeys;
  /** Number of the last checkpoint whose changes are in. */
  applied: number;
}

export interface Owned {
  readonly partition: number;
  readonly name: string;
  readonly keys: PartitionKeys;
  readonly groups: ReadonlyMap<number, OwnedGroup>;
  /** Tells our claims from those of others. */
  readonly claimant: string;
  epoch: number;
  /** Number of the last checkpoint. */
  saved: number;
}

/** Throws unless the script was carried out. */
export function judge(owned: Owned, verdict: Verdict): void {
  if (verdict === 0) throw fenced(owned.name);
  if (verdict === -1) throw wentBack(owned.name);
}
