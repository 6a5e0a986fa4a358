/**
 * Metrics for Prometheus, `keyhound_<noun>_<unit>[_total]`. The hot path does nothing for them: a snapshot of the
 * counters that exist anyway is pulled when somebody scrapes.
 *
 * Labels are source, reason, detector, severity, state and as only, each from a closed or configured list, so the
 * number of series does not depend on traffic.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { CLOSED_AS, type ClosedAs } from '../core/control.ts';
import { SEVERITIES, type Severity } from '../core/finding.ts';
import { REJECTIONS } from '../core/format.ts';
import { TRAFFIC_STATES, type Traffic } from './contract.ts';
import { type ResponseMetrics, responseMetrics } from './response-metrics.ts';

/** Counters since the start of the process; instants are epoch ms, undefined while there is none. */
export interface SourceMetrics {
  readonly name: string;
  readonly records: number;
  readonly bytes: number;
  /** By reason of core/format.ts, `future` included. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly late: number;
  readonly duplicates: number;
  /** Delivered again by the source itself, dropped by position. */
  readonly repeats: number;
  /** Records lost on their way, by where; undefined for a source that cannot lose any. */
  readonly lost?: Readonly<Record<string, number | undefined>> | undefined;
  readonly refusedConnections?: number | undefined;
  /** Wall clock less event time of the newest record when it came, ms; negative: the gateway's clock is ahead. */
  readonly clockSkewMs: number | undefined;
  /** Of kind kafka only. */
  readonly kafka?: KafkaSourceMetrics | undefined;
}

export interface KafkaSourceMetrics {
  /** Offsets of the next message to apply, and of the next to come. */
  readonly lag: ReadonlyArray<{
    readonly topic: string;
    readonly partition: number;
    readonly position: number;
    readonly end: number;
  }>;
  readonly poison: number;
  readonly lost: number;
}

/** Messages of a partition that this process has yet to apply. */
export interface PartitionLagMetrics {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly messages: number;
}

/** What became of records of a source whose reading is another process. */
export type AppliedMetrics = Pick<SourceMetrics, 'name' | 'late' | 'duplicates' | 'repeats'>;

export interface MetricsSnapshot {
  readonly sources: readonly SourceMetrics[];
  /** In the distributed form, of the role detect. */
  readonly applied?: readonly AppliedMetrics[];
  readonly events: number;
  readonly subjects: number;
  readonly unadmitted: number;
  readonly findings: Readonly<Record<string, number>>;
  readonly incidents: Readonly<Partial<Record<Severity, number>>>;
  readonly openIncidents: number;
  readonly silenced: number;
  readonly partOf: number;
  readonly closedAs: Readonly<Record<ClosedAs, number>>;
  readonly heldBack: { readonly allowed: number; readonly remembered: number };
  /** Keys by detector and state; undefined while they are counted for the first time. */
  readonly readiness: Readonly<Record<string, Readonly<Record<string, number>>>> | undefined;
  /** Wall clock less the instant of the last checkpoint, ms. */
  readonly checkpointAgeMs: number | undefined;
  /** How long the last checkpoint took, ms. */
  readonly checkpointMs: number | undefined;
  /** Wall clock less the watermark, ms. */
  readonly lagMs: number | undefined;
  readonly deadLetters: number;
  readonly deadLetterBytes: number;
  readonly spoolBytes: number;
  /** Pushes answered with 429, of all sources. */
  readonly refusedPushes: number;
  readonly stateBytes: number;
  readonly traffic: Traffic;
  /** In the distributed form. */
  readonly lags?: readonly PartitionLagMetrics[];
  readonly damagedBatches?: number;
  /** Reports of other partitions that were waited for in vain; messages deleted before they were read, by topic. */
  readonly unheardReports?: number;
  readonly deleted?: Readonly<Record<string, number>>;
  /** What came of documents given to Elasticsearch. */
  readonly documents?: DocumentMetrics;
  readonly response?: ResponseMetrics | undefined;
}

export interface DocumentMetrics {
  readonly indexed: number;
  readonly repeated: number;
  readonly rejected: number;
  readonly resent: number;
}

