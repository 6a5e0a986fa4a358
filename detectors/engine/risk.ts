/**
 * Risk and severity of an incident over its findings (algorithms.md §9): the strongest in full, half of what
 * others exceed 4 by, at most 2. What is weak alone is capped alone.
 *
 * What has one cause counts once: the findings of a family, and everything of place, errors and client family
 * that came from one network new for the key (whoever moves house changes all three).
 */
import { FAMILIES, type Family, severityOf } from '../../core/finding.ts';
import type { Episode, OpenIncident } from './incidents.ts';

const BACKING: readonly Family[] = ['place', 'errors', 'content', 'credential'];
/** From here on a second cause backs a critical, and speaks against a mere move. */
export const STRONG = 5;
/** An old network that fell quiet as the new one began: alert only, medium at most. */
export const MIGRATION_RISK_MAX = 7.9;

/** What many keys share accuses none of them: low at most, while nothing but volume and errors speaks. */
const PART_RISK_MAX = 6.9;

/** Findings with one cause. */
interface Cause {
  readonly families: Set<Family>;
  score: number;
  /** What it comes to with nothing else beside it. */
  alone: number;
}

/** Whether this detector's evidence may be the mere consequence of being used from a new network. */
export function isOfNetwork(detector: { readonly id: string; readonly family: Family }): boolean {
  return detector.family === 'place' || detector.family === 'errors' || detector.id === 'client';
}

/** What is silenced adds nothing to what is not; where all is, the incident has the risk it would have. */
export function assess(incident: OpenIncident): void {
  const audible = incident.episodes.filter(({ silencedBy }) => silencedBy === null);
  const heard = audible.length > 0 ? audible : incident.episodes;
  const causes = causesOf(heard).sort((a, b) => b.score - a.score);
  const [strongest, ...others] = causes;
  let risk = 0;
  if (others.length === 0) risk = strongest?.alone ?? 0;
  else {
    const sum = others.reduce((total, { score }) => total + Math.max(0, score - 4) / 2, 0);
    risk = strongest!.score + Math.min(2, sum);
  }
  if (incident.migration) risk = Math.min(risk, MIGRATION_RISK_MAX);
  if (incident.partOf !== null && incident.episodes.every(isShared))
    risk = Math.min(risk, PART_RISK_MAX);
  const strong = causes.filter(({ score }) => score >= STRONG);
  const backed =
    heard.some(isProof) ||
    (strong.length >= 2 &&
      strong.some(({ families }) => BACKING.some((family) => families.has(family))));
  const families = new Set(incident.episodes.map(({ family }) => family));
  incident.risk = risk;
  incident.severity = severityOf(risk, backed);
  incident.families = FAMILIES.filter((family) => families.has(family));
}

/** Proof needs nobody to back it. */
export function isProof({ detector }: Pick<Episode, 'detector'>): boolean {
  return detector === 'leak';
}

/** Of a family in which many keys deviate together when a service breaks or is launched. */
export function isShared({ family }: { readonly family: Family }): boolean {
  return family === 'volume' || family === 'errors';
}

function causesOf(episodes: readonly Episode[]): Cause[] {
  const origin = episodes.find((episode) => episode.origin > 0)?.origin;
  const isOfNewcomer = (episode: Episode): boolean =>
    origin !== undefined && episode.origin === origin;
  // A family that the newcomer is in is in it whole, but for content: a client is not what was read with it.
  const joined = new Set(episodes.filter(isOfNewcomer).map(({ family }) => family));
  joined.delete('content');
  const causes = new Map<string, Cause>();
  for (const episode of episodes) {
    const { family, score, aloneMax } = episode;
    const name = isOfNewcomer(episode) || joined.has(family) ? 'newcomer' : family;
    const cause = causes.get(name) ?? { families: new Set(), score: 0, alone: 0 };
    causes.set(name, cause);
    cause.families.add(family);
    cause.score = Math.max(cause.score, score);
    cause.alone = Math.max(cause.alone, Math.min(score, aloneMax));
  }
  return [...causes.values()];
}
