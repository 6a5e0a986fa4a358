/**
 * Brings the open decisions of an incident to what is wanted of it: at most one that stands, one that a brake holds,
 * and one that waits for people, each stricter than the one before.
 */
import { createHash } from 'node:crypto';
import { toIso, toIsoOrNull } from '../../core/clock.ts';
import { type Decision, type Evidence, isInEffect } from '../../core/decision.ts';
import { compareRungs, isActing, type Rung } from '../../core/ladder.ts';
import { bindingOf } from '../approvals.ts';
import type { Board } from '../brakes/board.ts';
import type { Doubt } from '../brakes/brake.ts';
import { isStrong } from '../brakes/budget.ts';
import { BRAKES } from '../brakes/list.ts';
import { limitFor } from '../policy-match.ts';
import type { DecisionBook } from './book.ts';
import { type Case, isAged, openedAt, ownerOf, type Scene } from './case.ts';
import type { Weighed } from './evidence.ts';
import type { Want, Wants } from './wants.ts';

/** What people said of an incident: the same evidence does not go against their word. */
export interface Answer {
  /** `restored`: nothing is done. `denied`: this rung, and higher ones, are not asked for again. */
  readonly kind: 'restored' | 'denied';
  readonly rung: Rung;
  readonly risk: number;
  readonly findings: ReadonlySet<string>;
}

/** Evidence up to this much above what was answered is the same. */
const SAME_FACTOR = 1.25;

export interface Settling {
  readonly told: Case;
  readonly scene: Scene;
  readonly board: Board;
  readonly book: DecisionBook;
  readonly answers: readonly Answer[];
  /** Decisions of the same key that had their time of late. */
  readonly repeats: number;
  /** Highest that was shown of this incident, as `rung mode`. */
  readonly shown: Set<string>;
}

export function settle(wants: Wants, s: Settling): void {
  const { book, told } = s;
  const open = book.ofIncident(told.incident.id).filter(({ actor }) => actor === 'policy');
  endExplained(open, wants, s);
  const stand = wanted(wants.stand, s);
  const ask = wanted(wants.ask, s);
  let later = wanted(wants.later, s);
  if (isAnswered(wants, { stand, ask, later })) showAnswered(wants, s);
  if (stand !== undefined) later = takeBest([stand, ...(wants.instead ?? [])], s) ?? later;
  const standing = standingOf(s);
  settleHeld(isCovered(later, standing) ? undefined : later, s);
  settleAsk(isCovered(ask, standing) ? undefined : ask, s);
  if (wants.note !== undefined) show(wants.note, s);
}

/**
 * The strictest that no brake holds takes effect: where the budget of a rung is spent, the next one is better than
 * nothing. Answers what is held.
 */
function takeBest(wants: readonly Want[], s: Settling): Want | undefined {
  let held: Want | undefined;
  let why: readonly Doubt[] = [];
  for (const want of wants) {
    // Weak evidence makes no use of another rung's budget: a mass of it would spend them all.
    if (held !== undefined && !isStrong(want.evidence)) return held;
    const standing = standingOf(s);
    if (isCovered(want, standing)) {
      extend(standing!, want, s);
      return held;
    }
    const doubts = holdsOf(want, s);
    if (doubts.length > 0) {
      why = why.length === 0 ? doubts : why;
      held ??= { ...want, doubts: [...doubts, ...want.doubts] };
      continue;
    }
    const reason = { wanted: held?.rung ?? want.rung, doubts: [...why, ...want.doubts] };
    takeEffect(held === undefined ? want : { ...want, ...reason }, standing, s);
    return held;
  }
  return held;
}

function standingOf({ book, scene, told }: Settling): Decision | undefined {
  return book
    .ofIncident(told.incident.id)
    .find((one) => one.actor === 'policy' && isInEffect(one, scene.nowMs));
}

