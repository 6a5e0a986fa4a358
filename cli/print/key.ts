/** Keys as a table, and one key in full. */
import type { KeyLine, UsageRow } from '../../app/contract.ts';
import { toIso } from '../../core/clock.ts';
import { forTerminal } from '../../core/escape.ts';
import { count, when } from './numbers.ts';
import { pad, type Style } from './style.ts';
import { tableLines } from './table.ts';

/** `5 of 6 ready`, or how many of which state. */
function readinessInWords(key: KeyLine): string {
  const states = Object.values(key.readiness).map((readiness) => readiness.state);
  const ready = states.filter((state) => state === 'ready').length;
  return `${ready} of ${states.length}`;
}

export function keyTable(keys: readonly KeyLine[], columns: number, style: Style): string[] {
  return tableLines<KeyLine>(
    [
      { title: 'KEY', shrinkTo: 18, text: (key) => key.id },
      { title: 'LABEL', shrinkTo: 10, text: (key) => key.label ?? '' },
      { title: 'CONSUMER', shrinkTo: 10, optional: true, text: (key) => key.consumer ?? '' },
      { title: 'EVENTS', align: 'right', text: (key) => count(key.events) },
      { title: 'FIRST (UTC)', optional: true, text: (key) => when(key.firstAt) },
      { title: 'LAST (UTC)', text: (key) => when(key.lastAt) },
      { title: 'READY', text: readinessInWords },
    ],
    keys,
    columns,
    style,
  );
}

const NAME_COLUMNS = 12;

export function keyLines(
  key: KeyLine,
  usage: readonly UsageRow[],
  columns: number,
  style: Style,
): string[] {
  const row = (name: string, text: string): string => `${pad(name, NAME_COLUMNS)}${text}`;
  const requests = usage.reduce((sum, hour) => sum + hour.requests, 0);
  const errors = usage.reduce((sum, hour) => sum + hour.errors, 0);
  return [
    style.bold(forTerminal(key.label ?? key.id)),
    row('id', forTerminal(key.id)),
    ...(key.consumer === undefined ? [] : [row('consumer', forTerminal(key.consumer))]),
    row('first use', `${when(key.firstAt)} UTC`),
    row('last use', `${when(key.lastAt)} UTC`),
    row('events', count(key.events)),
    row('rung', key.rung),
    ...(usage.length === 0
      ? []
      : [
          row(
            'usage',
            `${count(requests)} requests, ${count(errors)} errors since ${when(toIso(usage[0]!.hourAt))} UTC`,
          ),
        ]),
    '',
    ...readinessTable(key, columns, style),
  ];
}

function readinessTable(key: KeyLine, columns: number, style: Style): string[] {
  return tableLines(
    [
      { title: 'DETECTOR', text: ([detector]) => detector },
      {
        title: 'READINESS',
        text: ([, readiness]) => readiness.state,
        style: ([, readiness], text) => (readiness.state === 'ready' ? style.good(text) : text),
      },
      { title: 'SINCE (UTC)', text: ([, readiness]) => when(readiness.since) },
      {
        title: 'READY BY (UTC)',
        text: ([, { until }]) => (until === undefined ? '' : when(until)),
      },
      { title: 'WHY', shrinkTo: 20, text: ([, readiness]) => readiness.why ?? '' },
    ],
    Object.entries(key.readiness),
    columns,
    style,
  );
}
