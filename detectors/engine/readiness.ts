/**
 * How far a detector may be trusted with a key: learning, ready, degraded (and why), or unprotected.
 *
 * What the key's own record tells comes first; what is known of its source (silent, late, a wrong clock) and of the
 * geography data degrades what would be ready. Nothing here changes a score.
 */
import { LACKS, lacking } from './carried.ts';
import type { Coverage, SourceHealth } from './contract.ts';
import type { Judge, Seat } from './judge.ts';

export const READINESS_STATES = ['ready', 'learning', 'degraded', 'unprotected'] as const;
export type ReadinessState = (typeof READINESS_STATES)[number];

export interface Verdict {
  readonly state: ReadinessState;
  readonly sinceAt: number;
  readonly untilAt?: number;
  readonly why?: string;
}

/** Fewer requests than these may lack something by chance. */
const REQUESTS_TO_LACK = 20;
/** Shares of a source's records from which what it sends is not the whole truth. */
const FUTURE_SHARE_MAX = 0.01;
const LOST_SHARE_MAX = 0.01;
const LATE_SHARE_MAX = 0.05;
const KEYLESS_SHARE_MAX = 0.5;
/** Of so few records no share is worth telling. */
const RECORDS_MIN = 100;
const AHEAD_MS_MAX = 60_000;
/** What a gap hid is missing from the windows of a day. */
const GAP_MS = 86_400_000;
const PLACES_DAYS_MAX = 365;
const DAY_MS = 86_400_000;

/** Of the record that the judge stands on, which faces its last second. `source`: what is known of its source. */
export function readinessOf(
  judge: Judge,
  seat: Seat,
  coverage: Coverage,
  source: SourceHealth | undefined,
): Verdict {
  const { detector, settings } = seat;
  const { header, subject } = judge;
  const sinceAt = header.firstAt;
  const unprotected = (why: string): Verdict => ({ state: 'unprotected', sinceAt, why });
  if (!settings.enabled) return unprotected('switched off');
  const undeclared = detector.undeclared?.(subject);
  if (undeclared !== undefined) return unprotected(undeclared);
  if (header.events >= REQUESTS_TO_LACK && detector.needs !== undefined) {
    const need = lacking(judge.carried(), detector.needs);
    if (need !== undefined) return unprotected(LACKS[need]);
  }
  const readyAt = detector.readyAt(subject, settings);
  if (header.lastAt < readyAt) return { state: 'learning', sinceAt, untilAt: readyAt };
  if (detector.usesPlaces && coverage.geographyBuiltAt !== undefined) {
    const days = detector.placesDaysMax ?? PLACES_DAYS_MAX;
    const staleAt = coverage.geographyBuiltAt + days * DAY_MS;
    if (header.lastAt >= staleAt) {
      const age = Math.floor((header.lastAt - coverage.geographyBuiltAt) / DAY_MS);
      return { state: 'degraded', sinceAt: staleAt, why: `geography data ${age} days old` };
    }
  }
  return troubleOf(source, header.lastAt) ?? { state: 'ready', sinceAt: readyAt };
}

/** What is wrong with a source, as its keys see it. */
function troubleOf(source: SourceHealth | undefined, lastAt: number): Verdict | undefined {
  if (source === undefined) return undefined;
  const degraded = (sinceAt: number, why: string): Verdict => ({ state: 'degraded', sinceAt, why });
  const percent = (share: number): string => `${Math.max(1, Math.round(100 * share))} %`;
  if (source.silentSinceAt !== undefined)
    return degraded(source.silentSinceAt, 'its source is silent');
  const { gap, records, future, late, keyless, lost = 0, sinceAt } = source;
  if (gap !== undefined && lastAt < gap.toAt + GAP_MS) {
    const minutes = Math.round((gap.toAt - gap.fromAt) / 60_000);
    return degraded(gap.fromAt, `its source was silent for ${minutes} minutes`);
  }
  if (source.aheadMs > AHEAD_MS_MAX) {
    return degraded(
      sinceAt,
      `clock skew: its source is ${Math.round(source.aheadMs / 1000)} s ahead`,
    );
  }
  if (records < RECORDS_MIN) return undefined;
  if (future / records > FUTURE_SHARE_MAX) {
    return degraded(
      sinceAt,
      `clock skew: ${percent(future / records)} of its source's records are of the future`,
    );
  }
  if (lost / (records + lost) > LOST_SHARE_MAX) {
    const share = percent(lost / (records + lost));
    return degraded(sinceAt, `${share} of its source's records are lost on the way`);
  }
  if (late / records > LATE_SHARE_MAX) {
    return degraded(sinceAt, `${percent(late / records)} of its source's records come too late`);
  }
  if (keyless / records > KEYLESS_SHARE_MAX) {
    return degraded(sinceAt, `${percent(keyless / records)} of its source's records prove no key`);
  }
  return undefined;
}
