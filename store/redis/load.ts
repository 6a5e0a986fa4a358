/** The whole state of a partition and its key groups, back from Redis. */
import type { StreamPosition } from '../../core/source.ts';
import type { LoadedState, SubjectRow } from '../../core/store.ts';
import { subjectOf } from './chunk.ts';
import type { RedisLink } from './connection.ts';
import type { Owned, OwnedGroup } from './owned.ts';

/** Fields asked for at once: about 1.3 MB of subjects, so that no answer keeps others waiting. */
const SCAN_COUNT = 1000;
/** Key groups read at once. */
const GROUPS_AT_ONCE = 8;

type Part = LoadedState['groups'][number];
type Open = LoadedState['open'][number];

interface LoadedGroup {
  readonly group: number;
  readonly parts: readonly Part[];
  readonly open: readonly Open[];
  /** digest, value, digest, value, … */
  readonly subjects: Buffer[];
}

export async function loadPartition(link: RedisLink, owned: Owned): Promise<LoadedState> {
  const { keys } = owned;
  const [meta, streams, parts, position] = await Promise.all([
    link.insist(() => link.redis.hgetall(keys.meta)),
    link.insist(() => link.redis.hgetall(keys.streams)),
    pairs(link, keys.parts),
    link.insist(() => link.redis.hget(keys.owner, 'position')),
  ]);
  const loaded = await loadGroups(link, [...owned.groups.values()]);
  return {
    meta: Object.fromEntries(
      Object.entries(meta).map(([name, value]) => [name, JSON.parse(value) as unknown]),
    ),
    streams: Object.values(streams).map((value) => JSON.parse(value) as StreamPosition),
    ...(position === null ? {} : { logPosition: Number(position) }),
    groups: [...parts.map(foreignPart), ...loaded.flatMap((one) => one.parts)],
    subjects: subjectsOf(loaded),
    open: loaded.flatMap((one) => one.open),
  };
}

/** The part of a group that is not ours: of the engine as a whole. */
function foreignPart([field, bytes]: readonly [Buffer, Buffer]): Part {
  const name = field.toString();
  const colon = name.indexOf(':');
  return { group: Number(name.slice(0, colon)), part: name.slice(colon + 1), bytes };
}

async function loadGroups(link: RedisLink, groups: readonly OwnedGroup[]): Promise<LoadedGroup[]> {
  const waiting = groups.values();
  const loaded: LoadedGroup[] = [];
  async function lane(): Promise<void> {
    for (const one of waiting) loaded.push(await loadGroup(link, one));
  }
  await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, lane));
  return loaded.sort((a, b) => a.group - b.group);
}

async function loadGroup(link: RedisLink, { group, keys }: OwnedGroup): Promise<LoadedGroup> {
  const [parts, open, subjects] = await Promise.all([
    pairs(link, keys.parts),
    pairs(link, keys.open),
    scan(link, keys.subjects),
  ]);
  return {
    group,
    parts: parts.map(([name, bytes]) => ({ group, part: name.toString(), bytes })),
    open: open.map(([digest, body]) => ({ digest, body: body.toString() })),
    subjects,
  };
}

/** A small hash. */
async function pairs(link: RedisLink, key: string): Promise<(readonly [Buffer, Buffer])[]> {
  const flat = await scan(link, key);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

/** A hash of any size, piece by piece. While its table is resized a scan may answer a field twice. */
async function scan(link: RedisLink, key: string): Promise<Buffer[]> {
  const found: Buffer[] = [];
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const from = cursor;
    const [next, flat] = await link.insist(() =>
      link.redis.hscanBuffer(key, from, 'COUNT', SCAN_COUNT),
    );
    cursor = next.toString();
    for (let i = 0; i < flat.length; i += 2) {
      const name = flat[i]!.toString('latin1');
      if (seen.has(name)) continue;
      seen.add(name);
      found.push(flat[i]!, flat[i + 1]!);
    }
  } while (cursor !== '0');
  return found;
}

/** Lets go of each group once its subjects were read. */
function* subjectsOf(loaded: LoadedGroup[]): Generator<SubjectRow> {
  for (const { group, subjects } of loaded) {
    for (let i = 0; i < subjects.length; i += 2) {
      yield subjectOf(group, subjects[i]!, subjects[i + 1]!);
    }
    subjects.length = 0;
  }
}
