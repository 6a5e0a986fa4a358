/** What the limits of a key depend on: what the registry and the calendar say of it, and what detection knows. */
import type { Addressee, Calendar } from '../../core/calendar.ts';
import type { Clock } from '../../core/clock.ts';
import type { Config } from '../../core/config.ts';
import type { Declared, KeyDirectory } from '../../core/directory.ts';
import { datesOf } from '../../core/key-dates.ts';
import type { LimitFacts } from '../../decide/contract.ts';
import type { DetectionEngine } from '../../detectors/engine/engine.ts';
import { cleanSinceAt, factsOf } from '../../detectors/engine/key-states.ts';
import { settingsOf } from '../../detectors/engine/settings.ts';
import { overlapMs, rotationSettings } from '../../detectors/rotation.ts';
import { savedIdentity } from '../../enrich/digest.ts';

type Overlaps = Parameters<typeof overlapMs>[1];

const HOUR_MS = 3_600_000;

/** What detection knows of a key. */
export interface KnownUse {
  /** '' where neither log nor registry says. */
  readonly consumer: string;
  /** Epoch ms. */
  readonly firstAt: number;
  /** p99 of the requests in its hours. */
  readonly hourP99: number;
  /** Undefined while it is under suspicion. */
  readonly cleanSinceAt: number | undefined;
}

export interface LimitFactsOptions {
  readonly directory: KeyDirectory;
  readonly calendar: Calendar;
  readonly detectors: Config['detectors'];
  readonly clock: Clock;
  /** Undefined: nothing, or nothing yet. */
  known(id: string): KnownUse | undefined;
}

export function createLimitFacts(options: LimitFactsOptions): LimitFacts {
  const { calendar, directory, clock, known } = options;
  const overlaps = settingsOf({ id: 'rotation', config: rotationSettings }, options.detectors);
  return (id) => {
    const now = clock.now();
    const use = known(id);
    const entry = directory.entry(id);
    const consumer = entry?.consumer ?? use?.consumer ?? '';
    const label = entry?.label ?? '';
    return {
      plan: entry?.plan,
      plannedFactor: plannedFactor(calendar, { id, label, consumer }, now),
      sunsetAt: sunsetAt(directory.declared(id, consumer), overlaps),
      ...(use && {
        hourP99: use.hourP99,
        hours: Math.floor((now - use.firstAt) / HOUR_MS),
        cleanSinceAt: use.cleanSinceAt,
      }),
    };
  };
}

/** As it stands in an engine's record; undefined of a key without one. */
export function knownUse(engine: DetectionEngine, id: string): KnownUse | undefined {
  const key = savedIdentity(id);
  const facts = factsOf(engine, key);
  if (facts === undefined) return undefined;
  const { consumer = '', firstAt, busyPerHour } = facts;
  return {
    consumer,
    firstAt: Date.parse(firstAt),
    hourP99: busyPerHour,
    cleanSinceAt: cleanSinceAt(engine, key),
  };
}

/** Times the usual that a planned event lets the key have now; undefined where none is. */
function plannedFactor(calendar: Calendar, key: Addressee, now: number): number | undefined {
  const own = calendar
    .at(now)
    .windows.filter((window) => window.kind === 'planned' && window.concerns(key));
  return own.length === 0 ? undefined : Math.max(...own.map(({ factor }) => factor));
}

/** The end of its life, or of the overlap with the key that took its place, epoch ms; undefined where none is known. */
function sunsetAt(declared: Declared | undefined, overlaps: Overlaps): number | undefined {
  const { entry, successor } = declared ?? {};
  const ends = entry === undefined ? Number.POSITIVE_INFINITY : datesOf(entry).expiresAt;
  const replaced =
    successor === undefined
      ? Number.POSITIVE_INFINITY
      : datesOf(successor).createdAt + overlapMs(entry ?? successor, overlaps);
  const at = Math.min(ends, replaced);
  return Number.isFinite(at) ? at : undefined;
}
