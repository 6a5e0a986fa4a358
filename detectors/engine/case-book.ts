/**
 * Opens, raises and closes findings and incidents, and tells them as JSON lines.
 */
import { toIso, toIsoOrNull } from '../../core/clock.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import {
  type Finding,
  type Incident,
  SCORE_MAX,
  type SubjectKind,
  severityOf,
} from '../../core/finding.ts';
import type { Detector, Evidence } from '../detector.ts';
import { rounded } from '../words.ts';
import {
  type Episode,
  episodeClosesAt,
  grew,
  HOLD_MS,
  idOf,
  OPEN_SCORE,
  type OpenIncident,
} from './incidents.ts';
import { beginMove, countUse, looksMoved, type Move } from './move.ts';
import { assess, isOfNetwork, STRONG } from './risk.ts';

export interface CaseBookOptions {
  readonly directory: KeyDirectory;
  readonly geographyVersion: string;
  onFinding(finding: Finding): void;
  onIncident(incident: Incident): void;
}

/** Whose incident it is. */
export interface CaseSubject {
  readonly kind: SubjectKind;
  readonly id: string;
  /** 32 hex digits. */
  readonly digest: string;
  /** Events of the subject so far: a part of the ids. */
  readonly events: number;
}

/** What a detector says about a subject at an instant. */
export interface Verdict {
  readonly detector: Pick<Detector, 'id' | 'version' | 'family' | 'aloneMax' | 'usesPlaces'>;
  readonly score: number;
  readonly at: number;
  readonly absent: boolean;
  readonly mayAct: boolean;
  /** New network that the evidence came from; 0 for a known one, or none. */
  readonly origin: number;
  /** The incident of many keys that explains it, null for none; undefined leaves it as it is. */
  readonly partOf?: string | null | undefined;
  /** Called only when there is something new to tell. */
  describe(): Evidence;
}

export type SubjectId = Pick<CaseSubject, 'kind' | 'id'>;

/** A use of the key while an incident of it is open. */
export interface Use {
  readonly event: ApiEvent;
  readonly second: number;
  /** Events a second that the key makes at this hour. */
  readonly rate: number;
}

export class CaseBook {
  private readonly options: CaseBookOptions;

  constructor(options: CaseBookOptions) {
    this.options = options;
  }

  open(digest: string, at: number, events: number): OpenIncident {
    return {
      id: idOf('inc', digest, 'incident', at, events),
      revision: 0,
      openedAt: at,
      updatedAt: at,
      lastAt: at,
      closedAt: null,
      risk: 0,
      severity: 'none',
      families: [],
      episodes: [],
      move: null,
      partOf: null,
      migration: false,
    };
  }

  /** Takes a verdict into the incident. Answers the finding's id when a finding was opened by it. */
  take(incident: OpenIncident, verdict: Verdict, subject: CaseSubject): string | undefined {
    const { detector, at } = verdict;
    const score = Math.min(SCORE_MAX, Number(verdict.score.toFixed(6)));
    incident.lastAt = Math.max(incident.lastAt, at);
    let episode = incident.episodes.find((e) => e.detector === detector.id);
    const isNew = episode === undefined;
    if (episode === undefined) {
      if (score < OPEN_SCORE) return undefined;
      episode = this.begin(verdict, subject);
      incident.episodes.push(episode);
      if (episode.origin !== 0) incident.move ??= beginMove(episode.origin, Math.floor(at / 1000));
    } else {
      episode.mayAct &&= verdict.mayAct;
      if (episode.origin !== 0 && episode.origin !== verdict.origin) {
        episode.origin = 0;
        const { risk } = incident;
        assess(incident);
        if (incident.risk !== risk) this.tellIncident(incident, subject, at);
      }
      if (episode.closedAt === null) {
        episode.lastAt = Math.max(episode.lastAt, at);
        episode.absent = verdict.absent;
      }
      if (!grew(episode.score, score)) return undefined;
      episode.closedAt = null;
      episode.lastAt = Math.max(episode.lastAt, at);
      episode.absent = verdict.absent;
    }
    if (verdict.partOf !== undefined) incident.partOf = verdict.partOf;
    this.retell(episode, score, verdict.describe());
    assess(incident);
    this.tellFinding(episode, subject);
    this.tellIncident(incident, subject, at);
    return isNew ? episode.findingId : undefined;
  }

  /** Counts a use of the key while the incident is open: where it comes from tells a move from a theft. */
  witness(incident: OpenIncident, use: Use, subject: SubjectId): void {
    const { move, migration } = incident;
    if (move === null) return;
    countUse(move, use.event, use.second, use.rate);
    incident.migration = looksMoved(move, migration) && hasNoOtherCause(incident, move);
    if (incident.migration === migration) return;
    assess(incident);
    this.tellIncident(incident, subject, use.event.at);
  }

  /** The incident turned out to be part of one of many keys. */
  join(incident: OpenIncident, partOf: string, subject: SubjectId, at: number): void {
    incident.partOf = partOf;
    assess(incident);
    this.tellIncident(incident, subject, at);
  }

