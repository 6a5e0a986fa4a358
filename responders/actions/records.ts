/** Changes to action records: fenced, told of, written down in the audit. */
import type { Action } from '../../core/action.ts';
import { toIso } from '../../core/clock.ts';
import type { KeyTarget } from '../../core/gateway.ts';
import type { RunnerOptions, TroubleKind } from './contract.ts';

export type ActionPatch = { readonly [K in keyof Action]?: Action[K] | undefined };

/** Somebody else changed the record meanwhile: look again. */
export class Overtaken extends Error {
  constructor() {
    super('the action was changed meanwhile');
    this.name = 'Overtaken';
  }
}

/** The audit did not take it, so it is not done. */
export class Unrecorded extends Error {
  constructor(cause: unknown) {
    super('the audit log cannot be written', { cause });
    this.name = 'Unrecorded';
  }
}

/** Times that a change is tried again when somebody else's came first. */
const TRIES = 16;

export type Records = ReturnType<typeof createRecords>;

export function createRecords(options: RunnerOptions) {
  const { store, audit, decisions, clock } = options;

  /** Throws Overtaken when the action has changed since it was read. */
  async function change(action: Action, patch: ActionPatch): Promise<Action> {
    const next = patched(action, patch);
    if (!(await store.changeAction(next))) throw new Overtaken();
    options.onAction?.(next);
    return next;
  }

  /** Changes the action as it is now; undefined where there is nothing to change. */
  async function update(
    id: string,
    patchOf: (action: Action) => ActionPatch | undefined,
  ): Promise<Action | undefined> {
    for (let tries = 1; ; tries++) {
      const action = await store.action(id);
      const patch = action === undefined ? undefined : patchOf(action);
      if (action === undefined || patch === undefined) return undefined;
      try {
        return await change(action, patch);
      } catch (error) {
        if (!(error instanceof Overtaken) || tries === TRIES) throw error;
      }
    }
  }

  /** Answers the entry's id; throws Unrecorded. */
  async function record(
    action: Action,
    note: {
      readonly what: string;
      readonly who?: string;
      readonly why?: string;
      readonly undoes?: string;
    },
    evidence: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const decision = await decisions.decision(action.decision);
    const entry = {
      who: note.who ?? decision?.actor ?? 'keyhound',
      what: note.what,
      subject: action.subject.id,
      why: note.why ?? decision?.why ?? '',
      at: clock.now(),
      evidence: { ...evidenceOf(action, decision?.incident ?? null), ...evidence },
      ...(note.undoes === undefined ? {} : { undoes: note.undoes }),
    };
    try {
      return (await audit.record(entry)).id;
    } catch (error) {
      throw new Unrecorded(error);
    }
  }

  return {
    change,
    update,
    record,
    now: () => toIso(clock.now()),
    trouble: (kind: TroubleKind, action: Action, reason: string) =>
      options.onTrouble?.({ kind, action, reason }),
    target: (action: Action): KeyTarget =>
      options.target?.(action.subject) ?? targetOf(action.subject.id),
  };
}

/** Only what people may read: a gateway's facts stay in the record of the action. */
function evidenceOf(action: Action, incident: string | null): Record<string, unknown> {
  const { id, decision, gateway, rung, wanted, limit, untilAt, version } = action;
  return {
    action: id,
    decision,
    incident,
    gateway,
    rung,
    ...(wanted === undefined ? {} : { wanted }),
    ...(limit === undefined ? {} : { limit }),
    untilAt,
    version,
  };
}

/** The next revision; what the patch sets to undefined is left out. */
export function patched(action: Action, patch: ActionPatch): Action {
  const entries = Object.entries({ ...action, ...patch, revision: action.revision + 1 });
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined),
  ) as unknown as Action;
}

/** Hashed keys (`h:…`) have no credential id. */
export function targetOf(subjectId: string): KeyTarget {
  const colon = subjectId.indexOf(':');
  if (colon < 0 || subjectId.startsWith('h:')) return { subjectId };
  return { subjectId, credentialId: subjectId.slice(colon + 1) };
}
