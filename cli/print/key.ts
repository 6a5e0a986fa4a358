/** Keys as a table, and one key in full. */
import type { KeyLine, UsageRow } from '../../app/contract.ts';
import { toIso } from '../../core/clock.ts';
import { forTerminal } from '../../core/escape.ts';
import { count, plural, span, when } from './numbers.ts';
import { pad, type Style } from './style.ts';
import { tableLines } from './table.ts';

const STATES = ['ready', 'learning', 'degraded', 'unprotected'] as const;

/** `12 ready, 3 learning, 2 unprotected: no user agent`. */
function readinessInWords(key: KeyLine): string {
  const all = Object.values(key.readiness);
  return STATES.flatMap((state) => {
    const those = all.filter((readiness) => readiness.state === state);
    if (those.length === 0) return [];
    const reasons = new Set(those.flatMap(({ why }) => (why === undefined ? [] : [briefly(why)])));
    const why = reasons.size === 0 ? '' : `: ${[...reasons].join(', ')}`;
    return [`${those.length} ${state}${why}`];
  }).join(', ');
}

function briefly(why: string): string {
  return why.replace(/ in (its records|the registry)$/, '');
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
      { title: 'READINESS', shrinkTo: 12, text: readinessInWords },
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
    ...limitRows(key).map((text) => row('limit', text)),
    ...(key.likelyPredecessor === undefined
      ? []
      : [row('replaces', predecessorText(key.likelyPredecessor))]),
    ...sharingRows(key).map((text) => row('sharing', text)),
    ...(usage.length === 0
      ? []
      : [
          row(
            'usage',
            `${plural(requests, 'request')}, ${plural(errors, 'error')} since ${when(toIso(usage[0]!.hourAt))} UTC`,
          ),
        ]),
    '',
    ...readinessTable(key, columns, style),
  ];
}

function limitRows({ limits }: KeyLine): string[] {
  if (limits === undefined) return [];
  return limits.layers.map(({ name, limit, enforce }) => {
    const from = name === 'learned' && limits.learned !== undefined ? `: ${limits.learned}` : '';
    const shown = enforce ? '' : ', only shown';
    return `${name} ${count(limit.requests)} in ${span(limit.windowMs)}${shown}${forTerminal(from)}`;
  });
}

function predecessorText({ id, lastAt }: NonNullable<KeyLine['likelyPredecessor']>): string {
  return `likely ${forTerminal(id)}, last used ${when(lastAt)} UTC: if so, name it as \`predecessor\` in the registry`;
}

/** How much like several users at once: `0.48, as of 1.9 users who take turns`. */
function sharingRows(key: KeyLine): string[] {
  const sharing = key.learned?.['spread']?.['sharing'];
  if (typeof sharing !== 'number') return [];
  const users = (1 / Math.max(0.005, 1 - sharing)).toFixed(1);
  return [`${sharing.toFixed(2)} of 1, as of ${users} users who take turns`];
}

function readinessTable(key: KeyLine, columns: number, style: Style): string[] {
  return tableLines(
    [
      { title: 'DETECTOR', text: ([detector]) => detector },
      {
        title: 'READINESS',
        text: ([, readiness]) => readiness.state,
        style: ([, readiness], text) => stateStyle(readiness.state, text, style),
      },
      { title: 'SINCE (UTC)', optional: true, text: ([, readiness]) => when(readiness.since) },
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

function stateStyle(state: string, text: string, style: Style): string {
  if (state === 'ready') return style.good(text);
  return state === 'learning' ? text : style.bad(text);
}
