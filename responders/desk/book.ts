/** Decisions that are open, and what was decided about a key of late. Tells each revision. */
import { toIso } from '../../core/clock.ts';
import {
  type Decision,
  type DecisionEnd,
  type DecisionState,
  isInEffect,
} from '../../core/decision.ts';
import { compareRungs, isActing, type Rung } from '../../core/ladder.ts';

/** What ended a while ago, for what a key does again. */
export interface Past {
  readonly rung: Rung;
  /** Epoch ms. */
  readonly at: number;
}

const OPEN_STATES: readonly DecisionState[] = ['held', 'waiting', 'standing'];
const PAST_MAX = 32;
const SUBJECTS_MAX = 100_000;

export function isOpen({ state }: Decision): boolean {
  return OPEN_STATES.includes(state);
}

export class DecisionBook {
  private readonly onDecision: (decision: Decision) => void;
  private readonly byId = new Map<string, Decision>();
  private readonly bySubject = new Map<string, Set<string>>();
  private readonly byIncident = new Map<string, Set<string>>();
  private readonly pasts = new Map<string, Past[]>();
  /** Revisions of ended decisions, so that the same evidence told twice makes no second one. */
  private readonly ended = new Map<string, number>();

  constructor(onDecision: (decision: Decision) => void) {
    this.onDecision = onDecision;
  }

  /** Tells a revision, and keeps it while it is open. */
  put(decision: Decision): Decision {
    this.keep(decision);
    this.onDecision(decision);
    return decision;
  }

  change(decision: Decision, change: Partial<Decision>): Decision {
    return this.put({ ...decision, ...change, revision: decision.revision + 1 });
  }

  end(decision: Decision, as: DecisionEnd, by: string, nowMs: number): Decision {
    const ended = { state: 'ended', endedAt: toIso(nowMs), endedAs: as, endedBy: by } as const;
    return this.change(decision, ended);
  }

  /** Takes over what was told before, without telling it. */
  keep(decision: Decision): void {
    const { id, subject, incident } = decision;
    if (isOpen(decision)) {
      this.byId.set(id, decision);
      index(this.bySubject, subject.id, id);
      if (incident !== null) index(this.byIncident, incident, id);
      return;
    }
    const before = this.byId.get(id);
    this.byId.delete(id);
    this.ended.set(id, decision.revision);
    unindex(this.bySubject, subject.id, id);
    if (incident !== null) unindex(this.byIncident, incident, id);
    if (decision.state === 'ended' && tookEffect(decision, before)) this.remember(decision);
  }

  private remember({ subject, rung, actor, endedAs, endedAt }: Decision): void {
    // What was taken back is nothing that the key did again.
    if (endedAs !== 'expired' && endedAs !== 'calm') return;
    if (!isActing(rung) || actor !== 'policy' || endedAt === undefined) return;
    const own = this.pasts.get(subject.id);
    if (own === undefined && this.pasts.size >= SUBJECTS_MAX) return;
    this.pasts.set(
      subject.id,
      [...(own ?? []), { rung, at: Date.parse(endedAt) }].slice(-PAST_MAX),
    );
  }

  knows(id: string): boolean {
    return this.byId.has(id) || this.ended.has(id);
  }

  get(id: string): Decision | undefined {
    return this.byId.get(id);
  }

  open(): Decision[] {
    return [...this.byId.values()];
  }

  ofSubject(subjectId: string): Decision[] {
    return this.list(this.bySubject.get(subjectId));
  }

  ofIncident(incidentId: string): Decision[] {
    return this.list(this.byIncident.get(incidentId));
  }

  /** In effect at that instant, strictest first. */
  standing(subjectId: string, nowMs: number): Decision[] {
    return this.ofSubject(subjectId)
      .filter((decision) => isInEffect(decision, nowMs))
      .sort((a, b) => compareRungs(b.rung, a.rung));
  }

  /** Decisions of policy about the key that had their time since then. */
  pastOf(subjectId: string, sinceMs: number): readonly Past[] {
    return (this.pasts.get(subjectId) ?? []).filter(({ at }) => at >= sinceMs);
  }

  prune(beforeMs: number): void {
    for (const [id, pasts] of this.pasts) {
      if (pasts.every(({ at }) => at < beforeMs)) this.pasts.delete(id);
    }
    const many = this.ended.size - SUBJECTS_MAX;
    for (const id of [...this.ended.keys()].slice(0, Math.max(0, many))) this.ended.delete(id);
  }

  private list(ids: ReadonlySet<string> | undefined): Decision[] {
    return [...(ids ?? [])].map((id) => this.byId.get(id)!);
  }
}

/** `before`: as it was open; undefined where it is taken over after a restart. */
function tookEffect(decision: Decision, before: Decision | undefined): boolean {
  if (before !== undefined) return before.state === 'standing';
  const { mode, heldBy, approvals = [], approvalsNeeded = 1 } = decision;
  return mode === 'approval' ? approvals.length >= approvalsNeeded : heldBy === undefined;
}

function index(map: Map<string, Set<string>>, name: string, id: string): void {
  const ids = map.get(name);
  if (ids === undefined) map.set(name, new Set([id]));
  else ids.add(id);
}

function unindex(map: Map<string, Set<string>>, name: string, id: string): void {
  const ids = map.get(name);
  ids?.delete(id);
  if (ids?.size === 0) map.delete(name);
}
