/** Who is told what: an alert an incident, told anew when something is found, decided, done or seen. */
import { type Action, isUnsettled } from '../../core/action.ts';
import type { Alert } from '../../core/alert.ts';
import type { Clock } from '../../core/clock.ts';
import { type Decision, isOfReport } from '../../core/decision.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import { isActing } from '../../core/ladder.ts';
import type { Trouble } from '../../responders/actions/contract.ts';
import {
  actionAlarm,
  approvalAlert,
  decisionAlert,
  type HealthFacts,
  healthAlert,
  incidentAlert,
} from '../../responders/alert-texts.ts';
import { isOpen } from '../../responders/desk/book.ts';
import type { DeskNotice } from '../../responders/desk/contract.ts';
import type { Logger } from '../contract.ts';
import type { Teller } from './response.ts';

/** Incidents and decisions that are known; the oldest gives way. */
const ENTRIES_MAX = 20_000;
const HOUR_MS = 3_600_000;

export interface AlertBookOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** '' where nobody knows. */
  consumerOf(subjectId: string): string;
  /** Decisions about a key that are held, wait or stand. */
  openOf(subjectId: string): readonly Decision[];
  tell(alert: Alert): void;
}

/** An incident with what followed from it and reports of leaks of its key; or a decision of no incident. */
interface Entry {
  incident: Incident | undefined;
  findings: readonly Finding[];
  readonly decisions: Map<string, Decision>;
  readonly actions: Map<string, Action>;
}

export class AlertBook implements Teller {
  readonly #options: AlertBookOptions;
  readonly #entries = new Map<string, Entry>();
  /** Entry that a decision's actions belong to. */
  readonly #entryOf = new Map<string, string>();
  /** Open incident by subject, of those that are told. */
  readonly #openOf = new Map<string, string>();
  /** Revisions of actions since the start. */
  readonly counted = {
    actions: {} as Record<string, number>,
    verdicts: {} as Record<string, number>,
  };
  /** Health alerts that fire. */
  readonly #firing = new Set<string>();
  /** Of what nobody resolves, the hour in which it was last told. */
  readonly #toldIn = new Map<string, number>();

  constructor(options: AlertBookOptions) {
    this.#options = options;
  }

  /** Incidents and decisions that are known. */
  get size(): number {
    return this.#entries.size;
  }

