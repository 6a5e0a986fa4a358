/** The first step of a checkpoint: its changes, laid ready beside the state of each key group. */
import { assert } from '../../core/errors.ts';
import { keyGroupOfDigest } from '../../core/event.ts';
import type { Checkpoint } from '../../core/store.ts';
import { Chunk } from './chunk.ts';
import { judge, type Owned, type OwnedGroup, type Territory } from './owned.ts';
import { type Attempt, GROUP_LISTS, PARTITION_LISTS } from './scripts.ts';

/** Of one script: bounds how long it keeps others waiting (docs/redis.md has the figures). */
const CHUNK_ROWS_MAX = 500;
const CHUNK_BYTES_MAX = 1 << 19;
/** Chunks on their way at once. */
const IN_FLIGHT_MAX = 8;

export interface Staged {
  /** How many chunks by key group. */
  readonly staged: ReadonlyMap<number, number>;
  /** What goes to the partition itself. */
  readonly chunk: Buffer;
}

export async function stageCheckpoint(
  territory: Territory,
  owned: Owned,
  at: Attempt,
  checkpoint: Checkpoint,
): Promise<Staged> {
  const outlet = createOutlet(territory, owned, at);
  try {
    const chunk = await stageEngine(owned, outlet, checkpoint);
    // Removed first: a subject that left and came back within one checkpoint must stay.
    for (const digest of checkpoint.removedSubjects) {
      const to = await outlet.chunkOf(keyGroupOfDigest(digest));
      to.remove(GROUP_LISTS.removedSubjects, digest);
    }
    for (const row of checkpoint.subjects) {
      let to = outlet.open(row.group);
      if (isFull(to)) to = await outlet.chunkOf(row.group);
      to.putSubject(GROUP_LISTS.subjects, row);
    }
    return { staged: await outlet.finish(), chunk };
  } catch (error) {
    await outlet.abandon();
    throw error;
  }
}

/** Parts and open incidents; answers what belongs to the partition itself. */
async function stageEngine(owned: Owned, outlet: Outlet, checkpoint: Checkpoint): Promise<Buffer> {
  const own = new Chunk(Object.keys(PARTITION_LISTS).length);
  for (const { group, part } of checkpoint.removedGroupParts) {
    if (owned.groups.has(group)) {
      (await outlet.chunkOf(group)).remove(GROUP_LISTS.removedParts, part);
    } else own.remove(PARTITION_LISTS.removedParts, `${group}:${part}`);
  }
  for (const { group, part, bytes } of checkpoint.groups) {
    if (owned.groups.has(group)) {
      (await outlet.chunkOf(group)).put(GROUP_LISTS.parts, part, bytes);
    } else own.put(PARTITION_LISTS.parts, `${group}:${part}`, bytes);
  }
  for (const { digest, body } of checkpoint.open) {
    const to = await outlet.chunkOf(keyGroupOfDigest(digest));
    if (body === null) to.remove(GROUP_LISTS.closed, digest);
    else to.put(GROUP_LISTS.open, digest, body);
  }
  for (const [name, value] of Object.entries(checkpoint.meta)) {
    if (value !== undefined) own.put(PARTITION_LISTS.meta, name, JSON.stringify(value));
  }
  for (const row of checkpoint.streams) {
    own.put(PARTITION_LISTS.streams, row.stream, JSON.stringify(row));
  }
  return own.pack();
}

interface Filling {
  readonly one: OwnedGroup;
  readonly chunk: Chunk;
  next: number;
}

type Outlet = ReturnType<typeof createOutlet>;

/** Fills a chunk for each group, and sends it when it is full. */
function createOutlet({ link, scripts }: Territory, owned: Owned, at: Attempt) {
  const fillings = new Map<number, Filling>();
  const inFlight: Promise<void>[] = [];

  function fillingOf(group: number): Filling {
    let filling = fillings.get(group);
    if (filling === undefined) {
      const one = owned.groups.get(group);
      assert(one !== undefined, `key group ${group} belongs to ${owned.name}`);
      filling = { one, chunk: emptyChunk(), next: 0 };
      fillings.set(group, filling);
    }
    return filling;
  }

  async function send(filling: Filling): Promise<void> {
    if (inFlight.length >= IN_FLIGHT_MAX) await inFlight.shift();
    const { one, chunk } = filling;
    const index = filling.next++;
    const bytes = chunk.pack();
    const sent = link
      .insist(() => scripts.stage(one.keys, at, one.applied, index, bytes))
      .then((verdict) => judge(owned, verdict));
    // It is awaited later on; until then its failure is nobody's.
    sent.catch(() => undefined);
    inFlight.push(sent);
  }

  return {
    open: (group: number) => fillingOf(group).chunk,
    /** A chunk with room. */
    async chunkOf(group: number): Promise<Chunk> {
      const filling = fillingOf(group);
      if (isFull(filling.chunk)) await send(filling);
      return filling.chunk;
    },
    async finish(): Promise<Map<number, number>> {
      for (const filling of fillings.values()) {
        if (filling.chunk.rows > 0) await send(filling);
      }
      await Promise.all(inFlight);
      return new Map([...fillings].map(([group, { next }]) => [group, next]));
    },
    abandon: () => Promise.allSettled(inFlight),
  };
}

function emptyChunk(): Chunk {
  return new Chunk(Object.keys(GROUP_LISTS).length);
}

function isFull(chunk: Chunk): boolean {
  return chunk.rows >= CHUNK_ROWS_MAX || chunk.length >= CHUNK_BYTES_MAX;
}
