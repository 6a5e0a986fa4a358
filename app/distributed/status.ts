/** What a process of the distributed form says of itself: what it lacks, and its figures. */
import type { Missing, Readiness, Traffic } from '../../console/contract.ts';
import type {
  AppliedMetrics,
  MetricsSnapshot,
  PartitionLagMetrics,
} from '../../console/metrics.ts';
import type { PartitionConsumer } from '../../core/broker.ts';
import { systemClock } from '../../core/clock.ts';
import type { EngineStats } from '../../detectors/engine/contract.ts';
import { createCounters } from '../../ingest/reader.ts';
import type { TopicWatch } from '../../store/kafka/topic-watch.ts';
import { engineMetrics, sourceMetrics, trafficOf } from '../run-status.ts';
import { summaryOf } from '../summary.ts';
import type { ConsoleRole } from './console.ts';
import type { DecideRole } from './decide.ts';
import type { DetectRole } from './detect.ts';
import type { IndexWriter } from './index-writer.ts';
import type { IngestRole } from './ingest.ts';
import type { RespondRole } from './respond.ts';

/** The roles that run in this process. */
export interface RunningRoles {
  readonly ingest?: IngestRole | undefined;
  readonly detect?: DetectRole | undefined;
  readonly respond?: RespondRole | undefined;
  readonly decide?: DecideRole | undefined;
  readonly index?: IndexWriter | undefined;
  readonly console?: ConsoleRole | undefined;
  readonly topics?: TopicWatch | undefined;
  /** What keeps the roles from being opened. */
  readonly lack?: Missing | undefined;
}

export function readinessOf(running: RunningRoles): Readiness {
  const { ingest, detect, respond, decide, index, console, lack } = running;
  const missing: Missing[] = lack === undefined ? [] : [lack];
  const topics = running.topics?.trouble();
  if (topics !== undefined) missing.push({ name: 'kafka topics', detail: topics });
  for (const [role, running] of Object.entries({
    ingest,
    detect,
    respond,
    decide,
    index,
    console,
  })) {
    for (const { name, detail } of running?.trouble() ?? [])
      missing.push({ name: `${role}: ${name}`, detail });
  }
  return { missing, traffic: traffic({ ingest, detect }) };
}

function traffic({ ingest, detect }: RunningRoles): Traffic {
  if (ingest !== undefined) return trafficOf(ingest.watch.sources);
  const now = systemClock.now();
  const heard = detect?.partitions.map(({ heardOfAt }) => heardOfAt) ?? [];
  const last = Math.max(Number.NEGATIVE_INFINITY, ...heard);
  if (!Number.isFinite(last)) return 'none';
  return now - last < 60_000 ? 'live' : 'silent';
}

const SUMS = [
  'events',
  'claimed',
  'duplicates',
  'repeats',
  'late',
  'unadmitted',
  'subjects',
  'silenced',
  'partOf',
  'openIncidents',
] as const;

/** Of all partitions that this process has. */
export function statsOf(detect: DetectRole | undefined): EngineStats {
  const all = detect?.partitions.map(({ engine }) => engine.stats()) ?? [];
  const sums = Object.fromEntries(
    SUMS.map((name) => [name, all.reduce((sum, stats) => sum + stats[name], 0)]),
  ) as Record<(typeof SUMS)[number], number>;
  const instant = (pick: (stats: EngineStats) => number | undefined, least: boolean) => {
    const known = all.flatMap((stats) => pick(stats) ?? []);
    if (known.length === 0) return undefined;
    return least ? Math.min(...known) : Math.max(...known);
  };
  return {
    ...sums,
    firstAt: instant(({ firstAt }) => firstAt, true),
    lastAt: instant(({ lastAt }) => lastAt, false),
    watermarkAt: instant(({ watermarkAt }) => watermarkAt, true),
    findings: added(all.map(({ findings }) => findings)),
    incidents: added(all.map(({ incidents }) => incidents)),
    closedAs: { 'false-alarm': 0, resolved: 0, ...added(all.map(({ closedAs }) => closedAs)) },
    heldBack: { allowed: 0, remembered: 0, ...added(all.map(({ heldBack }) => heldBack)) },
    risks: all.flatMap(({ risks }) => risks),
    spanMs: Math.max(0, ...all.map(({ spanMs }) => spanMs)),
  };
}

