/**
 * A rotated key goes on where the key that it replaces has left off: the registry says so (`predecessor`).
 *
 * What was learned is copied at its first use: the baselines and the state of every detector but those that hold a
 * key against its own declaration (family `credential`). Its header is its own, so its uses count from 0; the age
 * of its baseline is the predecessor's. Works across key groups of one process; where the predecessor is of
 * another one, or has no record, the key starts as any new key does.
 */
import type { Judge } from './judge.ts';
import type { KeyGroup } from './key-group.ts';
import { copyPart } from './layout.ts';

/** The judge stands on the new record in `slot`, begun at this event. */
export function inherit(
  judge: Judge,
  groups: readonly KeyGroup[],
  group: KeyGroup,
  slot: number,
): void {
  const predecessor = group.declared[slot]?.entry?.predecessor;
  if (predecessor === undefined) return;
  const record = recordOf(groups, predecessor);
  if (record === undefined) return;
  const memory = group.slab.memoryOf(slot);
  const offset = group.slab.offset(slot);
  const { parts } = judge.layout;
  for (const part of parts) {
    if (part === parts[0] || ownParts(judge).has(part.id)) continue;
    copyPart(part, record, part, memory, offset);
  }
  judge.header.priorDay = 0;
}

function ownParts({ seats }: Judge): Set<string> {
  const own = seats.filter(({ detector }) => detector.family === 'credential');
  return new Set(own.map(({ detector }) => detector.id));
}

/** By name, as an id alone does not tell the group: seldom enough for a search. */
function recordOf(groups: readonly KeyGroup[], id: string): Uint8Array | undefined {
  for (const { ids, slab } of groups) {
    const slot = ids.indexOf(id, 1);
    if (slot > 0) return slab.bytesOf(slot);
  }
  return undefined;
}
