/** Decisions and actions in words. All text of theirs is escaped here. */

import type { Action } from '../../core/action.ts';
import type { Decision } from '../../core/decision.ts';
import { forTerminal } from '../../core/escape.ts';
import type { RateLimit } from '../../core/ladder.ts';
import type { PlannedAction, ResponseStatus } from '../../core/response.ts';
import { subjectName } from './incident.ts';
import { span, when } from './numbers.ts';
import type { Style } from './style.ts';
import { type Column, tableLines, wrapText } from './table.ts';

function name({ label, id }: Decision['subject']): string {
  return label ?? id;
}

function until(untilAt: string | null): string {
  return untilAt === null ? 'lifted' : when(untilAt);
}

function limitText(limit: RateLimit | undefined): string {
  return limit === undefined ? '' : ` to ${limit.requests} in ${span(limit.windowMs)}`;
}

/** `done`, and what was seen of it: `done, contained`. */
function stateText({ state, verdict, undoVerdict, wants }: Action): string {
  if (wants === 'undone' && state !== 'undone') return `${state}, being undone`;
  if (state === 'undone') return undoVerdict === undefined ? state : `${state}, ${undoVerdict}`;
  return verdict !== null && state === 'done' ? `${state}, ${verdict}` : state;
}

export function actionTable(actions: readonly Action[], columns: number, style: Style): string[] {
  const table: Column<Action>[] = [
    { title: 'REQUESTED (UTC)', text: (action) => when(action.requestedAt) },
    { title: 'RUNG', text: (action) => action.rung },
    { title: 'STATE', text: stateText },
    { title: 'KEY', shrinkTo: 12, text: (action) => name(action.subject) },
    { title: 'GATEWAY', shrinkTo: 6, text: (action) => action.gateway },
    { title: 'UNTIL (UTC)', optional: true, text: (action) => until(action.untilAt) },
    { title: 'ID', text: (action) => action.id },
  ];
  return tableLines(table, actions, columns, style);
}

export function actionLines(action: Action, style: Style): string[] {
  const seen = action.lastAcceptedAt;
  return [
    `${style.bold(`${action.rung}${limitText(action.limit)}`)}  ${subjectName(action.subject)}`,
    `  at ${forTerminal(action.gateway)}: ${stateText(action)}, until ${until(action.untilAt)}`,
    ...(action.wanted === undefined
      ? []
      : [`  ${action.wanted} was wanted; this is the next best that the gateway can`]),
    ...(seen === undefined ? [] : [`  last accepted request ${when(seen)} UTC`]),
    ...(action.leak === undefined || action.state === 'undone'
      ? []
      : [style.bad(`  gets through: ${forTerminal(action.leak)}`)]),
    ...(action.error === undefined ? [] : [style.bad(`  ${forTerminal(action.error)}`)]),
    ...(action.again === undefined
      ? []
      : [`  tried again when the gateway answers, until ${when(action.again.untilAt)} UTC`]),
    ...(action.siblings ?? []).map((key) => `  also hit: ${forTerminal(key)}`),
    ...undoLines(action.undo),
    style.dim(`  ${action.id}, of ${action.decision}`),
  ];
}

function undoLines(undo: string): string[] {
  if (undo === '') return [];
  return ['  undo by hand:', ...undo.split('\n').map((line) => `    ${forTerminal(line)}`)];
}

function decisionState({ state, heldBy, endedAs }: Decision): string {
  if (state === 'held') return `held: ${heldBy ?? '?'}`;
  return state === 'ended' ? `ended: ${endedAs ?? '?'}` : state;
}

export function decisionTable(
  decisions: readonly Decision[],
  columns: number,
  style: Style,
): string[] {
  const table: Column<Decision>[] = [
    { title: 'DECIDED (UTC)', text: (decision) => when(decision.decidedAt) },
    { title: 'RUNG', text: (decision) => decision.rung },
    { title: 'MODE', text: (decision) => decision.mode },
    { title: 'STATE', shrinkTo: 8, text: decisionState },
    { title: 'KEY', shrinkTo: 12, text: (decision) => name(decision.subject) },
    { title: 'UNTIL (UTC)', optional: true, text: (decision) => until(decision.untilAt) },
    { title: 'ID', text: (decision) => decision.id },
  ];
  return tableLines(table, decisions, columns, style);
}

export function decisionLines(decision: Decision, style: Style): string[] {
  const approvals = decision.approvals ?? [];
  const needs = decision.approvalsNeeded ?? 1;
  return [
    `${style.bold(`${decision.rung}${limitText(decision.limit)}`)}  ${subjectName(decision.subject)}`,
    `  ${decisionState(decision)}, ${decision.mode}, until ${until(decision.untilAt)}`,
    `  ${forTerminal(decision.why)}`,
    ...(decision.state === 'waiting'
      ? [`  waits for ${needs === 1 ? 'a person' : `${needs} people`}, has ${approvals.length}`]
      : []),
    ...approvals.map(({ by, at }) => `  approved by ${forTerminal(by)} at ${when(at)} UTC`),
    ...(decision.endedBy === undefined ? [] : [`  ended by ${forTerminal(decision.endedBy)}`]),
    style.dim(
      `  ${decision.id}, by ${forTerminal(decision.actor)}, policy ${decision.policyVersion}` +
        (decision.incident === null ? '' : `, incident ${forTerminal(decision.incident)}`),
    ),
  ];
}

export function plannedLines(planned: PlannedAction, style: Style): string[] {
  const what = planned.rung ?? 'nothing';
  return [
    `${style.bold(what)} at ${forTerminal(planned.gateway)}`,
    ...(planned.note === undefined ? [] : [`  ${forTerminal(planned.note)}`]),
    ...planned.siblings.map((key) => style.bad(`  also hit: ${forTerminal(key)}`)),
    ...planned.calls.map((call) => `  ${forTerminal(call)}`),
    ...(planned.undo.length === 0 ? [] : ['  undo by hand:']),
    ...planned.undo.map((call) => `    ${forTerminal(call)}`),
  ];
}

export function statusLines(status: ResponseStatus, style: Style, columns: number): string[] {
  const { policyVersion, policyPath, policyFault, stoppedBy } = status;
  const acting = Object.entries(status.rungs).map(([rung, mode]) => `${rung} ${mode}`);
  const by = stoppedBy === undefined ? '' : ` by ${forTerminal(stoppedBy)}`;
  const wrapped = (text: string): string[] => wrapText(text, columns);
  return [
    ...(status.stopped
      ? [style.bad(`Stopped${by}: nothing new is acted upon.`)]
      : wrapped(`Policy ${policyVersion} (${forTerminal(policyPath)}): ${acting.join(', ')}.`)),
    ...(policyFault === undefined
      ? []
      : [style.bad(`The policy file of now is not used: ${forTerminal(policyFault)}`)]),
    ...status.gateways.flatMap(
      ({ name: gateway, kind, rungs, waiting = 'nobody knows how many' }) =>
        wrapped(
          `Gateway ${forTerminal(gateway)} (${kind}): ${rungs.join(', ')}; ${waiting} waiting.`,
        ),
    ),
    ...(status.standing === undefined
      ? []
      : [
          `${status.standing} standing, ${status.held} held, ${status.waiting} waiting for a person.`,
        ]),
  ];
}
