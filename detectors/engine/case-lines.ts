/** Findings and incidents as the JSON lines of contracts.md. */
import { toIso, toIsoOrNull } from '../../core/clock.ts';
import { type Finding, type Incident, type SubjectName, severityOf } from '../../core/finding.ts';
import type { Episode, OpenIncident } from './incidents.ts';
import { isProof } from './risk.ts';
import { joinTops } from './top-uses.ts';

const MOVED =
  'it looks like a move: its former networks fell quiet as the new one began, and it is as busy as before';

export function findingLine(
  episode: Episode,
  subject: SubjectName,
  geographyVersion: string,
): Finding {
  const versions: Record<string, string | number> = { [episode.detector]: episode.version };
  if (episode.usesPlaces) versions['geography'] = geographyVersion;
  if (episode.prior !== '') versions['prior'] = episode.prior;
  return {
    type: 'finding',
    id: episode.findingId,
    revision: episode.revision,
    detector: episode.detector,
    family: episode.family,
    subject,
    openedAt: toIso(episode.openedAt),
    fromAt: toIso(episode.fromAt),
    toAt: toIso(episode.lastAt),
    score: Number(episode.score.toFixed(3)),
    severity: severityOf(Math.min(episode.score, episode.aloneMax), isProof(episode)),
    observed: episode.observed,
    expected: episode.expected,
    why: episode.why,
    ...(episode.about === null ? {} : { about: episode.about }),
    closedAt: toIsoOrNull(episode.closedAt ?? undefined),
    trust: episode.mayAct ? 'act' : 'observe',
    parts: episode.parts,
    versions,
    ...(episode.silencedBy === null ? {} : { silencedBy: episode.silencedBy }),
  };
}

export function incidentLine(incident: OpenIncident, subject: SubjectName): Incident {
  const ranked = [...incident.episodes].sort((a, b) => b.score - a.score);
  const { closing, migration } = incident;
  const uses = joinTops(incident.episodes.map(({ top }) => top));
  const silencedBy = ranked.every((episode) => episode.silencedBy !== null)
    ? ranked[0]?.silencedBy
    : null;
  return {
    type: 'incident',
    id: incident.id,
    revision: incident.revision,
    subject,
    openedAt: toIso(incident.openedAt),
    updatedAt: toIso(incident.updatedAt),
    closedAt: toIsoOrNull(incident.closedAt ?? undefined),
    severity: incident.severity,
    risk: Number(incident.risk.toFixed(3)),
    families: incident.families,
    findings: incident.episodes.map((episode) => episode.findingId),
    ...(uses.length === 0 ? {} : { uses }),
    ...(migration ? { migration } : {}),
    ...(incident.partOf === null ? {} : { partOf: incident.partOf }),
    ...(silencedBy == null ? {} : { silencedBy }),
    ...(closing === null
      ? {}
      : { closedAs: closing.as, closedBy: closing.by, closedReason: closing.reason }),
    ...(incident.key === undefined ? {} : { key: incident.key }),
    why: [...ranked.map(({ why }) => why), ...(migration ? [MOVED] : [])].map(sentence).join(' '),
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
