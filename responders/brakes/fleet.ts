/**
 * Many keys that deviate together are a launch, a broken deploy, an outage or a fault of our own; none of them is to
 * blame. Evidence of volume, errors and response times waits until others could have shown the same: one span of the
 * fleet where place or credential speaks against the key as well, else until detection has told incidents of the
 * fleet (two minutes, detectors/engine/fleet-watch.ts). One vote a consumer, and none for young keys: whoever makes
 * a hundred free keys spike has no say.
 */
import type { Finding } from '../../core/finding.ts';
import { type Case, isAged, openedAt, ownerOf, type Scene } from '../desk/case.ts';
import type { Board } from './board.ts';
import type { Brake } from './brake.ts';

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
      crowd.vote(ownerOf(told), openedAt(finding));
  }
}

export const fleet: Brake = Object.freeze<Brake>({
  id: 'fleet',
  summary: 'volume and errors wait for what others show, and what many show accuses none',
  explains: true,

  drops(finding, { incident }, { holder, env }, { crowd }) {
    if (!maybeShared(finding)) return undefined;
    if (incident.partOf !== undefined) return `part of ${incident.partOf}, which explains it`;
    const { consumers, sharePercent, withinMs } = holder.policy.brakes.fleet;
    const least = Math.max(consumers, Math.ceil(((env.activeKeys?.() ?? 0) * sharePercent) / 100));
    const together = crowd.owners(openedAt(finding), withinMs);
    if (together < least) return undefined;
    return `${together} consumers deviate together: one cause is likelier than ${together}`;
  },

  waits(finding, { findings }, { holder, nowMs }) {
    if (!maybeShared(finding)) return undefined;
    const { waitMs, waitAloneMs } = holder.policy.brakes.fleet;
    const backed = findings.some(
      ({ family, score, trust, silencedBy }) =>
        (family === 'place' || family === 'credential') &&
        score >= 4 &&
        trust === 'act' &&
        silencedBy === undefined,
    );
    const untilMs = openedAt(finding) + (backed ? waitMs : waitAloneMs);
    if (untilMs <= nowMs) return undefined;
    return { untilMs, why: 'it waits for what other keys show' };
  },
});
