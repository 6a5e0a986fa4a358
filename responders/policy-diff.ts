/** What another policy would change, in sentences. */
import { writeDuration } from '../core/duration.ts';
import { ACTING_RUNGS, type ActingRung } from '../core/ladder.ts';
import { fingerprint, type Policy, type PolicyRule, type RungSetting } from './policy.ts';

/** Empty when they say the same. */
export function diffPolicies(before: Policy, after: Policy): string[] {
  if (before.version === after.version) return [];
  return [
    ...ACTING_RUNGS.flatMap((rung) => rungChange(rung, before.ladder[rung], after.ladder[rung])),
    ...ruleChanges(before.rules, after.rules),
    ...ACTING_RUNGS.flatMap((rung) =>
      changed(`${rung} holds for`, before.durations[rung], after.durations[rung], term),
    ),
    ...numbers('limits', before.limits, after.limits),
    ...numbers('repeat', before.repeat, after.repeat),
    ...numbers('calm', before.calm, after.calm),
    ...numbers('approval', before.approval, after.approval),
    ...numbers('brakes', before.brakes, after.brakes),
  ];
}

function rungChange(rung: ActingRung, before: RungSetting, after: RungSetting): string[] {
  if (before.mode === after.mode && before.percent === after.percent) return [];
  const was = `it was ${setting(before)}`;
  if (after.mode === 'off')
    return [
      `${rung} is switched off (${was}): what it would have done is shown. What stands goes on.`,
    ];
  return [
    `${rung} becomes ${setting(after)} (${was}), for evidence that is newer than the switch.`,
  ];
}

function setting({ mode, percent }: RungSetting): string {
  return mode === 'off' || percent === 100 ? mode : `${mode} for ${percent} % of the keys`;
}

function ruleChanges(before: readonly PolicyRule[], after: readonly PolicyRule[]): string[] {
  const lines: string[] = [];
  for (const rule of before) {
    const next = after.find(({ name }) => name === rule.name);
    if (next === undefined) lines.push(`Rule “${rule.name}” is gone: it led to ${rule.rung}.`);
    else if (next.rung !== rule.rung)
      lines.push(`Rule “${rule.name}” leads to ${next.rung} instead of ${rule.rung}.`);
    else if (next.fingerprint !== rule.fingerprint)
      lines.push(`Rule “${rule.name}” is for ${criteria(next)} instead of ${criteria(rule)}.`);
    if (next !== undefined && next.forMs !== rule.forMs)
      lines.push(`Rule “${rule.name}” holds for ${own(next)} instead of ${own(rule)}.`);
  }
  for (const rule of after) {
    if (!before.some(({ name }) => name === rule.name))
      lines.push(`Rule “${rule.name}” is new: ${criteria(rule)} leads to ${rule.rung}.`);
  }
  const kept = (rules: readonly PolicyRule[], others: readonly PolicyRule[]): string[] =>
    rules.map(({ name }) => name).filter((name) => others.some((other) => other.name === name));
  if (fingerprint(kept(before, after)) !== fingerprint(kept(after, before)))
    lines.push(
      `The rules stand in another order, and the first that fits decides: ${kept(after, before).join(', ')}.`,
    );
  return lines;
}

function criteria({ when }: PolicyRule): string {
  const parts = Object.entries(when)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' or ') : value}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

function own({ forMs }: PolicyRule): string {
  return forMs === undefined ? 'the time of its rung' : term(forMs);
}

function term(ms: number | null): string {
  return ms === null ? 'until it is lifted' : writeDuration(ms);
}

function changed<T>(what: string, before: T, after: T, say: (value: T) => string): string[] {
  return before === after ? [] : [`${what} ${say(after)} instead of ${say(before)}.`];
}

/** Numbers by where they stand in the file. */
function numbers(path: string, before: unknown, after: unknown): string[] {
  if (fingerprint(before) === fingerprint(after)) return [];
  const isHolder = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isHolder(before) || !isHolder(after))
    return [`${fileName(path)} is ${shown(path, after)} instead of ${shown(path, before)}.`];
  return Object.keys(after).flatMap((name) =>
    numbers(`${path}.${name}`, before[name], after[name]),
  );
}

/** As the file calls it: no unit in the name. */
function fileName(path: string): string {
  return path.replace(/Ms$/, '').replace('.perHour.', '.');
}

function shown(path: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.join(', ');
  return path.endsWith('Ms') ? writeDuration(Number(value)) : String(value);
}
