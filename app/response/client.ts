/** What people ask of the response, answered from where it runs. */
import { randomUUID } from 'node:crypto';
import type { Action } from '../../core/action.ts';
import { toIso } from '../../core/clock.ts';
import type { PersonConfig } from '../../core/config-response.ts';
import type { ClosedAs } from '../../core/control.ts';
import { type Decision, isLiftedByName } from '../../core/decision.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { SubjectName } from '../../core/finding.ts';
import { type ActingRung, isActing, nextBest } from '../../core/ladder.ts';
import type {
  ApprovalRequest,
  AuditCheck,
  ChannelCheck,
  CommandAnswer,
  CommandRequest,
  DecisionDetail,
  PlannedAction,
  ResponseClient,
  ResponseStatus,
  StopRequest,
} from '../../core/response.ts';
import { targetOf } from '../../responders/actions/records.ts';
import type { CommandAnswer as DeskAnswer } from '../../responders/desk/contract.ts';
import { approverByToken } from './people.ts';
import type { PolicySource } from './policy-file.ts';
import type { Response } from './response.ts';

const CALL_MS = 10_000;
/** Figures that are not essential are waited for so long. */
const STATUS_MS = 1000;
/** What goes with stopping, and is not the switch itself. */
const STOP_MS = 3000;

export interface ResponseClientOptions {
  readonly response: Response;
  readonly people: readonly PersonConfig[];
  readonly policy: PolicySource;
  nameOf(subjectId: string): SubjectName;
  /** Closes an incident as it was found to be. */
  closeIncident(id: string, as: ClosedAs, by: string, reason: string): Promise<void>;
  verifyAudit(): Promise<readonly AuditCheck[]>;
  testChannels(name: string | undefined): Promise<readonly ChannelCheck[]>;
}

export function createResponseClient(options: ResponseClientOptions): ResponseClient {
  const { response } = options;
  const { keep } = response.options;
  const detail = async (decision: Decision): Promise<DecisionDetail> => {
    const actions = await keep.actions({ decision: decision.id, limit: 100 });
    return { decision, actions };
  };
  return {
    responseStatus: () => statusOf(options),
    decisions: (filter) => keep.decisions(filter),
    async decision(id) {
      const found = response.desk.decision(id) ?? (await keep.decision(id));
      return found === undefined ? undefined : detail(found);
    },
    actions: (filter) => keep.actions(filter),
    action: (id) => keep.action(id),
    command: (request) =>
      request.verb === 'restore' ? restore(request, options) : command(request, options),
    async approve(id, request) {
      const decision = await approved(id, request, options);
      return decision === undefined ? undefined : detail(decision);
    },
    stop: (request) => stop(request, options),
    reconcile: ({ fix, by }) =>
      response.runner.reconcile({
        ...{ fix, by: `person:${by}`, why: 'actions reconcile' },
        signal: AbortSignal.timeout(CALL_MS * 6),
      }),
    verifyAudit: () => options.verifyAudit(),
    testChannels: (name) => options.testChannels(name),
  };
}

async function statusOf({ response, policy }: ResponseClientOptions): Promise<ResponseStatus> {
  const { holder, adapters, keep, killSwitch, asks } = response.options;
  const stopped = killSwitch.read();
  // Who stops everything must not wait for a server that is away.
  const depth = await inTime(keep.queue.depth(), STATUS_MS).catch(() => undefined);
  const open = response.desk.open();
  const counted = (state: Decision['state']): number =>
    open.filter((decision) => decision.state === state).length;
  return {
    type: 'response',
    policyVersion: holder.policy.version,
    policyPath: policy.file ?? 'built-in',
    ...(holder.fault === undefined ? {} : { policyFault: holder.fault }),
    rungs: Object.fromEntries(
      Object.entries(holder.policy.ladder).map(([rung, { mode }]) => [rung, mode]),
    ),
    stopped: stopped !== undefined,
    ...(stopped === undefined ? {} : { stoppedBy: stopped.by }),
    gateways: adapters.map((adapter) => ({
      name: adapter.name,
      kind: adapter.kind,
      rungs: asks(adapter) ? [...adapter.rungs] : [],
      ...(depth === undefined ? {} : { waiting: depth[adapter.name] ?? 0 }),
    })),
    standing: counted('standing'),
    held: counted('held'),
    waiting: counted('waiting'),
  };
}

