/**
 * Many keys that deviate together are a launch, a broken deploy, an outage or a fault of our own; none of them is to
 * blame. Evidence of volume, errors and response times waits until others could have shown the same: one span of the
 * fleet where place or credential speaks against the key as well, else until detection has told incidents of the
 * fleet (two minutes, detectors/engine/fleet-watch.ts). One vote a consumer, and none for young keys: whoever makes
 * a hundred free keys spike has no say. Old ones they may have too: so a key that place or credential speaks
 * against is excused only where a good part of all keys deviates.
 */
import type { Finding } from '../../core/finding.ts';
import { type Case, isAged, openedAt, ownerOf, type Scene } from '../desk/case.ts';
import type { Brakes } from '../policy.ts';
import type { Board } from './board.ts';
import type { Brake } from './brake.ts';

/** Where a key is spoken against otherwise, so many times more have to deviate to excuse it. */
const BACKED_FACTOR = 5;
const SHARED_CAUSES: readonly string[] = ['volume-spike', 'volume-drop', 'error-rate', 'latency'];

/** Whether a cause of the whole fleet shows like that. */
export function maybeShared({ detector, family }: Finding): boolean {
  return family === 'volume' || family === 'errors' || SHARED_CAUSES.includes(detector);
}

/** Called for each revision of an incident, before it is judged. */
export function countVotes(told: Case, { holder, nowMs }: Scene, { crowd }: Board): void {
  const { agedMs } = holder.policy.brakes.fleet;
  if (!isAged(told, agedMs, nowMs)) return;
  for (const finding of told.findings) {
    if (maybeShared(finding) && finding.silencedBy === undefined)
      crowd.vote(ownerOf(told), told.incident.subject.id, openedAt(finding));
  }
}

export const fleet: Brake = Object.freeze<Brake>({
  id: 'fleet',
  summary: 'volume and errors wait for what others show, and what many show accuses none',
  explains: true,

  drops(finding, told, { holder, env }, { crowd }) {
    if (!maybeShared(finding)) return undefined;
    const { brakes } = holder.policy;
    const { consumers, keys, within, activeShare } = isBacked(told)
      ? backedLimits(brakes.fleet)
      : aloneLimits(brakes.fleet);
    const { partOf } = told.incident;
    if (partOf !== undefined && !isBacked(told)) return `part of ${partOf}, which explains it`;
    const at = openedAt(finding);
    const share = Math.ceil(((env.activeKeys?.() ?? 0) * activeShare) / 100);
    const least = Math.max(consumers, share);
    if (crowd.reaches(least, at, within))
      return `${least} consumers or more deviate together: one cause is likelier than as many`;
    const own = crowd.keysOf(ownerOf(told), at, within);
    return own < keys ? undefined : `${own} keys of its consumer deviate together`;
  },

  caps: ({ findings }) =>
    findings.length > 0 && findings.every(maybeShared)
      ? { max: 'throttle-hard', why: 'volume and errors alone do not shut a key out' }
      : undefined,

  waits(finding, told, { holder, nowMs }) {
    if (!maybeShared(finding)) return undefined;
    const { waitMs, waitAloneMs } = holder.policy.brakes.fleet;
    // From when it was told: with lag, what others show comes late as well.
    const untilMs = told.firstToldMs(finding.id) + (isBacked(told) ? waitMs : waitAloneMs);
    if (untilMs <= nowMs) return undefined;
    return { untilMs, why: 'it waits for what other keys show' };
  },
});

interface Limits {
  readonly consumers: number;
  /** Of one consumer. */
  readonly keys: number;
  readonly within: number;
  readonly activeShare: number;
}

function aloneLimits(fleet: Brakes['fleet']): Limits {
  const { consumers, keys, withinAloneMs: within, sharePercent: activeShare } = fleet;
  return { consumers, keys, within, activeShare };
}

/** Whoever holds a few old keys could make them spike together: a consumer of its own excuses nothing here. */
function backedLimits(fleet: Brakes['fleet']): Limits {
  const consumers = BACKED_FACTOR * fleet.consumers;
  const { withinMs: within, backedSharePercent: activeShare } = fleet;
  return { consumers, keys: Number.POSITIVE_INFINITY, within, activeShare };
}

/** Place or credential speaks against the key too: no launch or outage does that. */
function isBacked({ findings }: Case): boolean {
  return findings.some(
    ({ family, score, trust, silencedBy }) =>
      (family === 'place' || family === 'credential') &&
      score >= 4 &&
      trust === 'act' &&
      silencedBy === undefined,
  );
}
