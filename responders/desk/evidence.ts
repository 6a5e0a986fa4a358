/**
 * What is left of an incident when part of its findings may not be acted upon. Risk is summed up as detection does
 * (detectors/engine/risk.ts), on what a finding tells: where that is less than detection knows, towards less risk.
 */
import type { Evidence } from '../../core/decision.ts';
import {
  FAMILIES,
  type Family,
  type Finding,
  type Incident,
  severityOf,
} from '../../core/finding.ts';

/** From here on a family is strong enough to back another. */
const STRONG = 5;
const BACKING: readonly Family[] = ['place', 'errors', 'content', 'credential'];

export interface Weighed extends Evidence {
  readonly strongFamilies: number;
  readonly detectors: readonly string[];
}

const NOTHING: Weighed = Object.freeze({
  severity: 'none',
  risk: 0,
  families: [],
  findings: [],
  trust: 'act',
  toldAt: '',
  strongFamilies: 0,
  detectors: [],
});

export function weigh(incident: Incident, findings: readonly Finding[]): Weighed {
  if (findings.length === 0) return NOTHING;
  const whole = incident.findings.every((id) => findings.some((finding) => finding.id === id));
  const families = FAMILIES.filter((name) => findings.some(({ family }) => family === name));
  const strong = FAMILIES.filter((name) =>
    findings.some(({ family, score }) => family === name && score >= STRONG),
  );
  const { risk, backed } = riskOf(findings);
  return {
    severity: whole ? incident.severity : severityOf(risk, backed),
    risk: whole ? incident.risk : Number(risk.toFixed(3)),
    families,
    findings: findings.map(({ id }) => id),
    trust: findings.some(({ trust }) => trust === 'observe') ? 'observe' : 'act',
    toldAt: findings
      .map(({ toAt }) => toAt)
      .sort()
      .at(-1)!,
    strongFamilies: strong.length,
    detectors: [...new Set(findings.map(({ detector }) => detector))],
  };
}

/** Whoever moves house changes place, errors and client at once: they count as one cause. */
function riskOf(findings: readonly Finding[]): { risk: number; backed: boolean } {
  const moved = findings.some(({ family }) => family === 'place');
  const causes = new Map<string, { score: number; alone: number; families: Set<Family> }>();
  for (const finding of findings) {
    const { family, detector, score } = finding;
    const ofNetwork = family === 'place' || family === 'errors' || detector === 'client';
    const name = moved && ofNetwork ? 'newcomer' : family;
    const cause = causes.get(name) ?? { score: 0, alone: 0, families: new Set() };
    cause.score = Math.max(cause.score, score);
    cause.alone = Math.max(cause.alone, Math.min(score, aloneMax(finding)));
    cause.families.add(family);
    causes.set(name, cause);
  }
  const [first, ...others] = [...causes.values()].sort((a, b) => b.score - a.score);
  if (first === undefined) return { risk: 0, backed: false };
  if (others.length === 0) return { risk: first.alone, backed: false };
  const sum = others.reduce((total, { score }) => total + Math.max(0, score - 4) / 2, 0);
  const strong = [first, ...others].filter(({ score }) => score >= STRONG);
  const backed =
    strong.length >= 2 &&
    strong.some(({ families }) => BACKING.some((family) => families.has(family)));
  return { risk: first.score + Math.min(2, sum), backed };
}

/** What it comes to with nothing else beside it: its own severity tells whether it was capped. */
function aloneMax({ severity, score }: Finding): number {
  if (severity === severityOf(score, false)) return score;
  if (severity === 'medium') return 7.9;
  if (severity === 'low') return 5.5;
  return severity === 'info' ? 4.9 : 0;
}
