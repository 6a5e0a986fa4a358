/** What a policy would have done, in words. */
import type { BacktestDecision, BacktestLine } from '../../app/contract.ts';
import { writeDuration } from '../../core/duration.ts';
import { forTerminal } from '../../core/escape.ts';
import { isActing } from '../../core/ladder.ts';
import { subjectName } from './incident.ts';
import { count, plural, span, when } from './numbers.ts';
import type { Printer } from './printer.ts';
import type { Style } from './style.ts';
import { wrapText } from './table.ts';

const LEFT = ' '.repeat(2);

/** Decisions that acted, or would have but for a brake or a person; those that refuse most first. */
export function backtestReport(
  decisions: readonly BacktestDecision[],
  limit: number,
  printer: Pick<Printer, 'columns' | 'style' | 'json'>,
): string[] {
  if (printer.json) return [];
  const shown = decisions
    .filter(({ rung, wanted = rung }) => isActing(wanted))
    .sort((a, b) => b.requestsRefused - a.requestsRefused);
  const lines = shown
    .slice(0, limit)
    .flatMap((decision) => [...decisionLines(decision, printer.columns, printer.style), '']);
  const more = shown.length - limit;
  if (more > 0) lines.push(`and ${plural(more, 'decision')} more: see --limit, or --json`, '');
  return lines;
}

function decisionLines(decision: BacktestDecision, columns: number, style: Style): string[] {
  const { decidedAt, stoodAt, evidence, subject, why } = decision;
  const told = wrapText(forTerminal(why), Math.max(40, columns - LEFT.length));
  const weight =
    evidence === undefined
      ? ''
      : `${evidence.severity}, risk ${evidence.risk.toFixed(1)}: ${evidence.families.join(', ')}`;
  return [
    `${when(stoodAt ?? decidedAt)}  ${style.bold(subjectName(subject))}  ${whatOf(decision, style)}`,
    ...told.map((line) => LEFT + line),
    LEFT + style.dim([weight, effectOf(decision)].filter((part) => part !== '').join('  ·  ')),
  ];
}

function whatOf(decision: BacktestDecision, style: Style): string {
  const { rung, wanted, mode, heldBy, stoodAt, forMs, limit } = decision;
  const spans = typeof forMs === 'number' ? ` for ${writeDuration(forMs)}` : '';
  const bound =
    limit === undefined ? '' : ` to ${count(limit.requests)} in ${writeDuration(limit.windowMs)}`;
  const what = `${rung}${bound}${stoodAt === undefined ? '' : spans}`;
  const less = wanted === undefined ? '' : ` instead of ${wanted}`;
  const brakes = heldBy === undefined ? '' : ` (${heldBy.split(',').join(', ')})`;
  if (stoodAt !== undefined) return style.bad(what + less) + brakes;
  if (mode === 'approval') return `asks for ${what}${less}${brakes}`;
  return mode === 'observe' ? `would ${what}, were it on` : `${what}${less}, held${brakes}`;
}

function effectOf(decision: BacktestDecision): string {
  const { stoodAt, requestsRefused, requestsRefusedOfUnattacked: good, attack } = decision;
  if (stoodAt === undefined) return '';
  const beside = good === undefined ? '' : `, ${count(good)} of them while no attack is labelled`;
  const about =
    good === undefined ? '' : attack === undefined ? '  ·  no attack labelled' : `  ·  ${attack}`;
  return `refuses ${plural(requestsRefused, 'request')}${beside}${about}`;
}

/** The sums. */
export function backtestLines(line: BacktestLine, style: Style): string[] {
  const { keys, keysActedOn, requests, requestsRefused, firstAt, lastAt, asked } = line;
  const good = line.requestsRefusedOfUnattacked;
  return [
    style.bold(
      keysActedOn === 0
        ? `It acts on none of ${plural(keys, 'key')}.`
        : `It acts on ${keysActedOn} of ${plural(keys, 'key')}: ${counted(line.byRung)}.`,
    ),
    `${plural(requests, 'request')}, ${count(requestsRefused)} refused (${percent(requestsRefused, requests)})`,
    ...(firstAt === null || lastAt === null
      ? []
      : [`from ${when(firstAt)} to ${when(lastAt)} UTC, policy ${line.policyVersion}`]),
    ...(good === undefined
      ? []
      : [`refused while no attack is labelled: ${count(good)} (${percent(good, requests)})`]),
    ...attacksLine(line),
    ...falseAlarmLine(line),
    ...(Object.keys(line.held).length === 0 ? [] : [`held by brakes: ${counted(line.held)}`]),
    ...(asked === 0 ? [] : [`would have waited for a person: ${plural(asked, 'decision')}`]),
    ...todayLine(line),
  ];
}

function attacksLine({ attacks, wrongActions }: BacktestLine): string[] {
  if (attacks === undefined || wrongActions === undefined) return [];
  const { labelled, actedOn, medianMs } = attacks;
  const delay = medianMs === undefined ? '' : `, half of them within ${span(medianMs)}`;
  return [
    `attacks: ${actedOn} of ${labelled} acted upon${delay}; ` +
      `wrong: ${plural(wrongActions, 'action')} on keys that were not under attack`,
  ];
}

function falseAlarmLine({ falseAlarms }: BacktestLine): string[] {
  if (falseAlarms === undefined) return [];
  const { actions, requestsRefused } = falseAlarms;
  return [
    `of what was closed as a false alarm: ${plural(actions, 'action')}, ` +
      `${plural(requestsRefused, 'request')} refused`,
  ];
}

function todayLine({ today, policyVersion }: BacktestLine): string[] {
  if (today === undefined) return [];
  if (today.policyVersion === policyVersion) return ['the policy in force is the same'];
  if (today.keysActedOn === 0) return ['the policy in force acts on none of them'];
  const good = today.requestsRefusedOfUnattacked;
  return [
    `the policy in force acts on ${plural(today.keysActedOn, 'key')} (${counted(today.byRung)}) ` +
      `and refuses ${plural(today.requestsRefused, 'request')}` +
      (good === undefined ? '' : `, ${count(good)} of them while no attack is labelled`),
  ];
}

function percent(part: number, whole: number): string {
  return part === 0 ? '0 %' : `${((100 * part) / whole).toPrecision(2)} %`;
}

function counted(counts: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(counts)
    .map(([name, number]) => `${name} ${count(number ?? 0)}`)
    .join(', ');
}