export interface Metrics {
  readonly contentType: string;
  /** The text of a scrape. Pulls one snapshot. */
  text(): Promise<string>;
}

/** More sources or detectors than this are added up as `other`. */
const LABELS_MAX = 200;
const OTHER = 'other';
/** Partitions of a source beyond this are left out. */
const PARTITIONS_MAX = 1000;
/** Default metrics of prom-client that break our names: gauges that end in `_total`. */
const OMITTED = ['handles', 'requests', 'resources'].flatMap((noun) => [
  `keyhound_nodejs_active_${noun}`,
  `keyhound_nodejs_active_${noun}_total`,
]);

export function createMetrics(snapshot: () => MetricsSnapshot): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'keyhound_' });
  for (const name of OMITTED) registry.removeSingleMetric(name);
  const ofSources = sourceMetrics(registry);
  const ofTopics = topicMetrics(registry);
  const ofEngine = engineMetrics(registry);
  const ofStorage = storageMetrics(registry);
  const ofLog = logMetrics(registry);
  const ofResponse = responseMetrics(registry);
  return {
    contentType: registry.contentType,
    text() {
      const now = snapshot();
      for (const update of [ofSources, ofTopics, ofEngine, ofStorage, ofLog]) update(now);
      ofResponse(now.response);
      return registry.metrics();
    },
  };
}

type Update = (now: MetricsSnapshot) => void;

function sourceMetrics(registry: Registry): Update {
  const counter = counters(registry, ['source']);
  const records = counter('keyhound_intake_records_total', 'Records read.');
  const bytes = counter('keyhound_intake_bytes_total', 'Bytes of records read.');
  const late = counter('keyhound_late_records_total', 'Older than the bound of the format.');
  const future = counter('keyhound_future_records_total', 'Too far ahead of the wall clock.');
  const duplicates = counter('keyhound_duplicate_records_total', 'Same request delivered twice.');
  const repeats = counter('keyhound_repeat_records_total', 'Positions that were applied before.');
  const rejected = counters(registry, ['source', 'reason'])(
    'keyhound_rejected_records_total',
    'Records that were not used, by reason.',
  );
  const updateLosses = lossMetrics(registry);
  const gauge = gauges(registry, ['source']);
  const share = gauge('keyhound_duplicates_ratio', 'Duplicates by records.');
  const skew = gauge('keyhound_clock_skew_seconds', 'Wall clock less event time when received.');
  return (now) => {
    for (const metric of [records, bytes, late, future, duplicates, repeats, rejected]) {
      metric.reset();
    }
    share.reset();
    skew.reset();
    updateLosses(now);
    const label = bounded();
    for (const one of [...now.sources, ...(now.applied ?? [])]) {
      const source = label(one.name);
      late.inc({ source }, one.late);
      duplicates.inc({ source }, one.duplicates);
      repeats.inc({ source }, one.repeats);
    }
    for (const one of now.sources) {
      const source = label(one.name);
      records.inc({ source }, one.records);
      bytes.inc({ source }, one.bytes);
      future.inc({ source }, one.rejected['future'] ?? 0);
      share.set({ source }, one.records === 0 ? 0 : one.duplicates / one.records);
      if (one.clockSkewMs !== undefined) skew.set({ source }, one.clockSkewMs / 1000);
      for (const [name, count] of Object.entries(one.rejected)) {
        rejected.inc({ source, reason: reasonOf(name) }, count);
      }
    }
  };
}

/** Of sources that receive what cannot be sent again. */
function lossMetrics(registry: Registry): Update {
  const lost = counters(registry, ['source', 'reason'])(
    'keyhound_lost_records_total',
    'Records lost on their way, by where.',
  );
  const refused = counters(registry, ['source'])(
    'keyhound_refused_connections_total',
    'Connections refused because there were too many.',
  );
  return (now) => {
    lost.reset();
    refused.reset();
    const label = bounded();
    for (const one of now.sources) {
      const source = label(one.name);
      for (const [reason, count] of Object.entries(one.lost ?? {})) {
        if (count !== undefined) lost.inc({ source, reason }, count);
      }
      if (one.refusedConnections !== undefined) refused.inc({ source }, one.refusedConnections);
    }
  };
}

