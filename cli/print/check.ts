/** `check` lines of doctor and config check. */
import type { Check } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { pad, type Style } from './style.ts';

export function checkLines(check: Check, style: Style): string[] {
  const mark = check.ok ? style.good('ok  ') : style.bad('FAIL');
  const line = `${mark}  ${pad(forTerminal(check.name), 18)}  ${forTerminal(check.detail)}`;
  if (check.hint === undefined) return [line];
  return [line, `${' '.repeat(26)}${style.dim(forTerminal(check.hint))}`];
}
