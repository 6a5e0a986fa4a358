/** The part of docs/bench.md that `npm run bench -- decide` writes. */
import type { Machine } from '../report.ts';
import { median, spread } from '../statistics.ts';
import type { DecideResults, Measured } from './decide.ts';
import { KEYS, VERDICTS } from './requests.ts';

export const DECIDE_HEADING = '## Decision endpoint';

export function decideMarkdown(results: DecideResults, machine: Machine): string {
  const { bare, ours, half, rounds, load } = results;
  const rows = [
    ['bare handler of node:http, 200 and no header', perSecond(bare), ''],
    ['bare handler of fastify', perSecond(results.fastify), ''],
    ['decision endpoint', perSecond(ours), ''],
    ['decision endpoint / bare handler, requests/s', range(results.ratio), '≥ 0.8'],
    ['decision endpoint / bare handler, requests a CPU-second', range(results.cpuRatio), ''],
    ['bare handler at half load', latency(half.bare), ''],
    ['decision endpoint at half load', latency(half.ours), '99 % < 2 ms'],
  ];
  return [
    DECIDE_HEADING,
    '',
    'Written by `npm run bench -- decide`. 64 open connections, one request at a time on each, as NGINX sends them, of',
    `${count(KEYS)} keys; ${count(VERDICTS)} verdicts and two layers of limits. Server and sender are processes that`,
    'share the machine. At half load requests come at a pace, and a latency counts from when its request was due.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. ${rounds} rounds; load average ${load.toFixed(1)}.`,
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
}

function perSecond(all: readonly Measured[]): string {
  const perCpu = median(all.map((one) => one.perCpuSecond));
  const most = median(all.map((one) => one.perSecond));
  return `${thousands(most)} requests/s, ${thousands(perCpu)} a CPU-second`;
}

function latency(all: readonly { readonly p50Ms: number; readonly p99Ms: number }[]): string {
  const p50 = median(all.map(({ p50Ms }) => p50Ms));
  const p99 = all.map(({ p99Ms }) => p99Ms);
  const { least, most } = spread(p99);
  return `median ${p50.toFixed(2)} ms, 99 % ${median(p99).toFixed(2)} ms (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function range(values: readonly number[]): string {
  const { least, most } = spread(values);
  return `**${median(values).toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(1)} k`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
