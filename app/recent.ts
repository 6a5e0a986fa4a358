/**
 * Findings and incidents as they were told last: those since the last checkpoint are not in the store yet, and
 * somebody who has just read of an incident may ask for it at once.
 */
import type { Finding, Incident } from '../core/finding.ts';

export interface Recent {
  /** To be called with all that the engine tells. */
  finding(finding: Finding): void;
  incident(incident: Incident): void;
  /** By id. */
  readonly findings: ReadonlyMap<string, Finding>;
  readonly incidents: ReadonlyMap<string, Incident>;
}

/** Beyond it the oldest are forgotten: the store has them, or will at the next checkpoint. */
const INCIDENTS_MAX = 2000;
const FINDINGS_MAX = 8000;

export function createRecent(): Recent {
  const findings = new Map<string, Finding>();
  const incidents = new Map<string, Incident>();
  return {
    findings,
    incidents,
    finding: (finding) => remember(findings, finding, FINDINGS_MAX),
    incident: (incident) => remember(incidents, incident, INCIDENTS_MAX),
  };
}

function remember<T extends { readonly id: string }>(
  map: Map<string, T>,
  item: T,
  max: number,
): void {
  map.delete(item.id);
  map.set(item.id, item);
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
