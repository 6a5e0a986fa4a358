/** What a person says yes to: exactly this subject, rung, limit and duration, under this policy; once, and in time. */
import { toIso } from '../core/clock.ts';
import type { Decision } from '../core/decision.ts';
import { fingerprint } from './policy.ts';

export const APPROVAL_REFUSALS = [
  'unknown',
  'not-waiting',
  'expired',
  'own-request',
  'approved-already',
  'changed',
  'killed',
] as const;
/**
 * `not-waiting`: it was used, denied or ended. `own-request`: nobody approves what they asked for.
 * `approved-already`: two different people are needed. `changed`: it is not what was asked for any more.
 * `killed`: the kill switch is on.
 */
export type ApprovalRefusal = (typeof APPROVAL_REFUSALS)[number];

type Bound = Pick<Decision, 'id' | 'subject' | 'rung' | 'limit' | 'forMs' | 'policyVersion'>;

export function bindingOf({ id, subject, rung, limit, forMs, policyVersion }: Bound): string {
  const { kind, id: subjectId } = subject;
  return fingerprint([id, kind, subjectId, rung, limit ?? null, forMs ?? null, policyVersion]);
}

/** Undefined when it may be approved. */
export function refusalOf(
  decision: Decision | undefined,
  by: string,
  policyVersion: string,
  nowMs: number,
): ApprovalRefusal | undefined {
  if (decision === undefined) return 'unknown';
  if (decision.state !== 'waiting') return 'not-waiting';
  const { untilAt, actor, approvals = [], binding } = decision;
  if (untilAt !== null && Date.parse(untilAt) <= nowMs) return 'expired';
  if (actor === `person:${by}`) return 'own-request';
  if (approvals.some((approval) => approval.by === by)) return 'approved-already';
  if (decision.policyVersion !== policyVersion || binding !== bindingOf(decision)) return 'changed';
  return undefined;
}

/** With one approval more; whether it has all that it needs. */
export function approved(
  { approvals = [], approvalsNeeded = 1 }: Decision,
  by: string,
  nowMs: number,
): { readonly approvals: NonNullable<Decision['approvals']>; readonly complete: boolean } {
  const all = [...approvals, { by, at: toIso(nowMs) }];
  return { approvals: all, complete: all.length >= approvalsNeeded };
}
