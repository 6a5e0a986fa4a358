/** The end of a replay or a demo in a few lines. */
import type { DemoSummary, ReplaySummary, SourceReading } from '../../app/contract.ts';
import type { AlertBudget } from '../../core/alert-budget.ts';
import { forTerminal } from '../../core/escape.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { count, plural, size, span, when } from './numbers.ts';
import type { Style } from './style.ts';
import { wrapText } from './table.ts';

export function replaySummaryLines(
  summary: ReplaySummary,
  style: Style,
  columns: number,
): string[] {
  const read = [
    plural(summary.records, 'record'),
    `${size(summary.bytes)} in ${span(summary.seconds * 1000)}`,
    `${plural(summary.events, 'use')} of ${plural(summary.subjects, 'key')}`,
  ];
  const wrapped = (text: string): string[] => wrapText(text, columns);
  const lines = [
    read.join(', '),
    ...between(summary),
    ...counted('raised no alert', {
      silenced: summary.silenced,
      'part of another incident': summary.partOf,
      'findings allowed': summary.heldBack.allowed,
      'findings that were a false alarm before': summary.heldBack.remembered,
    }),
    ...(summary.budget === undefined ? [] : [budgetLine(summary.budget)]),
    ...counted('not read', summary.rejected),
    ...counted('read with a flaw', summary.flawed),
    ...counted('set aside', {
      duplicates: summary.duplicates,
      late: summary.late,
      future: summary.future,
      'not checked by the gateway': summary.claimed,
      'of keys beyond the bound': summary.unadmitted,
    }),
    ...watched(summary.readiness),
  ];
  const sources = summary.sources.map((source) => forTerminal(readingLine(source, summary)));
  return [
    ...wrapped(incidentsInWords(summary.incidents)).map(style.bold),
    ...lines.flatMap(wrapped),
    ...sources.flatMap(wrapped).map(style.dim),
  ];
}

/** Keys × detectors. */
function watched(readiness: ReplaySummary['readiness']): string[] {
  return counted('detectors by key', { ...readiness });
}

/** What was read as this; which files, and what was not read of them, where there is more than one kind. */
function readingLine(reading: SourceReading, { sources }: ReplaySummary): string {
  const as = `${reading.source}: ${reading.format} (${reading.why})`;
  // Stdin is no file.
  if (reading.files === 0) return as;
  if (sources.length === 1) return `${as}, ${plural(reading.files, 'file')}`;
  const unread = counted('not read', reading.rejected).map((text) => `; ${text}`);
  return `${filesOf(reading)}: ${as}, ${plural(reading.records, 'record')}${unread.join('')}`;
}

function filesOf({ names, files }: SourceReading): string {
  const more = files - names.length;
  return `${names.join(', ')}${more === 0 ? '' : ` and ${count(more)} more`}`;
}

/** From this share on it is the order of the log, not a few stragglers. */
const LATE_SHARE = 0.1;

/** What to try when a replay gave nothing, or little: the sums alone do not say it to who sees them first. */
export function replayAdvice(summary: ReplaySummary, key?: string): string | undefined {
  const unused = unusedFiles(summary, key);
  if (unused !== '') return unused;
  if (summary.events > 0 && summary.claimed === summary.events) {
    return [
      'Nobody checked the keys of these records, so they feed no baseline.',
      'Where the gateway does, say it: --key SPEC, or identity: attested on the source.',
    ].join(' ');
  }
  if (summary.late > summary.events * LATE_SHARE) {
    return [
      'Many records stand behind newer ones: they were counted, and hardly judged.',
      'Sort the log by time, the oldest first, and replay it into a new state.',
    ].join(' ');
  }
  if (summary.events > 0) return undefined;
  if (summary.records === 0) {
    return summary.subjects > 0
      ? 'Nothing new: all of it was read before, and the state has it.'
      : 'Nothing to read: there is no record.';
  }
  const format = summary.sources.map((source) => source.format).join(', ');
  return unusedAdvice({ format, rejected: summary.rejected }, key);
}

/** Of several kinds of files, those of which not one record could be used, and why. */
function unusedFiles({ sources }: ReplaySummary, key: string | undefined): string {
  if (sources.length < 2) return '';
  return sources
    .filter(({ records, events }) => records > 0 && events === 0)
    .flatMap((reading) => {
      const advice = unusedAdvice(reading, key);
      return advice === undefined ? [] : [`${filesOf(reading)}: ${advice}`];
    })
    .join(' ');
}

/** Why not one record could be used. */
function unusedAdvice(
  { format, rejected }: Pick<SourceReading, 'format' | 'rejected'>,
  key: string | undefined,
): string | undefined {
  const [reason] = Object.entries(rejected).sort(([, a], [, b]) => b - a)[0] ?? [];
  if (reason === 'no-key' && key !== undefined) return noKeyAt(key);
  if (reason === 'no-key') {
    return [
      'No record shows a key. Say where it is, e.g. --key query:api_key or --key header:X-Api-Key;',
      '--key client_ip takes the address in its place.',
    ].join(' ');
  }
  if (reason === 'malformed' || reason === 'no-time') {
    return `No record could be read as ${format}. Is --format right? Without it the format is recognised.`;
  }
  return undefined;
}

function noKeyAt(key: string): string {
  return key === 'client_ip'
    ? 'No record shows a client address.'
    : `No record shows a key at ${key}. Is the name right, and does the log hold it?`;
}

/** From which risk on there would have been no more alerts than are wanted. */
export function budgetLine(budget: AlertBudget): string {
  const { perDay, days, threshold, alertsPerDay, incidents } = budget;
  const over = `over ${plural(Number(days.toFixed(1)), 'day')}`;
  if (incidents === 0) return `Alert budget: no incident ${over}.`;
  return (
    `Alert budget of ${perDay} a day: alert from a risk of ${threshold.toFixed(1)} on; ` +
    `that would have been ${alertsPerDay} a day ${over}. It is advice, nothing is moved by it.`
  );
}

export function demoSummaryLines(summary: DemoSummary, style: Style, columns: number): string[] {
  const lines = [
    `${plural(summary.events, 'use')} of ${plural(summary.subjects, 'key')} in ${span(summary.seconds * 1000)}`,
    ...between(summary),
  ];
  return [
    ...wrapText(incidentsInWords(summary.incidents), columns).map(style.bold),
    ...lines.flatMap((line) => wrapText(line, columns)),
  ];
}

function incidentsInWords(incidents: ReplaySummary['incidents']): string {
  const parts = [...SEVERITIES]
    .reverse()
    .filter((severity) => severity !== 'none' && (incidents[severity] ?? 0) > 0)
    .map((severity) => `${count(incidents[severity]!)} ${severity}`);
  return parts.length === 0 ? 'No incidents.' : `Incidents: ${parts.join(', ')}.`;
}

function between(summary: { firstAt: string | null; lastAt: string | null }): string[] {
  if (summary.firstAt === null || summary.lastAt === null) return [];
  return [`from ${when(summary.firstAt)} to ${when(summary.lastAt)} UTC`];
}

function counted(title: string, counts: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([reason, number]) => `${count(number)} ${reason}`);
  return parts.length === 0 ? [] : [`${title}: ${parts.join(', ')}`];
}
