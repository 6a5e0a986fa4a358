/** Incidents and findings in words. All text of theirs is escaped here. */
import type { Facts, Finding, Incident } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { score, span, when } from './numbers.ts';
import { fit, pad, type Style, widthOf } from './style.ts';
import { type Column, tableLines, wrapText } from './table.ts';

/** Label if there is one, with the id behind it; else the id. */
export function subjectName(subject: Incident['subject']): string {
  const id = forTerminal(subject.id);
  return subject.label === undefined ? id : `${forTerminal(subject.label)} (${id})`;
}

/** In at most `columns`: the id behind a label gives way. An id alone is not cut, as then it names nothing. */
export function subjectWithin(subject: Incident['subject'], columns: number): string {
  const name = subjectName(subject);
  if (subject.label === undefined || widthOf(name) <= columns) return name;
  return fit(forTerminal(subject.label), columns);
}

const SEVERITY_COLUMNS = 8;
const LEFT = ' '.repeat(SEVERITY_COLUMNS + 2);

export function severityTag(incident: { severity: Incident['severity'] }, style: Style): string {
  return style.severity(incident.severity, pad(incident.severity, SEVERITY_COLUMNS));
}

/** How long it has lasted, or lasts. */
export function duration(incident: Incident): string {
  const end = Date.parse(incident.closedAt ?? incident.updatedAt);
  return span(end - Date.parse(incident.openedAt));
}

/** Who; the sentence, wrapped; since when, and by which detectors. */
export function incidentLines(
  incident: Incident,
  detectors: readonly string[],
  columns: number,
  style: Style,
): string[] {
  const lasted = incident.closedAt === null ? 'goes on' : `lasted ${duration(incident)}`;
  const by = forTerminal((detectors.length === 0 ? incident.families : detectors).join(', '));
  const under = (text: string): string[] => wrapText(text, columns - LEFT.length);
  const [name = '', ...more] = under(subjectName(incident.subject));
  return [
    `${severityTag(incident, style)}  ${style.bold(name)}`,
    ...more.map((line) => LEFT + line),
    ...under(forTerminal(incident.why)).map((line) => LEFT + line),
    ...[
      `since ${when(incident.openedAt)} UTC, ${lasted}  ·  ${by}`,
      ...remarks(incident).map(forTerminal),
    ]
      .flatMap(under)
      .map((line) => LEFT + style.dim(line)),
  ];
}

/** What people have said of it, and what it belongs to. */
function remarks(incident: Incident): string[] {
  const { closedAs, closedBy = '', closedReason = '', silencedBy, partOf } = incident;
  const closed = `closed as ${closedAs} by ${closedBy}`;
  return [
    ...(closedAs === undefined
      ? []
      : [closedReason === '' ? closed : `${closed}: ${closedReason}`]),
    ...(silencedBy === undefined ? [] : [`silenced by ${silencedBy}`]),
    ...(partOf === undefined ? [] : [`part of ${partOf}`]),
  ];
}

/** Each with those that are part of it behind it. */
function grouped(incidents: readonly Incident[]): Incident[] {
  const ids = new Set(incidents.map(({ id }) => id));
  const isPart = ({ partOf = '' }: Incident): boolean => ids.has(partOf);
  return incidents
    .filter((incident) => !isPart(incident))
    .flatMap((whole) => [whole, ...incidents.filter(({ partOf }) => partOf === whole.id)]);
}

/** What is part of another stands below it, indented. */
export function incidentTable(
  incidents: readonly Incident[],
  columns: number,
  style: Style,
): string[] {
  const all = grouped(incidents);
  const ids = new Set(all.map(({ id }) => id));
  const table: Column<Incident>[] = [
    {
      title: 'SEVERITY',
      text: (incident) => incident.severity,
      style: (incident, text) => style.severity(incident.severity, text),
    },
    {
      title: 'SUBJECT',
      shrinkTo: 16,
      text: ({ subject, partOf = '' }) =>
        `${ids.has(partOf) ? '- ' : ''}${subject.label ?? subject.id}`,
    },
    { title: 'OPENED (UTC)', optional: true, text: (incident) => when(incident.openedAt) },
    {
      title: 'STATE',
      text: stateInWords,
    },
    { title: 'WHY', shrinkTo: 24, optional: true, text: (incident) => incident.why },
    { title: 'ID', text: (incident) => incident.id },
  ];
  return tableLines(table, all, columns, style);
}

function stateInWords(incident: Incident): string {
  const { closedAt, closedAs, silencedBy } = incident;
  if (closedAt === null) return silencedBy === undefined ? 'open' : 'silenced';
  return `${closedAs ?? 'closed'}, ${duration(incident)}`;
}

/** One finding in full: sentence, observed beside expected. */
export function findingLines(finding: Finding, columns: number, style: Style): string[] {
  const head = [
    style.severity(finding.severity, pad(finding.severity, SEVERITY_COLUMNS)),
    style.bold(finding.detector),
    style.dim(`score ${score(finding.score)}, ${finding.id}`),
  ].join('  ');
  const until = finding.closedAt === null ? 'goes on' : `until ${when(finding.toAt)}`;
  return [
    head,
    ...wrapText(forTerminal(finding.why), columns - 4).map((line) => `  ${line}`),
    style.dim(`  from ${when(finding.fromAt)} UTC, ${until}; trust ${finding.trust}`),
    ...factLines('observed', finding.observed, columns),
    ...factLines('expected', finding.expected, columns),
    ...versionLine(finding, style),
  ];
}

function factLines(title: string, facts: Facts, columns: number): string[] {
  const texts = Object.entries(facts).map(([name, value]) => `${name} ${factInWords(value)}`);
  if (texts.length === 0) return [];
  const lines = wrapText(forTerminal(texts.join(' · ')), columns - 14);
  return lines.map((line, i) => `  ${pad(i === 0 ? title : '', 10)}${line}`);
}

function factInWords(value: Facts[string]): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }
  return typeof value === 'string' ? value : value.join(', ');
}

function versionLine(finding: Finding, style: Style): string[] {
  const versions = Object.entries(finding.versions).map(([part, version]) => `${part} ${version}`);
  return versions.length === 0
    ? []
    : [style.dim(`  by        ${forTerminal(versions.join(', '))}`)];
}
