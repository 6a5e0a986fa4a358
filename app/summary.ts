/** The `summary` line of contracts.md, the same from `replay` and from a running instance. */
import { alertBudget } from '../core/alert-budget.ts';
import { toIsoOrNull } from '../core/clock.ts';
import type { ReadinessCounts } from '../detectors/engine/census.ts';
import { type ReaderCounters, rejectedByReason } from '../ingest/reader.ts';
import type { ReplaySummary } from './contract.ts';
import type { Session } from './session.ts';

/** What was read and used since the start. */
export interface Spent {
  /** One a source, or one for all. */
  readonly counters: readonly ReaderCounters[];
  readonly elapsedMs: number;
  readonly cpuMicros: number;
  /** `alerts.perDay` of the configuration. */
  readonly alertsPerDay?: number | undefined;
  /** Keys × detectors; undefined while they are counted for the first time. */
  readonly readiness?: ReadinessCounts | undefined;
}

export interface SummaryParts {
  readonly engine: Pick<Session['engine'], 'stats'>;
  readonly enricher: Pick<Session['enricher'], 'flawed'>;
}

export function summaryOf(
  { engine, enricher }: SummaryParts,
  { counters, elapsedMs, cpuMicros, alertsPerDay, readiness }: Spent,
): Omit<ReplaySummary, 'sources' | 'damaged'> {
  const stats = engine.stats();
  const { future = 0, ...rejected } = rejectedOf(counters);
  return {
    type: 'summary',
    records: counters.reduce((sum, { records }) => sum + records, 0),
    bytes: counters.reduce((sum, { bytes }) => sum + bytes, 0),
    events: stats.events,
    rejected,
    flawed: Object.fromEntries(Object.entries(enricher.flawed).filter(([, count]) => count > 0)),
    duplicates: stats.duplicates + stats.repeats,
    late: stats.late,
    future,
    subjects: stats.subjects,
    unadmitted: stats.unadmitted,
    claimed: stats.claimed,
    firstAt: toIsoOrNull(stats.firstAt),
    lastAt: toIsoOrNull(stats.lastAt),
    findings: stats.findings,
    incidents: stats.incidents,
    silenced: stats.silenced,
    partOf: stats.partOf,
    closedAs: stats.closedAs,
    heldBack: stats.heldBack,
    ...(alertsPerDay === undefined
      ? {}
      : { budget: alertBudget(stats.risks, stats.spanMs, alertsPerDay) }),
    ...(readiness === undefined ? {} : { readiness }),
    seconds: elapsedMs / 1000,
    cpuSeconds: cpuMicros / 1e6,
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
  };
}

function rejectedOf(counters: readonly ReaderCounters[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const each of counters) {
    for (const [reason, count] of Object.entries(rejectedByReason(each))) {
      sums[reason] = (sums[reason] ?? 0) + count;
    }
  }
  return sums;
}
