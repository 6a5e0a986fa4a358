/** What a running instance says of itself: readiness, metrics, summary. */
import type { Readiness, Traffic } from '../console/contract.ts';
import type { MetricsSnapshot, SourceMetrics } from '../console/metrics.ts';
import { type Clock, toIsoOrNull } from '../core/clock.ts';
import { rejectedByReason } from '../ingest/reader.ts';
import type { LiveInputs } from './live-inputs.ts';
import type { Session } from './session.ts';
import type { SourceWatch, WatchedSource } from './source-watch.ts';

export interface StatusParts {
  readonly session: Session;
  readonly watch: SourceWatch;
  readonly live: LiveInputs;
  readonly clock: Clock;
  readonly startedAt: number;
}

export function trafficOf(sources: readonly WatchedSource[]): Traffic {
  if (sources.some((source) => source.state === 'live')) return 'live';
  return sources.some((source) => source.counters.records > 0) ? 'silent' : 'none';
}

export function readinessOf({ watch }: StatusParts): Readiness {
  return {
    missing: watch.sources
      .filter((source) => source.state === 'failed')
      .map(({ name, detail }) => ({ name: `source ${name}`, detail })),
    traffic: trafficOf(watch.sources),
  };
}

export function metricsOf(parts: StatusParts): MetricsSnapshot {
  const { session, watch, live, clock } = parts;
  const stats = session.engine.stats();
  const facts = session.store?.facts();
  const now = clock.now();
  const { checkpointAt } = session;
  return {
    sources: watch.sources.map((source) => sourceMetrics(source, parts)),
    events: stats.events,
    subjects: stats.subjects,
    unadmitted: stats.unadmitted,
    findings: stats.findings,
    incidents: stats.incidents,
    openIncidents: stats.openIncidents,
    checkpointAgeMs: checkpointAt === undefined ? undefined : now - checkpointAt,
    checkpointMs: session.checkpointMs,
    lagMs: stats.watermarkAt === undefined ? undefined : now - stats.watermarkAt,
    deadLetters: session.deadLetters.taken,
    deadLetterBytes: facts?.deadLetterBytes ?? 0,
    spoolBytes: live.spool?.bytes ?? 0,
    refusedPushes: live.intake?.refused.get(429) ?? 0,
    stateBytes: facts?.bytes ?? 0,
    traffic: trafficOf(watch.sources),
  };
}

function sourceMetrics(source: WatchedSource, parts: StatusParts): SourceMetrics {
  const { counters, name } = source;
  const applied = parts.session.engine.streams.totals(name);
  return {
    name,
    records: counters.records,
    bytes: counters.bytes,
    rejected: rejectedByReason(counters),
    late: applied.late,
    duplicates: applied.duplicates,
    repeats: applied.repeats,
    clockSkewMs: source.state === 'live' ? source.skewMs : undefined,
  };
}

/** The `summary` of contracts.md, since the start of this process. */
export function summaryNow(parts: StatusParts): object {
  const { session, watch, clock, startedAt } = parts;
  const stats = session.engine.stats();
  const usage = process.resourceUsage();
  const rejected: Record<string, number> = {};
  let records = 0;
  let bytes = 0;
  for (const { counters } of watch.sources) {
    records += counters.records;
    bytes += counters.bytes;
    for (const [reason, count] of Object.entries(rejectedByReason(counters))) {
      rejected[reason] = (rejected[reason] ?? 0) + count;
    }
  }
  const { future = 0, ...others } = rejected;
  return {
    type: 'summary',
    records,
    bytes,
    events: stats.events,
    rejected: others,
    flawed: session.enricher.flawed,
    duplicates: stats.duplicates + stats.repeats,
    late: stats.late,
    future,
    subjects: stats.subjects,
    firstAt: toIsoOrNull(stats.firstAt),
    lastAt: toIsoOrNull(stats.lastAt),
    findings: stats.findings,
    incidents: stats.incidents,
    seconds: (clock.now() - startedAt) / 1000,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    rssMaxBytes: usage.maxRSS * 1024,
  };
}
