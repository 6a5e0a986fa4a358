/**
 * Findings by episode, and the incident they fold into: pure bookkeeping of one subject.
 *
 * One finding per detector, subject and episode: updated while it lasts, closed after quiet, raised again only
 * when it grows. At most one open incident per subject. Everything here is plain JSON, so that an open
 * incident is its own snapshot.
 */
import { createHash } from 'node:crypto';
import type { Closing } from '../../core/control.ts';
import {
  type Facts,
  type Family,
  type KeyFacts,
  type Severity,
  severityOf,
} from '../../core/finding.ts';
import type { Move } from './move.ts';
import type { TopUses } from './top-uses.ts';

/** A score opens a finding at OPEN, and keeps it alive from KEEP. */
export const OPEN_SCORE = 4;
export const KEEP_SCORE = 3;
/** An episode closes after this long without evidence; its incident after an hour. */
export const QUIET_MS = 15 * 60_000;
export const HOLD_MS = 60 * 60_000;
/** Absence brings no events that could end it: it is closed after a day at the latest. */
export const ABSENCE_MAX_MS = 24 * 3_600_000;
/** From this risk on the subject is under suspicion, and learning is damped. */
export const SUSPICION_RISK = 7;

export interface Episode {
  readonly detector: string;
  readonly family: Family;
  readonly aloneMax: number;
  readonly findingId: string;
  revision: number;
  readonly openedAt: number;
  fromAt: number;
  /** Last instant with evidence, epoch ms. */
  lastAt: number;
  closedAt: number | null;
  /** True from an absence until the subject's next event. */
  absent: boolean;
  /** Highest score met, and the score the last revision told. */
  score: number;
  observed: Facts;
  expected: Facts;
  why: string;
  parts: { name: string; score: number }[];
  mayAct: boolean;
  usesPlaces: boolean;
  /** Version of the prior that it began with; '' where none matters. */
  readonly prior: string;
  version: number;
  /** The one new network that all its evidence came from (NetworksBaseline); 0 for several, or none. */
  origin: number;
  /** As the detector says (Finding.about); null where it says nothing. */
  about: string | null;
  /** Where the last evidence came from: ISO code and network, '' and 0 where unknown. */
  country: string;
  network: number;
  /** The rule that keeps it from raising an alert, and the event time at which it ends (null: never). */
  silencedBy: string | null;
  silencedUntil: number | null;
  /** Kinds of uses that scored in it. */
  readonly top: TopUses;
}

export interface OpenIncident {
  readonly id: string;
  revision: number;
  readonly openedAt: number;
  updatedAt: number;
  /** Last instant with any evidence, epoch ms. */
  lastAt: number;
  closedAt: number | null;
  risk: number;
  severity: Severity;
  families: Family[];
  readonly episodes: Episode[];
  /** Since the first finding from a new network; null while there is none. */
  move: Move | null;
  /** The incident of many keys that this one is part of. */
  partOf: string | null;
  /** The old network fell quiet as the new one began. */
  migration: boolean;
  /** Set when a person closed it. */
  closing: Pick<Closing, 'as' | 'by' | 'reason'> | null;
  /** Of a key, as it stood at the latest evidence that was told. Absent in what versions before 0.2 have kept. */
  key?: KeyFacts;
}

/** Ids come from subject, what it is, the instant and the subject's own event count (design.md §4.4). */
export function idOf(
  prefix: string,
  digest: string,
  kind: string,
  at: number,
  events: number,
): string {
  const hash = createHash('sha256').update(`${digest}|${kind}|${at}|${events}`).digest('hex');
  return `${prefix}_${hash.slice(0, 20)}`;
}

/** Whether a score is news beside the one told last: a quarter more, at least 1, or a higher severity. */
export function grew(told: number, score: number): boolean {
  if (score >= told + Math.max(1, told / 4)) return true;
  return score > told && severityOf(score, false) !== severityOf(told, false);
}

/** When something of this incident closes next, epoch ms: an open episode, or with none the incident itself. */
export function closesAt({ episodes, lastAt }: OpenIncident): number {
  let next = Number.POSITIVE_INFINITY;
  let last = lastAt + HOLD_MS;
  for (const episode of episodes) {
    if (episode.closedAt === null) next = Math.min(next, episodeDueAt(episode));
    else last = Math.max(last, episode.closedAt);
  }
  return Number.isFinite(next) ? next : last;
}

/** When an open episode closes, or is no longer silenced, epoch ms. */
export function episodeDueAt(episode: Episode): number {
  return Math.min(episodeClosesAt(episode), episode.silencedUntil ?? Number.POSITIVE_INFINITY);
}

/** When the incident itself closes if nothing more comes, epoch ms. */
export function incidentClosesAt(incident: OpenIncident): number {
  let last = incident.lastAt + HOLD_MS;
  for (const episode of incident.episodes) {
    last = Math.max(last, episode.closedAt ?? episodeClosesAt(episode));
  }
  return last;
}

export function episodeClosesAt(episode: Episode): number {
  return episode.lastAt + (episode.absent ? ABSENCE_MAX_MS : QUIET_MS);
}

/** The same order in every run, whole or cut. */
export function byOpening(a: OpenIncident, b: OpenIncident): number {
  return a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1);
}
