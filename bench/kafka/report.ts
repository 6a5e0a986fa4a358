/** The part of docs/bench.md that `npm run bench -- kafka` writes. */
import type { Machine } from '../report.ts';
import { median, spread } from '../statistics.ts';
import type { DrainResults } from './drain.ts';
import type { LatencyResults } from './latency.ts';

export const HEADING = '## Through Kafka';

export interface KafkaResults {
  readonly keys: number;
  readonly rounds: number;
  /** Events of the busy log, on its day's average. */
  readonly busyPerSecond: number;
  /** The busy log first. */
  readonly drains: readonly DrainResults[];
  readonly latency: readonly LatencyResults[];
}

type Row = readonly [string, string, string];

export function kafkaMarkdown(results: KafkaResults, machine: Machine): string {
  const { drains, keys, rounds, busyPerSecond } = results;
  const lines = drains.map((drain) => count(drain.lines));
  const load = Math.max(...drains.map((drain) => drain.load));
  return [
    HEADING,
    '',
    'Written by `npm run bench -- kafka`, with a Kafka and a Redis that it starts. A detect process drains a topic of',
    '16 partitions that ingest has filled from the same log, with nothing learned before; CPU is all that the process',
    'has used, its start, checkpoints and results included. The bare loop is kafkajs `eachBatch` and `JSON.parse` over',
    'the records as JSON, one a message, in as many partitions. Late is a finding by what lies between the push of the',
    'record to the intake and its message in the topic of incidents.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. ${rounds} rounds; ${count(keys)} keys,`,
    `all detectors on; load average up to ${load.toFixed(1)} while draining. The busy log has ${lines[0]} records at`,
    `${count(busyPerSecond)} a second (on the average of its day, which begins at night), the quiet one ${lines[1]}`,
    'in one day, as the replays have.',
    'For the few events of the quiet log a process ends the hours of every key and hears the other partitions once a',
    'minute of event time, so it shows what time itself costs; two processes are not needed there.',
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    ...[...drains.flatMap(drainRows), ...results.latency.flatMap(latencyRows)].map(
      (row) => `| ${row.join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

function drainRows(drain: DrainResults): Row[] {
  const { events, lines, log } = drain;
  const each = (bytes: number) => `${Math.round(bytes / lines)} B an event`;
  return [
    [`${log}: bare loop, eachBatch and JSON.parse`, perSecond(drain.bare), ''],
    [`${log}: two bare loops at the same time / one`, range(drain.bareTwoToOne), ''],
    [`${log}: a detect process`, perSecond(drain.one), ''],
    [`${log}: a detect process / bare loop`, range(drain.oneToBare), '≥ 0.6, better 0.9'],
    [`${log}: two detect processes, together`, perSecond(drain.two), ''],
    [`${log}: two detect processes / one`, range(drain.twoToOne), '≥ 0.9'],
    [`${log}: the same, from the first third of the events on`, range(drain.warmTwoToOne), ''],
    [
      `${log}: ingest`,
      `${drain.ingestSecondsPerMillion.toFixed(1)} CPU-seconds a million records`,
      '',
    ],
    [`${log}: resident memory of ingest`, mebibytes(drain.ingestResidentBytes), ''],
    [
      `${log}: resident memory of a detect process, all keys`,
      mebibytes(drain.detectResidentBytes),
      '',
    ],
    [
      `${log}: events in their topic`,
      `${each(events.bytes)}; ${each(events.zstdBytes)} with zstd`,
      '',
    ],
  ];
}

function latencyRows(latency: LatencyResults): Row[] {
  const { wantedPerSecond, reachedPerSecond, findings, byFamily, load } = latency;
  const families = Object.entries(byFamily).map(([family, found]) => `${family} ${found}`);
  const pace = `${count(Math.round(reachedPerSecond))} events a second (asked: ${count(wantedPerSecond)})`;
  return [
    [
      `a finding is late by, at ${pace}; ${findings} findings (${families.join(', ')}), load ${load.toFixed(1)}`,
      `median ${latency.p50Ms} ms, 99 % ${latency.p99Ms} ms, most ${latency.mostMs} ms`,
      wantedPerSecond === 5000 ? '99 % ≤ 500 ms' : '',
    ],
  ];
}

function range(values: readonly number[]): string {
  const { least, most } = spread(values);
  return `**${median(values).toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function perSecond(values: readonly number[]): string {
  return `${Math.round(median(values) / 1000)} k per CPU-second`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
