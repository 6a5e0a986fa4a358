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
const LENGTH_BYTES = 4;

type Part = LoadedState['groups'][number];
type Open = LoadedState['open'][number];

interface LoadedGroup {
  readonly group: number;
  readonly parts: readonly Part[];
  readonly open: readonly Open[];
  /** digest, value, digest, value, …, packed */
  readonly pages: Buffer[];
  /** Some digests may stand there twice. */
  readonly repeats: boolean;
}

interface Page {
  readonly rows: number;
  readonly bytes: Buffer;
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
  const [parts, open, count, pages] = await Promise.all([
    pairs(link, keys.parts),
    pairs(link, keys.open),
    link.insist(() => link.redis.hlen(keys.subjects)),
    scan(link, keys.subjects),
  ]);
  return {
    group,
    parts: parts.map(([name, bytes]) => ({ group, part: name.toString(), bytes })),
    open: open.map(([digest, body]) => ({ digest, body: body.toString() })),
    pages: pages.map((page) => page.bytes),
    // A scan may answer a field twice while the table is being resized.
    repeats: pages.reduce((sum, page) => sum + page.rows, 0) !== count,
  };
}

/** A hash of few fields, whole. */
async function pairs(link: RedisLink, key: string): Promise<(readonly [Buffer, Buffer])[]> {
  const flat = (await link.insist(() => link.redis.callBuffer('HGETALL', key))) as Buffer[];
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

/** A hash of any number of fields, piece by piece. */
async function scan(link: RedisLink, key: string): Promise<Page[]> {
  const pages: Page[] = [];
  let cursor = '0';
  do {
    const from = cursor;
    const [next, flat] = await link.insist(() =>
      link.redis.hscanBuffer(key, from, 'COUNT', SCAN_COUNT),
    );
    cursor = next.toString();
    pages.push({ rows: flat.length / 2, bytes: packed(flat) });
  } while (cursor !== '0');
  return pages;
}

/**
 * Strings of a page one after the other, each behind its length. A million small buffers that live until all is read
 * cost the collector more than everything else together (measured).
 */
function packed(strings: readonly Buffer[]): Buffer {
  const length = strings.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const string of strings) {
    at = bytes.writeUInt32LE(string.length, at);
    bytes.set(string, at);
    at += string.length;
  }
  return bytes;
}

/** Lets go of each page once its subjects were read. */
function* subjectsOf(loaded: readonly LoadedGroup[]): Generator<SubjectRow> {
  for (const { group, pages, repeats } of loaded) {
    const seen = new Set<string>();
    for (let page = pages.shift(); page !== undefined; page = pages.shift()) {
      for (let at = 0; at < page.length; ) {
        const digest = stringAt(page, at);
        const value = stringAt(page, at + LENGTH_BYTES + digest.length);
        at += 2 * LENGTH_BYTES + digest.length + value.length;
        if (repeats) {
          const name = digest.toString('latin1');
          if (seen.has(name)) continue;
          seen.add(name);
        }
        yield subjectOf(group, digest, value);
      }
    }
  }
}

function stringAt(page: Buffer, at: number): Buffer {
  const from = at + LENGTH_BYTES;
  return page.subarray(from, from + page.readUInt32LE(at));
}