  /** Closes what is due at or before `until`, each at its own instant; true when the incident closed. */
  close(incident: OpenIncident, until: number, subject: SubjectId): boolean {
    for (;;) {
      let next: Episode | undefined;
      for (const episode of incident.episodes) {
        if (episode.closedAt !== null) continue;
        if (next === undefined || episodeClosesAt(episode) < episodeClosesAt(next)) next = episode;
      }
      if (next === undefined) break;
      const dueAt = episodeClosesAt(next);
      if (dueAt > until) return false;
      next.closedAt = dueAt;
      this.tellFinding(next, subject);
    }
    const lastClose = Math.max(...incident.episodes.map((e) => e.closedAt ?? 0));
    const closesAt = Math.max(lastClose, incident.lastAt + HOLD_MS);
    if (closesAt > until) return false;
    incident.closedAt = closesAt;
    this.tellIncident(incident, subject, closesAt);
    return true;
  }

  private begin(verdict: Verdict, subject: CaseSubject): Episode {
    const { detector, at } = verdict;
    return {
      detector: detector.id,
      family: detector.family,
      aloneMax: Math.min(detector.aloneMax, SCORE_MAX),
      findingId: idOf('fnd', subject.digest, detector.id, at, subject.events),
      revision: 0,
      openedAt: at,
      fromAt: at,
      lastAt: at,
      closedAt: null,
      absent: verdict.absent,
      score: 0,
      observed: {},
      expected: {},
      why: '',
      parts: [],
      mayAct: verdict.mayAct,
      usesPlaces: detector.usesPlaces,
      version: detector.version,
      origin: isOfNetwork(detector) ? verdict.origin : 0,
    };
  }

  private retell(episode: Episode, score: number, evidence: Evidence): void {
    episode.score = score;
    episode.fromAt = Math.min(episode.fromAt, evidence.fromAt);
    episode.observed = evidence.observed;
    episode.expected = evidence.expected;
    episode.why = evidence.why;
    const total = evidence.parts.reduce((sum, part) => sum + part.score, 0);
    episode.parts = evidence.parts.map((part) => ({
      name: part.name,
      score: rounded(total > 0 ? (part.score / total) * score : score / evidence.parts.length),
    }));
  }

  private tellFinding(episode: Episode, subject: SubjectId): void {
    episode.revision++;
    const versions: Record<string, string | number> = { [episode.detector]: episode.version };
    if (episode.usesPlaces) versions['geography'] = this.options.geographyVersion;
    this.options.onFinding({
      type: 'finding',
      id: episode.findingId,
      revision: episode.revision,
      detector: episode.detector,
      family: episode.family,
      subject: this.name(subject),
      fromAt: toIso(episode.fromAt),
      toAt: toIso(episode.lastAt),
      score: Number(episode.score.toFixed(3)),
      severity: severityOf(Math.min(episode.score, episode.aloneMax), false),
      observed: episode.observed,
      expected: episode.expected,
      why: episode.why,
      closedAt: toIsoOrNull(episode.closedAt ?? undefined),
      trust: episode.mayAct ? 'act' : 'observe',
      parts: episode.parts,
      versions,
    });
  }

  private tellIncident(incident: OpenIncident, subject: SubjectId, at: number): void {
    incident.revision++;
    incident.updatedAt = Math.max(incident.updatedAt, at);
    this.options.onIncident(this.line(incident, subject));
  }

  /** The incident as it stands. */
  line(incident: OpenIncident, subject: SubjectId): Incident {
    const ranked = [...incident.episodes].sort((a, b) => b.score - a.score);
    return {
      type: 'incident',
      id: incident.id,
      revision: incident.revision,
      subject: this.name(subject),
      openedAt: toIso(incident.openedAt),
      updatedAt: toIso(incident.updatedAt),
      closedAt: toIsoOrNull(incident.closedAt ?? undefined),
      severity: incident.severity,
      risk: Number(incident.risk.toFixed(3)),
      families: incident.families,
      findings: incident.episodes.map((episode) => episode.findingId),
      ...(incident.migration ? { migration: true } : {}),
      ...(incident.partOf === null ? {} : { partOf: incident.partOf }),
      why: [...ranked.map(({ why }) => why), ...(incident.migration ? [MOVED] : [])]
        .map(sentence)
        .join(' '),
    };
  }

  private name({ kind, id }: SubjectId): Finding['subject'] {
    const label = kind === 'key' ? this.options.directory.entry(id)?.label : undefined;
    return label === undefined ? { kind, id } : { kind, id, label };
  }
}

const MOVED =
  'it looks like a move: its former networks fell quiet as the new one began, and it is as busy as before';

/** Nothing strong that a new network does not explain. */
function hasNoOtherCause({ episodes }: OpenIncident, { origin }: Move): boolean {
  return episodes.every((episode) => episode.origin === origin || episode.score < STRONG);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
