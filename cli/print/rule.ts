/** Silences and the allowlist. */
import type { RuleLine } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { when } from './numbers.ts';
import type { Style } from './style.ts';
import { tableLines } from './table.ts';

/** What it covers: `subject kong:1, place DE`. */
function covered({ subject, label, consumer, detector, place }: RuleLine): string {
  return Object.entries({ subject, label, consumer, detector, place })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function until({ untilAt }: RuleLine): string {
  return untilAt === null ? 'removed' : when(untilAt);
}

export function ruleTable(rules: readonly RuleLine[], columns: number, style: Style): string[] {
  return tableLines<RuleLine>(
    [
      { title: 'COVERS', shrinkTo: 20, text: covered },
      { title: 'UNTIL (UTC)', text: until },
      { title: 'BY', shrinkTo: 6, optional: true, text: (rule) => rule.by },
      { title: 'REASON', shrinkTo: 16, optional: true, text: (rule) => rule.reason },
      { title: 'ID', text: (rule) => rule.id },
    ],
    rules,
    columns,
    style,
  );
}

/** `Silenced subject kong:1 until … UTC.`, and the id to undo it by. */
export function ruleLines(done: string, rule: RuleLine, style: Style): string[] {
  const end = rule.untilAt === null ? 'until it is removed' : `until ${until(rule)} UTC`;
  return [
    `${done}: ${style.bold(forTerminal(covered(rule)))}, ${end}.`,
    style.dim(forTerminal(`${rule.id}, by ${rule.by}: ${rule.reason}`)),
  ];
}