function isCovered(want: Want | undefined, standing: Decision | undefined): boolean {
  if (want === undefined || standing === undefined) return false;
  return compareRungs(standing.rung, want.rung) >= 0;
}

/** Undefined where people have answered it. */
function wanted(want: Want | undefined, { answers }: Settling): Want | undefined {
  if (want === undefined) return undefined;
  const { evidence, rung } = want;
  const isAnswered = answers.some(
    (answer) =>
      evidence.risk <= answer.risk * SAME_FACTOR &&
      evidence.findings.every((id) => answer.findings.has(id)) &&
      (answer.kind === 'restored' || compareRungs(rung, answer.rung) >= 0),
  );
  return isAnswered ? undefined : want;
}

function isAnswered(wants: Wants, left: Pick<Wants, 'stand' | 'ask' | 'later'>): boolean {
  return (['stand', 'ask', 'later'] as const).some(
    (name) => wants[name] !== undefined && left[name] === undefined,
  );
}

/** People see that their word holds. */
function showAnswered({ ask, later, stand }: Wants, s: Settling): void {
  const want = (ask ?? later ?? stand)!;
  const doubt: Doubt = { brake: 'person', why: 'a person has decided on this evidence' };
  const wanted = want.wanted ?? want.rung;
  show({ ...want, rung: 'alert', mode: 'automatic', wanted, doubts: [doubt, ...want.doubts] }, s);
}

/** What rests on explained evidence alone is over. */
function endExplained(open: readonly Decision[], wants: Wants, { book, scene }: Settling): void {
  for (const decision of open) {
    const findings = decision.evidence?.findings ?? [];
    if (findings.length === 0 || !findings.every((id) => wants.explained.has(id))) continue;
    const isAllowed = findings.every((id) => wants.explained.get(id) === 'allow');
    book.end(decision, isAllowed ? 'allowed' : 'explained', 'policy', scene.nowMs);
  }
}

/** Reasons to wait, of the brakes that judge what is about to be done. */
function holdsOf(want: Want, { told, scene, board }: Settling): Doubt[] {
  const { rung, evidence } = want;
  if (!isActing(rung)) return [];
  return BRAKES.flatMap((brake) => {
    const why = brake.holds?.({ told, rung, evidence }, scene, board);
    return why === undefined ? [] : [{ brake: brake.id, why }];
  });
}

function takeEffect(want: Want, before: Decision | undefined, s: Settling): void {
  const { book, scene, told } = s;
  const held = book
    .ofIncident(told.incident.id)
    .find(({ state, rung }) => state === 'held' && rung === want.rung);
  const forMs = durationFor(want, s);
  const untilAt = toIsoOrNull(forMs === null ? undefined : scene.nowMs + forMs);
  const base = held ?? draft(want, s);
  // One revision of an incident leads to a rung once: what people or time ended is not done again.
  if (held === undefined && book.knows(base.id)) return;
  const { heldBy: _, ...rest } = base;
  const next: Decision = {
    ...rest,
    ...(held === undefined ? {} : { revision: held.revision + 1 }),
    state: 'standing',
    untilAt,
    forMs,
    evidence: evidenceOf(want.evidence),
    policyVersion: scene.holder.policy.version,
    ...(want.wanted === undefined || want.doubts.length === 0
      ? {}
      : { heldBy: namesOf(want.doubts) }),
    why: told.incident.why,
  };
  charge(next, s);
  book.put(next);
  if (before !== undefined) book.end(before, 'replaced', 'policy', scene.nowMs);
}

/** Enters it into the hour's budget, and into what stands. */
export function charge(
  decision: Decision,
  { told, scene, board }: Pick<Settling, 'told' | 'scene' | 'board'>,
) {
  const { rung } = decision;
  if (!isActing(rung)) return;
  board.ledger.charge({
    decision: decision.id,
    rung,
    subjectId: decision.subject.id,
    owner: ownerOf(told),
    young: !isAged(told, scene.holder.policy.brakes.fleet.agedMs, scene.nowMs),
    at: scene.nowMs,
    perHour: told.key?.usualPerHour ?? 0,
  });
}

