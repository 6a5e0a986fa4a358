/** One alert an incident: what was found, decided, done and seen, told anew when one of them changes. */
import type { Action } from '../../core/action.ts';
import type { Alert } from '../../core/alert.ts';
import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import type { Finding, Incident, Severity } from '../../core/finding.ts';
import { isActing } from '../../core/ladder.ts';
import type { Trouble } from '../../responders/actions/contract.ts';
import type { DeskNotice } from '../../responders/desk/contract.ts';
import type { Logger } from '../contract.ts';
import { type AlertParts, alertOf } from './alert-texts.ts';
import type { Teller } from './response.ts';

/** Alerts that are known; the oldest gives way. */
const ENTRIES_MAX = 20_000;

export interface AlertBookOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  tell(alert: Alert): void;
}

interface Entry extends AlertParts {
  incident: Incident | undefined;
  findings: readonly Finding[];
  readonly decisions: Map<string, Decision>;
  readonly actions: Map<string, Action>;
}

export class AlertBook implements Teller {
  readonly #options: AlertBookOptions;
  readonly #entries = new Map<string, Entry>();
  /** Alert that a decision's actions belong to. */
  readonly #alertOf = new Map<string, string>();
  #revision = 0;

  constructor(options: AlertBookOptions) {
    this.#options = options;
  }

  incident(incident: Incident, findings: readonly Finding[]): void {
    const known = this.#entries.has(incident.id);
    // Part of another that is told itself, or silenced: nothing to tell, unless it was told before.
    if (!known && (incident.partOf ?? incident.silencedBy) !== undefined) return;
    const entry = this.#entry(incident.id);
    entry.incident = incident;
    entry.findings = findings;
    this.#tell(incident.id, entry);
    if (incident.closedAt !== null) this.#forget(incident.id, entry);
  }

  decision(decision: Decision, actions: readonly Action[]): void {
    if (!isActing(decision.rung) || decision.mode === 'observe') return;
    const id = decision.incident ?? decision.id;
    this.#alertOf.set(decision.id, id);
    const entry = this.#entry(id);
    entry.decisions.set(decision.id, decision);
    for (const action of actions) entry.actions.set(action.id, action);
    this.#tell(id, entry);
  }

  action(action: Action): void {
    const { id, state, verdict, rung, gateway } = action;
    const facts = { action: id, key: action.subject.id, rung, gateway };
    this.#options.logger.info(facts, `action ${state}${verdict === null ? '' : `: ${verdict}`}`);
    const alert = this.#alertOf.get(action.decision) ?? action.decision;
    const entry = this.#entry(alert);
    entry.actions.set(id, action);
    this.#tell(alert, entry);
  }

  notice({ kind, text, at }: DeskNotice): void {
    this.#options.logger.warn({ brake: kind }, text);
    this.health(`${kind}-${Math.floor(at / 3_600_000)}`, 'high', `brake ${kind}`, text, at);
  }

  trouble({ kind, action, reason }: Trouble): void {
    const facts = { action: action.id, key: action.subject.id, gateway: action.gateway };
    this.#options.logger.error(facts, `${kind}: ${reason}`);
    const title = `action ${kind} at ${action.gateway}`;
    this.health(`trouble-${action.id}`, 'high', title, reason, this.#options.clock.now());
  }

  /** Why the policy file is not used; undefined: it is. */
  policyFault(fault: string | undefined): void {
    const { clock, tell } = this.#options;
    const alert = healthAlert('policy', 'medium', 'the policy file is not used', fault ?? '');
    const state = fault === undefined ? 'resolved' : 'firing';
    tell({ ...alert, state, revision: this.#next(), at: clock.now() });
  }

  health(id: string, severity: Severity, title: string, text: string, at: number): void {
    this.#options.tell({
      ...healthAlert(id, severity, title, text),
      revision: ++this.#revision,
      at,
    });
  }

  /** Grows over restarts too. */
  #next(): number {
    this.#revision = Math.max(this.#revision + 1, this.#options.clock.now());
    return this.#revision;
  }

  #entry(id: string): Entry {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const entry: Entry = {
      incident: undefined,
      findings: [],
      decisions: new Map(),
      actions: new Map(),
    };
    this.#entries.set(id, entry);
    if (this.#entries.size > ENTRIES_MAX) {
      const [oldest, lost] = this.#entries.entries().next().value!;
      this.#forget(oldest, lost);
    }
    return entry;
  }

  #forget(id: string, entry: Entry): void {
    this.#entries.delete(id);
    for (const decision of entry.decisions.keys()) this.#alertOf.delete(decision);
  }

  #tell(id: string, entry: Entry): void {
    const alert = alertOf(id, entry);
    if (alert === undefined) return;
    const { clock, tell } = this.#options;
    tell({ ...alert, revision: this.#next(), at: clock.now() });
  }
}

function healthAlert(id: string, severity: Severity, title: string, text: string) {
  return {
    id: `health-${id}`,
    kind: 'health' as const,
    state: 'firing' as const,
    severity,
    title,
    text,
    facts: [],
    done: [],
  };
}
