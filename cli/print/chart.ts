/**
 * Requests by hour as bars over the band that was expected, for a terminal of any width.
 *
 * Where an hour has no column of its own, of those that share one the one that stands out most is shown. A peak far
 * above the band makes the scale logarithmic, or the band would be a line at the bottom.
 */
import type { UsageChart } from '../../app/contract.ts';
import { count, when } from './numbers.ts';
import type { Printer } from './printer.ts';
import { pad } from './style.ts';

const ROWS = 8;
const LABEL_COLUMNS = 8;
const COLUMNS_MIN = 8;
/** From this ratio of the peak to the band on the scale is logarithmic. */
const LOG_RATIO = 12;

const UNICODE = { steps: ' ▁▂▃▄▅▆▇█', band: '░', above: '▲', below: '▼', edge: '┤', line: '─' };
const ASCII = { steps: ' .:#', band: '-', above: '^', below: 'v', edge: '|', line: '_' };

interface Cell {
  readonly requests: number;
  readonly low: number;
  readonly high: number;
}

export function chartLines(
  chart: UsageChart,
  { columns, style, ascii }: Pick<Printer, 'columns' | 'style' | 'ascii'>,
): string[] {
  const signs = ascii ? ASCII : UNICODE;
  const room = Math.max(COLUMNS_MIN, columns - LABEL_COLUMNS - 4);
  const share = Math.ceil(chart.requests.length / room);
  const cells = cellsOf(chart, share);
  const peak = Math.max(1, ...cells.map(({ requests, high }) => Math.max(requests, high)));
  const band = Math.max(1, ...cells.map(({ high }) => high));
  const isLog = peak > LOG_RATIO * band;
  const level = (value: number): number =>
    ROWS * (isLog ? Math.log1p(value) / Math.log1p(peak) : value / peak);
  const label = (text: string): string => pad(text, LABEL_COLUMNS, 'right');
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const bottom = ROWS - 1 - i;
    const bars = cells.map((cell) => signAt(cell, bottom, level, signs)).join('');
    const side = i === 0 ? count(peak) : bottom === 0 ? '0' : '';
    return `${label(side)} ${style.dim(signs.edge)}${bars.trimEnd()}`;
  });
  const marks = cells.map(({ requests, low, high }) =>
    requests > high ? signs.above : requests < low ? signs.below : ' ',
  );
  return [
    `Requests an hour${share > 1 ? `, one of ${share} that stands out most` : ''}${isLog ? ', log scale' : ''}; ` +
      `${signs.band} is what was expected`,
    ...rows,
    style.dim(`${label('')} ${signs.edge}${signs.line.repeat(cells.length)}`),
    `${label('')}  ${style.bad(marks.join('').trimEnd())}`,
    style.dim(`${label('')}  ${spanInWords(chart, cells.length)}`),
  ];
}

function cellsOf({ requests, low, high }: UsageChart, share: number): Cell[] {
  const hours = requests.map((value, i) => ({ requests: value, low: low[i]!, high: high[i]! }));
  const cells: Cell[] = [];
  for (let from = 0; from < hours.length; from += share) {
    cells.push(hours.slice(from, from + share).reduce((a, b) => (standsOut(b, a) ? b : a)));
  }
  return cells;
}

/** The farther out of its band, else the busier: or a silence would hide behind its neighbours. */
function standsOut(a: Cell, b: Cell): boolean {
  return outside(a) === outside(b) ? a.requests > b.requests : outside(a) > outside(b);
}

/** How many times beyond the band; 1 within. */
function outside({ requests, low, high }: Cell): number {
  return Math.max(1, requests / Math.max(1, high), (low + 1) / (requests + 1));
}

function signAt(
  { requests, low, high }: Cell,
  bottom: number,
  level: (value: number) => number,
  { steps, band }: { readonly steps: string; readonly band: string },
): string {
  const filled = Math.min(1, Math.max(0, level(requests) - bottom));
  const step = Math.round(filled * (steps.length - 1));
  if (step > 0) return steps[step]!;
  const isBand = level(high) > bottom && level(low) < bottom + 1;
  return isBand ? band : ' ';
}

/** From when to when, in UTC, at both ends of the axis. */
function spanInWords({ fromAt, requests }: UsageChart, columns: number): string {
  const from = when(fromAt).slice(0, 16);
  const endAt = new Date(Date.parse(fromAt) + requests.length * 3_600_000).toISOString();
  const to = `${when(endAt).slice(0, 16)} UTC`;
  return `${from}${pad(to, Math.max(to.length + 2, columns - from.length), 'right')}`;
}
