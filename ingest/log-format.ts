/**
 * Reads the `log_format` of an nginx.conf as people paste it: the bare string, its quoted pieces, or the whole
 * directive.
 *
 *   directive = [ "log_format" name ] [ "escape=" ( "default" | "json" | "none" ) ] piece... [ ";" ]
 *   piece     = "'" text "'" | '"' text '"' | word
 *   text      = ( literal | "$" name | "${" name "}" )...
 */
import { KeyhoundError } from '../core/errors.ts';

export type Escape = 'default' | 'json' | 'none';
export type Part = { readonly literal: string } | { readonly variable: string };

export interface LogFormat {
  readonly escape: Escape;
  readonly parts: readonly Part[];
}

export const NGINX_COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ' +
  '"$http_referer" "$http_user_agent"';

/** Throws a usage error when the text holds no variable, or an escape that NGINX does not know. */
export function parseLogFormat(text: string): LogFormat {
  const trimmed = text.trim();
  const isDirective = /^log_format\s/.test(trimmed);
  const isPieces = /^(escape=\w+\s*)?['"]/.test(trimmed) && /['"]\s*;?$/.test(trimmed);
  let escaping: Escape = 'default';
  let format = trimmed;
  if (isDirective || (isPieces && !trimmed.startsWith('"$'))) {
    const words = configWords(trimmed);
    if (isDirective) words.splice(0, 2);
    if (words[0]?.startsWith('escape=')) escaping = escapeOf(words.shift() ?? '');
    format = words.join('');
  }
  const parts = partsOf(format);
  if (!parts.some((part) => 'variable' in part)) {
    throw new KeyhoundError('usage', 'logFormat: there is no $variable in it', {
      hint: "Paste the log_format from nginx.conf, e.g. log_format main '$remote_addr …';",
    });
  }
  return { escape: escaping, parts };
}

function escapeOf(word: string): Escape {
  const value = word.slice('escape='.length);
  if (value === 'default' || value === 'json' || value === 'none') return value;
  throw new KeyhoundError('usage', `logFormat: "${word}" is no escape that NGINX knows`, {
    hint: 'Use escape=default, escape=json or escape=none.',
  });
}

/** Words of nginx.conf up to the semicolon: quotes taken off, escapes undone, comments left out. */
function configWords(text: string): string[] {
  const words: string[] = [];
  let i = 0;
  while (i < text.length && text[i] !== ';') {
    const c = text[i]!;
    if (/\s/.test(c)) {
      i++;
    } else if (c === '#') {
      while (i < text.length && text[i] !== '\n') i++;
    } else {
      const quote = c === "'" || c === '"' ? c : '';
      let word = '';
      if (quote !== '') i++;
      while (i < text.length && !(quote === '' ? /[\s;]/.test(text[i]!) : text[i] === quote)) {
        if (text[i] === '\\' && i + 1 < text.length) {
          word += CONFIG_ESCAPES.get(text[i + 1]!) ?? text.slice(i, i + 2);
          i += 2;
        } else {
          word += text[i++];
        }
      }
      if (quote !== '') i++;
      words.push(word);
    }
  }
  return words;
}

const CONFIG_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['t', '\t'],
  ['r', '\r'],
  ['n', '\n'],
]);

function partsOf(format: string): Part[] {
  const parts: Part[] = [];
  let last = 0;
  for (const match of format.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
    if (match.index > last) parts.push({ literal: format.slice(last, match.index) });
    parts.push({ variable: match[1] ?? match[2] ?? '' });
    last = match.index + match[0].length;
  }
  if (last < format.length) parts.push({ literal: format.slice(last) });
  return joinTargets(parts);
}

/**
 * Several variables that spell one URL become one, `request_uri`: `$scheme://$host$request_uri`,
 * `$uri$is_args$args`, `$uri?$args`.
 */
function joinTargets(parts: readonly Part[]): Part[] {
  let signature = '';
  const starts: number[] = [];
  for (const part of parts) {
    starts.push(signature.length);
    signature += 'variable' in part ? `$${part.variable};` : part.literal.replaceAll('$', ' ');
  }
  starts.push(signature.length);
  const joined: Part[] = [];
  for (let k = 0; k < parts.length; ) {
    const rest = signature.slice(starts[k]);
    const length = TARGETS.map((target) => target.exec(rest)?.[0].length ?? 0).find((n) => n > 0);
    const stop = length === undefined ? -1 : starts.indexOf(starts[k]! + length);
    if (stop > k) {
      joined.push({ variable: 'request_uri' });
      k = stop;
    } else {
      joined.push(parts[k]!);
      k++;
    }
  }
  return joined;
}

const PATH = String.raw`\$(request_uri;|(document_)?uri;((\$is_args;|\?)\$(args|query_string);)?)`;
const TARGETS: readonly RegExp[] = [
  new RegExp(String.raw`^\$scheme;://\$(host|http_host|server_name);(:\$server_port;)?${PATH}`),
  /^\$(document_)?uri;(\$is_args;|\?)\$(args|query_string);/,
];
