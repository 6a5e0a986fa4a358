/** What a running instance says of itself: readiness, metrics, summary. */
import type { Readiness, Traffic } from '../console/contract.ts';
import type { MetricsSnapshot, SourceMetrics } from '../console/metrics.ts';
import type { ResponseMetrics } from '../console/response-metrics.ts';
import type { Clock } from '../core/clock.ts';
import type { EngineStats } from '../detectors/engine/contract.ts';
import { rejectedByReason } from '../ingest/reader.ts';
import type { LiveInputs } from './live-inputs.ts';
import type { ReadinessBoard } from './readiness-board.ts';
import type { Sequence } from './sequence.ts';
import type { Session } from './session.ts';
import type { SourceWatch, WatchedSource } from './source-watch.ts';
import { summaryOf } from './summary.ts';

export interface StatusParts {
  readonly session: Session;
  readonly watch: SourceWatch;
  readonly live: LiveInputs;
  readonly board: ReadinessBoard;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly alertsPerDay: number | undefined;
  response(): ResponseMetrics;
}

export function trafficOf(sources: readonly WatchedSource[]): Traffic {
  if (sources.some((source) => source.state === 'live')) return 'live';
  return sources.some((source) => source.counters.records > 0) ? 'silent' : 'none';
}

/**
 * What sources lack: those that failed, those of Kafka that cannot read at the moment, and a spool that takes nothing
 * of what is sent.
 */
export function sourceTroubles({ watch, live }: Pick<StatusParts, 'watch' | 'live'>): Trouble[] {
  const failed = watch.sources.filter((source) => source.state === 'failed');
  const troubled = live.inputs.flatMap(({ source: { name, state }, kafka }) => {
    const detail = state === 'failed' ? undefined : kafka?.trouble();
    return detail === undefined ? [] : [{ name, detail }];
  });
  const ofSources = [...failed, ...troubled];
  return [
    ...ofSources.map(({ name, detail }) => ({ name: `source ${name}`, detail })),
    ...spoolTroubles(live.spool),
  ];
}

function spoolTroubles(spool: LiveInputs['spool']): Trouble[] {
  const error = spool?.trouble;
  if (error === undefined) return [];
  const detail = `${error.message}, senders are refused. ${error.hint ?? ''}`.trim();
  return [{ name: 'spool', detail }];
}

interface Trouble {
  readonly name: string;
  readonly detail: string;
}

export function readinessOf({ watch, live }: StatusParts): Readiness {
  return { missing: sourceTroubles({ watch, live }), traffic: trafficOf(watch.sources) };
}

/** What an engine says of itself, or several together. */
export function engineMetrics(stats: EngineStats) {
  const { events, subjects, unadmitted, findings, incidents, openIncidents } = stats;
  const { silenced, partOf, closedAs, heldBack } = stats;
  return {
    ...{ events, subjects, unadmitted, findings, incidents, openIncidents },
    ...{ silenced, partOf, closedAs, heldBack },
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
    ...engineMetrics(stats),
    readiness: parts.board.latest()?.detectors,
    checkpointAgeMs: checkpointAt === undefined ? undefined : now - checkpointAt,
    checkpointMs: session.checkpointMs,
    lagMs: stats.watermarkAt === undefined ? undefined : now - stats.watermarkAt,
    deadLetters: session.deadLetters.taken,
    deadLetterBytes: facts?.deadLetterBytes ?? 0,
    spoolBytes: live.spool?.bytes ?? 0,
    refusedPushes: live.intake?.refused.get(429) ?? 0,
    stateBytes: facts?.bytes ?? 0,
    traffic: trafficOf(watch.sources),
    response: parts.response(),
  };
}

export function sourceMetrics(
  source: WatchedSource,
  parts: {
    readonly session: { readonly engine: Pick<Sequence, 'streams'> };
    readonly live: Pick<LiveInputs, 'inputs'>;
  },
): SourceMetrics {
  const { counters, name } = source;
  const { session, live } = parts;
  const kafka = live.inputs.find((input) => input.source === source)?.kafka?.status();
  const applied = session.engine.streams.totals(name);
  return {
    name,
    records: counters.records,
    bytes: counters.bytes,
    rejected: rejectedByReason(counters),
    late: applied.late,
    duplicates: applied.duplicates,
    repeats: applied.repeats,
    lost: source.losses?.(),
    refusedConnections: source.refused?.(),
    clockSkewMs: source.state === 'live' ? source.skewMs : undefined,
    kafka,
  };
}

/** The `summary` of contracts.md, since the start of this process. */
export function summaryNow(parts: StatusParts): object {
  const { session, watch, board, clock, startedAt, alertsPerDay } = parts;
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return summaryOf(session, {
    counters: watch.sources.map(({ counters }) => counters),
    elapsedMs: clock.now() - startedAt,
    cpuMicros: userCPUTime + systemCPUTime,
    alertsPerDay,
    readiness: board.latest()?.total,
  });
}
