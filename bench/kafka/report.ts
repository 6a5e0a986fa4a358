/** The part of docs/bench.md that `npm run bench -- kafka` writes. */
import type { Machine } from '../report.ts';
import { median, spread } from '../statistics.ts';
import type { DrainResults } from './drain.ts';
import type { LatencyResults } from './latency.ts';

export const HEADING = '## Through Kafka';

export interface KafkaResults {
  readonly lines: number;
  readonly keys: number;
  readonly rounds: number;
  readonly drain: DrainResults;
  readonly latency: readonly LatencyResults[];
}

type Row = readonly [string, string, string];

export function kafkaMarkdown(results: KafkaResults, machine: Machine): string {
  const { drain, lines, keys, rounds } = results;
  return [
    HEADING,
    '',
    'Written by `npm run bench -- kafka`, with a Kafka and a Redis that it starts. A detect process drains a topic of',
    '16 partitions that ingest has filled from the same log, with nothing learned before; CPU is all that the process',
    'has used, its start, checkpoints and results included. The bare loop is kafkajs `eachBatch` and `JSON.parse` over',
    'the records as JSON, one a message, in as many partitions. Late is a finding by what lies between the push of the',
    'record to the intake and its message in the topic of incidents.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. ${rounds} rounds; ${count(lines)} records of ` +
      `${count(keys)} keys in one day, all detectors on; load average ${drain.load.toFixed(1)} while draining.`,
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    ...[...drainRows(drain, lines), ...results.latency.flatMap(latencyRows)].map(
      (row) => `| ${row.join(' | ')} |`,
    ),
    '',
  ].join('\n');
}

function drainRows(drain: DrainResults, lines: number): Row[] {
  const { events } = drain;
  const each = (bytes: number) => `${Math.round(bytes / lines)} B an event`;
  return [
    ['bare loop: eachBatch, JSON.parse', perSecond(drain.bare), ''],
    ['a detect process', perSecond(drain.one), ''],
    ['a detect process / bare loop', range(drain.oneToBare), '≥ 0.6, better 0.9'],
    ['two detect processes, together', perSecond(drain.two), ''],
    ['two detect processes / one', range(drain.twoToOne), '≥ 0.9'],
    ['ingest', `${drain.ingestSecondsPerMillion.toFixed(1)} CPU-seconds a million records`, ''],
    ['resident memory of ingest', mebibytes(drain.ingestResidentBytes), ''],
    ['resident memory of a detect process, all keys', mebibytes(drain.detectResidentBytes), ''],
    ['events in their topic', `${each(events.bytes)}; ${each(events.zstdBytes)} with zstd`, ''],
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
