/** The part of docs/bench.md that `npm run bench -- memory` writes. */
import type { Machine } from '../report.ts';
import { type Line, line } from '../statistics.ts';
import {
  type MemoryResults,
  type Point,
  ROLES,
  type RoleName,
  SPEED,
  TERM_SPEED,
} from './memory.ts';

export const MEMORY_HEADING = '## Memory over a day';

const MIB = 2 ** 20;
const DAY_HOURS = 24;

export function memoryMarkdown(results: MemoryResults, machine: Machine): string {
  const { plan, historyLines, lines, incidents, actions, asked, refused, load } = results;
  const { historyDays, warmHours, hours, collectedHours } = plan;
  return [
    MEMORY_HEADING,
    '',
    'Written by `npm run bench -- memory`, with a Kafka, a Redis and an Elasticsearch that it starts. Each role is a',
    'process of its own and lives through days of the demo: 200 keys with a history, an attack every 40 s, a log file',
    'that is rotated every hour, a gateway that asks the decision endpoint and refuses, alerts that are sent, somebody',
    `who looks at the console. Event time runs up to ${SPEED} times as fast as the clock; terms of the policy are`,
    `${TERM_SPEED} times shorter.`,
    '',
    `After ${warmHours} hours the processes are left alone for ${hours}, in which resident memory is read every ten`,
    `minutes; then they are made to collect every hour for another ${collectedHours}, and what they still refer to is`,
    'read, buffers included. Growth is the slope by least squares with twice its standard error; of resident memory',
    'the medians of hours count.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. ${historyDays} days of history with`,
    `${count(historyLines)} requests; then ${count(lines)}, of which ${count(refused)} were refused;`,
    `${count(asked)} questions, ${count(incidents)} incidents, ${count(actions)} steps of actions.`,
    `Load average ${load.toFixed(1)}.`,
    '',
    '| role | resident, MiB | MiB in 24 h | in 24 h, by the second half | collected, MiB | MiB in 24 h |',
    '|---|---|---|---|---|---|',
    ...ROLES.map((role) => row(role, results)),
    '',
  ].join('\n');
}

function row(role: RoleName, { roles }: MemoryResults): string {
  const resident = byHour(roles[role].resident);
  const held = line(resident);
  const late = line(resident.slice(resident.length >> 1));
  const used = line(roles[role].live);
  const columns = [mean(held), slope(held), slope(late), mean(used), slope(used)];
  return `| ${[role, ...columns].join(' | ')} |`;
}

function mean({ mean: bytes }: Line): string {
  return (bytes / MIB).toFixed(1);
}

function slope({ slope: bytes, error }: Line): string {
  const [most, spread] = [bytes, 2 * error].map((value) => (value * DAY_HOURS) / MIB);
  return `${most! < 0 ? '−' : ''}${Math.abs(most!).toFixed(2)} ± ${spread!.toFixed(2)}`;
}

/** What is read every ten minutes is no independent reading: heaps rise and fall within the hour. */
function byHour(points: readonly Point[]): Point[] {
  const hours = Map.groupBy(points, ([hour]) => Math.floor(hour));
  return [...hours].map(([hour, own]) => {
    const sorted = own.map(([, bytes]) => bytes).sort((a, b) => a - b);
    return [hour, sorted[sorted.length >> 1]!];
  });
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