/** Sources of kind kafka. */
function topicMetrics(registry: Registry): Update {
  const lag = gauges(registry, ['source', 'topic', 'partition'])(
    'keyhound_source_lag_messages',
    'Messages of a partition that are not applied yet.',
  );
  const counter = counters(registry, ['source']);
  const poison = counter('keyhound_poison_messages_total', 'Messages of which nothing was read.');
  const lost = counter('keyhound_lost_messages_total', 'Deleted by retention before being read.');
  return (now) => {
    for (const metric of [lag, poison, lost]) metric.reset();
    const label = bounded();
    for (const { name, kafka } of now.sources) {
      if (kafka === undefined) continue;
      const source = label(name);
      poison.inc({ source }, kafka.poison);
      lost.inc({ source }, kafka.lost);
      for (const { topic, partition, position, end } of kafka.lag.slice(0, PARTITIONS_MAX)) {
        lag.set({ source, topic, partition: String(partition) }, Math.max(0, end - position));
      }
    }
  };
}

function engineMetrics(registry: Registry): Update {
  const counter = counters(registry, []);
  const events = counter('keyhound_applied_events_total', 'Uses of keys that were applied.');
  const unadmitted = counter('keyhound_unadmitted_events_total', 'Uses of keys without a record.');
  const findings = counters(registry, ['detector'])(
    'keyhound_opened_findings_total',
    'Findings opened.',
  );
  const gauge = gauges(registry, []);
  const subjects = gauge('keyhound_subjects_count', 'Keys with a record.');
  const open = gauge('keyhound_open_incidents_count', 'Incidents open now.');
  const lag = gauge('keyhound_watermark_lag_seconds', 'Wall clock less watermark.');
  const incidents = gauges(registry, ['severity'])(
    'keyhound_incidents_count',
    'Incidents since the start, by the severity they have now.',
  );
  const ofPeople = peopleMetrics(registry);
  const readiness = gauges(registry, ['detector', 'state'])(
    'keyhound_readiness_keys',
    'Keys by how far a detector may be trusted with them.',
  );
  const traffic = gauges(registry, ['state'])(
    'keyhound_traffic_info',
    'Whether records come in: 1 for the state that holds. Silence is not health.',
  );
  return (now) => {
    for (const metric of [events, unadmitted, findings, incidents, lag, readiness]) metric.reset();
    events.inc(now.events);
    unadmitted.inc(now.unadmitted);
    subjects.set(now.subjects);
    open.set(now.openIncidents);
    if (now.lagMs === undefined) lag.remove();
    else lag.set(now.lagMs / 1000);
    const label = bounded();
    for (const [name, count] of Object.entries(now.findings)) {
      findings.inc({ detector: label(name) }, count);
    }
    for (const [name, states] of Object.entries(now.readiness ?? {})) {
      const detector = label(name);
      for (const [state, keys] of Object.entries(states)) readiness.set({ detector, state }, keys);
    }
    for (const severity of SEVERITIES) {
      if (severity !== 'none') incidents.set({ severity }, now.incidents[severity] ?? 0);
    }
    ofPeople(now);
    for (const state of TRAFFIC_STATES) traffic.set({ state }, state === now.traffic ? 1 : 0);
  };
}

/** What people said of incidents, and what that held back. */
function peopleMetrics(registry: Registry): Update {
  const closed = counters(registry, ['as'])(
    'keyhound_closed_incidents_total',
    'Incidents that people closed, by what they were.',
  );
  const unheard = gauges(registry, ['reason'])(
    'keyhound_unheard_incidents_count',
    'Incidents since the start that raise no alert: silenced, or part of another.',
  );
  const heldBack = counters(registry, ['reason'])(
    'keyhound_held_back_findings_total',
    'Evidence not taken: allowed, or a false alarm before.',
  );
  return (now) => {
    closed.reset();
    heldBack.reset();
    for (const as of CLOSED_AS) closed.inc({ as }, now.closedAs[as]);
    unheard.set({ reason: 'silenced' }, now.silenced);
    unheard.set({ reason: 'part' }, now.partOf);
    heldBack.inc({ reason: 'allowed' }, now.heldBack.allowed);
    heldBack.inc({ reason: 'remembered' }, now.heldBack.remembered);
  };
}

