/**
 * The desk: what policy, brakes and people make of findings, incidents and reports. Synchronous, without a clock or
 * any input of its own: live and in a backtest the same calls give the same decisions.
 */
import type { Decision, DecisionEnd } from '../core/decision.ts';
import { Board } from './brakes/board.ts';
import { countVotes } from './brakes/fleet.ts';
import { noteMoves } from './brakes/network.ts';
import { DecisionBook } from './desk/book.ts';
import type { Case } from './desk/case.ts';
import type { Desk, DeskOptions, DeskStatus } from './desk/contract.ts';
import { type CaseFile, CaseFiles } from './desk/files.ts';
import { approve, command, deny, kill, restore } from './desk/people.ts';
import { report } from './desk/report.ts';
import { charge } from './desk/settle.ts';
import { caseOf, consider, type DeskState, sceneOf } from './desk/state.ts';
import { allowed, tick } from './desk/sweep.ts';

const HOUR_MS = 3_600_000;

export function createDesk(options: DeskOptions): Desk {
  const noticed = new Map<string, number>();
  const state: DeskState = {
    options,
    book: new DecisionBook((decision) => {
      if (decision.state === 'ended') state.board.ledger.release(decision.id);
      options.onDecision(decision);
      tellBudget(decision, options, noticed);
    }),
    board: new Board(),
    files: new CaseFiles(),
    again: new Map(),
    seen: { policy: options.holder.policy.version, board: 0, turn: 0 },
  };
  const { book, files } = state;
  return {
    finding(finding, nowMs) {
      if (finding.subject.kind === 'key') files.finding(finding, nowMs);
    },
    incident(incident, nowMs) {
      if (incident.subject.kind !== 'key') return;
      const file = files.incident(incident, nowMs);
      if (file === undefined) return;
      if (incident.closedAt === null) {
        const told = caseOf(file, state);
        countVotes(told, sceneOf(state, nowMs), state.board);
        noteMoves(told, state.board);
        consider(file, state, nowMs);
      } else closed(file, state, nowMs);
    },
    report: (leak, nowMs) => report(leak, state, nowMs),
    command: (request, nowMs) => command(request, state, nowMs),
    restore: (request, nowMs) => restore(request, state, nowMs),
    approve: (id, by, nowMs) => approve(id, by, state, nowMs),
    deny: (id, by, nowMs) => deny(id, by, state, nowMs),
    kill: (on, liftStanding, by, nowMs) => kill({ on, liftStanding, by }, state, nowMs),
    allowanceAdded: (nowMs) => allowed(state, nowMs),
    tick: (nowMs) => tick(state, nowMs),
    standing: (subjectId, nowMs) => book.standing(subjectId, nowMs),
    open: () => book.open(),
    openOf: (subjectId) => book.ofSubject(subjectId),
    decision: (id) => book.get(id),
    takeOver: (decisions, nowMs) => takeOver(decisions, state, nowMs),
    status: (nowMs) => statusOf(state, nowMs),
  };
}

/** Somebody has to look when the budget is spent: it may be an attack on many keys, or on the budget. */
function tellBudget(
  { state, heldBy = '', rung, decidedAt, why }: Decision,
  options: DeskOptions,
  noticed: Map<string, number>,
): void {
  if (state !== 'held' || !heldBy.split(',').includes('budget')) return;
  const at = Date.parse(decidedAt);
  if (at < (noticed.get(rung) ?? 0) + HOUR_MS) return;
  noticed.set(rung, at);
  options.onNotice?.({ kind: 'budget', rung, text: why, at });
}

/**
 * Rungs that hide what they refuse go on for their time: that it is quiet then proves nothing. Where nothing has held
 * the key so far it does, and what comes late would surprise people.
 */
function closed({ incident }: CaseFile, state: DeskState, nowMs: number): void {
  const { book, files, again, options } = state;
  const ends: readonly string[] = options.holder.policy.calm.ends;
  const isCalmed = ({ id, rung }: Decision) =>
    ends.includes(rung) || options.env.isPutOff?.(id) === true;
  for (const decision of book.ofIncident(incident.id)) {
    if (decision.actor !== 'policy') continue;
    const by = incident.closedBy === undefined ? 'policy' : `person:${incident.closedBy}`;
    if (incident.closedAs === 'false-alarm') book.end(decision, 'false-alarm', by, nowMs);
    else if (decision.state !== 'standing' || isCalmed(decision))
      book.end(decision, 'calm', by, nowMs);
  }
  files.close(incident.id);
  again.delete(incident.id);
}

const ANSWERS: Readonly<Partial<Record<DecisionEnd, 'restored' | 'denied'>>> = {
  restored: 'restored',
  'false-alarm': 'restored',
  stopped: 'restored',
  denied: 'denied',
};

function takeOver(decisions: readonly Decision[], state: DeskState, nowMs: number): void {
  const { book, board, files } = state;
  const inOrder = [...decisions].sort((a, b) => (a.decidedAt < b.decidedAt ? -1 : 1));
  for (const decision of inOrder) {
    book.keep(decision);
    const answer = ANSWERS[decision.endedAs ?? 'expired'];
    if (answer !== undefined) files.answer(decision, answer);
    const at = Date.parse(decision.decidedAt);
    const isSpent = decision.state === 'standing' || (hasStood(decision) && at > nowMs - HOUR_MS);
    if (decision.actor !== 'policy' || !isSpent) continue;
    charge(decision, { told: tellOf(decision, state), scene: sceneOf(state, at), board });
    if (decision.state === 'ended') board.ledger.release(decision.id);
  }
}

/** Ended after it was in effect; one that was held, or that nobody agreed to, never was. */
function hasStood({ state, mode, approvals = [], heldBy, wanted }: Decision): boolean {
  if (state !== 'ended' || (heldBy !== undefined && wanted === undefined)) return false;
  return mode === 'automatic' || (mode === 'approval' && approvals.length > 0);
}

/** A stand-in for the incident of a decision that is taken over: what of it the budget needs. */
function tellOf(decision: Decision, { options }: DeskState): Case {
  const { subject } = decision;
  const { directory, env } = options;
  const entry = directory.entry(subject.id);
  const consumer = entry?.consumer ?? env.consumerOf?.(subject.id) ?? '';
  const at = decision.decidedAt;
  const incident = {
    type: 'incident' as const,
    id: decision.incident ?? decision.id,
    revision: 0,
    subject,
    openedAt: at,
    updatedAt: at,
    closedAt: null,
    severity: decision.evidence?.severity ?? ('none' as const),
    risk: decision.evidence?.risk ?? 0,
    families: [],
    findings: [],
    why: decision.why,
  };
  return {
    incident,
    findings: [],
    key: env.factsNow?.(subject.id),
    entry,
    consumer,
    toldMs: Date.parse(at),
    firstToldMs: () => Date.parse(at),
  };
}

function statusOf({ book, board }: DeskState, nowMs: number): DeskStatus {
  const held: Record<string, number> = {};
  for (const { state, heldBy } of book.open()) {
    if (state !== 'held') continue;
    const name = heldBy?.split(',')[0] ?? '';
    held[name] = (held[name] ?? 0) + 1;
  }
  return { killed: board.killed, spent: board.ledger.counts(nowMs), held };
}