const RUNG_OF: Readonly<Record<Exclude<CommandRequest['verb'], 'restore'>, ActingRung>> = {
  throttle: 'throttle-hard',
  contain: 'contain',
  suspend: 'suspend',
  revoke: 'revoke',
};

async function command(
  request: CommandRequest,
  options: ResponseClientOptions,
): Promise<CommandAnswer> {
  const { response, nameOf } = options;
  const { verb, key, by, reason, forMs, limit, dryRun = false } = request;
  await response.options.detection.meet?.([key]);
  const answer = response.desk.command(
    {
      rung: RUNG_OF[verb as Exclude<CommandRequest['verb'], 'restore'>],
      subject: nameOf(key),
      by,
      reason,
      requestId: randomUUID(),
      dryRun,
      ...(forMs === undefined ? {} : { forMs }),
      ...(limit === undefined ? {} : { limit }),
    },
    response.now(),
  );
  const { decision, outcome } = answer;
  if (outcome === 'dry-run') {
    const planned = await plan(decision, response);
    return { decisions: [withDoubts(answer)], actions: [], planned };
  }
  if (outcome === 'held') return { decisions: [withDoubts(answer)], actions: [], planned: [] };
  await response.keeper.settle();
  return { decisions: [decision], actions: await actionsOf([decision], response), planned: [] };
}

/** What speaks against it is told with it. */
function withDoubts({ decision, outcome, doubts }: DeskAnswer): Decision {
  const heldBy = doubts.map(({ brake }) => brake).join(', ');
  const why = [decision.why, ...doubts.map((doubt) => doubt.why)].join('; ');
  const state = outcome === 'held' ? 'held' : decision.state;
  return { ...decision, state, ...(heldBy === '' ? {} : { heldBy, why }) };
}

/** What each gateway would do, from what it says of the key now; nothing is written. */
async function plan(decision: Decision, response: Response): Promise<PlannedAction[]> {
  const { subject, limit, rung } = decision;
  const untilAt = decision.untilAt === null ? null : Date.parse(decision.untilAt);
  const planned: PlannedAction[] = [];
  for (const adapter of response.adaptersOf(subject.id)) {
    const best = nextBest(rung, new Set(adapter.rungs));
    const nothing = { gateway: adapter.name, calls: [], undo: [], siblings: [] };
    if (!isActing(best)) {
      planned.push({ ...nothing, rung: undefined, note: 'it can do nothing as mild as that' });
      continue;
    }
    const target = targetOf(subject.id);
    try {
      const original = await adapter.read(target, AbortSignal.timeout(CALL_MS));
      const wish = {
        rung: best,
        tag: 'act_00000000000000000000',
        untilAt,
        ...(limit === undefined ? {} : { limit }),
      };
      const { calls, undo, siblings } = adapter.plan({ target, original, wish });
      const note = best === rung ? {} : { note: `${rung} is beyond it: the next best` };
      planned.push({ gateway: adapter.name, rung: best, calls, undo, siblings, ...note });
    } catch (error) {
      if (!(error instanceof KeyhoundError)) throw error;
      planned.push({ ...nothing, rung: best, note: error.message });
    }
  }
  return planned;
}

async function restore(
  { key, by, reason, dryRun = false, falseAlarm = false, decision: named }: CommandRequest,
  options: ResponseClientOptions,
): Promise<CommandAnswer> {
  const { response, closeIncident } = options;
  const { ended, standing, closings } = response.desk.restore(
    {
      subjectId: key,
      by,
      reason,
      dryRun,
      ...(falseAlarm ? { as: 'false-alarm' as const } : {}),
      ...(named === undefined ? {} : { decisions: [named] }),
    },
    response.now(),
  );
  if (ended.length === 0) refuseUnnamed(key, named, standing);
  if (dryRun) {
    const planned = response.adaptersOf(key).map(({ name }) => ({
      gateway: name,
      rung: standing.map(({ rung }) => rung).find(isActing),
      calls: [],
      undo: [],
      siblings: [],
      note: standing.length === 0 ? 'back to what it was before' : 'others still want this',
    }));
    return { decisions: ended, actions: [], planned };
  }
  await response.keeper.settle();
  for (const closing of closings) {
    await closeIncident(closing.incident, closing.as, closing.by, closing.reason);
  }
  return { decisions: ended, actions: await actionsOf(ended, response), planned: [] };
}

