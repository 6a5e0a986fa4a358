/**
 * State of one partition: its own, and that of its key groups. A checkpoint is written in two steps, so that it is
 * whole for all of them at one instant and yet no script takes long: changes are staged beside each group's state,
 * then the partition's script names the checkpoint (from there on it counts), then the staged changes are brought in.
 * Whoever claims the partition after a crash finishes the third step, or leaves what was never named.
 */
import { randomUUID } from 'node:crypto';
import { KeyhoundError } from '../../core/errors.ts';
import type { Checkpoint, LoadedState, StateStore } from '../../core/store.ts';
import { Turns } from '../../core/turns.ts';
import { stageCheckpoint } from './commit.ts';
import { fenced, wentBack } from './errors.ts';
import { groupKeys, partitionKeys } from './keys.ts';
import { loadPartition } from './load.ts';
import { judge, type Owned, type OwnedGroup, type Territory } from './owned.ts';

export interface PartitionState extends StateStore {
  readonly partition: number;
  /** Of our ownership. Grows with each claim, also with those after a failed commit. */
  readonly epoch: number;
}

export async function claimPartition(
  territory: Territory,
  partition: number,
  groups: readonly number[],
): Promise<PartitionState> {
  const { prefix } = territory;
  const owned: Owned = {
    partition,
    name: `partition ${partition}`,
    keys: partitionKeys(prefix, partition),
    groups: new Map(
      groups.map((group) => [group, { group, keys: groupKeys(prefix, group), applied: 0 }]),
    ),
    claimant: randomUUID(),
    epoch: 0,
    saved: 0,
  };
  await claim(territory, owned);
  return ownedState(territory, owned);
}

function ownedState(territory: Territory, owned: Owned): PartitionState {
  /** Two checkpoints never mix. */
  const turns = new Turns();
  /** What ends our ownership for good. */
  let lost: KeyhoundError | undefined;
  /** The last attempt failed: nobody knows how far it came before ownership is claimed anew. */
  let uncertain = false;

  async function settled<T>(run: () => Promise<T>): Promise<T> {
    if (lost !== undefined) throw lost;
    try {
      if (uncertain) await claim(territory, owned);
      uncertain = true;
      const result = await run();
      uncertain = false;
      return result;
    } catch (error) {
      if (isLost(error)) lost = error;
      throw error;
    }
  }

  return {
    partition: owned.partition,
    get epoch() {
      return owned.epoch;
    },
    load: () => turns.take(() => settled(() => load(territory, owned))),
    commit: (checkpoint) => turns.take(() => settled(() => commit(territory, owned, checkpoint))),
    close: () => turns.take(async () => undefined),
  };
}

async function load(territory: Territory, owned: Owned): Promise<LoadedState | undefined> {
  return owned.saved === 0 ? undefined : await loadPartition(territory.link, owned);
}

async function commit(territory: Territory, owned: Owned, checkpoint: Checkpoint): Promise<void> {
  const { link, scripts, pepperFingerprint } = territory;
  const at = { epoch: owned.epoch, number: owned.saved + 1 };
  const { staged, chunk } = await stageCheckpoint(territory, owned, at, checkpoint);
  judge(
    owned,
    await link.insist(() =>
      scripts.commit(owned.keys, at, checkpoint.logPosition, pepperFingerprint, chunk),
    ),
  );
  owned.saved = at.number;
  const id = `${at.epoch}:${at.number}`;
  await Promise.all(
    [...staged].map(([group, chunks]) =>
      bringIn(territory, owned, owned.groups.get(group)!, id, [...Array(chunks).keys()]),
    ),
  );
  await territory.committed();
}

/** Raises the epoch of partition and groups, and finishes what the owner before had committed. */
async function claim(territory: Territory, owned: Owned): Promise<void> {
  const { link } = territory;
  await claimEpoch(territory, owned);
  const [checkpoint, committed, pepper] = await link.insist(() =>
    link.redis.hmget(owned.keys.owner, 'checkpoint', 'committed', 'pepper'),
  );
  checkPepper(territory, owned.name, pepper ?? undefined);
  owned.saved = Number(checkpoint ?? 0);
  const id = committed ?? '';
  await Promise.all([...owned.groups.values()].map((one) => claimGroup(territory, owned, one, id)));
}

/**
 * From the epoch that stands there (the first time) or from our own. The partition comes first, then its groups one
 * by one: an owner before us that still writes to a group not claimed yet cannot commit it any more.
 */
async function claimEpoch({ link, scripts }: Territory, owned: Owned): Promise<void> {
  const { keys, claimant } = owned;
  for (;;) {
    const [kept, by] = await link.insist(() => link.redis.hmget(keys.owner, 'epoch', 'claimant'));
    const epoch = Number(kept ?? 0);
    // A claim of ours that had timed out may have been carried out since.
    if (owned.epoch !== 0 && epoch > owned.epoch && by !== claimant) throw fenced(owned.name);
    if (epoch < owned.epoch) throw wentBack(owned.name);
    if (await link.insist(() => scripts.claimPartition(keys, epoch, claimant))) {
      owned.epoch = epoch + 1;
      return;
    }
  }
}

async function claimGroup(
  territory: Territory,
  owned: Owned,
  one: OwnedGroup,
  committed: string,
): Promise<void> {
  const { link, scripts } = territory;
  const claimed = await link.insist(() => scripts.claimGroup(one.keys, owned.epoch, committed));
  if (claimed === undefined) throw fenced(`key group ${one.group}`);
  one.applied = claimed.applied;
  if (claimed.staged !== undefined) {
    await bringIn(territory, owned, one, committed, claimed.staged);
  }
}

async function bringIn(
  { link, scripts }: Territory,
  owned: Owned,
  one: OwnedGroup,
  id: string,
  indexes: readonly number[],
): Promise<void> {
  // When only the closing of the last one is missing, any index closes it.
  const all = indexes.length === 0 ? [0] : indexes;
  for (const [i, index] of all.entries()) {
    const last = i === all.length - 1;
    judge(owned, await link.insist(() => scripts.apply(one.keys, owned.epoch, id, index, last)));
  }
  one.applied = Number(id.slice(id.indexOf(':') + 1));
}

function isLost(error: unknown): error is KeyhoundError {
  return error instanceof KeyhoundError && error.code === 'fenced';
}

/** Throws `pepper-mismatch` unless nothing was kept, or under one of our peppers. */
export function checkPepper(
  peppers: {
    readonly pepperFingerprint: string;
    readonly previousFingerprint?: string | undefined;
  },
  what: string,
  kept: string | undefined,
): void {
  const { pepperFingerprint: given, previousFingerprint: previous } = peppers;
  if (kept === undefined || kept === given || kept === previous) return;
  throw new KeyhoundError(
    'usage',
    `the state of ${what} in Redis was made with another pepper (fingerprint ${kept}, given ${given})`,
    {
      code: 'pepper-mismatch',
      hint:
        'Set KEYHOUND_PEPPER or KEYHOUND_PEPPER_FILE to the pepper that this state was made with, the same on every ' +
        'host. To change it, give that one as KEYHOUND_PEPPER_PREVIOUS or KEYHOUND_PEPPER_FILE_PREVIOUS beside the ' +
        'new one.',
    },
  );
}
