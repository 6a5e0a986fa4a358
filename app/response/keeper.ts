/**
 * Carries decisions out of the desk, one after the other: recorded in the audit log, kept, and only then asked of the
 * gateways. What cannot be kept or recorded is tried again and again, and nothing after it overtakes: no action
 * without its record.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from '../../core/action.ts';
import type { AuditLog, AuditNote } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import type { Decision, DecisionStore } from '../../core/decision.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { GatewayAdapter } from '../../core/gateway.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import { isActing, nextBest } from '../../core/ladder.ts';
import type { ActionRunner } from '../../responders/actions/contract.ts';

const AGAIN_MS = 500;
const AGAIN_MS_MAX = 15_000;

export interface KeeperOptions {
  readonly store: DecisionStore;
  readonly audit: AuditLog;
  readonly runner: Pick<ActionRunner, 'request' | 'undo'>;
  /** Those that may act for the key now. */
  adaptersOf(subjectId: string): readonly GatewayAdapter[];
  /** What `contain` lets go on. */
  profileOf(decision: Decision): KeyProfile | undefined;
  readonly clock: Clock;
  /** Told once a decision is kept and its actions are. */
  onKept(decision: Decision, actions: readonly Action[]): void;
  /** It could not be kept; it is tried again. */
  onTrouble(decision: Decision, error: unknown): void;
}

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #stop = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Decisions that are not kept yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** `fresh` is false for one of a run before: it was recorded, and its actions may be there. */
  take(decision: Decision, fresh = true): Promise<void> {
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      await this.#insist(decision, fresh);
      this.#waiting -= 1;
    });
    return this.#last;
  }

  /**
   * Resolves when all that was taken is kept. Rejects with `response-ended` once it is closed: some of it may be left,
   * and whoever goes on may have begun before the rest was kept. So it has to be told again.
   */
  async settle(): Promise<void> {
    await this.#last;
    if (this.#stop.signal.aborted) throw ended();
  }

  /** What is not kept by then is left: who told it tells it again after a start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#last;
  }

  async #insist(decision: Decision, fresh: boolean): Promise<void> {
    const done = { recorded: !fresh || !isAudited(decision) };
    let waitMs = AGAIN_MS;
    while (!this.#stop.signal.aborted) {
      try {
        return await this.#keep(decision, done);
      } catch (error) {
        this.#options.onTrouble(decision, error);
        await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        waitMs = Math.min(AGAIN_MS_MAX, waitMs * 2);
      }
    }
  }

  /**
   * Recorded first: a crash in between leaves an entry of what was not done, and detection tells it again; the other
   * way round something would be done without one.
   */
  async #keep(decision: Decision, done: { recorded: boolean }): Promise<void> {
    const { store, audit, clock, onKept } = this.#options;
    if (!done.recorded) {
      const known = await store.decision(decision.id);
      const isNews = known === undefined || known.revision < decision.revision;
      // What only tells is on record as a decision; the audit is of what acts, and of what people do.
      if (isNews) await audit.record(noteOf(decision, clock.now()));
      done.recorded = true;
    }
    await store.put(decision);
    const actions = await this.#act(decision);
    onKept(decision, actions);
  }

  async #act(decision: Decision): Promise<Action[]> {
    const { runner, adaptersOf, profileOf } = this.#options;
    if (decision.state === 'ended') {
      return runner.undo(decision.id, decision.endedBy ?? 'policy', decision.endedAs ?? 'ended');
    }
    if (decision.state !== 'standing') return [];
    const actions: Action[] = [];
    for (const adapter of adaptersOf(decision.subject.id)) {
      if (!isActing(nextBest(decision.rung, new Set(adapter.rungs)))) continue;
      const profile = decision.rung === 'contain' ? profileOf(decision) : undefined;
      const extra = profile === undefined ? {} : { profile };
      const action = await runner.request(decision, adapter, extra);
      if (action !== undefined) actions.push(action);
    }
    return actions;
  }
}

function ended(): KeyhoundError {
  return new KeyhoundError('operating', 'this process responds no more', {
    code: 'response-ended',
    retryable: true,
    hint: 'Look at what holds, and say it again to the one that goes on.',
  });
}

function isAudited({ mode, state, rung }: Decision): boolean {
  return (mode !== 'observe' && state !== 'noted') || (state === 'held' && isActing(rung));
}

const DONE: Readonly<Record<Decision['state'], string>> = {
  noted: 'noted',
  held: 'held',
  waiting: 'asked for approval',
  standing: 'decided',
  ended: 'ended',
};

function noteOf(decision: Decision, at: number): AuditNote {
  const { id, revision, state, actor, endedBy, endedAs, heldBy, subject, why, rung } = decision;
  const { incident, evidence, untilAt, mode, policyVersion, limit, approvals, wanted } = decision;
  return {
    who: (state === 'ended' ? endedBy : undefined) ?? actor,
    what: DONE[state],
    subject: subject.id,
    why: state === 'ended' ? (endedAs ?? '') : why,
    at,
    evidence: {
      decision: id,
      revision,
      rung,
      mode,
      untilAt,
      policyVersion,
      ...(incident === null ? {} : { incident }),
      ...(evidence === undefined ? {} : { findings: evidence.findings, risk: evidence.risk }),
      ...(heldBy === undefined ? {} : { heldBy }),
      ...(wanted === undefined ? {} : { wanted }),
      ...(limit === undefined ? {} : { limit }),
      ...(approvals === undefined ? {} : { approvals }),
    },
    ...(state === 'ended' ? { undoes: id } : {}),
  };
}