function added(
  all: readonly Readonly<Record<string, number | undefined>>[],
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts))
      sums[name] = (sums[name] ?? 0) + (count ?? 0);
  }
  return sums;
}

export function metricsOf(roles: RunningRoles): MetricsSnapshot {
  const { ingest, detect, respond, index } = roles;
  const stats = statsOf(detect);
  const now = systemClock.now();
  const checkpoints = [
    ingest?.session.checkpointAt,
    ...(detect?.partitions.map(({ checkpointAt }) => checkpointAt) ?? []),
  ].flatMap((at) => at ?? []);
  const { watermarkAt } = stats;
  return {
    sources: ingest?.watch.sources.map((source) => sourceMetrics(source, ingest)) ?? [],
    applied: appliedOf(detect),
    ...engineMetrics(stats),
    readiness: undefined,
    checkpointAgeMs: checkpoints.length === 0 ? undefined : now - Math.min(...checkpoints),
    checkpointMs: undefined,
    lagMs: watermarkAt === undefined ? undefined : now - watermarkAt,
    deadLetters: ingest?.session.deadLetters.taken ?? 0,
    deadLetterBytes: 0,
    spoolBytes: ingest?.live.spool?.bytes ?? 0,
    refusedPushes: ingest?.live.intake?.refused.get(429) ?? 0,
    stateBytes: 0,
    traffic: traffic(roles),
    lags: furthestBehind([
      ...lagsOf('events', detect?.consumer),
      ...lagsOf('incidents', respond?.consumer),
      ...indexLags(index),
    ]),
    response: respond?.figures(),
    deleted: { incidents: respond?.lost ?? 0, exchange: detect?.lost ?? 0 },
    damagedBatches: detect?.partitions.reduce((sum, { damaged }) => sum + damaged, 0) ?? 0,
    ...(index === undefined ? {} : { documents: index.writer.figures() }),
    unheardReports: detect?.partitions.reduce((sum, { unheard }) => sum + unheard, 0) ?? 0,
  };
}

/** By source, of all partitions that this process has. */
function appliedOf(detect: DetectRole | undefined): AppliedMetrics[] {
  const sums = new Map<string, { late: number; duplicates: number; repeats: number }>();
  for (const { engine } of detect?.partitions ?? []) {
    for (const name of engine.streams.sourceNames) {
      const { late, duplicates, repeats } = engine.streams.totals(name);
      const sum = sums.get(name) ?? { late: 0, duplicates: 0, repeats: 0 };
      sum.late += late;
      sum.duplicates += duplicates;
      sum.repeats += repeats;
      sums.set(name, sum);
    }
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum }));
}

function indexLags(index: IndexWriter | undefined): PartitionLagMetrics[] {
  const consumers = Object.entries(index?.consumers ?? {});
  return consumers.flatMap(([topic, consumer]) => lagsOf(topic, consumer));
}

function lagsOf(
  topic: string,
  consumer: Pick<PartitionConsumer, 'lag'> | undefined,
): PartitionLagMetrics[] {
  const lags = consumer?.lag() ?? [];
  return lags.map(({ partition, position, end }) => ({
    topic,
    partition,
    messages: end - position,
  }));
}

/** Roles of one process may read the same partition, each for itself. */
function furthestBehind(lags: readonly PartitionLagMetrics[]): PartitionLagMetrics[] {
  const most = new Map<string, PartitionLagMetrics>();
  for (const lag of lags) {
    const name = `${lag.topic} ${lag.partition}`;
    const known = most.get(name);
    if (known === undefined || known.messages < lag.messages) most.set(name, lag);
  }
  return [...most.values()];
}

/** The `summary` of contracts.md, of this process since its start. */
export function summaryNow(roles: RunningRoles, startedAt: number): object {
  const { ingest, detect } = roles;
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return summaryOf(
    {
      engine: { stats: () => statsOf(detect) },
      enricher: ingest?.session.enricher ?? {
        flawed: { address: 0, 'time-zone': 0, status: 0, number: 0 },
      },
    },
    {
      counters: ingest?.watch.sources.map(({ counters }) => counters) ?? [createCounters()],
      elapsedMs: systemClock.now() - startedAt,
      cpuMicros: userCPUTime + systemCPUTime,
    },
  );
}
