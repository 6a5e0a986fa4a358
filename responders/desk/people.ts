/** What people tell the desk: actions by hand, approvals, what is given back, the kill switch. */
import { toIso } from '../../core/clock.ts';
import { type Decision, isLiftedByName } from '../../core/decision.ts';
import { isActing, nextBest, type Rung } from '../../core/ladder.ts';
import { approved, bindingOf, refusalOf } from '../approvals.ts';
import type { Doubt } from '../brakes/brake.ts';
import { BRAKES } from '../brakes/list.ts';
import { limitFor } from '../policy-match.ts';
import type {
  ApprovalAnswer,
  CommandAnswer,
  ManualRequest,
  RestoreAnswer,
  RestoreRequest,
} from './contract.ts';
import { decisionId, namesOf } from './settle.ts';
import { caseOf, type DeskState } from './state.ts';

/** Kill switch and protected keys hold people too; budgets and doubts about evidence do not. */
export function command(request: ManualRequest, state: DeskState, nowMs: number): CommandAnswer {
  const { book, board, options } = state;
  const { subject, by } = request;
  const rung = reachableBy(request, state);
  const entry = options.directory.entry(subject.id);
  const doubts: Doubt[] = [];
  if (rung === 'alert')
    doubts.push({ brake: 'gateway', why: 'no gateway can do that to this key' });
  if (board.killed) doubts.push({ brake: 'kill', why: 'the kill switch is on' });
  const people = BRAKES.map((brake) => brake.people?.({ subjectId: subject.id, entry })).find(
    (count) => count !== undefined,
  );
  const base = manualDecision(request, rung, state, nowMs);
  const standing = book.standing(subject.id, nowMs);
  const answer = (outcome: CommandAnswer['outcome'], decision: Decision): CommandAnswer => ({
    outcome,
    decision,
    rung,
    doubts,
    standing,
  });
  if (people !== undefined) {
    doubts.push({ brake: 'protected', why: 'the key is protected: another person has to agree' });
  }
  if (request.dryRun === true) return answer('dry-run', base);
  const known = book.get(base.id);
  if (known !== undefined) return answer(known.state === 'waiting' ? 'waiting' : 'standing', known);
  const isStopped = rung === 'alert' || board.killed;
  if (isStopped || book.knows(base.id)) return answer('held', base);
  if (people !== undefined) {
    const asked: Decision = {
      ...base,
      mode: 'approval',
      state: 'waiting',
      untilAt: toIso(nowMs + options.holder.policy.approval.withinMs),
      heldBy: namesOf(doubts),
      // Whoever asks is one of them.
      approvalsNeeded: people - 1,
      approvals: [],
    };
    return answer('waiting', book.put({ ...asked, binding: bindingOf(asked) }));
  }
  const decision = book.put(base);
  replaceOwn(decision, state, `person:${by}`, nowMs);
  return answer('standing', decision);
}

function reachableBy({ rung, subject }: ManualRequest, { options, files }: DeskState): Rung {
  const { env } = options;
  const can = new Set<Rung>(env.rungsOf(subject.id));
  const file = files.open().find(({ incident }) => incident.subject.id === subject.id);
  const before = file?.incident.key?.profile ?? (file && env.profileOf?.(file.incident.id));
  const profile = before ?? env.factsNow?.(subject.id)?.profile;
  if (!env.asksPerRequest(subject.id) || profile === undefined) can.delete('contain');
  const best = nextBest(rung, can);
  return isActing(best) ? best : 'alert';
}

function manualDecision(
  request: ManualRequest,
  rung: Rung,
  state: DeskState,
  nowMs: number,
): Decision {
  const { holder } = state.options;
  const { subject, by, reason, requestId } = request;
  const acting = isActing(rung) ? rung : undefined;
  const own = acting === undefined ? null : holder.policy.durations[acting];
  const forMs = request.forMs === undefined ? own : request.forMs;
  const limit = acting === undefined ? undefined : limitOf(request, acting, state);
  return {
    type: 'decision',
    id: decisionId(requestId, rung, subject.id),
    revision: 1,
    incident: null,
    subject,
    rung,
    mode: 'manual',
    state: 'standing',
    decidedAt: toIso(nowMs),
    untilAt: forMs === null ? null : toIso(nowMs + forMs),
    forMs,
    actor: `person:${by}`,
    policyVersion: holder.policy.version,
    why: reason,
    ...(limit === undefined ? {} : { limit }),
    ...(rung === request.rung ? {} : { wanted: request.rung }),
  };
}

