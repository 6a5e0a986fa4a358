/**
 * Escaping for each sink. Paths, consumers and labels are other people's text: events, findings and the
 * store keep them as they came, and whatever shows them escapes for its own kind, here. JSON needs nothing:
 * JSON.stringify escapes control characters, but what prints JSON to a terminal wants `forTerminal` after it.
 */

/**
 * Text that cannot steer a terminal: no C0 or C1 control (so no escape sequence), no line break, no bidi
 * control, no invisible or unpaired character. Each becomes `?`, so that the length still tells.
 */
export function forTerminal(text: string): string {
  return text.replace(UNSAFE, '?');
}

/** Text for HTML content and for quoted attributes. */
export function forHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"'`]/g, (sign) => HTML[sign] ?? sign);
}

/**
 * One CSV cell, quoted where needed (RFC 4180). What a spreadsheet would run as a formula (it begins with
 * `=`, `+`, `-`, `@`, tab or a line break, spaces before it or not) gets a `'` in front. Numbers stay numbers.
 */
export function forCsv(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = value.toWellFormed().replaceAll('\0', '');
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",;\r\n\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Controls, formats (bidi, zero width), line and paragraph separators, private use, unpaired surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};