/** Nothing was given back: a command that says nothing of it would be taken for one that worked. */
function refuseUnnamed(
  key: string,
  named: string | undefined,
  standing: readonly Decision[],
): void {
  if (named !== undefined) {
    throw new KeyhoundError('usage', 'no decision of that id holds this key', {
      code: 'decision-unknown',
      hint: `keyhound decisions --subject ${key}`,
    });
  }
  const final = standing.find(isLiftedByName);
  if (final === undefined) return;
  const who = final.actor.replace(/^person:/, '').replace(/^report:/, 'a report of ');
  throw new KeyhoundError(
    'usage',
    `the key was revoked by ${who}: that is given back by its name only`,
    {
      code: 'restore-by-name',
      hint: `keyhound restore ${key} --decision ${final.id} --reason TEXT --yes`,
    },
  );
}

async function actionsOf(decisions: readonly Decision[], response: Response): Promise<Action[]> {
  const { keep } = response.options;
  const found = await Promise.all(
    decisions.map(({ id }) => keep.actions({ decision: id, limit: 100 })),
  );
  return found.flat();
}

async function approved(
  id: string,
  { verdict, token, reason }: ApprovalRequest,
  { response, people }: ResponseClientOptions,
): Promise<Decision | undefined> {
  const { name } = approverByToken(people, token);
  const { desk, options } = response;
  const now = response.now();
  const answer = verdict === 'approve' ? desk.approve(id, name, now) : desk.deny(id, name, now);
  if (answer.decision === undefined) return undefined;
  if (answer.refused !== undefined) {
    throw new KeyhoundError('usage', `it cannot be approved: ${answer.refused}`, {
      code: 'approval-refused',
      hint: 'An approval is for one decision as it is, once, in time, and by somebody else than who asked.',
    });
  }
  await options.audit.record({
    who: `person:${name}`,
    what: verdict === 'approve' ? 'approved' : 'denied',
    subject: answer.decision.subject.id,
    why: reason,
    at: now,
    evidence: { decision: id, binding: answer.decision.binding ?? '' },
  });
  await response.keeper.settle();
  return answer.decision;
}

async function stop(
  { stopped, lift, by, reason }: StopRequest,
  options: ResponseClientOptions,
): Promise<ResponseStatus> {
  const { response } = options;
  const { killSwitch, audit, clock, logger } = response.options;
  if (stopped) killSwitch.stop({ by, reason, at: toIso(clock.now()) });
  else killSwitch.resume();
  const note = {
    who: `person:${by}`,
    what: stopped ? 'stopped' : 'resumed',
    subject: '',
    why: reason,
    at: clock.now(),
    evidence: { lift },
  };
  // Stopping must work with everything else away; what takes longer goes on behind the answer.
  const isLifted = await inTime(response.setStopped(stopped, lift, by), STOP_MS).then(
    () => true,
    (error: unknown) => {
      logger.error({ err: error }, 'what stands could not be lifted yet');
      return false;
    },
  );
  await inTime(audit.record(note), STOP_MS).catch((error: unknown) => {
    logger.error({ err: error }, 'the kill switch could not be recorded in the audit log yet');
  });
  if (lift && !isLifted) throw notLifted();
  return statusOf(options);
}

function notLifted(): KeyhoundError {
  return new KeyhoundError('operating', 'stopped; what stands could not be taken back yet', {
    code: 'lift-late',
    retryable: true,
    hint: 'Nothing new is acted upon. Say it again once the stores are back: /readyz tells.',
  });
}

/** Rejects when it takes longer; the work goes on. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
