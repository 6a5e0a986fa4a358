/** First line of what is told while it happens: when, what, about whom; laid out for the terminal's width. */
import type { Incident } from '../../app/contract.ts';
import { subjectWithin } from './incident.ts';
import { when } from './numbers.ts';
import type { Printer } from './printer.ts';
import { styledWidth } from './style.ts';

type Page = Pick<Printer, 'columns' | 'tableColumns' | 'style'>;

/** On a terminal narrower than this the day is left out, and the name stands under the rest. */
const WIDE_COLUMNS = 80;
/** Less room than this cuts off too much of a name. */
const NAME_COLUMNS_MIN = 20;
const NARROW_LEFT = '  ';
const STATE_COLUMNS = 6;
const SEVERITY_COLUMNS = 8;
const WIDE_LEFT = ' '.repeat(
  '2026-03-01 10:00:00'.length + STATE_COLUMNS + SEVERITY_COLUMNS + 3 * 2,
);

export const LIVE_COLUMNS = Object.freeze({ state: STATE_COLUMNS, severity: SEVERITY_COLUMNS });

/** Before the sentence under the first line. */
export function leftOf({ tableColumns }: Page): string {
  return tableColumns < WIDE_COLUMNS ? NARROW_LEFT : WIDE_LEFT;
}

/**
 * `parts` may be styled. Where no person reads it is one line with the whole name; on a terminal the id behind a label
 * gives way first, then the name goes into a line of its own. `finish` styles the name and adds what follows it, at
 * most `afterColumns` wide.
 */
export function headLines(
  page: Page,
  at: string,
  parts: readonly string[],
  subject: Incident['subject'],
  finish: (name: string) => string = (name) => name,
  afterColumns = 0,
): string[] {
  const isNarrow = page.tableColumns < WIDE_COLUMNS;
  const time = isNarrow ? when(at).slice(-'10:00:00'.length) : when(at);
  const head = [page.style.dim(time), ...parts].join('  ');
  const room = page.tableColumns - styledWidth(`${head}  `) - afterColumns;
  if (!isNarrow && room >= NAME_COLUMNS_MIN)
    return [`${head}  ${finish(subjectWithin(subject, room))}`];
  const left = leftOf(page);
  const name = finish(subjectWithin(subject, page.columns - left.length - afterColumns));
  if (styledWidth(head) <= page.columns) return [head, left + name];
  const last = parts.at(-1)!;
  return [head.slice(0, -`  ${last}`.length), left + last, left + name];
}
