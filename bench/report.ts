/** The results as a table that people read; the same numbers lie in the JSON file beside the data. */
import type { Results, Speed } from './measure.ts';
import type { Plan } from './plan.ts';
import { median, spread } from './statistics.ts';

/** Where the run was made: the figures mean little elsewhere, the ratios more. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
}

type Row = readonly [string, string, string];

/** Asked for: kong 1.2, combined 1.5 over the bare loop, 1.5 KiB a key. */
export const GOALS = { kong: 1.2, nginx: 1.5, bytesPerKey: 1536 } as const;

export function markdown(results: Results, plan: Plan, machine: Machine): string {
  const rows = rowsOf(results);
  return [
    '# Speed and size',
    '',
    'Written by `npm run bench`. Every figure is the median of interleaved rounds, each in a process of its own;',
    'ratios are taken round by round. CPU time is that of the whole process, start-up and all its threads included.',
    'The machine is shared: read the ratios, not the absolute figures.',
    '',
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}. Run: ${plan.name}, ${plan.rounds} rounds; ` +
      `${count(plan.lines)} records of ${count(plan.keys)} keys in one day, all detectors on.`,
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
}

function rowsOf(results: Results): Row[] {
  const { large, small, checkpoint, startSeconds } = results;
  const bytes = (file: Results['kongFile']) => `${Math.round(file.bytes / file.lines)} B a record`;
  return [
    [
      `bare loop: chunks, lines, JSON.parse (kong, ${bytes(results.kongFile)})`,
      perSecond(results.bare),
      '',
    ],
    [`replay kong (${bytes(results.kongFile)})`, perSecond(results.kong.eventsPerCpuSecond), ''],
    ['replay kong / bare loop', ratio(results.kong), `≥ ${GOALS.kong}`],
    [
      `replay nginx combined (${bytes(results.nginxFile)})`,
      perSecond(results.nginx.eventsPerCpuSecond),
      '',
    ],
    [
      'replay nginx combined / bare loop over the kong file',
      ratio(results.nginx),
      `≥ ${GOALS.nginx}`,
    ],
    ['resident memory of the replays, most', megabytes(results.kong.rssMaxBytes), ''],
    [`record of a key, all detectors`, `${large.recordBytes} B`, `≤ ${GOALS.bytesPerKey} B`],
    [
      `records and tables a key, ${count(large.keys)} keys, room to grow included`,
      `${Math.round(large.bufferBytesPerKey)} B`,
      '',
    ],
    [`objects a key (ids, heap)`, `${Math.round(large.heapBytesPerKey)} B`, ''],
    [`resident memory of an engine of ${count(large.keys)} keys`, megabytes(large.rssBytes), ''],
    [`engine, ${count(small.keys)} keys`, `${small.microsPerEvent.toFixed(2)} µs an event`, ''],
    [`engine, ${count(large.keys)} keys`, `${large.microsPerEvent.toFixed(2)} µs an event`, ''],
    [
      `cost of an event, ${count(large.keys)} / ${count(small.keys)} keys`,
      range(results.costRatios),
      '',
    ],
    [
      `checkpoint, ${count(checkpoint.dirty)} of ${count(checkpoint.keys)} keys changed`,
      `${ms(checkpoint.part.drainMs)} to collect, ${ms(checkpoint.part.commitMs)} to commit`,
      '',
    ],
    [
      `checkpoint, all ${count(checkpoint.keys)} keys`,
      `${ms(checkpoint.full.commitMs)} to commit`,
      '',
    ],
    ['`keyhound --version`', `${startSeconds.version.toFixed(2)} s`, ''],
    ['replay of 20 records, geography loaded', `${startSeconds.replay.toFixed(2)} s`, ''],
  ];
}

function ratio(speed: Speed): string {
  return range(speed.ratios);
}

function range(values: readonly number[]): string {
  const { least, most } = spread(values);
  return `**${median(values).toFixed(2)}** (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function perSecond(values: readonly number[]): string {
  return `${Math.round(median(values) / 1000)} k per CPU-second`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
