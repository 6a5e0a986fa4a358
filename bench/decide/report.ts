/** The part of docs/bench.md that `npm run bench -- decide` writes. */
import type { Machine } from '../report.ts';
import { median, spread } from '../statistics.ts';
import type { DecideResults, Measured } from './decide.ts';
import { KEYS, VERDICTS } from './requests.ts';

/** A turn in which server and sender waited longer for a core says more of the machine than of them. */
const WAITED_MAX = 0.01;

export const DECIDE_HEADING = '## Decision endpoint';

export function decideMarkdown(results: DecideResults, machine: Machine): string {
  const { bare, ours, half, turns, load } = results;
  const rows = [
    ['bare handler of node:http, 200 and no header', perSecond(bare), ''],
    ['the same with the endpoint’s options of node:http', perSecond(results.lean), ''],
    ['bare handler of fastify', perSecond(results.fastify), ''],
    ['decision endpoint', perSecond(ours), ''],
    ['decision endpoint / bare handler, requests/s', range(results.ratio), '≥ 0.8'],
    ['decision endpoint / bare handler, requests a CPU-second', range(results.cpuRatio), ''],
    ['the same, bare handler with the endpoint’s options', range(results.leanCpuRatio), ''],
    ['bare handler at half load', latency(half.bare), ''],
    ['decision endpoint at half load', latency(half.ours), '99 % < 2 ms'],
    ...quietRows(results),
  ];
  return [
    DECIDE_HEADING,
    '',
    'Written by `npm run bench -- decide`. 64 open connections, one request at a time on each, as NGINX sends them, of',
    `${count(KEYS)} keys; ${count(VERDICTS)} verdicts and two layers of limits. Server and sender are processes that`,
    'share the machine, in turns of 2 s. The sender polls and never sleeps at its sockets: a write that has to wake it',
    'costs a server as much as all else. At half load requests come at a pace, and a latency counts from when its',
    'request was due; how late the sender was is part of it, and said. Beside other work run it with `chrt -r 5`.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. ${turns} turns; load average ${load.toFixed(1)}.`,
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

/** Of turns in which server and sender hardly waited for a core, where there were any. */
function quietRows({ bare, ours, ratio, half }: DecideResults): string[][] {
  const rows: string[][] = [];
  const add = (what: string, count: number, text: () => string, goal: string) => {
    if (count > 0) rows.push([`${what}, ${count} turns with a core each`, text(), goal]);
  };
  const ratios = ratio.filter((_, i) => isQuiet(bare[i]!) && isQuiet(ours[i]!));
  add('endpoint / bare handler, requests/s', ratios.length, () => range(ratios), '≥ 0.8');
  const bareHalf = half.bare.filter(isQuiet);
  add('bare handler at half load', bareHalf.length, () => latency(bareHalf), '');
  const oursHalf = half.ours.filter(isQuiet);
  add('endpoint at half load', oursHalf.length, () => latency(oursHalf), '99 % < 2 ms');
  return rows;
}

function isQuiet({ waited }: Measured): boolean {
  return waited < WAITED_MAX;
}

function latency(all: readonly Measured[]): string {
  const of = (what: 'p50Ms' | 'p99Ms' | 'late99Ms') => median(all.map((one) => one[what]));
  const { least, most } = spread(all.map(({ p99Ms }) => p99Ms));
  const p99 = `99 % ${of('p99Ms').toFixed(2)} ms (${least.toFixed(2)}–${most.toFixed(2)})`;
  return `median ${of('p50Ms').toFixed(2)} ms, ${p99}; sender late by ${of('late99Ms').toFixed(2)} ms`;
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
