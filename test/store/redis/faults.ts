/** Owners of a partition whose scripts can be cut off, or repeated later, as a crash or a frozen server does. */
import { after } from 'node:test';
import type { RedisConfig } from '../../../core/config.ts';
import type { Checkpoint, SubjectRow } from '../../../core/store.ts';
import { connectRedis, type RedisLink } from '../../../store/redis/connection.ts';
import { claimPartition, type PartitionState } from '../../../store/redis/partition.ts';
import { defineScripts, type Scripts } from '../../../store/redis/scripts.ts';
import { EMPTY, numbered } from '../rows.ts';
import { PEPPER } from './driver.ts';

export const GROUPS: readonly number[] = [1, 2, 3];
/** More than go into one script. */
const ROWS = 1100;

const LINKS = new Set<RedisLink>();
after(() => {
  for (const link of LINKS) link.close();
});

type Call = () => Promise<unknown>;
/** Called instead of each script, with its name and what carries it out. */
export type Around = (name: string, call: Call) => Promise<unknown>;

export async function openAround(
  config: RedisConfig,
  around: Around,
): Promise<{ state: PartitionState; close(): void }> {
  const link = await connectRedis(config);
  // A connection left open by a failed test would keep the process alive.
  LINKS.add(link);
  const scripts = defineScripts(link.redis);
  const wrapped = Object.fromEntries(
    Object.entries(scripts).map(([name, script]) => [
      name,
      (...args: unknown[]) =>
        around(name, () => (script as (...args: unknown[]) => Promise<unknown>)(...args)),
    ]),
  ) as unknown as Scripts;
  const territory = {
    link,
    scripts: wrapped,
    prefix: config.prefix,
    pepperFingerprint: PEPPER,
    previousFingerprint: undefined,
    committed: async () => undefined,
  };
  const state = await claimPartition(territory, 0, GROUPS);
  return { state, close: () => link.close() };
}

/** Checkpoint n over several groups, of several scripts each: every part says n. Group 9 is not of this partition. */
export function largeCheckpoint(n: number): Checkpoint {
  const subjects: SubjectRow[] = [];
  for (const group of GROUPS.slice(0, 2)) {
    for (let i = 0; i < ROWS; i++) subjects.push(subjectOf(group, i, n));
  }
  subjects.push(subjectOf(GROUPS[2]!, 0, n));
  return {
    ...EMPTY,
    meta: { number: n },
    streams: [{ stream: 'web:1', source: 'web', position: n, finished: false }],
    logPosition: n,
    groups: [
      { group: 1, part: 'sketch', bytes: numbered(n, 2000) },
      { group: 9, part: 'routes', bytes: numbered(n, 100) },
    ],
    // Comes and goes, so that removing is repeated too.
    removedSubjects: [subjectOf(1, 7, n).digest, subjectOf(2, 5000 + n - 1, n).digest],
    subjects: [...subjects, subjectOf(2, 5000 + n, n)],
    open: [{ digest: subjectOf(1, 1, n).digest, body: JSON.stringify({ n }) }],
  };
}

export const LARGE_SUBJECTS = 2 * ROWS + 2;

function subjectOf(group: number, i: number, n: number): SubjectRow {
  const digest = new Uint8Array(16);
  digest[0] = group;
  new DataView(digest.buffer).setUint32(4, i);
  return { group, digest, id: `kong:${group}-${i}`, consumer: '', record: numbered(n, 40) };
}
