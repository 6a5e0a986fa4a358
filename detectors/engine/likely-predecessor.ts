/**
 * Which key a young one seems to have replaced: an older one of the same consumer that fell quiet as it began, at about
 * the same rate. It is told to people, and never assumed: `predecessor` in the registry is theirs to set.
 */
import type { DetectionEngine } from './engine.ts';
import type { KeyGroup } from './key-group.ts';

const DAY_MS = 86_400_000;
/** A key older than this has a baseline of its own. */
const YOUNG_MS = 60 * DAY_MS;
/** The older one has lived for so long before. */
const OLDER_MS = 7 * DAY_MS;
/** It stopped at most so long before the first use of the young one, and so long after it. */
const BEFORE_MS = 2 * DAY_MS;
const AFTER_MS = 14 * DAY_MS;
/** It is quiet when the young one was used so long after its last use. */
const QUIET_MS = DAY_MS;
/** Rates differ by at most this factor. */
const ALIKE = 4;

export interface LikelyPredecessor {
  readonly id: string;
  /** Its last use, epoch ms. */
  readonly lastAt: number;
}

/** Looks at every key: for one key at a time, when somebody asks. Leaves the judge elsewhere. */
export function likelyPredecessor(
  engine: DetectionEngine,
  group: KeyGroup,
  slot: number,
): LikelyPredecessor | undefined {
  const { judge } = engine;
  const consumer = group.consumerOf(slot);
  if (consumer === '' || group.declared[slot]?.entry?.predecessor !== undefined) return undefined;
  group.bring(judge, slot);
  const { firstAt, lastAt } = judge.header;
  const rate = judge.rate.base();
  if (lastAt - firstAt > YOUNG_MS) return undefined;
  let best: LikelyPredecessor | undefined;
  for (const other of engine.groups) {
    for (let i = 1; i < other.slab.end; i++) {
      const id = other.ids[i]!;
      if (id === '' || (other === group && i === slot)) continue;
      if (other.consumerOf(i) !== consumer) continue;
      other.bring(judge, i);
      const { header } = judge;
      const stoppedAt = header.lastAt - firstAt;
      if (header.firstAt > firstAt - OLDER_MS) continue;
      if (stoppedAt < -BEFORE_MS || stoppedAt > AFTER_MS) continue;
      if (lastAt - header.lastAt < QUIET_MS) continue;
      const ratio = judge.rate.base() / rate;
      if (!(ratio <= ALIKE && ratio >= 1 / ALIKE)) continue;
      if (best === undefined || distance(header.lastAt, firstAt) < distance(best.lastAt, firstAt)) {
        best = { id, lastAt: header.lastAt };
      }
    }
  }
  return best;
}

function distance(a: number, b: number): number {
  return Math.abs(a - b);
}
