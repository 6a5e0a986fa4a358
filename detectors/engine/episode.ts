/** One episode of one detector: how it begins, goes on, and is put into words. */
import type { Rule } from '../../core/control.ts';
import { SCORE_MAX } from '../../core/finding.ts';
import type { Evidence } from '../detector.ts';
import { rounded } from '../words.ts';
import type { CaseSubject, Verdict } from './case-book.ts';
import { type Episode, idOf } from './incidents.ts';
import { isOfNetwork } from './risk.ts';

export function beginEpisode(verdict: Verdict, subject: CaseSubject): Episode {
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
    prior: verdict.prior ?? '',
    origin: isOfNetwork(detector) ? verdict.origin : 0,
    about: null,
    country: verdict.place?.country ?? '',
    network: verdict.place?.network ?? 0,
    silencedBy: null,
    silencedUntil: null,
    top: [],
  };
}

/** More evidence. True when it changes what the episode is to others, though it be no stronger. */
export function extend(episode: Episode, verdict: Verdict, rule: Rule | undefined): boolean {
  let isOther = false;
  episode.mayAct &&= verdict.mayAct;
  if (episode.origin !== 0 && episode.origin !== verdict.origin) {
    episode.origin = 0;
    isOther = true;
  }
  if (verdict.place !== undefined) {
    episode.country = verdict.place.country;
    episode.network = verdict.place.network;
  }
  if (episode.closedAt !== null) return isOther;
  episode.lastAt = Math.max(episode.lastAt, verdict.at);
  episode.absent = verdict.absent;
  // Evidence from outside of what was silenced makes it heard; the other way round it stays so.
  if (episode.silencedBy !== null && rule === undefined) {
    silence(episode, undefined);
    isOther = true;
  }
  return isOther;
}

export function silence(episode: Episode, rule: Rule | undefined): void {
  episode.silencedBy = rule?.id ?? null;
  episode.silencedUntil = rule?.untilAt ?? null;
}

export function describeEpisode(episode: Episode, score: number, evidence: Evidence): void {
  episode.score = score;
  episode.fromAt = Math.min(episode.fromAt, evidence.fromAt);
  episode.observed = evidence.observed;
  episode.expected = evidence.expected;
  episode.why = evidence.why;
  episode.about = evidence.about ?? null;
  const total = evidence.parts.reduce((sum, part) => sum + part.score, 0);
  episode.parts = evidence.parts.map((part) => ({
    name: part.name,
    score: rounded(total > 0 ? (part.score / total) * score : score / evidence.parts.length),
  }));
}