  incident(incident: Incident, findings: readonly Finding[]): void {
    const isTold = this.#entries.has(incident.id);
    // Silenced, or part of another that is told itself: nothing to tell, unless it was told before.
    if (!isTold && (incident.partOf ?? incident.silencedBy) !== undefined) return;
    if (!isTold && incident.closedAt !== null) return;
    const entry = this.#entry(incident.id);
    entry.incident = incident;
    entry.findings = findings;
    if (incident.closedAt === null) this.#openOf.set(incident.subject.id, incident.id);
    else if (this.#openOf.get(incident.subject.id) === incident.id)
      this.#openOf.delete(incident.subject.id);
    if (findings.some(({ detector }) => detector === 'leak')) this.#takeIn(entry, incident);
    this.#tell(entry);
    this.#forgetOver(incident.id, entry);
  }

  decision(decision: Decision, actions: readonly Action[]): void {
    if (!isShown(decision)) return;
    const open = isOfReport(decision) ? this.#openOf.get(decision.subject.id) : undefined;
    const id = this.#entryOf.get(decision.id) ?? decision.incident ?? open ?? decision.id;
    this.#entryOf.set(decision.id, id);
    const entry = this.#entry(id);
    entry.decisions.set(decision.id, decision);
    for (const action of actions) entry.actions.set(action.id, action);
    if (decision.mode === 'approval' && decision.approvalsNeeded !== undefined) {
      const { clock, tell } = this.#options;
      tell(approvalAlert(decision, this.#consumer(decision.subject.id), clock.now()));
    }
    this.#tell(entry);
    this.#forgetOver(id, entry);
  }

  action(action: Action): void {
    const { id, state, verdict, rung, gateway, subject } = action;
    const { clock, logger, tell } = this.#options;
    const facts = { action: id, key: subject.id, rung, gateway };
    logger.info(facts, `action ${state}${verdict === null ? '' : `: ${verdict}`}`);
    this.#count(action);
    const told = this.#entryOf.get(action.decision) ?? action.decision;
    const entry = this.#entry(told);
    entry.actions.set(id, action);
    this.#tell(entry);
    this.#forgetOver(told, entry);
    tell(actionAlarm(action, this.#consumer(subject.id), clock.now()));
  }

  /** Each state that an action comes to once; what was seen of it when it is first seen, or changes. */
  #count({ id, state, verdict, decision }: Action): void {
    const { actions, verdicts } = this.counted;
    const before = this.#entries.get(this.#entryOf.get(decision) ?? decision)?.actions.get(id);
    if (before?.state !== state) actions[state] = (actions[state] ?? 0) + 1;
    if (verdict !== null && before?.verdict !== verdict) {
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    }
  }

  notice({ kind, text, at }: DeskNotice): void {
    this.#options.logger.warn({ brake: kind }, text);
    // It says that a brake holds, not what it holds.
    const id = `health-brake-${kind}`;
    this.#hourly({ id, state: 'firing', severity: 'high', title: `brake: ${kind}`, text, at });
  }

  trouble({ kind, action, reason }: Trouble): void {
    const { clock, logger } = this.#options;
    const { id, gateway, subject } = action;
    logger.error({ action: id, key: subject.id, gateway }, `${kind}: ${reason}`);
    // What failed at a gateway is told as the action's own alarm.
    if (kind !== 'audit' && kind !== 'store' && kind !== 'no-gateway') return;
    const title = `actions at ${gateway} do not start: ${kind}`;
    const said = { severity: 'critical', title, text: reason, at: clock.now() } as const;
    this.#hourly({ id: `health-${kind}-${gateway}`, state: 'firing', ...said });
  }

  /** Once an hour at the most, and again in each in which it goes on. */
  #hourly(said: HealthFacts): void {
    const hour = Math.floor(said.at / HOUR_MS);
    if (this.#toldIn.get(said.id) === hour) return;
    this.#toldIn.set(said.id, hour);
    this.#options.tell(healthAlert({ ...said, id: `${said.id}-${hour}` }));
  }

  /** Firing is told once until it is resolved; resolving what does not fire is nothing. */
  health(said: HealthFacts): void {
    const fires = said.state === 'firing';
    if (fires === this.#firing.has(said.id)) return;
    if (fires) this.#firing.add(said.id);
    else this.#firing.delete(said.id);
    this.#options.tell(healthAlert(said));
  }

  #entry(id: string): Entry {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const none = { incident: undefined, findings: [] };
    const entry: Entry = { ...none, decisions: new Map(), actions: new Map() };
    this.#entries.set(id, entry);
    if (this.#entries.size > ENTRIES_MAX) {
      const [oldest, lost] = this.#entries.entries().next().value!;
      this.#forget(oldest, lost);
    }
    return entry;
  }

  /** Reports that were told, or will be, by themselves: from now on they are told with the incident. */
  #takeIn(entry: Entry, { id, subject }: Incident): void {
    for (const report of this.#options.openOf(subject.id)) {
      const isHere = this.#entryOf.get(report.id) === id;
      if (isHere || !isOfReport(report) || !isShown(report)) continue;
      const own = this.#entries.get(report.id);
      entry.decisions.set(report.id, own?.decisions.get(report.id) ?? report);
      for (const [name, action] of own?.actions ?? []) entry.actions.set(name, action);
      this.#entries.delete(report.id);
      this.#entryOf.set(report.id, id);
    }
  }

  /** What is over is told no more, and must not push out what is open. */
  #forgetOver(id: string, entry: Entry): void {
    const { incident, decisions, actions } = entry;
    if (incident !== undefined && incident.closedAt === null) return;
    if ([...decisions.values()].some(isOpen)) return;
    if ([...actions.values()].every(isOver)) this.#forget(id, entry);
  }

  #forget(id: string, entry: Entry): void {
    this.#entries.delete(id);
    const { subject } = entry.incident ?? {};
    if (subject !== undefined && this.#openOf.get(subject.id) === id)
      this.#openOf.delete(subject.id);
    for (const decision of entry.decisions.keys()) this.#entryOf.delete(decision);
  }

  #tell({ incident, findings, ...followed }: Entry): void {
    const decisions = [...followed.decisions.values()];
    const actions = [...followed.actions.values()];
    const { clock, tell } = this.#options;
    const [decision] = decisions;
    const subject = incident?.subject ?? decision?.subject;
    // An action of a run before, whose decision is on its way.
    if (subject === undefined) return;
    const told = { decisions, actions, consumer: this.#consumer(subject.id), nowMs: clock.now() };
    if (incident !== undefined) tell(incidentAlert({ incident, findings, ...told }));
    else if (decision?.incident === null) tell(decisionAlert({ decision, ...told }));
  }

  #consumer(subjectId: string): string {
    return this.#options.consumerOf(subjectId);
  }
}

/** What only tells, or only observes, shows in its incident. */
function isShown({ mode, rung }: Decision): boolean {
  return isActing(rung) && mode !== 'observe';
}

/** Nothing more is done or seen of it. Of what was in effect and is taken back, it is seen whether the key passes. */
function isOver(action: Action): boolean {
  const { doneAt, state, undoVerdict } = action;
  if (isUnsettled(action) || state === 'done') return false;
  if (state !== 'undone' || doneAt === null) return true;
  return undoVerdict === 'restored' || undoVerdict === 'no-traffic';
}