function limitOf({ limit, subject }: ManualRequest, rung: Rung, state: DeskState) {
  if (!isActing(rung) || (rung !== 'throttle-soft' && rung !== 'throttle-hard')) return undefined;
  if (limit !== undefined) return limit;
  const file = state.files.open().find(({ incident }) => incident.subject.id === subject.id);
  const key = file === undefined ? undefined : caseOf(file, state).key;
  return limitFor(state.options.holder.policy, rung, key);
}

/** A throttle by hand takes the place of the one before, so that it can be loosened. */
function replaceOwn(decision: Decision, { book }: DeskState, by: string, nowMs: number): void {
  for (const other of book.ofSubject(decision.subject.id)) {
    if (other.id === decision.id || other.state !== 'standing') continue;
    if (other.actor.startsWith('person:') && other.rung === decision.rung)
      book.end(other, 'replaced', by, nowMs);
  }
}

export function restore(request: RestoreRequest, state: DeskState, nowMs: number): RestoreAnswer {
  const { book, files } = state;
  const { subjectId, by, reason, as } = request;
  const own = book.ofSubject(subjectId);
  const named = request.decisions;
  const chosen = own.filter((one) =>
    named === undefined ? !isLiftedByName(one) : named.includes(one.id),
  );
  const incidents = new Set(chosen.flatMap(({ incident }) => incident ?? []));
  if (named === undefined) {
    for (const { incident } of files.open()) {
      if (incident.subject.id === subjectId) incidents.add(incident.id);
    }
  }
  const closings =
    as === undefined ? [] : [...incidents].map((incident) => ({ incident, as, by, reason }));
  if (request.dryRun === true) {
    const left = book
      .standing(subjectId, nowMs)
      .filter(({ id }) => !chosen.some((one) => one.id === id));
    return { ended: chosen, standing: left, closings };
  }
  const end = as === 'false-alarm' ? 'false-alarm' : 'restored';
  const ended = chosen.map((decision) => {
    files.answer(decision, 'restored');
    return book.end(decision, end, `person:${by}`, nowMs);
  });
  return { ended, standing: book.standing(subjectId, nowMs), closings };
}

export function approve(
  id: string,
  by: string,
  { book, board, options }: DeskState,
  nowMs: number,
): ApprovalAnswer {
  const decision = book.get(id);
  const refused = refusalOf(decision, by, options.holder.policy.version, nowMs);
  if (refused !== undefined || decision === undefined)
    return { refused: refused ?? 'unknown', decision };
  if (board.killed) return { refused: 'killed', decision };
  const { approvals, complete } = approved(decision, by, nowMs);
  if (!complete) return { decision: book.change(decision, { approvals }) };
  const { forMs } = decision;
  const untilAt = typeof forMs === 'number' ? toIso(nowMs + forMs) : null;
  const standing = book.change(decision, { approvals, state: 'standing', untilAt });
  if (decision.incident !== null) {
    for (const other of book.ofIncident(decision.incident)) {
      const isMilder = other.id !== id && other.state !== 'waiting' && other.actor === 'policy';
      if (isMilder) book.end(other, 'replaced', `person:${by}`, nowMs);
    }
  }
  return { decision: standing };
}

export function deny(id: string, by: string, state: DeskState, nowMs: number): ApprovalAnswer {
  const { book, files } = state;
  const decision = book.get(id);
  if (decision === undefined) return { refused: 'unknown', decision };
  if (decision.state !== 'waiting') return { refused: 'not-waiting', decision };
  files.answer(decision, 'denied');
  return { decision: book.end(decision, 'denied', `person:${by}`, nowMs) };
}

export function kill(
  { on, liftStanding, by }: { on: boolean; liftStanding: boolean; by: string },
  { board, book, files }: DeskState,
  nowMs: number,
): void {
  board.killed = on;
  if (!liftStanding) return;
  for (const decision of book.open()) {
    if (decision.state !== 'standing') continue;
    // Else the same evidence would do the same again once the switch is off.
    files.answer(decision, 'restored');
    book.end(decision, 'stopped', by === '' ? 'keyhound' : `person:${by}`, nowMs);
  }
}
