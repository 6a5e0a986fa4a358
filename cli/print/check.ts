/** `check` lines of doctor and config check. */
import type { Check } from '../../app/contract.ts';
import { forTerminal } from '../../core/escape.ts';
import { pad, type Style } from './style.ts';
import { wrapText } from './table.ts';

const LEFT = ' '.repeat(26);
/** Under this a path would be broken more often than a sentence. */
const ROOM_MIN = 40;

export function checkLines(check: Check, style: Style, columns: number): string[] {
  const mark = check.ok ? style.good('ok  ') : style.bad('FAIL');
  const under = (text: string): string[] =>
    wrapText(forTerminal(text), Math.max(ROOM_MIN, columns - LEFT.length));
  const [first = '', ...more] = under(check.detail);
  return [
    `${mark}  ${pad(forTerminal(check.name), 18)}  ${first}`,
    ...more.map((line) => LEFT + line),
    ...(check.hint === undefined ? [] : under(check.hint).map((line) => LEFT + style.dim(line))),
  ];
}
