/**
 * Opens, raises and closes findings and incidents, and tells them as JSON lines.
 */
import type { Closing, Rule } from '../../core/control.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import {
  aboutOf,
  type Finding,
  type Incident,
  type KeyFacts,
  SCORE_MAX,
  type SubjectKind,
} from '../../core/finding.ts';
import type { Detector, Evidence } from '../detector.ts';
import { findingLine, incidentLine } from './case-lines.ts';
import { beginEpisode, describeEpisode, extend, silence } from './episode.ts';
import {
  type Episode,
  episodeClosesAt,
  episodeDueAt,
  grew,
  HOLD_MS,
  idOf,
  OPEN_SCORE,
  type OpenIncident,
} from './incidents.ts';
import { beginMove, countUse, looksMoved, type Move } from './move.ts';
import { assess, STRONG } from './risk.ts';
import type { Steering } from './steering.ts';
import { countTop, type Use } from './top-uses.ts';

export interface CaseBookOptions {
  readonly directory: KeyDirectory;
  readonly geographyVersion: string;
  readonly steering: Steering;
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
  /** Who owns it, where anybody knows. */
  readonly consumer?: string | undefined;
  /** Of a key: what is known of it, and how far the detectors named may be trusted with it. */
  facts?(detectors: readonly string[], before: KeyFacts | undefined): KeyFacts;
}

/** What a detector says about a subject at an instant. */
export interface Verdict {
  readonly detector: Pick<Detector, 'id' | 'version' | 'family' | 'aloneMax' | 'usesPlaces'>;
  readonly score: number;
  readonly at: number;
  readonly absent: boolean;
  /** Version of the prior that the score depends on; left out where none does. */
  readonly prior?: string;
  readonly mayAct: boolean;
  /** New network that the evidence came from; 0 for a known one, or none. */
  readonly origin: number;
  /** The incident of many keys that explains it, null for none; undefined leaves it as it is. */
  readonly partOf?: string | null | undefined;
  /** Where the event came from; left out where there is none. */
  readonly place?: { readonly country: string; readonly network: number };
  /** What kind of use it was; called for every verdict that is taken. */
  use?(): Use;
  /** Called only when there is something new to tell. */
  describe(): Evidence;
}

export type SubjectId = Pick<CaseSubject, 'kind' | 'id' | 'consumer'>;