/** New evidence on the same rung: its time begins anew. */
function extend(standing: Decision, want: Want, s: Settling): void {
  const { book, scene } = s;
  const before = standing.evidence;
  const isNew =
    want.evidence.risk > (before?.risk ?? 0) ||
    want.evidence.findings.some((id) => before?.findings.includes(id) !== true);
  // What people agreed to lasts as long as they agreed to; a milder rung lengthens nothing.
  if (standing.mode !== 'automatic' || standing.rung !== want.rung) return;
  if (!isNew || standing.untilAt === null) return;
  const forMs = durationFor(want, s);
  if (forMs === null) return;
  const untilMs = Math.max(Date.parse(standing.untilAt), scene.nowMs + forMs);
  book.change(standing, { untilAt: toIso(untilMs), evidence: evidenceOf(want.evidence) });
}

function settleHeld(want: Want | undefined, s: Settling): void {
  const { book, scene, told } = s;
  const held = book.ofIncident(told.incident.id).filter(({ state }) => state === 'held');
  const same = held.find(({ rung }) => rung === want?.rung);
  for (const one of held) {
    if (one === same) continue;
    book.end(one, want === undefined ? 'explained' : 'replaced', 'policy', scene.nowMs);
  }
  if (want === undefined) return;
  const heldBy = namesOf(want.doubts);
  const why = `${told.incident.why} Held: ${reasons(want.doubts)}.`;
  if (same !== undefined) {
    if (same.heldBy !== heldBy) book.change(same, { heldBy, why });
    return;
  }
  const first = draft(want, s);
  if (book.knows(first.id)) return;
  const untilAt = toIso(scene.nowMs + scene.holder.policy.brakes.holdMs);
  book.put({ ...first, state: 'held', untilAt, heldBy, why, forMs: durationFor(want, s) });
}

function settleAsk(want: Want | undefined, s: Settling): void {
  const { book, scene, told } = s;
  const { version, approval } = scene.holder.policy;
  const waiting = book.ofIncident(told.incident.id).find(({ state }) => state === 'waiting');
  if (want === undefined) {
    const standing = standingOf(s);
    const isOver =
      waiting !== undefined &&
      (waiting.policyVersion !== version ||
        (standing !== undefined && compareRungs(standing.rung, waiting.rung) >= 0));
    if (isOver) book.end(waiting, 'replaced', 'policy', scene.nowMs);
    return;
  }
  const order = waiting === undefined ? 1 : compareRungs(want.rung, waiting.rung);
  if (order < 0 || (order === 0 && waiting?.policyVersion === version)) return;
  const forMs = durationFor(want, s);
  const untilAt = toIso(scene.nowMs + approval.withinMs);
  const first = draft(want, s);
  const asked: Decision = {
    ...first,
    ...(order === 0 ? { id: waiting!.id, revision: waiting!.revision + 1 } : {}),
    mode: 'approval',
    state: 'waiting',
    untilAt,
    forMs,
    approvalsNeeded: want.people ?? 1,
    approvals: [],
    ...(want.doubts.length === 0 ? {} : { heldBy: namesOf(want.doubts) }),
  };
  if (order > 0) {
    if (book.knows(asked.id)) return;
    if (waiting !== undefined) book.end(waiting, 'replaced', 'policy', scene.nowMs);
  }
  book.put({ ...asked, binding: bindingOf(asked) });
}

