/** Which rule is for a case, and how far it goes. */
import { atLeast, type KeyFacts } from '../core/finding.ts';
import type { ActingRung, RateLimit } from '../core/ladder.ts';
import type { Case } from './desk/case.ts';
import type { Weighed } from './desk/evidence.ts';
import type { Policy, PolicyRule } from './policy.ts';

/** The first rule that fits what a key did. */
export function ruleFor(policy: Policy, told: Case, evidence: Weighed): PolicyRule | undefined {
  if (evidence.severity === 'none') return undefined;
  return policy.rules.find(
    (rule) => rule.when.leak !== true && fitsKey(rule, told) && fitsEvidence(rule, told, evidence),
  );
}

/** The first rule that fits a proof of a leak. */
export function ruleForLeak(policy: Policy, told: Pick<Case, 'entry' | 'consumer'> & WithId) {
  return policy.rules.find((rule) => rule.when.leak === true && fitsEntry(rule, told));
}

interface WithId {
  readonly subjectId: string;
}

function fitsKey(rule: PolicyRule, { entry, consumer, incident }: Case): boolean {
  return fitsEntry(rule, { entry, consumer, subjectId: incident.subject.id });
}

function fitsEntry(
  { when }: PolicyRule,
  { entry, consumer, subjectId }: Pick<Case, 'entry' | 'consumer'> & WithId,
): boolean {
  const names = [subjectId, ...(entry?.label === undefined ? [] : [entry.label])];
  return (
    (when.keys?.some((key) => names.includes(key)) ?? true) &&
    isOne(consumer, when.consumers) &&
    isOne(entry?.plan, when.plans) &&
    isOne(entry?.environment, when.environments) &&
    isOne(entry?.risk ?? 'normal', when.risks)
  );
}

function fitsEvidence({ when }: PolicyRule, told: Case, evidence: Weighed): boolean {
  const { families, strongFamilies, detectors, severity } = evidence;
  if (when.severityMin !== undefined && !atLeast(severity, when.severityMin)) return false;
  if (when.families?.some((family) => families.includes(family)) === false) return false;
  if (strongFamilies < (when.familiesMin ?? 0)) return false;
  if (when.detectors?.some((id) => detectors.includes(id)) === false) return false;
  if (when.readiness === undefined) return true;
  const states = told.key?.readiness ?? {};
  return detectors.every((id) => when.readiness!.includes(states[id] ?? 'ready'));
}

function isOne(value: string | undefined, among: readonly string[] | undefined): boolean {
  return among === undefined || (value !== undefined && among.includes(value));
}

const HOUR_MINUTES = 60;

/** What a throttled key may still do, by what its own busy hours are like. */
export function limitFor(
  policy: Policy,
  rung: ActingRung,
  key: KeyFacts | undefined,
): RateLimit | undefined {
  if (rung !== 'throttle-soft' && rung !== 'throttle-hard') return undefined;
  const { factor, perMinuteMin, perMinuteUnknown } = policy.limits[rung];
  const busy = key?.busyPerHour ?? 0;
  const own = Math.ceil((busy / HOUR_MINUTES) * factor);
  const requests = busy > 0 ? Math.max(perMinuteMin, own) : perMinuteUnknown;
  return { requests, windowMs: 60_000 };
}