/** A use of the key while an incident of it is open. */
export interface Witnessed {
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
      closing: null,
    };
  }

  /** Takes a verdict into the incident. Answers the finding's id when a finding was opened by it. */
  take(incident: OpenIncident, verdict: Verdict, subject: CaseSubject): string | undefined {
    const { detector, at } = verdict;
    const score = Math.min(SCORE_MAX, Number(verdict.score.toFixed(6)));
    const rule = this.ruleFor(subject, detector.id, verdict.place, at);
    if (this.isHeldBack(subject, verdict, score, rule)) return undefined;
    incident.lastAt = Math.max(incident.lastAt, at);
    let episode = incident.episodes.find((e) => e.detector === detector.id);
    if (episode !== undefined && verdict.use !== undefined) countTop(episode.top, verdict.use());
    const isNew = episode === undefined;
    if (episode === undefined) {
      if (score < OPEN_SCORE) return undefined;
      episode = beginEpisode(verdict, subject);
      silence(episode, rule);
      if (verdict.use !== undefined) countTop(episode.top, verdict.use());
      incident.episodes.push(episode);
      if (episode.origin !== 0) incident.move ??= beginMove(episode.origin, Math.floor(at / 1000));
    } else {
      const isOther = extend(episode, verdict, rule);
      if (!grew(episode.score, score)) {
        if (isOther) this.retell(incident, [episode], subject, at);
        return undefined;
      }
      if (episode.closedAt !== null) silence(episode, rule);
      episode.closedAt = null;
      episode.lastAt = Math.max(episode.lastAt, at);
      episode.absent = verdict.absent;
    }
    if (verdict.partOf !== undefined) incident.partOf = verdict.partOf;
    describeEpisode(episode, score, verdict.describe());
    if (subject.facts !== undefined) {
      const detectors = incident.episodes.map((one) => one.detector);
      incident.key = subject.facts(detectors, incident.key);
    }
    this.retell(incident, [episode], subject, at);
    return isNew ? episode.findingId : undefined;
  }

  /** Counts a use of the key while the incident is open: where it comes from tells a move from a theft. */
  witness(incident: OpenIncident, use: Witnessed, subject: SubjectId): void {
    const { move, migration } = incident;
    if (move === null) return;
    countUse(move, use.event, use.second, use.rate);
    incident.migration = looksMoved(move, migration) && hasNoOtherCause(incident, move);
    if (incident.migration !== migration) this.retell(incident, [], subject, use.event.at);
  }

  /** The incident turned out to be part of one of many keys. */
  join(incident: OpenIncident, partOf: string, subject: SubjectId, at: number): void {
    incident.partOf = partOf;
    this.retell(incident, [], subject, at);
  }

  /**
   * Closes what is due at or before `until`, each at its own instant, and lets silences end at theirs; true when the
   * incident closed.
   */
  close(incident: OpenIncident, until: number, subject: SubjectId): boolean {
    for (;;) {
      let next: Episode | undefined;
      for (const episode of incident.episodes) {
        if (episode.closedAt !== null) continue;
        if (next === undefined || episodeDueAt(episode) < episodeDueAt(next)) next = episode;
      }
      if (next === undefined) break;
      const dueAt = episodeDueAt(next);
      if (dueAt > until) return false;
      if (dueAt < episodeClosesAt(next)) this.resilence(incident, subject, dueAt);
      else {
        next.closedAt = dueAt;
        this.tellFinding(next, subject);
      }
    }
    const lastClose = Math.max(...incident.episodes.map((e) => e.closedAt ?? 0));
    const closesAt = Math.max(lastClose, incident.lastAt + HOLD_MS);
    if (closesAt > until) return false;
    incident.closedAt = closesAt;
    this.tellIncident(incident, subject, closesAt);
    return true;
  }

  /** The rules have changed, or one has ended: what is silenced now? True when that is another than before. */
  resilence(incident: OpenIncident, subject: SubjectId, now: number): boolean {
    const at = Math.max(now, incident.updatedAt);
    const changed = incident.episodes.filter((episode) => {
      if (episode.closedAt !== null) return false;
      const rule = this.ruleFor(subject, episode.detector, episode, at);
      if ((rule?.id ?? null) === episode.silencedBy) return false;
      silence(episode, rule);
      return true;
    });
    if (changed.length > 0) this.retell(incident, changed, subject, at);
    return changed.length > 0;
  }

  /** A person closes it, at once and with all that is open of it. */
  closeBy(incident: OpenIncident, closing: Closing, subject: SubjectId, at: number): void {
    const closedAt = Math.max(at, incident.lastAt, incident.updatedAt);
    for (const episode of incident.episodes) {
      if (episode.closedAt !== null) continue;
      episode.closedAt = closedAt;
      this.tellFinding(episode, subject);
    }
    const { as, by, reason } = closing;
    incident.closing = { as, by, reason };
    incident.closedAt = closedAt;
    this.tellIncident(incident, subject, closedAt);
  }

  private ruleFor(
    subject: SubjectId,
    detector: string,
    place: Verdict['place'],
    at: number,
  ): Rule | undefined {
    const { rules } = this.options.steering;
    if (rules.size === 0) return undefined;
    const { country = '', network = 0 } = place ?? {};
    const { kind, id } = subject;
    const consumer = kind === 'consumer' ? id : subject.consumer;
    const { label } = this.name(subject);
    return rules.find({ subject: id, label, consumer, detector, country, network }, at);
  }

  /** Whether people have said that this is none of their concern. */
  private isHeldBack(
    { id }: SubjectId,
    { detector, at, describe }: Verdict,
    score: number,
    rule: Rule | undefined,
  ): boolean {
    const { falseAlarms, heldBack } = this.options.steering;
    if (rule?.kind === 'allow') {
      heldBack.allowed++;
      return true;
    }
    if (!falseAlarms.concern(id, detector.id)) return false;
    const innocent = { detector: detector.id, about: aboutOf(describe()), score };
    if (!falseAlarms.covers(id, innocent, at)) return false;
    heldBack.remembered++;
    return true;
  }

  /** The incident is another one by what these episodes are now. */
  private retell(
    incident: OpenIncident,
    episodes: readonly Episode[],
    subject: SubjectId,
    at: number,
  ): void {
    assess(incident);
    for (const episode of episodes) this.tellFinding(episode, subject);
    this.tellIncident(incident, subject, at);
  }

  private tellFinding(episode: Episode, subject: SubjectId): void {
    episode.revision++;
    this.options.onFinding(findingLine(episode, this.name(subject), this.options.geographyVersion));
  }

  private tellIncident(incident: OpenIncident, subject: SubjectId, at: number): void {
    incident.revision++;
    incident.updatedAt = Math.max(incident.updatedAt, at);
    this.options.onIncident(this.line(incident, subject));
  }

  /** The incident as it stands. */
  line(incident: OpenIncident, subject: SubjectId): Incident {
    return incidentLine(incident, this.name(subject));
  }

  private name({ kind, id }: SubjectId): Finding['subject'] {
    const label = kind === 'key' ? this.options.directory.entry(id)?.label : undefined;
    return label === undefined ? { kind, id } : { kind, id, label };
  }
}

/** Nothing strong that a new network does not explain. */
function hasNoOtherCause({ episodes }: OpenIncident, { origin }: Move): boolean {
  return episodes.every((episode) => episode.origin === origin || episode.score < STRONG);
}
