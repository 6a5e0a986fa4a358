/** The incidents of a replay, the worst first, for people. */
import type { Finding, Incident } from '../../app/contract.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { incidentLines } from './incident.ts';
import { plural } from './numbers.ts';
import type { Printer } from './printer.ts';

export interface WorstIncidents {
  finding(finding: Finding): void;
  incident(incident: Incident): void;
  print(printer: Printer, limit: number): void;
}

/** Kept for the report; the least severe are dropped beyond it, and counted. */
const KEPT_MAX = 20_000;

export function createWorst(): WorstIncidents {
  let incidents = new Map<string, Incident>();
  const detectors = new Map<string, string>();
  let dropped = 0;
  return {
    finding: (finding) => {
      if (detectors.size < KEPT_MAX * 4) detectors.set(finding.id, finding.detector);
    },
    incident: (incident) => {
      incidents.set(incident.id, incident);
      if (incidents.size < KEPT_MAX * 2) return;
      const kept = sorted(incidents.values()).slice(0, KEPT_MAX);
      dropped += incidents.size - kept.length;
      incidents = new Map(kept.map((one) => [one.id, one]));
    },
    print: (printer, limit) => {
      if (printer.json) return;
      const heard = sorted(incidents.values()).filter(
        ({ severity, silencedBy }) => severity !== 'none' && silencedBy === undefined,
      );
      const parts = partsOf(heard);
      const all = heard.filter(({ partOf = '' }) => !parts.has(partOf));
      for (const incident of all.slice(0, limit)) {
        const names = incident.findings.flatMap((id) => detectors.get(id) ?? []);
        const lines = incidentLines(incident, [...new Set(names)], printer.columns, printer.style);
        for (const line of lines) printer.line(line);
        const part = parts.get(incident.id);
        if (part !== undefined)
          printer.line(`          of it: ${plural(part, 'incident')} of single keys`);
        printer.line('');
      }
      const more = Math.max(0, all.length - limit) + dropped;
      if (more > 0) printer.line(`and ${plural(more, 'incident')} more: see --limit, or --json\n`);
    },
  };
}

/** How many are part of each that is there itself. */
function partsOf(incidents: readonly Incident[]): Map<string, number> {
  const ids = new Set(incidents.map(({ id }) => id));
  const parts = new Map<string, number>();
  for (const { partOf = '' } of incidents)
    if (ids.has(partOf)) parts.set(partOf, (parts.get(partOf) ?? 0) + 1);
  return parts;
}

function sorted(incidents: Iterable<Incident>): Incident[] {
  return [...incidents].sort(
    (a, b) =>
      SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity) ||
      b.risk - a.risk ||
      (a.openedAt < b.openedAt ? -1 : a.openedAt > b.openedAt ? 1 : 0) ||
      (a.id < b.id ? -1 : 1),
  );
}
