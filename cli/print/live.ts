/** Incidents as they open, grow and close: one block of lines for each change worth reading. */
import type { Finding, Incident } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { duration } from './incident.ts';
import { headLines, LIVE_COLUMNS, leftOf } from './live-head.ts';
import type { Printer } from './printer.ts';
import { pad } from './style.ts';
import { wrapText } from './table.ts';

export interface LivePrinter {
  /** Remembers which detector a finding is of. */
  finding(finding: Finding): void;
  incident(incident: Incident): void;
}

interface Seen {
  severity: Incident['severity'];
  findings: number;
}

/** Open incidents and findings remembered; beyond it the oldest is forgotten and printed anew. */
const REMEMBERED_MAX = 10_000;

export function createLive(print: Printer): LivePrinter {
  const open = new Map<string, Seen>();
  const detectors = new Map<string, string>();
  return {
    finding: (finding) => remember(detectors, finding.id, finding.detector),
    incident: (incident) => {
      const seen = open.get(incident.id);
      if (incident.closedAt !== null) {
        open.delete(incident.id);
        // One that was never worth a line need not be told to have ended.
        if (seen !== undefined)
          for (const line of incidentHead(print, incident, 'closed')) print.line(line);
        for (const id of incident.findings) detectors.delete(id);
        return;
      }
      if (seen !== undefined && !worthALine(seen, incident)) return;
      if (incident.severity === 'none' || incident.silencedBy !== undefined) return;
      const names = incident.findings.map((id) => detectors.get(id) ?? '');
      const by = [...new Set(names)].filter((name) => name !== '').join(', ');
      const state = seen === undefined ? 'opened' : 'grew';
      for (const line of incidentHead(print, incident, state)) print.line(line);
      const families = incident.families.join(', ');
      for (const line of sentence(print, incident, by === '' ? families : by)) print.line(line);
      remember(open, incident.id, {
        severity: incident.severity,
        findings: incident.findings.length,
      });
    },
  };
}

function worthALine(seen: Seen, incident: Incident): boolean {
  const grew = SEVERITIES.indexOf(incident.severity) > SEVERITIES.indexOf(seen.severity);
  return grew || incident.findings.length > seen.findings;
}

function incidentHead(
  print: Printer,
  incident: Incident,
  state: 'opened' | 'grew' | 'closed',
): string[] {
  const { style } = print;
  const { severity: name, subject } = incident;
  const severity = pad(name, LIVE_COLUMNS.severity);
  const padded = pad(state, LIVE_COLUMNS.state);
  if (state !== 'closed') {
    const parts = [padded, style.severity(name, severity)];
    return headLines(print, incident.updatedAt, parts, subject, style.bold);
  }
  const after = `, after ${duration(incident)}`;
  const parts = [style.good(padded), style.dim(severity)];
  return headLines(print, incident.closedAt!, parts, subject, (who) => who + after, after.length);
}

/** Under the subject's name: the sentence, and who says it. */
function sentence(print: Printer, incident: Incident, by: string): string[] {
  const left = leftOf(print);
  const room = print.columns - left.length;
  return [
    ...wrapText(forTerminal(incident.why), room).map((line) => left + line),
    ...wrapText(forTerminal(by), room).map((line) => left + print.style.dim(line)),
  ];
}

function remember<V>(map: Map<string, V>, id: string, value: V): void {
  map.delete(id);
  map.set(id, value);
  if (map.size <= REMEMBERED_MAX) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
