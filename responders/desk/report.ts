/** A proof that a key leaked: outside the budget, within the bounds of its sender, once. */
import { toIso } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import {
  ACTING_RUNGS,
  type ActingRung,
  compareRungs,
  isActing,
  milder,
  type Rung,
} from '../../core/ladder.ts';
import type { LeakReport } from '../../core/report.ts';
import { bindingOf } from '../approvals.ts';
import type { Doubt } from '../brakes/brake.ts';
import { BRAKES } from '../brakes/list.ts';
import type { PolicyRule } from '../policy.ts';
import { limitFor, ruleForLeak } from '../policy-match.ts';
import { decisionId, namesOf, reasons } from './settle.ts';
import type { DeskState } from './state.ts';

export function report(leak: LeakReport, state: DeskState, nowMs: number): Decision {
  const { book, options, board } = state;
  const { holder, env } = options;
  const { subjectId } = leak;
  const entry = options.directory.entry(subjectId);
  const consumer = entry?.consumer ?? env.consumerOf?.(subjectId) ?? '';
  const rule = ruleForLeak(holder.policy, { entry, consumer, subjectId });
  const doubts: Doubt[] = [];
  let wanted: Rung = milder(rule?.rung ?? 'alert', leak.rungMax);
  if (leak.heldBy !== undefined || entry?.exposure === 'public') {
    wanted = milder(wanted, 'alert');
    doubts.push({ brake: 'trust', why: `held: ${leak.heldBy ?? 'public'}` });
  }
  const owner = consumer === '' ? undefined : consumer;
  const isAllowed = env.isAllowed({ subjectId, label: entry?.label, consumer: owner }, nowMs);
  if (isAllowed) doubts.push({ brake: 'allow', why: 'on the allowlist: a person has to agree' });
  const people =
    BRAKES.map((brake) => brake.people?.({ subjectId, entry })).find((n) => n !== undefined) ??
    (isAllowed ? 1 : undefined);
  const { rung, mode } = rungFor(wanted, rule, leak, state);
  if (isActing(wanted) && !isActing(rung))
    doubts.push({ brake: 'gateway', why: 'no gateway that is acted upon has this key' });
  const forMs = isActing(rung) ? durationOf(rung, rule?.forMs, state) : undefined;
  const limit = isActing(rung) ? limitFor(holder.policy, rung, undefined) : undefined;
  const base: Decision = {
    type: 'decision',
    id: decisionId(JSON.stringify([leak.sender, leak.deliveryId]), wanted, subjectId),
    revision: 1,
    incident: null,
    subject: {
      kind: 'key',
      id: subjectId,
      ...(entry?.label === undefined ? {} : { label: entry.label }),
    },
    rung,
    mode,
    state: 'noted',
    decidedAt: toIso(nowMs),
    untilAt: typeof forMs === 'number' ? toIso(nowMs + forMs) : null,
    ...(forMs === undefined ? {} : { forMs }),
    actor: `report:${leak.sender}`,
    policyVersion: holder.policy.version,
    ...(rule === undefined ? {} : { rule: rule.name }),
    why: whyOf(leak),
    ...(limit === undefined ? {} : { limit }),
    ...(rung === wanted ? {} : { wanted }),
  };
  const known = book.get(base.id);
  if (known !== undefined) return known;
  if (book.knows(base.id)) return base;
  if (mode === 'observe' || !isActing(rung)) return book.put(withDoubts(base, doubts));
  if (mode === 'approval' || people !== undefined) {
    if (entry?.protected === true)
      doubts.push({ brake: 'protected', why: 'the key is protected: two people have to agree' });
    const asked: Decision = {
      ...withDoubts(base, doubts),
      mode: 'approval',
      state: 'waiting',
      untilAt: toIso(nowMs + holder.policy.approval.withinMs),
      approvalsNeeded: people ?? 1,
      approvals: [],
    };
    return book.put({ ...asked, binding: bindingOf(asked) });
  }
  if (!board.killed) return book.put({ ...base, state: 'standing' });
  const untilAt = toIso(nowMs + holder.policy.brakes.holdMs);
  const killed: Doubt = { brake: 'kill', why: 'the kill switch is on' };
  return book.put({ ...withDoubts(base, [killed]), state: 'held', untilAt });
}

/** The highest that is switched on and that a gateway can; where none is, what it would have been. */
function rungFor(
  wanted: Rung,
  rule: PolicyRule | undefined,
  { subjectId, at }: LeakReport,
  { options }: DeskState,
): { readonly rung: Rung; readonly mode: Decision['mode'] } {
  if (!isActing(wanted)) return { rung: wanted, mode: 'automatic' };
  const can = options.env.rungsOf(subjectId);
  let off = true;
  for (const rung of [...ACTING_RUNGS].reverse()) {
    // A leaked key has no known-good use.
    if (compareRungs(rung, wanted) > 0 || rung === 'contain') continue;
    const { mode, sinceAt } = options.holder.setting(rung, subjectId);
    if (mode === 'off') continue;
    off = false;
    const since = Math.max(sinceAt, rule === undefined ? 0 : options.holder.ruleSince(rule));
    if (at > since && can.has(rung)) return { rung, mode };
  }
  return off || can.size > 0
    ? { rung: wanted, mode: 'observe' }
    : { rung: 'alert', mode: 'automatic' };
}

function durationOf(
  rung: ActingRung,
  own: number | null | undefined,
  { options }: DeskState,
): number | null {
  return own === undefined ? options.holder.policy.durations[rung] : own;
}

function withDoubts(decision: Decision, doubts: readonly Doubt[]): Decision {
  if (doubts.length === 0) return decision;
  const why = `${decision.why} Held: ${reasons(doubts)}.`;
  return { ...decision, heldBy: namesOf(doubts), why };
}

/** Where it was found is another's text: who shows it escapes it. */
function whyOf({ sender, url, source }: LeakReport): string {
  const where = url ?? source;
  return `${sender} proves that the key leaked${where === undefined ? '' : `: found at ${where}`}.`;
}
