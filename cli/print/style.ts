/** Colours and widths of a terminal. Whatever is printed was escaped before it is styled. */
import type { Severity } from '../../core/finding.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  severity(severity: Severity, text: string): string;
}

const ESCAPE = '\u001b[';

function wrap(codes: string): (text: string) => string {
  return (text) => `${ESCAPE}${codes}m${text}${ESCAPE}0m`;
}
const same = (text: string): string => text;

const BY_SEVERITY: Readonly<Record<Severity, (text: string) => string>> = {
  none: same,
  info: wrap('36'),
  low: wrap('34'),
  medium: wrap('33'),
  high: wrap('31'),
  critical: wrap('1;31'),
};

export const PLAIN: Style = Object.freeze({
  bold: same,
  dim: same,
  good: same,
  bad: same,
  severity: (_: Severity, text: string) => text,
});

export const COLOURED: Style = Object.freeze({
  bold: wrap('1'),
  dim: wrap('2'),
  good: wrap('32'),
  bad: wrap('31'),
  severity: (severity: Severity, text: string) => BY_SEVERITY[severity](text),
});

/** https://no-color.org: any value of NO_COLOR but the empty one switches colour off. */
export function styleFor(
  output: { readonly isTTY: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  const off = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return output.isTTY && !off ? COLOURED : PLAIN;
}

/** Columns that a text takes: wide East Asian characters count two, marks that combine none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mark}|\u200d|\ufe0f/u.test(character)) continue;
    width += isWide(character.codePointAt(0)!) ? 2 : 1;
  }
  return width;
}

/** Of a text that was styled. */
export function styledWidth(text: string): number {
  const [first = '', ...rest] = text.split(ESCAPE);
  const shown = rest.map((part) => part.slice(part.indexOf('m') + 1));
  return widthOf([first, ...shown].join(''));
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** Cuts to at most `columns`, with an ellipsis where something was lost. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    const next = widthOf(character);
    if (width + next > columns - 1) break;
    kept += character;
    width += next;
  }
  return columns < 1 ? '' : `${kept}…`;
}

export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, columns - widthOf(text)));
  return align === 'left' ? text + space : space + text;
}
