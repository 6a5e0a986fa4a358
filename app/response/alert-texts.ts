/** The words of an alert. What attackers may have written stands in it as it is: channels escape for their sink. */
import type { Action } from '../../core/action.ts';
import type { Alert } from '../../core/alert.ts';
import type { Decision } from '../../core/decision.ts';
import type { Finding, Incident } from '../../core/finding.ts';

export interface AlertParts {
  readonly incident: Incident | undefined;
  readonly findings: readonly Finding[];
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly actions: ReadonlyMap<string, Action>;
}

/** Without revision and time; undefined where there is nothing to say yet. */
export function alertOf(id: string, parts: AlertParts): Omit<Alert, 'revision' | 'at'> | undefined {
  const { incident, findings } = parts;
  const decisions = [...parts.decisions.values()];
  const actions = [...parts.actions.values()];
  const [decision] = decisions;
  const subject = incident?.subject ?? decision?.subject ?? actions[0]?.subject;
  if (subject === undefined) return undefined;
  const name = subject.label ?? subject.id;
  const waits = decisions.find(({ state }) => state === 'waiting');
  const isOver = incident === undefined ? actions.every(isOverNow) : incident.closedAt !== null;
  const what = incident?.families.join(', ') ?? decision?.why ?? 'by hand';
  return {
    id,
    kind: waits !== undefined ? 'approval' : incident === undefined ? 'action' : 'incident',
    state: isOver && waits === undefined ? 'resolved' : 'firing',
    severity: incident?.severity ?? 'high',
    subject,
    title: `${name}: ${what}`,
    text: incident?.why ?? decision?.why ?? '',
    facts: [
      ['key', subject.id],
      ...(incident === undefined ? [] : [['since', incident.openedAt] as const]),
      ...findings.map(
        (finding) => [finding.detector, `score ${finding.score.toFixed(1)}`] as const,
      ),
    ],
    done: [
      ...decisions.filter(({ state }) => state === 'held').map(heldText),
      ...(waits === undefined ? [] : [`waits for approval: keyhound approve ${waits.id}`]),
      ...actions.map(doneText),
    ],
    ...(actions.some((action) => !isOverNow(action))
      ? { undo: `keyhound restore ${subject.id} --reason "…" --yes` }
      : {}),
  };
}

function isOverNow({ state }: Action): boolean {
  return state === 'undone' || state === 'failed';
}

function heldText({ rung, heldBy = '', why }: Decision): string {
  return `${rung} is held by ${heldBy}: ${why}`;
}

function doneText(action: Action): string {
  const { rung, gateway, state, verdict, untilAt, limit, error, leak, lastAcceptedAt } = action;
  const how = limit === undefined ? '' : ` to ${limit.requests} in ${limit.windowMs / 1000} s`;
  const until = untilAt === null ? 'until it is lifted' : `until ${untilAt}`;
  const last = lastAcceptedAt === undefined ? '' : `, last accepted request ${lastAcceptedAt}`;
  if (state === 'failed') return `${rung} at ${gateway} failed: ${error ?? ''}`;
  if (state === 'undone') return `${rung} at ${gateway} was taken back`;
  if (state === 'conflict') return `${rung} at ${gateway}: a person changed the key there`;
  const seen =
    verdict === null
      ? ''
      : verdict === 'not-contained'
        ? `; NOT contained: ${leak ?? ''}`
        : `; ${verdict === 'contained' ? 'contained' : 'no traffic since'}${last}`;
  return `${rung}${how} at ${gateway} ${until}: ${state}${seen}`;
}
