/** Incidents and their findings out of the store, as of the last event where somebody remembers those. */
import { atLeast, type Finding, type Incident } from '../core/finding.ts';
import type { IncidentFilter, ResultStore } from '../core/store.ts';
import type { IncidentDetail } from './contract.ts';
import type { Recent } from './recent.ts';

/** Answered when the filter names no limit. */
const LIMIT_DEFAULT = 100;
/** Incidents of one subject looked through for the one that holds a finding. */
const OF_SUBJECT_MAX = 10_000;

export interface IncidentData {
  /** The latest change first. */
  incidents(filter: IncidentFilter): Promise<readonly Incident[]>;
  incident(id: string): Promise<IncidentDetail | undefined>;
  finding(id: string): Promise<Finding | undefined>;
  /** The incident that a finding belongs to. */
  incidentOf(finding: Finding): Promise<Incident | undefined>;
}

type IncidentStore = Pick<ResultStore, 'incidents' | 'incident' | 'findings'>;

export function createIncidentData(store: IncidentStore, recent?: Recent): IncidentData {
  async function incidents(filter: IncidentFilter): Promise<readonly Incident[]> {
    const limit = filter.limit ?? LIMIT_DEFAULT;
    const known = recent?.incidents;
    if (known === undefined || known.size === 0) return store.incidents({ ...filter, limit });
    // Each one remembered may take the place of one that no longer passes the filter.
    const kept = await store.incidents({ ...filter, limit: limit + known.size });
    const byId = new Map(kept.map((incident) => [incident.id, incident]));
    for (const incident of known.values()) {
      const older = byId.get(incident.id);
      if (older !== undefined && older.revision >= incident.revision) continue;
      if (passes(incident, filter)) byId.set(incident.id, incident);
      else byId.delete(incident.id);
    }
    return [...byId.values()].sort(latestFirst).slice(0, limit);
  }

  async function findings(ids: readonly string[]): Promise<Finding[]> {
    const kept = new Map((await store.findings(ids)).map((finding) => [finding.id, finding]));
    return ids.flatMap((id) => newer(kept.get(id), recent?.findings.get(id)) ?? []);
  }

  return {
    incidents,
    async incident(id) {
      const incident = newer(await store.incident(id), recent?.incidents.get(id));
      if (incident === undefined) return undefined;
      return { incident, findings: await findings(incident.findings) };
    },
    finding: async (id) => (await findings([id]))[0],
    async incidentOf(finding) {
      const subjectId = finding.subject.id;
      const all = await incidents({ subjectId, limit: OF_SUBJECT_MAX });
      return all.find((incident) => incident.findings.includes(finding.id));
    },
  };
}

function newer<T extends { readonly revision: number }>(
  kept: T | undefined,
  told: T | undefined,
): T | undefined {
  if (kept === undefined || told === undefined) return kept ?? told;
  return told.revision > kept.revision ? told : kept;
}

/** As the store filters. */
function passes(incident: Incident, filter: IncidentFilter): boolean {
  const { sinceAt, severity, subjectId, open } = filter;
  if (sinceAt !== undefined && Date.parse(incident.updatedAt) < sinceAt) return false;
  if (severity !== undefined && !atLeast(incident.severity, severity)) return false;
  if (subjectId !== undefined && incident.subject.id !== subjectId) return false;
  return open === undefined || open === (incident.closedAt === null);
}

/** As the store orders. */
function latestFirst(a: Incident, b: Incident): number {
  if (a.updatedAt !== b.updatedAt) return a.updatedAt < b.updatedAt ? 1 : -1;
  return a.id < b.id ? -1 : 1;
}
