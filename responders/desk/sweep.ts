/** What time and allowances do to decisions. Their expiry is data: whoever reads one judges it; this only sweeps. */
import { toIso } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import { isThrottle } from '../../core/ladder.ts';
import type { CaseFile } from './files.ts';
import { caseOf, consider, type DeskState, sceneOf } from './state.ts';
import { judge } from './wants.ts';

const HOUR_MS = 3_600_000;
/** Held decisions that are judged again in one second. */
const FIRST_MAX = 50;
const IN_TURN_MAX = 50;
/** An incident still open so shortly before its throttle ends keeps it. */
const EXTEND_BEFORE_MS = 30_000;

export function tick(state: DeskState, nowMs: number): void {
  const { book, board, options } = state;
  for (const decision of book.open()) {
    if (decision.untilAt === null) continue;
    const untilMs = Date.parse(decision.untilAt);
    if (untilMs <= nowMs) {
      book.end(decision, 'expired', 'policy', nowMs);
      stepDown(decision, state, nowMs);
    } else if (untilMs - nowMs <= EXTEND_BEFORE_MS) goOn(decision, state, nowMs);
  }
  releaseReports(state, nowMs);
  judgeAgain(state, nowMs);
  const { fleet, network } = options.holder.policy.brakes;
  board.crowd.prune(nowMs - 2 * Math.max(fleet.withinMs, fleet.withinAloneMs) - HOUR_MS);
  board.moves.prune(nowMs - network.withinMs - HOUR_MS);
  board.ledger.prune(nowMs);
  book.prune(nowMs - options.holder.policy.repeat.withinMs);
}

/** A suspension is short, for it hits the owner too; while its incident is open, something milder follows. */
function stepDown(decision: Decision, state: DeskState, nowMs: number): void {
  const { rung, incident, state: was, actor, evidence } = decision;
  if (rung !== 'suspend' || was !== 'standing' || actor !== 'policy' || incident === null) return;
  const file = state.files.get(incident);
  if (file === undefined || evidence === undefined) return;
  file.served.push({ risk: evidence.risk, findings: new Set(evidence.findings) });
  consider(file, state, nowMs);
}

/** What is only slowed goes on while its incident is open; what refuses all would never see the end of it. */
function goOn(decision: Decision, { files, book, options }: DeskState, nowMs: number): void {
  const { rung, incident, state, actor, forMs } = decision;
  const isMild = isThrottle(rung) || rung === 'contain';
  if (!options.holder.policy.calm.extend || !isMild || state !== 'standing') return;
  if (actor !== 'policy' || incident === null || typeof forMs !== 'number') return;
  if (files.get(incident) === undefined) return;
  const begun = Date.parse(decision.decidedAt);
  if (nowMs + forMs - begun > options.holder.policy.repeat.maxMs) return;
  book.change(decision, { untilAt: toIso(nowMs + forMs) });
}

/** Proofs of a leak that only the kill switch held. */
function releaseReports({ book, board }: DeskState, nowMs: number): void {
  if (board.killed) return;
  for (const decision of book.open()) {
    const { state, incident, forMs } = decision;
    if (state !== 'held' || incident !== null) continue;
    const { heldBy: _, ...rest } = decision;
    const untilAt = typeof forMs === 'number' ? toIso(nowMs + forMs) : null;
    book.put({ ...rest, state: 'standing', untilAt, revision: decision.revision + 1 });
  }
}

/** What is due, and what is held: by risk, highest first, for what is scarce goes to those. */
function judgeAgain(state: DeskState, nowMs: number): void {
  const { again, book, board, files, seen, options } = state;
  const due = new Set<string>();
  for (const [id, atMs] of again) if (atMs <= nowMs) due.add(id);
  const { version } = options.holder.policy;
  const isOtherPolicy = seen.policy !== version;
  const isOther = isOtherPolicy || seen.board !== board.version;
  state.seen = { ...seen, policy: version, board: board.version };
  const held = new Set<string>();
  for (const { incident, state: is } of book.open()) {
    if (incident === null) continue;
    if (is === 'held' && !isOtherPolicy) held.add(incident);
    else if (isOther) due.add(incident);
  }
  const some = someOf(
    byRisk(
      [...held].filter((id) => !due.has(id)),
      state,
    ),
    state,
  );
  const all = byRisk([...due], state).concat(some);
  for (const { incident } of all.sort(riskier)) {
    const file = files.get(incident.id);
    if (file !== undefined) consider(file, state, nowMs);
  }
}

/** The first ones each time, and the others in turn: thousands that are held cost no more than these. */
function someOf(held: readonly CaseFile[], state: DeskState): CaseFile[] {
  if (held.length <= FIRST_MAX + IN_TURN_MAX) return [...held];
  const others = held.slice(FIRST_MAX);
  const from = state.seen.turn % others.length;
  state.seen.turn = from + IN_TURN_MAX;
  const inTurn = [...others, ...others].slice(from, from + IN_TURN_MAX);
  return [...held.slice(0, FIRST_MAX), ...inTurn];
}

function byRisk(ids: readonly string[], { files }: DeskState): CaseFile[] {
  return ids.flatMap((id) => files.get(id) ?? []).sort(riskier);
}

function riskier(a: CaseFile, b: CaseFile): number {
  return b.incident.risk - a.incident.risk || (a.incident.id < b.incident.id ? -1 : 1);
}

/** Ends what rests on allowed evidence alone. What people did, and proofs of a leak, stay. */
export function allowed(state: DeskState, nowMs: number): void {
  const { book, board, files, options } = state;
  for (const decision of book.open()) {
    if (decision.actor !== 'policy') continue;
    const { subject, incident } = decision;
    const entry = options.directory.entry(subject.id);
    const consumer = entry?.consumer ?? options.env.consumerOf?.(subject.id);
    const key = { subjectId: subject.id, label: entry?.label ?? subject.label, consumer };
    const file = incident === null ? undefined : files.get(incident);
    const covered =
      options.env.isAllowed(key, nowMs) ||
      (file !== undefined &&
        isCovered(decision, judge(caseOf(file, state), sceneOf(state, nowMs), board, 0).explained));
    if (covered) book.end(decision, 'allowed', 'policy', nowMs);
  }
}

function isCovered({ evidence }: Decision, explained: ReadonlyMap<string, string>): boolean {
  const findings = evidence?.findings ?? [];
  return findings.length > 0 && findings.every((id) => explained.get(id) === 'allow');
}
