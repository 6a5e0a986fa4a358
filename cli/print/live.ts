/** Incidents as they open, grow and close: one block of lines for each change worth reading. */
import type { Finding, Incident } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { duration, subjectName } from './incident.ts';
import { when } from './numbers.ts';
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
const STATE_COLUMNS = 6;
const SEVERITY_COLUMNS = 8;
const TIME_COLUMNS = 19;
const LEFT = ' '.repeat(TIME_COLUMNS + 2 + STATE_COLUMNS + 2 + SEVERITY_COLUMNS + 2);

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
        if (seen !== undefined) print.line(headLine(print, incident, 'closed'));
        for (const id of incident.findings) detectors.delete(id);
        return;
      }
      if (seen !== undefined && !worthALine(seen, incident)) return;
      if (incident.severity === 'none' || incident.silencedBy !== undefined) return;
      const names = incident.findings.map((id) => detectors.get(id) ?? '');
      const by = [...new Set(names)].filter((name) => name !== '').join(', ');
      const state = seen === undefined ? 'opened' : 'grew';
      print.line(headLine(print, incident, state));
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

function headLine(print: Printer, incident: Incident, state: 'opened' | 'grew' | 'closed'): string {
  const { style } = print;
  const closed = state === 'closed';
  const severity = pad(incident.severity, SEVERITY_COLUMNS);
  const name = subjectName(incident.subject);
  return [
    style.dim(when(closed ? incident.closedAt! : incident.updatedAt)),
    closed ? style.good(pad(state, STATE_COLUMNS)) : pad(state, STATE_COLUMNS),
    closed ? style.dim(severity) : style.severity(incident.severity, severity),
    closed ? `${name}, after ${duration(incident)}` : style.bold(name),
  ].join('  ');
}

/** Under the subject's name: the sentence, and who says it. */
function sentence(print: Printer, incident: Incident, by: string): string[] {
  const room = Math.max(40, print.columns - LEFT.length);
  return [
    ...wrapText(forTerminal(incident.why), room).map((line) => LEFT + line),
    LEFT + print.style.dim(forTerminal(by)),
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