/** Told once for each rung of an incident, so that a list shows what would have been done. */
function show(want: Want, s: Settling): void {
  const { shown, book, scene } = s;
  const uncovered = uncoveredBy(want, s);
  const rung = uncovered?.brake === 'gateway' ? 'alert' : want.rung;
  const doubts = [...(uncovered === undefined ? [] : [uncovered]), ...want.doubts];
  const name = `${rung} ${want.mode} ${namesOf(doubts)}`;
  if (shown.has(name)) return;
  shown.add(name);
  const first = draft({ ...want, rung }, s);
  if (book.knows(first.id)) return;
  const forMs = isActing(rung) ? durationFor(want, s) : undefined;
  const why = doubts.length === 0 ? first.why : `${first.why} Held: ${reasons(doubts)}.`;
  book.put({
    ...first,
    state: 'noted',
    untilAt: typeof forMs === 'number' ? toIso(scene.nowMs + forMs) : null,
    ...(forMs === undefined ? {} : { forMs }),
    ...(rung === want.rung ? {} : { wanted: want.wanted ?? want.rung }),
    ...(doubts.length === 0 ? {} : { heldBy: namesOf(doubts) }),
    why,
  });
}

/** Why a rung that is switched on is not taken for this key. */
function uncoveredBy({ rung, mode, evidence, rule }: Want, s: Settling): Doubt | undefined {
  const { told, scene } = s;
  const { id } = told.incident.subject;
  if (mode !== 'observe' || !isActing(rung)) return undefined;
  const setting = scene.holder.setting(rung, id);
  if (setting.mode === 'off') return undefined;
  if (scene.env.rungsOf(id).size === 0)
    return { brake: 'gateway', why: 'no gateway that is acted upon has this key' };
  const since = Math.max(setting.sinceAt, scene.holder.ruleSince(rule));
  const isOlder = told.findings.some(
    (finding) => evidence.findings.includes(finding.id) && openedAt(finding) <= since,
  );
  if (isOlder) return { brake: 'switch', why: 'its evidence is older than the switch' };
  return {
    brake: 'gateway',
    why: `${rung} is not possible for this key, and what is milder is off`,
  };
}

/** A decision of policy about the case; state and times are the caller's. */
function draft(want: Want, s: Settling): Decision {
  const { told, scene } = s;
  const { incident } = told;
  const { holder, nowMs } = scene;
  const limit = isActing(want.rung) ? limitFor(holder.policy, want.rung, told.key) : undefined;
  return {
    type: 'decision',
    id: decisionId(incident.id, want.rung, String(incident.revision)),
    revision: 1,
    incident: incident.id,
    subject: incident.subject,
    rung: want.rung,
    mode: want.mode,
    state: 'noted',
    decidedAt: toIso(nowMs),
    untilAt: null,
    actor: 'policy',
    policyVersion: holder.policy.version,
    rule: want.rule.name,
    why: incident.why,
    ...(limit === undefined ? {} : { limit }),
    evidence: evidenceOf(want.evidence),
    ...(want.wanted === undefined ? {} : { wanted: want.wanted }),
  };
}

export function decisionId(origin: string, rung: Rung, turn: string): string {
  const hash = createHash('sha256').update(`${origin}|${rung}|${turn}`).digest('hex');
  return `dec_${hash.slice(0, 20)}`;
}

function evidenceOf(weighed: Weighed): Evidence {
  const { severity, risk, families, findings, trust, toldAt } = weighed;
  return { severity, risk, families, findings, trust, toldAt };
}

/** Longer each time that the key does it again. */
function durationFor({ rung, rule }: Want, { scene, repeats }: Settling): number | null {
  if (!isActing(rung)) return null;
  const { durations, repeat } = scene.holder.policy;
  const own = rule.forMs === undefined ? durations[rung] : rule.forMs;
  if (own === null) return null;
  const longer = own * repeat.factor ** Math.min(repeats, 20);
  return Math.max(own, Math.min(longer, repeat.maxMs));
}

export function namesOf(doubts: readonly Doubt[]): string {
  return [...new Set(doubts.map(({ brake }) => brake))].join(',');
}

export function reasons(doubts: readonly Doubt[]): string {
  return [...new Set(doubts.map(({ why }) => why))].join('; ');
}
