/** `--key SPEC`: where the key is when the format does not say (contracts.md). */
import { KeyhoundError } from './errors.ts';
import { suggest } from './suggest.ts';

export type KeySpec =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'jwt'; readonly name: string }
  | { readonly kind: 'path'; readonly pattern: RegExp }
  | { readonly kind: 'bearer' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'client_ip' };

const WITH_NAME = ['header', 'query', 'field', 'cookie', 'jwt'] as const;
const ALONE = ['bearer', 'basic', 'client_ip'] as const;
const KINDS = [...WITH_NAME, ...ALONE, 'path'] as const;
const EXAMPLES =
  'header:X-Api-Key, query:api_key, field:NAME, bearer, basic, jwt:CLAIM, path:REGEX, cookie:NAME, client_ip';

/** Header names are lower-cased. Throws a usage error that names the nearest right word. */
export function parseKeySpec(text: string): KeySpec {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const name = colon < 0 ? '' : text.slice(colon + 1);
  if (isOneOf(ALONE, kind) && colon < 0) return { kind };
  if (isOneOf(WITH_NAME, kind) && name !== '') {
    return { kind, name: kind === 'header' ? name.toLowerCase() : name };
  }
  if (kind === 'path' && name !== '') return { kind, pattern: compile(name) };
  const nearest = suggest(kind, KINDS);
  const hint = nearest !== undefined && nearest !== kind ? ` Did you mean ${nearest}?` : '';
  throw new KeyhoundError('usage', `--key: "${text}" says no place of a key.${hint}`, {
    hint: `Use one of ${EXAMPLES}.`,
  });
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new KeyhoundError('usage', `--key path: "${pattern}" is not a regular expression`, {
      hint: 'The first group, or the whole match, is the key: path:^/v1/([^/]+)/',
    });
  }
}

function isOneOf<T extends string>(list: readonly T[], word: string): word is T {
  return (list as readonly string[]).includes(word);
}

/** The header that a key spec reads, lower case. */
export function headerOf(spec: KeySpec): string | undefined {
  switch (spec.kind) {
    case 'header':
      return spec.name;
    case 'bearer':
    case 'basic':
    case 'jwt':
      return 'authorization';
    case 'cookie':
      return 'cookie';
    default:
      return undefined;
  }
}
