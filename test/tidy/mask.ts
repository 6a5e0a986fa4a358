/** Source text with parts blanked out, so that patterns see only code. Lengths and line breaks stay. */

export interface Masked {
  /** Comments blanked. */
  readonly code: string;
  /** Comments, and the insides of strings, templates and regular expressions, blanked. */
  readonly bare: string;
}

/** What was masked before: nearly every check looks at every file. */
const known = new Map<string, Masked>();

export function mask(text: string): Masked {
  const masked = known.get(text) ?? maskAnew(text);
  known.set(text, masked);
  return masked;
}

function maskAnew(text: string): Masked {
  const code = [...text];
  const bare = [...text];
  const blank = (into: string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) if (text[i] !== '\n') into[i] = ' ';
  };
  let i = 0;
  let before = '';
  while (i < text.length) {
    const end = partEnd(text, i, before);
    if (end === undefined) {
      if (text[i]!.trim() !== '') before = wordBefore(text, i, before);
      i += 1;
      continue;
    }
    const comment = text[i] === '/' && (text[i + 1] === '/' || text[i + 1] === '*');
    if (comment) {
      blank(code, i, end);
      blank(bare, i, end);
    } else {
      blank(bare, i + 1, end - 1);
      before = '"';
    }
    i = end;
  }
  return { code: code.join(''), bare: bare.join('') };
}

/** End of the comment, string, template or regular expression that begins here; else undefined. */
function partEnd(text: string, at: number, before: string): number | undefined {
  const sign = text[at];
  if (sign === '/' && text[at + 1] === '/') return lineEnd(text, at);
  if (sign === '/' && text[at + 1] === '*') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  if (sign === "'" || sign === '"') return quoteEnd(text, at, sign);
  if (sign === '`') return templateEnd(text, at);
  if (sign === '/' && startsRegExp(before)) return regExpEnd(text, at);
  return undefined;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function quoteEnd(text: string, at: number, quote: string): number {
  let i = at + 1;
  while (i < text.length && text[i] !== quote && text[i] !== '\n') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

/** Whole template, code between `${` and `}` included: what stands there is small. */
function templateEnd(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && text[i] !== '`') {
    if (text[i] === '\\') i += 2;
    else if (text[i] === '$' && text[i + 1] === '{') i = holeEnd(text, i + 2);
    else i += 1;
  }
  return i + 1;
}

function holeEnd(text: string, at: number): number {
  let depth = 1;
  let i = at;
  while (i < text.length && depth > 0) {
    const sign = text[i]!;
    if (sign === '`') i = templateEnd(text, i);
    else if (sign === "'" || sign === '"') i = quoteEnd(text, i, sign);
    else {
      if (sign === '{') depth += 1;
      if (sign === '}') depth -= 1;
      i += 1;
    }
  }
  return i;
}

/** After a value `/` divides; after an operator or a keyword it begins a regular expression. */
function startsRegExp(before: string): boolean {
  return !/^[\w$)\]"}]$/.test(before) && before !== 'value';
}

function wordBefore(text: string, at: number, before: string): string {
  const sign = text[at]!;
  if (!/[\w$]/.test(sign)) return sign;
  const word = /(?:^|[^\w$])(return|typeof|case|in|of|void)$/.exec(
    text.slice(Math.max(0, at - 8), at + 1),
  );
  return word !== null && !/[\w$]/.test(text[at + 1] ?? '') ? '(' : before === '' ? sign : sign;
}

function regExpEnd(text: string, at: number): number {
  let inClass = false;
  let i = at + 1;
  while (i < text.length && text[i] !== '\n') {
    const sign = text[i]!;
    if (sign === '\\') i += 1;
    else if (sign === '[') inClass = true;
    else if (sign === ']') inClass = false;
    else if (sign === '/' && !inClass) return i + 1;
    i += 1;
  }
  return i;
}