/** Nothing of it in the embedded form. */
function logMetrics(registry: Registry): Update {
  const lag = gauges(registry, ['topic', 'partition'])(
    'keyhound_partition_lag_messages',
    'Messages of a partition that this process has yet to apply.',
  );
  const counter = counters(registry, []);
  const damaged = counter('keyhound_damaged_messages_total', 'Messages that could not be read.');
  const unheard = counter(
    'keyhound_unheard_messages_total',
    'Reports of other partitions that were waited for in vain.',
  );
  const deleted = counters(registry, ['topic'])('keyhound_deleted_messages_total', 'Lost unread.');
  const updateDocuments = documentMetrics(registry);
  return (now) => {
    updateDocuments(now);
    for (const metric of [lag, damaged, unheard, deleted]) metric.reset();
    damaged.inc(now.damagedBatches ?? 0);
    unheard.inc(now.unheardReports ?? 0);
    for (const [topic, count] of Object.entries(now.deleted ?? {})) deleted.inc({ topic }, count);
    for (const { topic, partition, messages } of now.lags ?? []) {
      lag.set({ topic, partition: String(partition) }, messages);
    }
  };
}

function documentMetrics(registry: Registry): Update {
  const counter = counters(registry, []);
  const by = {
    indexed: counter('keyhound_indexed_documents_total', 'Documents that Elasticsearch took.'),
    repeated: counter('keyhound_repeated_documents_total', 'Documents that were in it already.'),
    rejected: counter('keyhound_rejected_documents_total', 'Documents that it refused for good.'),
    resent: counter('keyhound_resent_documents_total', 'Documents sent once more.'),
  };
  return ({ documents }) => {
    for (const outcome of ['indexed', 'repeated', 'rejected', 'resent'] as const) {
      by[outcome].reset();
      by[outcome].inc(documents?.[outcome] ?? 0);
    }
  };
}

function storageMetrics(registry: Registry): Update {
  const gauge = gauges(registry, []);
  const age = gauge('keyhound_checkpoint_age_seconds', 'Time since the last checkpoint.');
  const duration = gauge('keyhound_checkpoint_duration_seconds', 'What the last one took.');
  const letterBytes = gauge('keyhound_dead_letters_bytes', 'Dead letters kept.');
  const spool = gauge('keyhound_spool_bytes', 'Accepted by the intake, not yet applied.');
  const state = gauge('keyhound_state_bytes', 'The state on disk.');
  const counter = counters(registry, []);
  const letters = counter('keyhound_dead_letters_total', 'Dead letters written.');
  const refused = counter('keyhound_refused_pushes_total', 'Pushes answered with 429.');
  return (now) => {
    letters.reset();
    refused.reset();
    refused.inc(now.refusedPushes);
    letters.inc(now.deadLetters);
    letterBytes.set(now.deadLetterBytes);
    spool.set(now.spoolBytes);
    state.set(now.stateBytes);
    if (now.checkpointAgeMs === undefined) age.remove();
    else age.set(now.checkpointAgeMs / 1000);
    if (now.checkpointMs === undefined) duration.remove();
    else duration.set(now.checkpointMs / 1000);
  };
}

function counters<L extends string>(registry: Registry, labelNames: readonly L[]) {
  return (name: string, help: string) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function gauges<L extends string>(registry: Registry, labelNames: readonly L[]) {
  return (name: string, help: string) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
}

/** Label values in the order they come, the rest as one. */
function bounded(): (name: string) => string {
  const seen = new Set<string>();
  return (name) => {
    if (!seen.has(name) && seen.size >= LABELS_MAX) return OTHER;
    seen.add(name);
    return name;
  };
}

function reasonOf(name: string): string {
  return REJECTIONS.some((reason) => reason === name) ? name : OTHER;
}
